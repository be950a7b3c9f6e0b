/* kfloor: the least a server can do for each kind of request, on one thread. It answers like Kafka, with one topic
   at a time, and checks nothing: Produce is receive, pwrite, a fixed answer; Fetch is sendfile; a Fetch at the end of
   the log waits for the next Produce; everything else is a short fixed answer. With `--echo 1` Produce writes nothing.
   With `--durable 1` everything that came from all clients is written to one file, flushed once, and only then answered;
   with `--durable 2` to a file for each partition.
   usage: kfloor --port N --dir DIR [--echo 1] [--durable 1|2] */
#define _GNU_SOURCE
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SMALL_RECEIVE = 16 << 10, BULK_RECEIVE = 256 << 10, LARGEST_FRAME = 128 << 20 };

void quit(const char *what)
{
    perror(what);
    exit(1);
}

static void drop_client(struct client *c)
{
    forget_parked(c);
    close(c->fd);
    free(c->in);
    free(c->out.data);
    free(c);
}

/* Sends what is queued, file ranges by sendfile; returns 0 when the socket is full. */
static int flush(struct client *c)
{
    while (c->first_segment < c->segments) {
        struct segment *s = &c->segment[c->first_segment];
        int more = c->first_segment + 1 < c->segments ? MSG_MORE : 0;
        ssize_t n = s->file < 0 ? send(c->fd, c->out.data + s->position, s->length, MSG_NOSIGNAL | more)
                                : sendfile(c->fd, s->file, &s->position, s->length);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0)
            return -1;
        s->length -= (size_t)n;
        if (s->file < 0)
            s->position += n;
        if (s->length == 0)
            c->first_segment++;
    }
    c->first_segment = c->segments = 0;
    c->out.length = 0;
    return 1;
}

void queue_memory(struct client *c, size_t from)
{
    if (c->out.length == from)
        return;
    struct segment *last = c->segments ? &c->segment[c->segments - 1] : NULL;
    if (last && last->file < 0)
        last->length += c->out.length - from;
    else
        c->segment[c->segments++] = (struct segment){-1, (off_t)from, c->out.length - from};
}

void queue_file(struct client *c, int file, off_t position, size_t length)
{
    c->segment[c->segments++] = (struct segment){file, position, length};
}

/* Answers every complete frame in the buffer, as long as there is room for its answer. */
static void answer_frames(struct client *c)
{
    size_t position = 0;
    while (c->in_length - position >= 4 && c->segments + 2 * MAX_PARTITIONS + 2 < MOST_SEGMENTS) {
        size_t size = (size_t)get_i32(c->in + position) + 4;
        if (c->in_length - position < size)
            break;
        answer_request(c, c->in + position + 4, size - 4);
        position += size;
    }
    if (position > 0) {
        memmove(c->in, c->in + position, c->in_length - position);
        c->in_length -= position;
    }
}

/* Takes several small frames at once, and never receives far past the end of a large one: what is received too early
   has to be moved to the front of the buffer. */
static size_t receive_limit(const struct client *c)
{
    size_t limit = c->is_bulk ? BULK_RECEIVE : SMALL_RECEIVE;
    if (c->in_length < 4)
        return limit;
    size_t frame = (size_t)(uint32_t)get_i32(c->in) + 4;
    return frame > c->in_length + limit ? frame - c->in_length : limit;
}

/* 1: took something and there may be more; 0: took what was there; -1: the client is gone. */
static int receive(struct client *c)
{
    size_t wanted = receive_limit(c);
    if (wanted > LARGEST_FRAME)
        return -1;
    if (c->in_length + wanted > c->in_capacity) {
        c->in_capacity = c->in_length + wanted;
        c->in = realloc(c->in, c->in_capacity);
        if (!c->in)
            quit("memory");
    }
    ssize_t n = recv(c->fd, c->in + c->in_length, wanted, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return -1;
    c->in_length += (size_t)n;
    c->is_bulk |= (size_t)n == wanted;
    return (size_t)n == wanted;
}

/* Answers what was received until nothing is left; 0 when the socket is full, -1 when the client is gone. */
static int answer_all(struct client *c)
{
    for (;;) {
        int flushed = flush(c);
        if (flushed <= 0)
            return flushed;
        answer_frames(c);
        if (c->segments == 0)
            return 1;
    }
}

/* Edge-triggered: goes on until the socket is empty or full. A receive that got less than it asked for emptied it. */
static void serve(struct client *c)
{
    int more = 1, state;
    while ((state = answer_all(c)) > 0 && more > 0)
        more = receive(c);
    if (state < 0 || more < 0)
        drop_client(c);
}

/* As serve, but what was answered is sent only after one flush for everybody. */
static void serve_durably(struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        struct client *c = events[i].data.ptr;
        int more = c && flush(c) > 0;
        while (more > 0) {
            more = receive(c);
            answer_frames(c);
        }
        if (c && more < 0) {
            drop_client(c);
            events[i].data.ptr = NULL;
        }
    }
    flush_written();
    for (int i = 0; i < count; i++)
        if (events[i].data.ptr)
            flush(events[i].data.ptr);
}

void send_later(struct client *c)
{
    if (flush(c) < 0)
        shutdown(c->fd, SHUT_RDWR);
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0)
        quit("listen");
    return fd;
}

static void accept_all(int listener, int epoll)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct client *c = calloc(1, sizeof *c);
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **arguments)
{
    int port = 0, durable = 0;
    for (int i = 1; i + 1 < count; i += 2) {
        if (!strcmp(arguments[i], "--port"))
            port = atoi(arguments[i + 1]);
        else if (!strcmp(arguments[i], "--dir") && chdir(arguments[i + 1]) != 0)
            quit(arguments[i + 1]);
        else if (!strcmp(arguments[i], "--echo"))
            answer_without_writing(atoi(arguments[i + 1]));
        else if (!strcmp(arguments[i], "--durable"))
            answer_when_flushed(durable = atoi(arguments[i + 1]));
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_on(port), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll, events, 256, -1);
        if (durable)
            serve_durably(events, n);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr && !durable)
                serve(events[i].data.ptr);
            else if (!events[i].data.ptr)
                accept_all(listener, epoll);
        }
    }
}
