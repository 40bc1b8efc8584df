/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>

/** thread_start() - start a thread that receives no signals, which are for the starting thread */
int thread_start(pthread_t *ret, void *(*function)(void *), void *userdata);

/**
 * thread_prefer_throughput() - let the threads of this process, also later ones, run on when another one wakes
 *
 * For threads that feed each other: the waiting ones would otherwise interrupt the one that they wait for. Keeps a
 * scheduling policy other than the default. Does not fail: only speed depends on it.
 */
void thread_prefer_throughput(void);

/** thread_start_detached() - the same, detached and with a stack of THREAD_STACK_BYTES */
#define THREAD_STACK_BYTES ((size_t) 256 << 10)
int thread_start_detached(void *(*function)(void *), void *userdata);
