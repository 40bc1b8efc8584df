/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The space of a file system, and what of it is not to be used. */

#include <stdint.h>

#define SPACE_KEEP_AUTOMATIC UINT64_MAX /* one of SPACE_KEEP_SHARE of it, … */
#define SPACE_KEEP_SHARE     20
#define SPACE_KEEP_MAX       (UINT64_C(1) << 30) /* … but no more bytes than these */

typedef struct Space {
        uint64_t free; /* bytes; UINT64_MAX where there is no limit */
        uint64_t kept; /* so many of these are not to be used */
} Space;

/**
 * space_look() - how much there is
 * @fd:         of a file or directory of the file system
 * @keep:       bytes that are not to be used, or SPACE_KEEP_AUTOMATIC
 *
 * Return: 0, or a negative errno.
 */
int space_look(int fd, uint64_t keep, Space *ret);

/** space_lacks() - how many bytes would have to become free so that @bytes more can be used */
uint64_t space_lacks(const Space *space, uint64_t bytes);
