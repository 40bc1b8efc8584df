/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Starts writing finished files to the disk while the next ones are made, so that there is little left to wait
 * for in the end. Makes nothing durable: that takes a syncfs(2) afterwards.
 *
 * A thread of its own calls sync_file_range(2), in the order in which files were finished, since that call waits
 * when the disk is busy. What does not fit into its queue then is left to the kernel.
 */

#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"

/* Smaller files are left to the kernel, too: a call for each costs more than it gains. In images these have most
 * of the bytes, and a tenth of the files. */
#define WRITEBACK_FILE_BYTES ((uint64_t) 16 << 10)

#define WRITEBACK_QUEUE_FILES 256u

typedef struct UnpackWriteback UnpackWriteback;

/** unpack_writeback_new() - start the thread; *@ret is owned by the caller */
int unpack_writeback_new(UnpackWriteback **ret, Error *error);

/** unpack_writeback_free() - end the thread, without waiting for the disk longer than for one file */
UnpackWriteback *unpack_writeback_free(UnpackWriteback *writeback);

/** unpack_writeback_start() - start writing the file @fd, of @size bytes, which stays the caller's; in any thread */
void unpack_writeback_start(UnpackWriteback *writeback, int fd, uint64_t size);

DEFINE_CLEANUP(UnpackWriteback, unpack_writeback_free);
