/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>

/** thread_start() - start a thread that gets no signals: those are for who started it; 0 or -errno */
int thread_start(pthread_t *ret, void *(*function)(void *), void *userdata);

/**
 * thread_prefer_throughput() - the process's threads, those to come as well, do not interrupt each other as soon as
 * they have something to do
 *
 * For threads that feed each other: who has been waiting would else interrupt who provides for it. Changes nothing
 * when somebody has chosen another policy than the default. No failure: it is a matter of speed.
 */
void thread_prefer_throughput(void);

/** thread_start_detached() - one that nobody waits for, with a stack of THREAD_STACK_BYTES; as above */
#define THREAD_STACK_BYTES ((size_t) 256 << 10)
int thread_start_detached(void *(*function)(void *), void *userdata);
