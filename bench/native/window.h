/* One measurement: how long it took, what the server and the driver spent meanwhile. */
#ifndef BENCH_WINDOW_H
#define BENCH_WINDOW_H

#include "driver.h"

struct window {
    double opened, seconds;
    double server, driver; /* processor seconds; server is -1 when unknown */
    double server_at_start, driver_at_start;
};

static inline struct window window_open(const struct options *o)
{
    struct window w = {.server_at_start = process_seconds(o->pid), .driver_at_start = own_seconds()};
    w.opened = now();
    return w;
}

static inline void window_close(struct window *w, const struct options *o)
{
    w->seconds = now() - w->opened;
    w->driver = own_seconds() - w->driver_at_start;
    w->server = w->server_at_start < 0 ? -1 : process_seconds(o->pid) - w->server_at_start;
}

#endif
