/* The first accepted record of a server that is being started: knocks until somebody opens, then makes a topic and
   produces until it is accepted. Prints when that was on the monotonic clock, for whoever started the server. */
#define _GNU_SOURCE
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int produce_once(int fd, const struct options *o)
{
    struct buffer batch = {0}, request = {0}, answer = {0};
    put_batch(&batch, 1, o->record_bytes, (int64_t)time(NULL) * 1000);
    struct produce_part part = {0, &batch};
    put_produce(&request, o->topic, o->acks, &part, 1);
    struct reader r = call(fd, &request, &answer);
    int error = produce_error(r.at, (size_t)(r.end - r.at), 1);
    free(batch.data);
    free(request.data);
    free(answer.data);
    return error;
}

void mode_start(const struct options *o)
{
    double limit = now() + o->seconds;
    printf("{\"ready\":true}\n"); /* the server may be started now */
    fflush(stdout);
    int fd;
    while ((fd = open_socket(o)) < 0) {
        if (now() > limit)
            fail("nobody listens on %s:%d after %.0f s", o->host, o->port, o->seconds);
        usleep(1000);
    }
    double connected = now();
    int error;
    while ((error = create_topic(fd, o)) != 0 && error != 36 && now() < limit)
        usleep(1000);
    double created = now();
    while ((error = produce_once(fd, o)) != 0) {
        if (now() > limit)
            fail("no record accepted after %.0f s: error %d", o->seconds, error);
        usleep(1000);
    }
    printf("{\"connected\":%.6f,\"created\":%.6f,\"produced\":%.6f}\n", connected, created, now());
    close(fd);
}
