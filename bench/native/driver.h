/* What the modes of the load driver share: options, connections, the clock of the watched server, and set-up calls. */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <sys/types.h>
#include <time.h>

#include "wire.h"

struct options {
    const char *mode;
    const char *host; /* IPv4 address */
    int port;
    const char *topic;
    const char *configs; /* of the topic to create: "name=value,name=value" */
    int partitions;
    int connections;
    int depth; /* requests in flight per connection */
    int acks;
    int record_bytes; /* of a record's value */
    int batch_bytes;
    int fetch_bytes; /* most bytes of one partition in one answer */
    double seconds;
    double warmup;
    double rate;       /* requests a second, open loop */
    int64_t max_bytes; /* a measurement ends early when this much was acknowledged */
    int rounds;
    int members; /* of a consumer group */
    int copy; /* fetch: copy the records into the driver instead of dropping them in the kernel */
    pid_t pid; /* of the server; 0 when unknown */
};

struct connection {
    int fd;
    int index;
    uint8_t *in;
    size_t in_length, in_capacity;
    struct buffer out;
    size_t out_sent;
    int32_t next_sent;     /* correlation id of the next request */
    int32_t next_received; /* correlation id of the next answer: answers keep the order of requests */
};

/* Monotonic seconds. */
double now(void);
/* Processor seconds the process has used so far, -1 when it cannot be read. */
double process_seconds(pid_t pid);
double own_seconds(void);

__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

int open_socket(const struct options *o);              /* connected and blocking; -1 when refused */
int open_socket_from(const struct options *o, int nr); /* from one of many local addresses; fails hard */
void set_nonblocking(int fd);
struct connection *open_connections(const struct options *o, int count, int epoll);
void close_connections(struct connection *all, int count);

/* Sends what is queued; returns 0 when something is left. */
int connection_flush(struct connection *c);
/* One receive; returns the bytes, 0 when there were none. A closed connection ends the driver. */
size_t connection_receive(struct connection *c);
/* The complete frame at `*position`, without its length, or NULL; moves the position behind it. */
const uint8_t *connection_frame(struct connection *c, size_t *position, size_t *length);
void connection_consume(struct connection *c, size_t position);

/* Sends a request over a blocking socket and gives the answer behind its correlation id. */
struct reader call(int fd, struct buffer *request, struct buffer *answer);
void receive_fully(int fd, void *target, size_t length);

int create_topic(int fd, const struct options *o);  /* Kafka's error code */
int delete_topic(int fd, const char *topic);        /* Kafka's error code */
int topic_error(int fd, const struct options *o);   /* 0 when every partition has a leader */
int64_t log_end(int fd, const char *topic, int partition);
int64_t log_end_sum(int fd, const struct options *o);
/* Checks a Produce answer behind its correlation id; ends the driver on an error. */
void check_produced(const uint8_t *body, size_t length, int partitions);
int produce_error(const uint8_t *body, size_t length, int partitions);

int compare_doubles(const void *a, const void *b);
double percentile(const double *sorted, size_t count, double share);

void mode_create(const struct options *o);
void mode_delete(const struct options *o);
void mode_produce(const struct options *o);
void mode_fetch(const struct options *o);
void mode_requests(const struct options *o);
void mode_latency(const struct options *o);
void mode_longpoll(const struct options *o);
void mode_connect(const struct options *o);
void mode_start(const struct options *o);
void mode_join(const struct options *o);
void mode_commits(const struct options *o);
void mode_heartbeats(const struct options *o);

#endif
