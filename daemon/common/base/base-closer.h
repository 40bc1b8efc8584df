/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Closing descriptors of others: their file system is asked (FUSE_FLUSH), which may take forever. So threads do it; one
 * thread is enough as long as it is quick.
 */

#include <stddef.h>

#include "base-cleanup.h"

typedef struct Closer Closer;

#define CLOSER_THREADS_MAX 64u   /* if all of them hang, further descriptors wait */
#define CLOSER_FDS_MAX     65536 /* that wait; any more are left open */

/** closer_new() - NULL when out of memory */
Closer *closer_new(void);

/** closer_free() - release @closer, without waiting for pending descriptors */
Closer *closer_free(Closer *closer);

/**
 * closer_close() - close a descriptor soon, in a thread
 * @closer:     if NULL, it is closed at once
 * @fd:         taken over; a negative one is ignored
 *
 * For any thread.
 */
void closer_close(Closer *closer, int fd);

DEFINE_CLEANUP(Closer, closer_free);
