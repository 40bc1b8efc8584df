/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <signal.h>

#include "base-thread.h"

int thread_start(pthread_t *ret, void *(*function)(void *), void *userdata) {
        sigset_t all, before;
        int code;

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &before);
        code = pthread_create(ret, NULL, function, userdata);
        (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
        return -code;
}
