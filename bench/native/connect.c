/* Connections that come, ask for ApiVersions, get their answer and go. */
#define _GNU_SOURCE
#include "driver.h"
#include "window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct visit {
    int fd;
    uint8_t in[4096];
    size_t length;
};

struct visits {
    const struct options *o;
    int epoll;
    int started;
    int64_t done;
    struct visit all[64];
};

static void begin(struct visits *v, struct visit *visit)
{
    visit->fd = open_socket_from(v->o, v->started++);
    visit->length = 0;
    struct buffer request = {0};
    begin_request(&request, API_API_VERSIONS, VERSION_API_VERSIONS);
    end_request(&request, 0);
    if (send(visit->fd, request.data, request.length, MSG_NOSIGNAL) != (ssize_t)request.length)
        fail("send: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = visit};
    epoll_ctl(v->epoll, EPOLL_CTL_ADD, visit->fd, &event);
}

static int answered(struct visit *visit)
{
    ssize_t n = recv(visit->fd, visit->in + visit->length, sizeof visit->in - visit->length, 0);
    if (n <= 0)
        fail("receive: %s", n ? strerror(errno) : "closed before the answer");
    visit->length += (size_t)n;
    if (visit->length < 4 || visit->length < (size_t)get_i32(visit->in) + 4)
        return 0;
    if (get_i16(visit->in + 8) != 0 || get_i32(visit->in + 10) < 1)
        fail("ApiVersions: error %d", get_i16(visit->in + 8));
    return 1;
}

static void turn(struct visits *v)
{
    struct epoll_event events[64];
    int n = epoll_wait(v->epoll, events, 64, 5000);
    if (n == 0)
        fail("no answer for 5 s");
    for (int i = 0; i < n; i++) {
        struct visit *visit = events[i].data.ptr;
        if (!answered(visit))
            continue;
        close(visit->fd);
        v->done++;
        begin(v, visit);
    }
}

void mode_connect(const struct options *o)
{
    struct visits v = {.o = o, .epoll = epoll_create1(0)};
    int count = o->connections > 64 ? 64 : o->connections;
    for (int i = 0; i < count; i++)
        begin(&v, &v.all[i]);
    for (double end = now() + o->warmup; now() < end;)
        turn(&v);
    v.done = 0;
    struct window w = window_open(o);
    for (double end = now() + o->seconds; now() < end;)
        turn(&v);
    window_close(&w, o);
    printf("{\"seconds\":%.4f,\"conn_s\":%.0f,\"cpu_us_conn\":%.2f,\"server_cpu\":%.3f,\"driver_cpu\":%.3f}\n",
           w.seconds, (double)v.done / w.seconds, w.server * 1e6 / (double)v.done, w.server / w.seconds,
           w.driver / w.seconds);
}
