/* What the bare server answers. It knows one topic, whose partitions are files of equal batches. */
#define _GNU_SOURCE
#include "floor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct part {
    int file;
    off_t size;
    int64_t end; /* next offset */
    int64_t batch_bytes, batch_records;
    int unflushed;
};

static struct part parts[MAX_PARTITIONS];
static int part_count;
static char topic[256];
static int echo_only;
static struct client parked; /* ring */

/* All partitions in one file: a single flush of a single file is the least that durability costs. Or each in its own:
   the least that it costs where partitions are files. */
static enum durability durable;
static int unflushed;
static int unflushed_files[MAX_PARTITIONS];
static off_t durable_size;

void answer_without_writing(int yes) { echo_only = yes; }
void answer_when_flushed(enum durability how) { durable = how; }

void flush_written(void)
{
    if (unflushed == 0)
        return;
    if (durable == ONE_FILE && fdatasync(parts[0].file) != 0)
        quit("fdatasync");
    if (durable == OWN_FILES)
        flush_group(unflushed_files, unflushed);
    unflushed = 0;
    for (int i = 0; i < part_count; i++)
        parts[i].unflushed = 0;
}

static size_t begin_answer(struct client *c, int32_t correlation)
{
    size_t start = c->out.length;
    put_i32(&c->out, 0);
    put_i32(&c->out, correlation);
    return start;
}

static void end_answer(struct client *c, size_t start, int64_t file_bytes)
{
    set_i32(c->out.data + start, (int64_t)(c->out.length - start - 4) + file_bytes);
}

static void remember_topic(struct reader *r)
{
    int length = read_i16(r);
    if (length > 0 && length < (int)sizeof topic && r->end - r->at >= length) {
        memcpy(topic, r->at, (size_t)length);
        topic[length] = 0;
    }
    read_skip(r, length);
}

