/* kload: loads any Kafka broker with prebuilt frames from one thread and prints one line of JSON.
   usage: kload MODE [--name value]...; modes: create delete produce fetch requests latency longpoll connect start
   join commits heartbeats */
#define _GNU_SOURCE
#include "driver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*run)(const struct options *);
} modes[] = {
    {"create", mode_create},   {"delete", mode_delete},     {"produce", mode_produce},
    {"fetch", mode_fetch},     {"requests", mode_requests}, {"latency", mode_latency},
    {"longpoll", mode_longpoll}, {"connect", mode_connect}, {"start", mode_start},
    {"join", mode_join},       {"commits", mode_commits},   {"heartbeats", mode_heartbeats},
};

static int set_text_or_real(struct options *o, const char *name, const char *value)
{
    if (!strcmp(name, "--host"))
        o->host = value;
    else if (!strcmp(name, "--topic"))
        o->topic = value;
    else if (!strcmp(name, "--configs"))
        o->configs = value;
    else if (!strcmp(name, "--seconds"))
        o->seconds = atof(value);
    else if (!strcmp(name, "--warmup"))
        o->warmup = atof(value);
    else if (!strcmp(name, "--rate"))
        o->rate = atof(value);
    else if (!strcmp(name, "--max-bytes"))
        o->max_bytes = atoll(value);
    else
        return 0;
    return 1;
}

static int set_number(struct options *o, const char *name, const char *value)
{
    const struct {
        const char *name;
        int *target;
    } numbers[] = {
        {"--port", &o->port},
        {"--partitions", &o->partitions},
        {"--connections", &o->connections},
        {"--depth", &o->depth},
        {"--acks", &o->acks},
        {"--record-bytes", &o->record_bytes},
        {"--batch-bytes", &o->batch_bytes},
        {"--fetch-bytes", &o->fetch_bytes},
        {"--rounds", &o->rounds},
        {"--members", &o->members},
        {"--copy", &o->copy},
        {"--pid", &o->pid},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!strcmp(name, numbers[i].name)) {
            *numbers[i].target = atoi(value);
            return 1;
        }
    return 0;
}

int main(int count, char **arguments)
{
    struct options o = {
        .host = "127.0.0.1", .port = 9092, .topic = "bench", .partitions = 1, .connections = 1, .depth = 5, .acks = 1,
        .record_bytes = 100, .batch_bytes = 1 << 20, .fetch_bytes = 1 << 20, .seconds = 1, .warmup = 0.2,
        .rate = 1000, .max_bytes = INT64_MAX, .rounds = 3, .members = 1,
    };
    signal(SIGPIPE, SIG_IGN);
    if (count < 2)
        fail("no mode");
    for (int i = 2; i < count; i += 2) {
        if (i + 1 >= count)
            fail("%s has no value", arguments[i]);
        if (!set_text_or_real(&o, arguments[i], arguments[i + 1]) && !set_number(&o, arguments[i], arguments[i + 1]))
            fail("%s is unknown", arguments[i]);
    }
    if (o.partitions < 1 || o.partitions > MAX_PARTITIONS || o.connections < 1 || o.depth < 1)
        fail("partitions are 1 to %d; connections and depth at least 1", MAX_PARTITIONS);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (!strcmp(arguments[1], modes[i].name)) {
            modes[i].run(&o);
            return 0;
        }
    fail("%s is no mode", arguments[1]);
}
