/* Fetch of a prefilled topic, over and over from its start. The head of every answer and of the first batch of every
   partition is checked; the records behind it are dropped inside the kernel (recv with MSG_TRUNC), so that the driver
   is not what is measured. `--copy` takes them into memory instead. The first answer is checked to the last CRC. */
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

enum { PARTITION_HEAD = 42, PEEK = 23 };

/* The log as the driver itself has filled it: equal batches from offset 0 on. */
struct shape {
    int records_per_batch;
    int64_t batch_bytes; /* on disk */
    int64_t end[MAX_PARTITIONS];
};

struct puller {
    int fd;
    int64_t next[MAX_PARTITIONS];                   /* offset to ask for */
    int64_t asked[16][MAX_PARTITIONS];              /* by correlation id, for requests in flight */
    int32_t next_sent, next_received;
    uint8_t in[512];
    size_t length, position;
    uint8_t *copy;
};

struct fetch {
    const struct options *o;
    struct shape shape;
    int64_t bytes, answers;
};

static const uint8_t *need(struct puller *p, size_t length)
{
    if (p->length - p->position < length) {
        memmove(p->in, p->in + p->position, p->length - p->position);
        p->length -= p->position;
        p->position = 0;
    }
    while (p->length < length) {
        ssize_t n = recv(p->fd, p->in + p->length, sizeof p->in - p->length, 0);
        if (n == 0)
            fail("the server closed the connection");
        if (n < 0 && errno != EINTR)
            fail("receive: %s", strerror(errno));
        p->length += n > 0 ? (size_t)n : 0;
    }
    const uint8_t *at = p->in + p->position;
    p->position += length;
    return at;
}

static void drop(struct puller *p, int64_t length)
{
    int64_t here = (int64_t)(p->length - p->position);
    if (here > length)
        here = length;
    p->position += (size_t)here;
    length -= here;
    while (length > 0) {
        size_t part = length > 1 << 20 ? 1 << 20 : (size_t)length;
        ssize_t n = p->copy ? recv(p->fd, p->copy, part, 0) : recv(p->fd, NULL, part, MSG_TRUNC);
        if (n == 0)
            fail("the server closed the connection");
        if (n < 0 && errno != EINTR)
            fail("receive: %s", strerror(errno));
        length -= n > 0 ? n : 0;
    }
}

static void ask(struct fetch *f, struct puller *p)
{
    struct fetch_part parts[MAX_PARTITIONS];
    const struct options *o = f->o;
    int64_t batches = o->fetch_bytes / f->shape.batch_bytes;
    for (int i = 0; i < o->partitions; i++) {
        if (p->next[i] >= f->shape.end[i])
            p->next[i] = 0;
        parts[i] = (struct fetch_part){i, p->next[i]};
        p->asked[p->next_sent % 16][i] = p->next[i];
        p->next[i] += (batches ? batches : 1) * f->shape.records_per_batch;
    }
    struct buffer request = {0};
    put_fetch(&request, o->topic, parts, o->partitions, 500, 50 << 20, o->fetch_bytes);
    set_i32(request.data + CORRELATION_AT, p->next_sent++);
    if (send(p->fd, request.data, request.length, MSG_NOSIGNAL) != (ssize_t)request.length)
        fail("send: %s", strerror(errno));
    free(request.data);
}

static int64_t take_partition(struct puller *p, const int64_t *asked)
{
    const uint8_t *head = need(p, PARTITION_HEAD);
    int partition = get_i32(head), error = get_i16(head + 4);
    int32_t aborted = get_i32(head + 30), records = get_i32(head + 38);
    if (error || aborted > 0 || partition < 0 || partition >= MAX_PARTITIONS)
        fail("Fetch of partition %d: error %d", partition, error);
    if (records <= 0)
        return 0;
    if (records < PEEK)
        fail("Fetch: %d bytes of records", records);
    const uint8_t *batch = need(p, PEEK);
    if (get_i64(batch) != asked[partition] || batch[16] != 2)
        fail("Fetch: batch at %lld, asked for %lld", (long long)get_i64(batch), (long long)asked[partition]);
    drop(p, records - PEEK);
    return records;
}

/* One whole answer; returns its bytes of records. */
static int64_t take_answer(struct fetch *f, struct puller *p)
{
    size_t name = strlen(f->o->topic);
    const uint8_t *head = need(p, 4 + 4 + 4 + 2 + 4 + 4 + 2 + name + 4);
    int32_t size = get_i32(head);
    if (get_i32(head + 4) != p->next_received || get_i16(head + 12) != 0 || get_i32(head + 18) != 1)
        fail("Fetch: an answer of %d bytes with error %d", size, get_i16(head + 12));
    const int64_t *asked = p->asked[p->next_received++ % 16];
    int32_t partitions = get_i32(head + 24 + name);
    int64_t records = 0, rest = size - (int64_t)(24 + name);
    for (int i = 0; i < partitions; i++) {
        int64_t part = take_partition(p, asked);
        records += part;
        rest -= PARTITION_HEAD + part;
    }
    if (partitions != f->o->partitions || rest != 0)
        fail("Fetch: %d partitions, %lld bytes left over", partitions, (long long)rest);
    return records;
}

