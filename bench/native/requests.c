/* One small record a request: many connections as fast as they go, and one connection at a fixed rate. */
#define _GNU_SOURCE
#include "driver.h"
#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct load {
    const struct options *o;
    struct buffer *frames; /* one per partition */
    int64_t answers;
    int stopping;
};

static struct buffer *small_frames(const struct options *o)
{
    struct buffer batch = {0};
    put_batch(&batch, 1, o->record_bytes, (int64_t)time(NULL) * 1000);
    struct buffer *frames = calloc((size_t)o->partitions, sizeof *frames);
    for (int i = 0; i < o->partitions; i++) {
        struct produce_part part = {i, &batch};
        put_produce(&frames[i], o->topic, o->acks, &part, 1);
    }
    free(batch.data);
    return frames;
}

static void queue_request(struct load *l, struct connection *c)
{
    const struct buffer *frame = &l->frames[c->index % l->o->partitions];
    size_t at = c->out.length;
    put_bytes(&c->out, frame->data, frame->length);
    set_i32(c->out.data + at + CORRELATION_AT, c->next_sent++);
}

static int take_answers(struct connection *c)
{
    if (connection_receive(c) == 0)
        return 0;
    size_t position = 0, length;
    const uint8_t *answer;
    int taken = 0;
    while ((answer = connection_frame(c, &position, &length)) != NULL) {
        if (get_i32(answer) != c->next_received++)
            fail("answers are out of order");
        check_produced(answer + 4, length - 4, 1);
        taken++;
    }
    connection_consume(c, position);
    return taken;
}

static void turn(struct load *l, int epoll)
{
    struct epoll_event events[256];
    int n = epoll_wait(epoll, events, 256, 1000);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        l->answers += take_answers(c);
        while (!l->stopping && c->next_sent - c->next_received < l->o->depth)
            queue_request(l, c);
        connection_flush(c);
    }
}

static int in_flight(const struct connection *all, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += all[i].next_sent - all[i].next_received;
    return sum;
}

static void verify(const struct options *o, int64_t before, int64_t acknowledged)
{
    int fd = open_socket_from(o, 0);
    int64_t grown = log_end_sum(fd, o) - before;
    close(fd);
    if (grown != acknowledged)
        fail("acknowledged %lld records, the log has %lld", (long long)acknowledged, (long long)grown);
}

static int64_t log_end_before(const struct options *o)
{
    int fd = open_socket_from(o, 0);
    int64_t before = log_end_sum(fd, o);
    close(fd);
    return before;
}

void mode_requests(const struct options *o)
{
    struct load l = {.o = o, .frames = small_frames(o)};
    int64_t before = log_end_before(o);
    int epoll = epoll_create1(0);
    struct connection *all = open_connections(o, o->connections, epoll);
    for (int i = 0; i < o->connections; i++) {
        for (int d = 0; d < o->depth; d++)
            queue_request(&l, &all[i]);
        connection_flush(&all[i]);
    }
    for (double end = now() + o->warmup; now() < end;)
        turn(&l, epoll);
    int64_t first = l.answers;
    struct window w = window_open(o);
    for (double end = now() + o->seconds; now() < end;)
        turn(&l, epoll);
    window_close(&w, o);
    double answers = (double)(l.answers - first);
    l.stopping = 1;
    while (in_flight(all, o->connections) > 0)
        turn(&l, epoll);
    verify(o, before, l.answers);
    printf("{\"seconds\":%.4f,\"req_s\":%.0f,\"cpu_us_req\":%.3f,\"server_cpu\":%.3f,\"driver_cpu\":%.3f,"
           "\"requests\":%.0f,\"verified\":true}\n",
           w.seconds, answers / w.seconds, w.server * 1e6 / answers, w.server / w.seconds, w.driver / w.seconds,
           answers);
    close_connections(all, o->connections);
}

/* Sleeps until the next request is due or an answer is there. */
static int wait_until(double due, int epoll, struct epoll_event *event)
{
    double left = due - now();
    if (left < 0)
        left = 0;
    struct timespec limit = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
    return epoll_pwait2(epoll, event, 1, &limit, NULL);
}

/* Open loop: request i is due at start + i / rate whether or not earlier ones are answered, and its latency counts
   from then, so that a stall shows in every request that it delays. */
void mode_latency(const struct options *o)
{
    struct load l = {.o = o, .frames = small_frames(o)};
    int64_t before = log_end_before(o);
    int epoll = epoll_create1(0);
    struct connection *c = open_connections(o, 1, epoll);
    int64_t unmeasured = (int64_t)(o->warmup * o->rate);
    int64_t total = unmeasured + (int64_t)(o->seconds * o->rate);
    double *latency = calloc((size_t)total, sizeof *latency);
    double start = now() + 0.01;
    struct window w = window_open(o);
    while (l.answers < total) {
        struct epoll_event event;
        double due = start + (double)c->next_sent / o->rate;
        if (wait_until(c->next_sent < total ? due : now() + 1, epoll, &event) > 0) {
            int taken = take_answers(c);
            double here = now();
            for (int i = 0; i < taken; i++, l.answers++)
                latency[l.answers] = here - (start + (double)l.answers / o->rate);
        }
        if (c->next_sent == unmeasured && l.answers <= unmeasured)
            w = window_open(o);
        while (c->next_sent < total && start + (double)c->next_sent / o->rate <= now())
            queue_request(&l, c);
        connection_flush(c);
    }
    window_close(&w, o);
    verify(o, before, l.answers);
    double *measured = latency + unmeasured;
    size_t count = (size_t)(total - unmeasured);
    qsort(measured, count, sizeof *measured, compare_doubles);
    printf("{\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,\"cpu_us_req\":%.2f,"
           "\"requests\":%zu,\"verified\":true}\n",
           percentile(measured, count, 0.5) * 1e6, percentile(measured, count, 0.99) * 1e6,
           percentile(measured, count, 0.999) * 1e6, measured[count - 1] * 1e6, w.server * 1e6 / (double)count, count);
    close_connections(c, 1);
}
