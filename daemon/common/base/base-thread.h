/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>

/** thread_start() - start a thread that gets no signals: those are for who started it; 0 or -errno */
int thread_start(pthread_t *ret, void *(*function)(void *), void *userdata);

/** thread_start_detached() - one that nobody waits for, with a stack of THREAD_STACK_BYTES; as above */
#define THREAD_STACK_BYTES ((size_t) 256 << 10)
int thread_start_detached(void *(*function)(void *), void *userdata);
