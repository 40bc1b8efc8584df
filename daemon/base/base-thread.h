/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <pthread.h>

/** thread_start() - start a thread that gets no signals: those are for who started it; 0 or -errno */
int thread_start(pthread_t *ret, void *(*function)(void *), void *userdata);
