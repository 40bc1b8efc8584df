/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <sched.h>
#include <signal.h>

#include "base-thread.h"

/* Returns what pthread_create() does. */
static int create(
        pthread_t *ret,
        const pthread_attr_t *attributes,
        void *(*function)(void *),
        void *userdata) {
        sigset_t all, before;
        int code;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        code = pthread_create(ret, attributes, function, userdata);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        return code;
}

int thread_start(pthread_t *ret, void *(*function)(void *), void *userdata) {
        return -create(ret, NULL, function, userdata);
}

void thread_prefer_throughput(void) {
        const struct sched_param parameters = { 0 };

        if (sched_getscheduler(0) == SCHED_OTHER)
                (void) sched_setscheduler(0, SCHED_BATCH, &parameters);
}

int thread_start_detached(void *(*function)(void *), void *userdata) {
        pthread_attr_t attributes;
        pthread_t thread;
        int code;

        code = pthread_attr_init(&attributes);
        if (code != 0)
                return -code;

        code = pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
        if (code == 0)
                code = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        if (code == 0)
                code = create(&thread, &attributes, function, userdata);
        (void) pthread_attr_destroy(&attributes);
        return -code;
}
