/* Consumer groups, classic protocol: members that join, commit and heartbeat, one connection each. A group has
   `--members` of the `--connections`. */
#define _GNU_SOURCE
#include "driver.h"
#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SESSION_MS = 60000, REBALANCE_MS = 60000, LARGE_GROUP_IN = 256 << 10, ERROR_REBALANCE = 27 };

enum phase { JOINING, SYNCING, FETCHING, STABLE };

struct member {
    struct connection *c;
    char group[64];
    char id[96];
    int generation;
    int partition; /* -1: none */
    enum phase phase;
    double first_record;
};

struct crowd {
    const struct options *o;
    struct member *members;
    int epoll;
    int count, stable;
    int64_t answers;
    int64_t next_offset;
    int stopping;
    void (*on_stable)(struct crowd *, struct member *);
    void (*on_answer)(struct crowd *, struct member *);
};

static size_t begin(struct member *m, enum api api, int version)
{
    size_t start = m->c->out.length;
    begin_request(&m->c->out, api, (enum api_version)version);
    set_i32(m->c->out.data + start + CORRELATION_AT, m->c->next_sent++);
    return start;
}

static void put_blob(struct buffer *b, const void *data, int length)
{
    put_i32(b, length);
    put_bytes(b, data, (size_t)length);
}

static void send_join(struct crowd *all, struct member *m)
{
    struct buffer subscription = {0}, *out = &m->c->out;
    put_i16(&subscription, 0);
    put_i32(&subscription, 1);
    put_string(&subscription, all->o->topic);
    put_i32(&subscription, -1); /* no user data */
    size_t start = begin(m, API_JOIN_GROUP, VERSION_JOIN_GROUP);
    put_string(out, m->group);
    put_i32(out, SESSION_MS);
    put_i32(out, REBALANCE_MS);
    put_string(out, m->id);
    put_string(out, "consumer");
    put_i32(out, 1);
    put_string(out, "range");
    put_blob(out, subscription.data, (int)subscription.length);
    end_request(out, start);
    free(subscription.data);
    m->phase = JOINING;
}

static void read_text(struct reader *r, char *text, size_t size)
{
    int length = read_i16(r);
    if (length < 0 || (size_t)length >= size || r->end - r->at < length)
        fail("a text of %d characters", length);
    memcpy(text, r->at, (size_t)length);
    text[length] = 0;
    read_skip(r, length);
}

/* The leader gives partition n to the n-th member, as long as there are partitions. */
static void put_assignments(struct crowd *all, struct buffer *out, struct reader *r)
{
    int members = read_i32(r);
    put_i32(out, members);
    for (int i = 0; i < members && !r->failed; i++) {
        char id[96];
        uint8_t partition[4];
        read_text(r, id, sizeof id);
        read_skip(r, read_i32(r));
        set_i32(partition, i < all->o->partitions ? i : -1);
        put_string(out, id);
        put_blob(out, partition, 4);
    }
}

static void take_join(struct crowd *all, struct member *m, struct reader *r)
{
    char leader[96], protocol[32];
    read_i32(r); /* throttle */
    int error = read_i16(r);
    if (error)
        fail("JoinGroup: error %d", error);
    m->generation = read_i32(r);
    read_text(r, protocol, sizeof protocol);
    read_text(r, leader, sizeof leader);
    read_text(r, m->id, sizeof m->id);
    struct buffer *out = &m->c->out;
    size_t start = begin(m, API_SYNC_GROUP, VERSION_SYNC_GROUP);
    put_string(out, m->group);
    put_i32(out, m->generation);
    put_string(out, m->id);
    put_assignments(all, out, r);
    end_request(out, start);
    m->phase = SYNCING;
}

static void become_stable(struct crowd *all, struct member *m)
{
    m->phase = STABLE;
    m->first_record = now();
    all->stable++;
    if (all->on_stable)
        all->on_stable(all, m);
}

