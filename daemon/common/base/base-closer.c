/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base-closer.h"
#include "base-thread.h"

#define ROOM_MIN ((size_t) 16)

struct Closer {
        pthread_mutex_t lock;
        unsigned n_refs; /* under the lock, as all that follow: the owner, and each thread */
        unsigned n_idle; /* threads that are about to look for more */
        int *fds;        /* owned, as the descriptors in it */
        size_t n, room;
};

Closer *closer_new(void) {
        Closer *closer = malloc(sizeof(*closer));

        if (!closer)
                return NULL;

        *closer = (Closer){ .n_refs = 1 };
        (void) pthread_mutex_init(&closer->lock, NULL);
        return closer;
}

/* Called under the lock; frees it. */
static void unref(Closer *closer) {
        const bool is_last = --closer->n_refs == 0;

        (void) pthread_mutex_unlock(&closer->lock);
        if (!is_last)
                return;

        (void) pthread_mutex_destroy(&closer->lock);
        free(closer->fds);
        free(closer);
}

Closer *closer_free(Closer *closer) {
        if (!closer)
                return NULL;

        (void) pthread_mutex_lock(&closer->lock);
        unref(closer);
        return NULL;
}

static void *run(void *argument) {
        Closer *closer = argument;

        (void) pthread_mutex_lock(&closer->lock);
        closer->n_idle--;
        while (closer->n > 0) {
                const int fd = closer->fds[--closer->n];

                (void) pthread_mutex_unlock(&closer->lock);
                (void) close(fd);
                (void) pthread_mutex_lock(&closer->lock);
        }
        unref(closer);
        return NULL;
}

/* Under the lock. */
static bool make_room(Closer *closer) {
        const size_t room = closer->room > 0 ? 2 * closer->room : ROOM_MIN;
        int *bigger;

        if (closer->n < closer->room)
                return true;
        if (room > CLOSER_FDS_MAX)
                return false;

        bigger = reallocarray(closer->fds, room, sizeof(*bigger));
        if (!bigger)
                return false;
        closer->fds = bigger;
        closer->room = room;
        return true;
}

/* Under the lock. A thread that closes something may never come back. */
static void provide_thread(Closer *closer) {
        if (closer->n_idle > 0 || closer->n_refs > CLOSER_THREADS_MAX)
                return;

        closer->n_refs++;
        closer->n_idle++;
        if (thread_start_detached(run, closer) >= 0)
                return;
        closer->n_refs--;
        closer->n_idle--;
}

void closer_close(Closer *closer, int fd) {
        if (fd < 0)
                return;
        if (!closer) {
                (void) close(fd);
                return;
        }

        (void) pthread_mutex_lock(&closer->lock);
        if (make_room(closer)) {
                closer->fds[closer->n++] = fd;
                provide_thread(closer);
        }
        (void) pthread_mutex_unlock(&closer->lock);
}
