/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Closing descriptors of others: that asks their file system (FUSE_FLUSH), which may take for ever. So threads do it,
 * one after the other as long as that is quick.
 */

#include <stddef.h>

#include "base-cleanup.h"

typedef struct Closer Closer;

#define CLOSER_THREADS_MAX 64u   /* of which all may hang: then what is to be closed waits */
#define CLOSER_FDS_MAX     65536 /* that wait; what is more is left open */

/** closer_new() - NULL when out of memory */
Closer *closer_new(void);

/** closer_free() - release @closer (may be NULL); nobody waits for what is being closed */
Closer *closer_free(Closer *closer);

/**
 * closer_close() - have a descriptor closed, soon
 * @closer:     NULL: it is closed at once
 * @fd:         taken over; nothing happens when it is negative
 *
 * For any thread.
 */
void closer_close(Closer *closer, int fd);

DEFINE_CLEANUP(Closer, closer_free);
