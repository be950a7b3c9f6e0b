#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <sys/types.h>

#include "wire.h"

enum { MOST_SEGMENTS = 4 * MAX_PARTITIONS + 8 };

/* A piece of an answer: of the client's `out` when file is -1, else of that file. */
struct segment {
    int file;
    off_t position;
    size_t length;
};

struct client {
    int fd;
    uint8_t *in;
    size_t in_length, in_capacity;
    int is_bulk; /* sends more at a time than fits into a small receive */
    struct buffer out;
    struct segment segment[MOST_SEGMENTS];
    int segments, first_segment;
    int32_t parked_correlation;
    int64_t parked_offset;
    struct client *parked_next, *parked_previous;
    int parked;
};

__attribute__((noreturn)) void quit(const char *what);

/* Queues the bytes of `out` from `from` on; queues a range of a file. */
void queue_memory(struct client *c, size_t from);
void queue_file(struct client *c, int file, off_t position, size_t length);
/* Sends what is queued from outside the client's own turn. */
void send_later(struct client *c);

void answer_without_writing(int yes);
enum durability { MEMORY, ONE_FILE, OWN_FILES };
void answer_when_flushed(enum durability how);
/* Makes durable what was appended since the last call. */
void flush_written(void);
void flush_group(const int *group, int size);
void answer_request(struct client *c, const uint8_t *request, size_t length);
void forget_parked(struct client *c);

#endif