static void check_batches(const uint8_t *records, int32_t length, int64_t offset, const struct shape *shape)
{
    int batches = 0;
    while (length >= shape->batch_bytes) {
        if (get_i64(records) != offset || get_i32(records + 8) + 12 != shape->batch_bytes)
            fail("Fetch: a batch that was not produced, at offset %lld", (long long)offset);
        if ((uint32_t)get_i32(records + 17) != crc32c(records + 21, (size_t)shape->batch_bytes - 21))
            fail("Fetch: wrong CRC at offset %lld", (long long)offset);
        records += shape->batch_bytes;
        length -= (int32_t)shape->batch_bytes;
        offset += shape->records_per_batch;
        batches++;
    }
    if (batches == 0)
        fail("Fetch: not one whole batch");
}

static void check_first_answer(struct fetch *f, int fd)
{
    struct buffer request = {0}, answer = {0};
    struct fetch_part part = {0, 0};
    put_fetch(&request, f->o->topic, &part, 1, 500, 50 << 20, f->o->fetch_bytes);
    struct reader r = call(fd, &request, &answer);
    size_t before = 10 + 4 + 2 + strlen(f->o->topic) + 4;
    read_skip(&r, (int64_t)before);
    const uint8_t *head = r.at;
    read_skip(&r, PARTITION_HEAD);
    if (r.failed || get_i16(head + 4) != 0 || get_i32(head + 38) != r.end - r.at)
        fail("Fetch: the first answer cannot be read");
    check_batches(r.at, get_i32(head + 38), 0, &f->shape);
    free(request.data);
    free(answer.data);
}

static void learn_shape(struct fetch *f)
{
    struct buffer batch = {0};
    f->shape.records_per_batch = records_fitting(f->o->batch_bytes, f->o->record_bytes);
    put_batch(&batch, f->shape.records_per_batch, f->o->record_bytes, 0);
    f->shape.batch_bytes = (int64_t)batch.length;
    free(batch.data);
    int fd = open_socket_from(f->o, 0);
    for (int i = 0; i < f->o->partitions; i++) {
        f->shape.end[i] = log_end(fd, f->o->topic, i);
        if (f->shape.end[i] == 0)
            fail("partition %d of %s is empty: produce first", i, f->o->topic);
    }
    check_first_answer(f, fd);
    close(fd);
}

static void turn(struct fetch *f, struct puller *pullers, int epoll)
{
    struct epoll_event events[16];
    int n = epoll_wait(epoll, events, 16, 2000);
    if (n == 0)
        fail("no answer to Fetch for 2 s");
    for (int i = 0; i < n; i++) {
        struct puller *p = &pullers[events[i].data.u32];
        do {
            int64_t bytes = take_answer(f, p);
            f->bytes += bytes;
            f->answers++;
            if (bytes == 0)
                fail("Fetch: an empty answer inside the log");
            ask(f, p);
        } while (p->length > p->position);
    }
}

void mode_fetch(const struct options *o)
{
    struct fetch f = {.o = o};
    learn_shape(&f);
    if (o->depth > 16 || o->partitions > MAX_PARTITIONS)
        fail("at most 16 in flight and %d partitions", MAX_PARTITIONS);
    int epoll = epoll_create1(0);
    struct puller *pullers = calloc((size_t)o->connections, sizeof *pullers);
    for (int i = 0; i < o->connections; i++) {
        pullers[i].fd = open_socket_from(o, i);
        pullers[i].copy = o->copy ? malloc(1 << 20) : NULL;
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        epoll_ctl(epoll, EPOLL_CTL_ADD, pullers[i].fd, &event);
        for (int d = 0; d < o->depth; d++)
            ask(&f, &pullers[i]);
    }
    for (double end = now() + o->warmup; now() < end;)
        turn(&f, pullers, epoll);
    f.bytes = f.answers = 0;
    struct window w = window_open(o);
    for (double end = now() + o->seconds; now() < end;)
        turn(&f, pullers, epoll);
    window_close(&w, o);
    double payload = (double)f.shape.records_per_batch * o->record_bytes / (double)f.shape.batch_bytes;
    double megabytes = (double)f.bytes * payload / 1e6, records = megabytes * 1e6 / o->record_bytes;
    printf("{\"seconds\":%.4f,\"mb_s\":%.2f,\"msg_s\":%.0f,\"cpu_ms_mb\":%.5f,\"cpu_us_msg\":%.5f,"
           "\"server_cpu\":%.3f,\"driver_cpu\":%.3f,\"requests\":%lld,\"verified\":true}\n",
           w.seconds, megabytes / w.seconds, records / w.seconds, w.server * 1e3 / megabytes,
           w.server * 1e6 / records, w.server / w.seconds, w.driver / w.seconds, (long long)f.answers);
}