static void take_sync(struct crowd *all, struct member *m, struct reader *r)
{
    read_i32(r);
    int error = read_i16(r);
    if (error == ERROR_REBALANCE) {
        send_join(all, m);
        return;
    }
    if (error)
        fail("SyncGroup: error %d", error);
    m->partition = read_i32(r) >= 4 ? read_i32(r) : -1;
    if (m->partition < 0) {
        become_stable(all, m);
        return;
    }
    struct fetch_part part = {m->partition, 0};
    size_t start = m->c->out.length;
    put_fetch(&m->c->out, all->o->topic, &part, 1, 5000, 1 << 20, 1 << 20);
    set_i32(m->c->out.data + start + CORRELATION_AT, m->c->next_sent++);
    m->phase = FETCHING;
}

/* The error of a commit of one partition, and of a heartbeat, is the last field. */
static void take_stable(struct crowd *all, struct member *m, struct reader *r)
{
    if (r->end - r->at < 2 || get_i16(r->end - 2) != 0)
        fail("a member at rest got an error");
    all->answers++;
    if (all->on_answer)
        all->on_answer(all, m);
}

static void take(struct crowd *all, struct member *m, const uint8_t *answer, size_t length)
{
    struct reader r = {answer, answer + length, 0};
    if (read_i32(&r) != m->c->next_received++)
        fail("answers are out of order");
    if (m->phase == JOINING)
        take_join(all, m, &r);
    else if (m->phase == SYNCING)
        take_sync(all, m, &r);
    else if (m->phase == FETCHING && length < BATCH_HEADER)
        fail("a fetch without a record");
    else if (m->phase == FETCHING)
        become_stable(all, m);
    else
        take_stable(all, m, &r);
    if (r.failed)
        fail("an answer that cannot be read");
}

static void turn(struct crowd *all, int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(all->epoll, events, 256, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        size_t position = 0, length;
        const uint8_t *answer;
        connection_receive(c);
        while ((answer = connection_frame(c, &position, &length)) != NULL)
            take(all, &all->members[c->index], answer, length);
        connection_consume(c, position);
        connection_flush(c);
    }
}

/* Asks until somebody coordinates: the topic of the offsets is made with the first question. */
static void find_coordinator(const struct options *o)
{
    int fd = open_socket_from(o, 0);
    struct buffer request = {0}, answer = {0};
    begin_request(&request, API_FIND_COORDINATOR, VERSION_FIND_COORDINATOR);
    put_string(&request, "bench");
    end_request(&request, 0);
    for (double limit = now() + 10;; usleep(2000)) {
        struct reader r = call(fd, &request, &answer);
        int error = read_i16(&r);
        if (!error)
            break;
        if (now() > limit)
            fail("FindCoordinator: error %d", error);
    }
    free(request.data);
    free(answer.data);
    close(fd);
}

static struct crowd gather(const struct options *o)
{
    static int64_t rounds;
    find_coordinator(o);
    struct crowd all = {.o = o, .count = o->connections, .epoll = epoll_create1(0)};
    struct connection *connections = open_connections(o, all.count, all.epoll);
    all.members = calloc((size_t)all.count, sizeof *all.members);
    rounds++;
    for (int i = 0; i < all.count; i++) {
        struct member *m = &all.members[i];
        m->c = &connections[i];
        if (all.count <= 1000) { /* a leader is told of everybody */
            m->c->in_capacity = LARGE_GROUP_IN;
            m->c->in = realloc(m->c->in, LARGE_GROUP_IN);
        }
        snprintf(m->group, sizeof m->group, "%s-%d-%lld-%d", o->topic, (int)getpid(), (long long)rounds,
                 i / o->members);
    }
    return all;
}

static void join_all(struct crowd *all)
{
    for (int i = 0; i < all->count; i++) {
        send_join(all, &all->members[i]);
        connection_flush(all->members[i].c);
    }
    for (double limit = now() + 50; all->stable < all->count;) {
        if (now() > limit)
            fail("%d of %d members have joined after 50 s", all->stable, all->count);
        turn(all, 1000);
    }
}

