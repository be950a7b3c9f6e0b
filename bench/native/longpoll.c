/* Many consumers that wait at the end of one partition: each round parks a Fetch on every connection, then produces one
   record, which wakes them all. What the server spends on a round is divided by the number of polls. */
#define _GNU_SOURCE
#include "driver.h"
#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SPARE_FILES = 200 };

static int allowed_connections(int wanted)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == RLIM_INFINITY || (rlim_t)(wanted + SPARE_FILES) <= limit.rlim_cur)
        return wanted;
    return (int)limit.rlim_cur - SPARE_FILES;
}

/* Until the server has read all polls: it spends less than 5 % of 20 ms twice in a row. */
static void wait_for_quiet(const struct options *o)
{
    if (process_seconds(o->pid) < 0) {
        usleep(1000000);
        return;
    }
    double last = process_seconds(o->pid), limit = now() + 10;
    for (int quiet = 0; quiet < 2 && now() < limit;) {
        usleep(20000);
        double here = process_seconds(o->pid);
        quiet = here - last < 0.001 ? quiet + 1 : 0;
        last = here;
    }
}

static void produce_one(int fd, const struct options *o)
{
    struct buffer batch = {0}, request = {0}, answer = {0};
    put_batch(&batch, 1, o->record_bytes, (int64_t)time(NULL) * 1000);
    struct produce_part part = {0, &batch};
    put_produce(&request, o->topic, o->acks, &part, 1);
    struct reader r = call(fd, &request, &answer);
    check_produced(r.at, (size_t)(r.end - r.at), 1);
    free(batch.data);
    free(request.data);
    free(answer.data);
}

static void park(const struct options *o, struct connection *all, int count, int64_t offset)
{
    struct fetch_part part = {0, offset};
    for (int i = 0; i < count; i++) {
        struct connection *c = &all[i];
        put_fetch(&c->out, o->topic, &part, 1, 60000, 50 << 20, 1 << 20);
        set_i32(c->out.data + CORRELATION_AT, c->next_sent++);
        if (!connection_flush(c))
            fail("a poll does not fit into a socket");
    }
}

static void check_answer(const uint8_t *answer, const struct connection *c, const struct options *o, int64_t offset)
{
    const uint8_t *partition = answer + 4 + 10 + 4 + 2 + strlen(o->topic) + 4;
    if (get_i32(answer) != c->next_received || get_i16(answer + 8) != 0 || get_i16(partition + 4) != 0)
        fail("Fetch: error %d, %d", get_i16(answer + 8), get_i16(partition + 4));
    if (get_i32(partition + 38) < BATCH_HEADER)
        fail("a poll was answered without a record");
    if (get_i64(partition + 42) != offset)
        fail("a poll got offset %lld, not %lld", (long long)get_i64(partition + 42), (long long)offset);
}

/* Takes one answer from every connection and notes when each came. */
static void collect(const struct options *o, int epoll, int count, int64_t offset, double *arrived)
{
    for (int got = 0; got < count;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll, events, 256, 10000);
        if (n == 0)
            fail("%d of %d polls were not woken within 10 s", count - got, count);
        double here = now();
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            size_t position = 0, length;
            connection_receive(c);
            const uint8_t *answer = connection_frame(c, &position, &length);
            if (!answer)
                continue;
            check_answer(answer, c, o, offset);
            c->next_received++;
            connection_consume(c, position);
            arrived[got++] = here;
        }
    }
}

void mode_longpoll(const struct options *o)
{
    int count = allowed_connections(o->connections), epoll = epoll_create1(0);
    int fd = open_socket_from(o, 0);
    double connecting = now();
    struct connection *all = open_connections(o, count, epoll);
    connecting = now() - connecting;
    double *arrived = calloc((size_t)count, sizeof *arrived);
    int64_t offset = log_end(fd, o->topic, 0);
    double cpu = 0, p50 = 0, last = 0;
    for (int round = -1; round < o->rounds; round++) { /* the first one warms up */
        struct window w = window_open(o);
        park(o, all, count, offset);
        wait_for_quiet(o);
        double produced = now();
        produce_one(fd, o);
        collect(o, epoll, count, offset++, arrived);
        window_close(&w, o);
        if (round < 0)
            continue;
        qsort(arrived, (size_t)count, sizeof *arrived, compare_doubles);
        cpu += w.server;
        p50 += arrived[count / 2] - produced;
        last += arrived[count - 1] - produced;
    }
    double rounds = o->rounds;
    printf("{\"polls\":%d,\"cpu_us_poll\":%.3f,\"wake_p50_ms\":%.2f,\"wake_last_ms\":%.2f,\"connect_s\":%.3f,"
           "\"verified\":true}\n",
           count, cpu * 1e6 / rounds / count, p50 * 1e3 / rounds, last * 1e3 / rounds, connecting);
    close_connections(all, count);
    close(fd);
}
