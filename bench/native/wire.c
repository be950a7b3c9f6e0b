#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_reserve(struct buffer *b, size_t more)
{
    if (b->length + more <= b->capacity)
        return;
    size_t wanted = b->capacity ? b->capacity : 256;
    while (wanted < b->length + more)
        wanted *= 2;
    b->data = realloc(b->data, wanted);
    if (!b->data) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    b->capacity = wanted;
}

void put_bytes(struct buffer *b, const void *data, size_t length)
{
    buffer_reserve(b, length);
    memcpy(b->data + b->length, data, length);
    b->length += length;
}

static void put_big_endian(struct buffer *b, uint64_t value, int bytes)
{
    buffer_reserve(b, (size_t)bytes);
    for (int i = bytes - 1; i >= 0; i--)
        b->data[b->length++] = (uint8_t)(value >> (8 * i));
}

void put_i8(struct buffer *b, int value) { put_big_endian(b, (uint64_t)value, 1); }
void put_i16(struct buffer *b, int value) { put_big_endian(b, (uint64_t)value, 2); }
void put_i32(struct buffer *b, int64_t value) { put_big_endian(b, (uint64_t)value, 4); }
void put_i64(struct buffer *b, int64_t value) { put_big_endian(b, (uint64_t)value, 8); }

void put_string(struct buffer *b, const char *text)
{
    if (!text) {
        put_i16(b, -1);
        return;
    }
    put_i16(b, (int)strlen(text));
    put_bytes(b, text, strlen(text));
}

void put_varint(struct buffer *b, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    while (zigzag >= 0x80) {
        put_i8(b, (int)(zigzag & 0x7f) | 0x80);
        zigzag >>= 7;
    }
    put_i8(b, (int)zigzag);
}

void set_i32(uint8_t *at, int64_t value)
{
    uint32_t v = __builtin_bswap32((uint32_t)value);
    memcpy(at, &v, 4);
}

int16_t get_i16(const uint8_t *at) { return (int16_t)(at[0] << 8 | at[1]); }

int32_t get_i32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, 4);
    return (int32_t)__builtin_bswap32(v);
}

int64_t get_i64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, 8);
    return (int64_t)__builtin_bswap64(v);
}

static const uint8_t *take(struct reader *r, int64_t length)
{
    if (length < 0 || r->end - r->at < length) {
        r->failed = 1;
        r->at = r->end;
        return NULL;
    }
    const uint8_t *here = r->at;
    r->at += length;
    return here;
}

int read_i8(struct reader *r)
{
    const uint8_t *p = take(r, 1);
    return p ? (int8_t)*p : 0;
}

int read_i16(struct reader *r)
{
    const uint8_t *p = take(r, 2);
    return p ? get_i16(p) : 0;
}

int32_t read_i32(struct reader *r)
{
    const uint8_t *p = take(r, 4);
    return p ? get_i32(p) : 0;
}

int64_t read_i64(struct reader *r)
{
    const uint8_t *p = take(r, 8);
    return p ? get_i64(p) : 0;
}

void read_skip(struct reader *r, int64_t length) { take(r, length); }

void read_skip_string(struct reader *r)
{
    int length = read_i16(r);
    if (length > 0)
        take(r, length);
}

uint32_t crc32c(const uint8_t *data, size_t length)
{
    static uint32_t table[256];
    if (!table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? 0x82f63b78u ^ (c >> 1) : c >> 1;
            table[i] = c;
        }
    }
    uint32_t crc = ~0u;
    for (size_t i = 0; i < length; i++)
        crc = table[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
    return ~crc;
}

static size_t varint_size(int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    size_t size = 1;
    while (zigzag >>= 7)
        size++;
    return size;
}

/* attributes, timestamp delta 0, offset delta, key -1, value length, value, no headers */
static size_t record_body(int index, int value_bytes)
{
    return 1 + 1 + varint_size(index) + 1 + varint_size(value_bytes) + (size_t)value_bytes + 1;
}

