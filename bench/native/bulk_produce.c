/* Produce of large batches: prebuilt frames, several in flight on each connection, every answer checked, and at the
   end the log's offsets compared with what was acknowledged. */
#define _GNU_SOURCE
#include "driver.h"
#include "window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_REQUEST_BYTES = 1 << 20 }; /* what real producers put into one request: max.request.size */

struct sender {
    struct connection *c;
    uint8_t head[12]; /* length, key, version, correlation id of the frame under way */
    size_t sent;
    int frame;
    int active;
};

struct bulk {
    const struct options *o;
    struct buffer frames[MAX_PARTITIONS];
    int frame_count;
    int parts_per_frame;
    int records_per_batch;
    int64_t acknowledged; /* frames */
    int stopping;
};

static void build_frames(struct bulk *b)
{
    const struct options *o = b->o;
    struct buffer batch = {0};
    b->records_per_batch = records_fitting(o->batch_bytes, o->record_bytes);
    put_batch(&batch, b->records_per_batch, o->record_bytes, (int64_t)time(NULL) * 1000);
    b->parts_per_frame = MOST_REQUEST_BYTES / o->batch_bytes;
    if (b->parts_per_frame < 1)
        b->parts_per_frame = 1;
    if (b->parts_per_frame > o->partitions)
        b->parts_per_frame = o->partitions;
    b->frame_count = o->partitions / b->parts_per_frame;
    for (int i = 0; i < b->frame_count; i++) {
        struct produce_part parts[MAX_PARTITIONS];
        for (int p = 0; p < b->parts_per_frame; p++)
            parts[p] = (struct produce_part){i * b->parts_per_frame + p, &batch};
        put_produce(&b->frames[i], o->topic, o->acks, parts, b->parts_per_frame);
    }
    free(batch.data);
}

/* Sends until the socket is full or enough is in flight. */
static void pump(struct bulk *b, struct sender *s)
{
    struct connection *c = s->c;
    while (s->active || (!b->stopping && c->next_sent - c->next_received < b->o->depth)) {
        struct buffer *frame = &b->frames[s->frame];
        if (!s->active) {
            memcpy(s->head, frame->data, sizeof s->head);
            set_i32(s->head + CORRELATION_AT, c->next_sent++);
            s->sent = 0;
            s->active = 1;
        }
        size_t head_left = s->sent < sizeof s->head ? sizeof s->head - s->sent : 0;
        size_t body_from = s->sent + head_left;
        struct iovec parts[2] = {
            {s->head + s->sent, head_left},
            {frame->data + body_from, frame->length - body_from},
        };
        struct msghdr message = {.msg_iov = head_left ? parts : parts + 1, .msg_iovlen = head_left ? 2 : 1};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0)
            fail("send: %s", strerror(errno));
        s->sent += (size_t)n;
        if (s->sent == frame->length) {
            s->active = 0;
            s->frame = (s->frame + 1) % b->frame_count;
        }
    }
}

static void take_answers(struct bulk *b, struct connection *c)
{
    if (connection_receive(c) == 0)
        return;
    size_t position = 0, length;
    const uint8_t *answer;
    while ((answer = connection_frame(c, &position, &length)) != NULL) {
        if (get_i32(answer) != c->next_received++)
            fail("answers are out of order");
        check_produced(answer + 4, length - 4, b->parts_per_frame);
        b->acknowledged++;
    }
    connection_consume(c, position);
}

static int in_flight(const struct sender *senders, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += senders[i].c->next_sent - senders[i].c->next_received;
    return sum;
}

static void turn(struct bulk *b, struct sender *senders, int epoll)
{
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, 1000);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            take_answers(b, c);
        pump(b, &senders[c->index]);
    }
}

static void verify(struct bulk *b, int64_t before)
{
    int fd = open_socket_from(b->o, 0);
    int64_t grown = log_end_sum(fd, b->o) - before;
    int64_t expected = b->acknowledged * b->parts_per_frame * b->records_per_batch;
    close(fd);
    if (grown != expected)
        fail("acknowledged %lld records, the log has %lld", (long long)expected, (long long)grown);
}

static void print_result(const struct bulk *b, const struct window *w, int64_t frames)
{
    double records = (double)(frames * b->parts_per_frame * b->records_per_batch);
    double megabytes = records * b->o->record_bytes / 1e6;
    printf("{\"seconds\":%.4f,\"mb_s\":%.2f,\"msg_s\":%.0f,\"cpu_ms_mb\":%.5f,\"cpu_us_msg\":%.5f,"
           "\"server_cpu\":%.3f,\"driver_cpu\":%.3f,\"requests\":%lld,\"verified\":true}\n",
           w->seconds, megabytes / w->seconds, records / w->seconds, w->server * 1e3 / megabytes,
           w->server * 1e6 / records, w->server / w->seconds, w->driver / w->seconds, (long long)frames);
}

void mode_produce(const struct options *o)
{
    struct bulk b = {.o = o};
    build_frames(&b);
    int fd = open_socket_from(o, 0);
    int64_t before = log_end_sum(fd, o);
    close(fd);
    int epoll = epoll_create1(0);
    struct connection *all = open_connections(o, o->connections, epoll);
    struct sender *senders = calloc((size_t)o->connections, sizeof *senders);
    for (int i = 0; i < o->connections; i++) {
        senders[i].c = &all[i];
        senders[i].frame = i % b.frame_count;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &all[i]};
        epoll_ctl(epoll, EPOLL_CTL_MOD, all[i].fd, &event);
        pump(&b, &senders[i]);
    }
    for (double end = now() + o->warmup; now() < end;)
        turn(&b, senders, epoll);
    int64_t frame_bytes = (int64_t)b.parts_per_frame * b.records_per_batch * o->record_bytes;
    int64_t first = b.acknowledged, most = first + o->max_bytes / frame_bytes;
    struct window w = window_open(o);
    for (double end = now() + o->seconds; now() < end && b.acknowledged < most;)
        turn(&b, senders, epoll);
    window_close(&w, o);
    int64_t frames = b.acknowledged - first;
    b.stopping = 1;
    while (in_flight(senders, o->connections) > 0)
        turn(&b, senders, epoll);
    verify(&b, before);
    print_result(&b, &w, frames);
    close_connections(all, o->connections);
}
