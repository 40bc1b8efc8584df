/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base-thread.h"
#include "unpack-writeback.h"

struct UnpackWriteback {
        pthread_t thread;
        pthread_mutex_t lock; /* of all that follows */
        pthread_cond_t changed;
        int fds[WRITEBACK_QUEUE_FILES]; /* owned; a ring */
        size_t first, n;
        bool closed;
};

static int take_first(UnpackWriteback *writeback) {
        const int fd = writeback->fds[writeback->first];

        writeback->first = (writeback->first + 1) % WRITEBACK_QUEUE_FILES;
        writeback->n--;
        return fd;
}

static void *writeback_thread(void *userdata) {
        UnpackWriteback *writeback = userdata;

        (void) pthread_mutex_lock(&writeback->lock);
        while (!writeback->closed) {
                int fd;

                if (writeback->n == 0) {
                        (void) pthread_cond_wait(&writeback->changed, &writeback->lock);
                        continue;
                }

                fd = take_first(writeback);
                (void) pthread_mutex_unlock(&writeback->lock);
                /* Whoever makes it durable sees what fails. */
                (void) sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
                (void) close(fd);
                (void) pthread_mutex_lock(&writeback->lock);
        }
        (void) pthread_mutex_unlock(&writeback->lock);
        return NULL;
}

static void destroy(UnpackWriteback *writeback) {
        (void) pthread_cond_destroy(&writeback->changed);
        (void) pthread_mutex_destroy(&writeback->lock);
        free(writeback);
}

int unpack_writeback_new(UnpackWriteback **ret, Error *error) {
        UnpackWriteback *writeback = calloc(1, sizeof(*writeback));
        int r;

        if (!writeback)
                return error_oom(error);

        (void) pthread_mutex_init(&writeback->lock, NULL);
        (void) pthread_cond_init(&writeback->changed, NULL);
        r = thread_start(&writeback->thread, writeback_thread, writeback);
        if (r < 0) {
                destroy(writeback);
                return error_set_errno(error, -r, "Cannot start a thread");
        }

        *ret = writeback;
        return 0;
}

UnpackWriteback *unpack_writeback_free(UnpackWriteback *writeback) {
        if (!writeback)
                return NULL;

        (void) pthread_mutex_lock(&writeback->lock);
        writeback->closed = true;
        (void) pthread_cond_signal(&writeback->changed);
        (void) pthread_mutex_unlock(&writeback->lock);
        (void) pthread_join(writeback->thread, NULL);

        while (writeback->n > 0)
                (void) close(take_first(writeback));
        destroy(writeback);
        return NULL;
}

void unpack_writeback_start(UnpackWriteback *writeback, int fd, uint64_t size) {
        int copy;

        if (size < WRITEBACK_FILE_BYTES)
                return;

        copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
                return;

        (void) pthread_mutex_lock(&writeback->lock);
        if (writeback->n < WRITEBACK_QUEUE_FILES) {
                writeback->fds[(writeback->first + writeback->n++) % WRITEBACK_QUEUE_FILES] =
                        TAKE_FD(copy);
                (void) pthread_cond_signal(&writeback->changed);
        }
        (void) pthread_mutex_unlock(&writeback->lock);
        closep(&copy);
}
