#define _GNU_SOURCE
#include "driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    if (clock_gettime(clock, &t) != 0)
        return -1;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double now(void) { return seconds_of(CLOCK_MONOTONIC); }

double process_seconds(pid_t pid)
{
    clockid_t clock;
    if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0)
        return -1;
    return seconds_of(clock);
}

double own_seconds(void) { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("kload: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static int try_connect(const struct options *o, uint32_t from)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket: %s", strerror(errno));
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (from) {
        struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(from)};
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&local, sizeof local) != 0)
            fail("bind: %s", strerror(errno));
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)o->port)};
    if (inet_pton(AF_INET, o->host, &address.sin_addr) != 1)
        fail("%s is not an IPv4 address", o->host);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

int open_socket(const struct options *o) { return try_connect(o, 0); }

/* Closed connections keep their local port for a minute, and one address has 28,000 of them. */
int open_socket_from(const struct options *o, int nr)
{
    int is_loopback = strncmp(o->host, "127.", 4) == 0;
    int fd = try_connect(o, is_loopback ? 0x7f000001u + (uint32_t)(nr % 100) : 0);
    if (fd < 0)
        fail("connect to %s:%d: %s", o->host, o->port, strerror(errno));
    return fd;
}

void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

struct connection *open_connections(const struct options *o, int count, int epoll)
{
    struct connection *all = calloc((size_t)count, sizeof *all);
    for (int i = 0; i < count; i++) {
        struct connection *c = &all[i];
        c->index = i;
        c->fd = open_socket_from(o, i);
        set_nonblocking(c->fd);
        c->in_capacity = count > 1000 ? 1024 : 65536;
        c->in = malloc(c->in_capacity);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
            fail("epoll_ctl: %s", strerror(errno));
    }
    return all;
}

void close_connections(struct connection *all, int count)
{
    for (int i = 0; i < count; i++) {
        close(all[i].fd);
        free(all[i].in);
        free(all[i].out.data);
    }
    free(all);
}

int connection_flush(struct connection *c)
{
    while (c->out_sent < c->out.length) {
        ssize_t n = send(c->fd, c->out.data + c->out_sent, c->out.length - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n < 0)
            fail("send: %s", strerror(errno));
        c->out_sent += (size_t)n;
    }
    c->out.length = 0;
    c->out_sent = 0;
    return 1;
}

size_t connection_receive(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_length, c->in_capacity - c->in_length, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        fail("receive: %s", strerror(errno));
    if (n == 0)
        fail("the server closed connection %d", c->index);
    c->in_length += (size_t)n;
    return (size_t)n;
}

const uint8_t *connection_frame(struct connection *c, size_t *position, size_t *length)
{
    size_t left = c->in_length - *position;
    if (left < 4)
        return NULL;
    const uint8_t *frame = c->in + *position;
    int32_t size = get_i32(frame);
    if (size < 4 || (size_t)size + 4 > c->in_capacity)
        fail("an answer of %d bytes", size);
    if (left < (size_t)size + 4)
        return NULL;
    *position += (size_t)size + 4;
    *length = (size_t)size;
    return frame + 4;
}

void connection_consume(struct connection *c, size_t position)
{
    memmove(c->in, c->in + position, c->in_length - position);
    c->in_length -= position;
}

int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double percentile(const double *sorted, size_t count, double share)
{
    if (count == 0)
        return 0;
    size_t index = (size_t)(share * (double)count);
    return sorted[index < count ? index : count - 1];
}