static void dismiss(struct crowd *all)
{
    close_connections(all->members[0].c, all->count);
    free(all->members);
    close(all->epoll);
}

/* From the first JoinGroup to the last member's first record. */
void mode_join(const struct options *o)
{
    struct crowd all = gather(o);
    double start = now(), last = 0;
    join_all(&all);
    for (int i = 0; i < all.count; i++)
        last = all.members[i].first_record > last ? all.members[i].first_record : last;
    printf("{\"members\":%d,\"join_ms\":%.3f}\n", all.count, (last - start) * 1e3);
    dismiss(&all);
}

static void send_commit(struct crowd *all, struct member *m)
{
    struct buffer *out = &m->c->out;
    size_t start = begin(m, API_OFFSET_COMMIT, VERSION_OFFSET_COMMIT);
    put_string(out, m->group);
    put_i32(out, m->generation);
    put_string(out, m->id);
    put_i64(out, -1); /* retention */
    put_i32(out, 1);
    put_string(out, all->o->topic);
    put_i32(out, 1);
    put_i32(out, 0);
    put_i64(out, all->next_offset++);
    put_string(out, "");
    end_request(out, start);
}

static void commit_again(struct crowd *all, struct member *m)
{
    if (!all->stopping)
        send_commit(all, m);
}

static int in_flight(const struct crowd *all)
{
    int sum = 0;
    for (int i = 0; i < all->count; i++)
        sum += all->members[i].c->next_sent - all->members[i].c->next_received;
    return sum;
}

/* Every member commits, and commits again when it is answered. */
void mode_commits(const struct options *o)
{
    struct crowd all = gather(o);
    join_all(&all);
    all.on_answer = commit_again;
    for (int i = 0; i < all.count; i++) {
        send_commit(&all, &all.members[i]);
        connection_flush(all.members[i].c);
    }
    for (double end = now() + o->warmup; now() < end;)
        turn(&all, 1000);
    int64_t first = all.answers;
    struct window w = window_open(o);
    for (double end = now() + o->seconds; now() < end;)
        turn(&all, 1000);
    window_close(&w, o);
    double commits = (double)(all.answers - first);
    all.stopping = 1;
    while (in_flight(&all) > 0)
        turn(&all, 1000);
    printf("{\"commits_s\":%.0f,\"cpu_us_commit\":%.3f,\"server_cpu\":%.3f}\n", commits / w.seconds,
           w.server * 1e6 / commits, w.server / w.seconds);
    dismiss(&all);
}

static void send_heartbeat(struct member *m)
{
    struct buffer *out = &m->c->out;
    size_t start = begin(m, API_HEARTBEAT, VERSION_HEARTBEAT);
    put_string(out, m->group);
    put_i32(out, m->generation);
    put_string(out, m->id);
    end_request(out, start);
    connection_flush(m->c);
}

/* Members at rest: each heartbeats every three seconds, all of them spread evenly. */
void mode_heartbeats(const struct options *o)
{
    struct crowd all = gather(o);
    join_all(&all);
    double interval = 3.0 / all.count, start = now(), end = start + o->warmup + o->seconds;
    struct window w = window_open(o);
    int measuring = 0;
    int64_t sent = 0, first = 0;
    while (now() < end) {
        if (!measuring && now() > start + o->warmup) {
            measuring = 1;
            first = all.answers;
            w = window_open(o);
        }
        for (; start + (double)sent * interval <= now(); sent++)
            send_heartbeat(&all.members[sent % all.count]);
        turn(&all, 1);
    }
    window_close(&w, o);
    printf("{\"members\":%d,\"heartbeats_s\":%.0f,\"cpu_percent\":%.2f,\"cpu_us_heartbeat\":%.2f}\n", all.count,
           (double)(all.answers - first) / w.seconds, w.server / w.seconds * 100,
           w.server * 1e6 / (double)(all.answers - first));
    dismiss(&all);
}
