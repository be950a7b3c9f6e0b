/* Blocking calls: topics made and deleted, offsets asked for. None of them is inside a measurement. */
#define _GNU_SOURCE
#include "driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void receive_fully(int fd, void *target, size_t length)
{
    for (size_t got = 0; got < length;) {
        ssize_t n = recv(fd, (char *)target + got, length - got, 0);
        if (n == 0)
            fail("the server closed the connection");
        if (n < 0 && errno != EINTR)
            fail("receive: %s", strerror(errno));
        got += n > 0 ? (size_t)n : 0;
    }
}

struct reader call(int fd, struct buffer *request, struct buffer *answer)
{
    for (size_t sent = 0; sent < request->length;) {
        ssize_t n = send(fd, request->data + sent, request->length - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            fail("send: %s", strerror(errno));
        sent += n > 0 ? (size_t)n : 0;
    }
    uint8_t head[4];
    receive_fully(fd, head, 4);
    int32_t size = get_i32(head);
    if (size < 4 || size > 64 << 20)
        fail("an answer of %d bytes", size);
    answer->length = 0;
    buffer_reserve(answer, (size_t)size);
    receive_fully(fd, answer->data, (size_t)size);
    answer->length = (size_t)size;
    struct reader r = {answer->data, answer->data + size, 0};
    if (read_i32(&r) != get_i32(request->data + CORRELATION_AT))
        fail("an answer to another request");
    return r;
}

static void put_configs(struct buffer *b, const char *configs)
{
    size_t count_at = b->length;
    int count = 0;
    put_i32(b, 0);
    char *copy = strdup(configs ? configs : ""), *rest = copy, *pair;
    while ((pair = strsep(&rest, ",")) != NULL) {
        char *value = strchr(pair, '=');
        if (!value)
            continue;
        *value++ = 0;
        put_string(b, pair);
        put_string(b, value);
        count++;
    }
    free(copy);
    set_i32(b->data + count_at, count);
}

int create_topic(int fd, const struct options *o)
{
    struct buffer request = {0}, answer = {0};
    begin_request(&request, API_CREATE_TOPICS, VERSION_CREATE_TOPICS);
    put_i32(&request, 1);
    put_string(&request, o->topic);
    put_i32(&request, o->partitions);
    put_i16(&request, 1); /* replication factor */
    put_i32(&request, 0); /* assignments */
    put_configs(&request, o->configs);
    put_i32(&request, 30000);
    put_i8(&request, 0);
    end_request(&request, 0);
    struct reader r = call(fd, &request, &answer);
    read_i32(&r); /* throttle */
    int topics = read_i32(&r);
    read_skip_string(&r);
    int error = read_i16(&r);
    int failed = r.failed || topics != 1;
    free(request.data);
    free(answer.data);
    if (failed)
        fail("CreateTopics: an answer that cannot be read");
    return error;
}

int delete_topic(int fd, const char *topic)
{
    struct buffer request = {0}, answer = {0};
    begin_request(&request, API_DELETE_TOPICS, VERSION_DELETE_TOPICS);
    put_i32(&request, 1);
    put_string(&request, topic);
    put_i32(&request, 30000);
    end_request(&request, 0);
    struct reader r = call(fd, &request, &answer);
    read_i32(&r);
    read_i32(&r);
    read_skip_string(&r);
    int error = read_i16(&r);
    int failed = r.failed;
    free(request.data);
    free(answer.data);
    if (failed)
        fail("DeleteTopics: an answer that cannot be read");
    return error;
}

static int partition_error(struct reader *r)
{
    int error = read_i16(r);
    read_i32(r); /* partition */
    int leader = read_i32(r);
    read_skip(r, 4 * (int64_t)read_i32(r)); /* replicas */
    read_skip(r, 4 * (int64_t)read_i32(r)); /* in-sync replicas */
    return error ? error : leader < 0 ? 5 : 0;
}

int topic_error(int fd, const struct options *o)
{
    struct buffer request = {0}, answer = {0};
    begin_request(&request, API_METADATA, VERSION_METADATA);
    put_i32(&request, 1);
    put_string(&request, o->topic);
    put_i8(&request, 0); /* do not create it */
    end_request(&request, 0);
    struct reader r = call(fd, &request, &answer);
    read_i32(&r);
    for (int brokers = read_i32(&r); brokers > 0 && !r.failed; brokers--) {
        read_i32(&r);
        read_skip_string(&r);
        read_i32(&r);
        read_skip_string(&r);
    }
    read_skip_string(&r); /* cluster id */
    read_i32(&r);         /* controller */
    int topics = read_i32(&r);
    int error = read_i16(&r);
    read_skip_string(&r);
    read_i8(&r);
    int partitions = read_i32(&r);
    for (int i = 0; i < partitions && !error && !r.failed; i++)
        error = partition_error(&r);
    if (!error && (topics != 1 || partitions != o->partitions))
        error = 3;
    int failed = r.failed;
    free(request.data);
    free(answer.data);
    if (failed)
        fail("Metadata: an answer that cannot be read");
    return error;
}

int64_t log_end(int fd, const char *topic, int partition)
{
    struct buffer request = {0}, answer = {0};
    begin_request(&request, API_LIST_OFFSETS, VERSION_LIST_OFFSETS);
    put_i32(&request, -1);
    put_i8(&request, 0);
    put_i32(&request, 1);
    put_string(&request, topic);
    put_i32(&request, 1);
    put_i32(&request, partition);
    put_i64(&request, -1); /* latest */
    end_request(&request, 0);
    struct reader r = call(fd, &request, &answer);
    read_i32(&r);
    read_i32(&r);
    read_skip_string(&r);
    read_i32(&r);
    read_i32(&r);
    int error = read_i16(&r);
    read_i64(&r); /* timestamp */
    int64_t offset = read_i64(&r);
    int failed = r.failed;
    free(request.data);
    free(answer.data);
    if (failed || error)
        fail("ListOffsets of %s-%d: error %d", topic, partition, error);
    return offset;
}

int64_t log_end_sum(int fd, const struct options *o)
{
    int64_t sum = 0;
    for (int i = 0; i < o->partitions; i++)
        sum += log_end(fd, o->topic, i);
    return sum;
}

int produce_error(const uint8_t *body, size_t length, int partitions)
{
    struct reader r = {body, body + length, 0};
    if (read_i32(&r) != 1)
        return -1;
    read_skip_string(&r);
    if (read_i32(&r) != partitions)
        return -1;
    for (int i = 0; i < partitions; i++) {
        read_i32(&r);
        int error = read_i16(&r);
        read_skip(&r, 24); /* base offset, append time, log start */
        if (error || r.failed)
            return error ? error : -1;
    }
    return 0;
}

void check_produced(const uint8_t *body, size_t length, int partitions)
{
    int error = produce_error(body, length, partitions);
    if (error)
        fail("Produce: error %d", error);
}

void mode_create(const struct options *o)
{
    int fd = open_socket_from(o, 0);
    int error = create_topic(fd, o);
    if (error && error != 36) /* it exists */
        fail("CreateTopics %s: error %d", o->topic, error);
    double limit = now() + 10;
    while ((error = topic_error(fd, o)) != 0) {
        if (now() > limit)
            fail("%s has no leaders after 10 s: error %d", o->topic, error);
        usleep(5000);
    }
    close(fd);
    printf("{\"created\":true}\n");
}

void mode_delete(const struct options *o)
{
    int fd = open_socket_from(o, 0);
    int error = delete_topic(fd, o->topic);
    close(fd);
    printf("{\"deleted\":%s,\"error\":%d}\n", error ? "false" : "true", error);
}
