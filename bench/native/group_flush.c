/* Flushes a group of files: all writes are started, then a few threads ask for the flushes at the same moment, so that
   the disk sees few of them. */
#define _GNU_SOURCE
#include "floor.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

enum { THREADS = 8 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER, over = PTHREAD_COND_INITIALIZER;
static const int *files;
static int count, next, done, threads;

/* Takes files until none is left; the gate is held before and behind. */
static void work(void)
{
    while (next < count) {
        int file = files[next++];
        pthread_mutex_unlock(&gate);
        if (fdatasync(file) != 0)
            quit("fdatasync");
        pthread_mutex_lock(&gate);
        if (++done == count)
            pthread_cond_signal(&over);
    }
}

static void *work_for_ever(void *unused)
{
    pthread_mutex_lock(&gate);
    for (;;) {
        work();
        pthread_cond_wait(&begun, &gate);
    }
    return unused;
}

void flush_group(const int *group, int size)
{
    if (size == 1) {
        if (fdatasync(group[0]) != 0)
            quit("fdatasync");
        return;
    }
    for (int i = 0; i < size; i++)
        sync_file_range(group[i], 0, 0, SYNC_FILE_RANGE_WRITE);
    pthread_mutex_lock(&gate);
    for (; threads < THREADS - 1; threads++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work_for_ever, NULL) != 0)
            quit("thread");
    }
    files = group;
    count = size;
    next = done = 0;
    pthread_cond_broadcast(&begun);
    work();
    while (done < count)
        pthread_cond_wait(&over, &gate);
    pthread_mutex_unlock(&gate);
}