static void create_topic(struct client *c, struct reader *r)
{
    for (int i = 0; i < part_count; i++)
        close(parts[i].file);
    read_i32(r);
    remember_topic(r);
    durable_size = 0;
    part_count = read_i32(r);
    if (part_count < 1 || part_count > MAX_PARTITIONS)
        part_count = 1;
    for (int i = 0; i < part_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.log", i);
        parts[i] = (struct part){.file = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
        if (parts[i].file < 0)
            quit(name);
    }
    put_i32(&c->out, 0);
    put_i32(&c->out, 1);
    put_string(&c->out, topic);
    put_i16(&c->out, 0);
    put_string(&c->out, NULL);
}

static void delete_topic(struct client *c)
{
    for (int i = 0; i < part_count; i++)
        if (ftruncate(parts[i].file, 0) != 0)
            quit("truncate");
    put_i32(&c->out, 0);
    put_i32(&c->out, 1);
    put_string(&c->out, topic);
    put_i16(&c->out, 0);
}

static void metadata(struct client *c)
{
    put_i32(&c->out, 0);
    put_i32(&c->out, 0); /* brokers */
    put_string(&c->out, NULL);
    put_i32(&c->out, 1);
    put_i32(&c->out, 1);
    put_i16(&c->out, 0);
    put_string(&c->out, topic);
    put_i8(&c->out, 0);
    put_i32(&c->out, part_count);
    for (int i = 0; i < part_count; i++) {
        put_i16(&c->out, 0);
        put_i32(&c->out, i);
        put_i32(&c->out, 1);
        put_i32(&c->out, 0);
        put_i32(&c->out, 0);
    }
}

static void list_offsets(struct client *c, struct reader *r)
{
    read_skip(r, 5 + 4);
    read_skip_string(r);
    read_i32(r);
    int partition = read_i32(r);
    put_i32(&c->out, 0);
    put_i32(&c->out, 1);
    put_string(&c->out, topic);
    put_i32(&c->out, 1);
    put_i32(&c->out, partition);
    put_i16(&c->out, 0);
    put_i64(&c->out, -1);
    put_i64(&c->out, partition >= 0 && partition < part_count ? parts[partition].end : 0);
}

static void api_versions(struct client *c)
{
    put_i16(&c->out, 0);
    put_i32(&c->out, 60); /* as many as a broker has */
    for (int i = 0; i < 60; i++) {
        put_i16(&c->out, i);
        put_i16(&c->out, 0);
        put_i16(&c->out, 9);
    }
}

static void append(struct part *p, const uint8_t *records, int32_t length)
{
    int64_t first = p->end;
    p->end += get_i32(records + 23) + 1;
    if (echo_only)
        return;
    p->batch_bytes = length;
    p->batch_records = p->end - first;
    set_i32((uint8_t *)(uintptr_t)records, first >> 32);
    set_i32((uint8_t *)(uintptr_t)records + 4, first);
    if (durable == ONE_FILE) {
        if (pwrite(parts[0].file, records, (size_t)length, durable_size) != length)
            quit("write");
        durable_size += length;
        unflushed = 1;
        return;
    }
    if (pwrite(p->file, records, (size_t)length, p->size) != length)
        quit("write");
    p->size += length;
    if (durable && !p->unflushed) {
        p->unflushed = 1;
        unflushed_files[unflushed++] = p->file;
    }
}

static void wake_parked(void);

static void produce(struct client *c, struct reader *r)
{
    read_skip_string(r);
    read_skip(r, 6 + 4);
    read_skip_string(r);
    int count = read_i32(r);
    put_i32(&c->out, 1);
    put_string(&c->out, topic);
    put_i32(&c->out, count);
    for (int i = 0; i < count && !r->failed; i++) {
        int partition = read_i32(r);
        int32_t length = read_i32(r);
        const uint8_t *records = r->at;
        read_skip(r, length);
        if (r->failed || partition < 0 || partition >= part_count || length < BATCH_HEADER)
            break;
        put_i32(&c->out, partition);
        put_i16(&c->out, 0);
        put_i64(&c->out, parts[partition].end);
        put_i64(&c->out, -1);
        put_i64(&c->out, 0);
        append(&parts[partition], records, length);
    }
    put_i32(&c->out, 0);
}

static void fetch_partition_head(struct client *c, int partition, int32_t length)
{
    const struct part *p = &parts[partition];
    put_i32(&c->out, partition);
    put_i16(&c->out, 0);
    put_i64(&c->out, p->end);
    put_i64(&c->out, p->end);
    put_i64(&c->out, 0);
    put_i32(&c->out, -1);
    put_i32(&c->out, -1);
    put_i32(&c->out, length);
}

static void fetch_head(struct client *c, int count)
{
    put_i32(&c->out, 0);
    put_i16(&c->out, 0);
    put_i32(&c->out, 0);
    put_i32(&c->out, 1);
    put_string(&c->out, topic);
    put_i32(&c->out, count);
}

static void park(struct client *c, int32_t correlation, int64_t offset)
{
    if (!parked.parked_next)
        parked.parked_next = parked.parked_previous = &parked;
    c->parked = 1;
    c->parked_correlation = correlation;
    c->parked_offset = offset;
    c->parked_next = &parked;
    c->parked_previous = parked.parked_previous;
    c->parked_previous->parked_next = c;
    parked.parked_previous = c;
}

void forget_parked(struct client *c)
{
    if (!c->parked)
        return;
    c->parked = 0;
    c->parked_next->parked_previous = c->parked_previous;
    c->parked_previous->parked_next = c->parked_next;
}

/* Everybody who waits gets the newest batch, read once. */
static void wake_parked(void)
{
    static uint8_t batch[65536];
    const struct part *p = &parts[0];
    if (!parked.parked_next || p->size == 0 || p->batch_bytes > (int64_t)sizeof batch)
        return;
    if (pread(p->file, batch, (size_t)p->batch_bytes, p->size - p->batch_bytes) != p->batch_bytes)
        quit("read");
    while (parked.parked_next != &parked) {
        struct client *c = parked.parked_next;
        forget_parked(c);
        size_t start = begin_answer(c, c->parked_correlation);
        fetch_head(c, 1);
        fetch_partition_head(c, 0, (int32_t)p->batch_bytes);
        put_bytes(&c->out, batch, (size_t)p->batch_bytes);
        end_answer(c, start, 0);
        queue_memory(c, start);
        send_later(c);
    }
}

static void fetch(struct client *c, struct reader *r, int32_t correlation)
{
    read_skip(r, 4 + 4 + 4 + 4 + 1 + 8 + 4);
    read_skip_string(r);
    int count = read_i32(r);
    size_t start = begin_answer(c, correlation), from = start;
    int64_t file_bytes = 0;
    fetch_head(c, count);
    for (int i = 0; i < count && !r->failed; i++) {
        int partition = read_i32(r);
        read_i32(r);
        int64_t offset = read_i64(r);
        read_i64(r);
        int32_t most = read_i32(r);
        struct part *p = &parts[partition < part_count ? partition : 0];
        if (offset >= p->end) {
            c->out.length = start;
            park(c, correlation, offset);
            return;
        }
        off_t position = offset / p->batch_records * p->batch_bytes;
        int32_t length = p->size - position < most ? (int32_t)(p->size - position) : most;
        fetch_partition_head(c, partition, length);
        queue_memory(c, from);
        queue_file(c, p->file, position, (size_t)length);
        from = c->out.length;
        file_bytes += length;
    }
    end_answer(c, start, file_bytes);
}

/* A group in which everybody is alone, leads, and never changes. */
static void join_group(struct client *c)
{
    put_i32(&c->out, 0);
    put_i16(&c->out, 0);
    put_i32(&c->out, 1);
    put_string(&c->out, "range");
    put_string(&c->out, "m");
    put_string(&c->out, "m");
    put_i32(&c->out, 1);
    put_string(&c->out, "m");
    put_i32(&c->out, 0);
}

static void sync_group(struct client *c)
{
    put_i32(&c->out, 0);
    put_i16(&c->out, 0);
    put_i32(&c->out, 4);
    put_i32(&c->out, part_count > 0 && parts[0].size > 0 ? 0 : -1);
}

static void heartbeat(struct client *c)
{
    put_i32(&c->out, 0);
    put_i16(&c->out, 0);
}

static void offset_commit(struct client *c)
{
    put_i32(&c->out, 1);
    put_string(&c->out, topic);
    put_i32(&c->out, 1);
    put_i32(&c->out, 0);
    put_i16(&c->out, 0);
}

static void find_coordinator(struct client *c)
{
    put_i16(&c->out, 0);
    put_i32(&c->out, 1);
    put_string(&c->out, "127.0.0.1");
    put_i32(&c->out, 0);
}

void answer_request(struct client *c, const uint8_t *request, size_t length)
{
    struct reader r = {request, request + length, 0};
    int api = read_i16(&r);
    read_i16(&r);
    int32_t correlation = read_i32(&r);
    read_skip_string(&r);
    if (api == API_FETCH) {
        fetch(c, &r, correlation);
        return;
    }
    size_t start = begin_answer(c, correlation);
    if (api == API_PRODUCE)
        produce(c, &r);
    else if (api == API_CREATE_TOPICS)
        create_topic(c, &r);
    else if (api == API_DELETE_TOPICS)
        delete_topic(c);
    else if (api == API_METADATA)
        metadata(c);
    else if (api == API_LIST_OFFSETS)
        list_offsets(c, &r);
    else if (api == API_OFFSET_COMMIT)
        offset_commit(c);
    else if (api == API_FIND_COORDINATOR)
        find_coordinator(c);
    else if (api == API_JOIN_GROUP)
        join_group(c);
    else if (api == API_SYNC_GROUP)
        sync_group(c);
    else if (api == API_HEARTBEAT)
        heartbeat(c);
    else
        api_versions(c);
    end_answer(c, start, 0);
    queue_memory(c, start);
    if (api == API_PRODUCE)
        wake_parked();
}
