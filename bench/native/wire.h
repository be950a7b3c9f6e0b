/* Kafka's wire format, as much of it as a load driver and a bare server need: big-endian fields in growing buffers,
   the frames of a few requests, and record batches of magic 2. All sizes are bytes. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum api {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_LIST_OFFSETS = 2,
    API_METADATA = 3,
    API_OFFSET_COMMIT = 8,
    API_FIND_COORDINATOR = 10,
    API_JOIN_GROUP = 11,
    API_HEARTBEAT = 12,
    API_SYNC_GROUP = 14,
    API_API_VERSIONS = 18,
    API_CREATE_TOPICS = 19,
    API_DELETE_TOPICS = 20
};

/* The versions this driver speaks: the newest ones before flexible encoding, which every broker still accepts. */
enum api_version {
    VERSION_PRODUCE = 7,
    VERSION_FETCH = 11,
    VERSION_LIST_OFFSETS = 2,
    VERSION_METADATA = 4,
    VERSION_OFFSET_COMMIT = 2,
    VERSION_FIND_COORDINATOR = 0,
    VERSION_JOIN_GROUP = 2,
    VERSION_HEARTBEAT = 1,
    VERSION_SYNC_GROUP = 1,
    VERSION_API_VERSIONS = 0,
    VERSION_CREATE_TOPICS = 2,
    VERSION_DELETE_TOPICS = 1
};

enum { BATCH_HEADER = 61, MAX_PARTITIONS = 64 };

struct buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

void buffer_reserve(struct buffer *b, size_t more);
void put_bytes(struct buffer *b, const void *data, size_t length);
void put_i8(struct buffer *b, int value);
void put_i16(struct buffer *b, int value);
void put_i32(struct buffer *b, int64_t value);
void put_i64(struct buffer *b, int64_t value);
void put_string(struct buffer *b, const char *text); /* NULL is Kafka's null */
void put_varint(struct buffer *b, int64_t value);    /* zigzag */
void set_i32(uint8_t *at, int64_t value);

int16_t get_i16(const uint8_t *at);
int32_t get_i32(const uint8_t *at);
int64_t get_i64(const uint8_t *at);

/* Walks a message; a read behind the end sets failed and gives 0. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
    int failed;
};

int read_i8(struct reader *r);
int read_i16(struct reader *r);
int32_t read_i32(struct reader *r);
int64_t read_i64(struct reader *r);
void read_skip(struct reader *r, int64_t length);
void read_skip_string(struct reader *r);

uint32_t crc32c(const uint8_t *data, size_t length);

/* Appends one batch with `count` records whose value has `value_bytes`; no key, no headers, no producer id. */
void put_batch(struct buffer *b, int count, int value_bytes, int64_t timestamp);
/* How many such records fit into a batch of at most `batch_bytes`; at least 1. */
int records_fitting(int batch_bytes, int value_bytes);

/* Each request starts with its length, so that it can be sent as it is; the correlation id is at offset 8. */
enum { CORRELATION_AT = 8 };
void begin_request(struct buffer *b, enum api api, enum api_version version);
void end_request(struct buffer *b, size_t start);

struct produce_part {
    int32_t partition;
    const struct buffer *batch;
};
void put_produce(struct buffer *b, const char *topic, int acks, const struct produce_part *parts, int count);

struct fetch_part {
    int32_t partition;
    int64_t offset;
};
void put_fetch(struct buffer *b, const char *topic, const struct fetch_part *parts, int count, int max_wait_ms,
               int max_bytes, int partition_max_bytes);

#endif