int records_fitting(int batch_bytes, int value_bytes)
{
    size_t total = BATCH_HEADER;
    int count = 0;
    for (;;) {
        size_t body = record_body(count, value_bytes);
        total += varint_size((int64_t)body) + body;
        if (total > (size_t)batch_bytes)
            return count > 0 ? count : 1;
        count++;
    }
}

static void put_record(struct buffer *b, int index, int value_bytes, uint32_t *noise)
{
    put_varint(b, (int64_t)record_body(index, value_bytes));
    put_i8(b, 0);
    put_varint(b, 0);
    put_varint(b, index);
    put_varint(b, -1);
    put_varint(b, value_bytes);
    buffer_reserve(b, (size_t)value_bytes + 1);
    for (int i = 0; i < value_bytes; i++) {
        *noise = *noise * 1664525u + 1013904223u;
        b->data[b->length++] = (uint8_t)(*noise >> 24);
    }
    put_varint(b, 0);
}

void put_batch(struct buffer *b, int count, int value_bytes, int64_t timestamp)
{
    size_t start = b->length;
    put_i64(b, 0);  /* base offset */
    put_i32(b, 0);  /* length */
    put_i32(b, -1); /* leader epoch */
    put_i8(b, 2);   /* magic */
    put_i32(b, 0);  /* crc */
    put_i16(b, 0);  /* attributes */
    put_i32(b, count - 1);
    put_i64(b, timestamp);
    put_i64(b, timestamp);
    put_i64(b, -1); /* producer id */
    put_i16(b, -1);
    put_i32(b, -1);
    put_i32(b, count);
    uint32_t noise = 1;
    for (int i = 0; i < count; i++)
        put_record(b, i, value_bytes, &noise);
    uint8_t *batch = b->data + start;
    size_t length = b->length - start;
    set_i32(batch + 8, (int64_t)length - 12);
    set_i32(batch + 17, (int64_t)crc32c(batch + 21, length - 21));
}

void begin_request(struct buffer *b, enum api api, enum api_version version)
{
    put_i32(b, 0);
    put_i16(b, (int)api);
    put_i16(b, (int)version);
    put_i32(b, 0);
    put_string(b, "bench");
}

void end_request(struct buffer *b, size_t start) { set_i32(b->data + start, (int64_t)(b->length - start - 4)); }

void put_produce(struct buffer *b, const char *topic, int acks, const struct produce_part *parts, int count)
{
    size_t start = b->length;
    begin_request(b, API_PRODUCE, VERSION_PRODUCE);
    put_string(b, NULL); /* transactional id */
    put_i16(b, acks);
    put_i32(b, 30000);
    put_i32(b, 1);
    put_string(b, topic);
    put_i32(b, count);
    for (int i = 0; i < count; i++) {
        put_i32(b, parts[i].partition);
        put_i32(b, (int64_t)parts[i].batch->length);
        put_bytes(b, parts[i].batch->data, parts[i].batch->length);
    }
    end_request(b, start);
}

void put_fetch(struct buffer *b, const char *topic, const struct fetch_part *parts, int count, int max_wait_ms,
               int max_bytes, int partition_max_bytes)
{
    size_t start = b->length;
    begin_request(b, API_FETCH, VERSION_FETCH);
    put_i32(b, -1); /* a consumer */
    put_i32(b, max_wait_ms);
    put_i32(b, 1);  /* min bytes */
    put_i32(b, max_bytes);
    put_i8(b, 0);   /* read uncommitted */
    put_i32(b, 0);  /* no session */
    put_i32(b, -1);
    put_i32(b, 1);
    put_string(b, topic);
    put_i32(b, count);
    for (int i = 0; i < count; i++) {
        put_i32(b, parts[i].partition);
        put_i32(b, -1); /* leader epoch unknown */
        put_i64(b, parts[i].offset);
        put_i64(b, -1);
        put_i32(b, partition_max_bytes);
    }
    put_i32(b, 0); /* forgotten topics */
    put_string(b, "");
    end_request(b, start);
}
