/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The space of a file system, and the part of it to keep free. */

#include <stdint.h>

#define SPACE_KEEP_AUTOMATIC UINT64_MAX /* 1/SPACE_KEEP_SHARE of it, … */
#define SPACE_KEEP_SHARE     20
#define SPACE_KEEP_MAX       (UINT64_C(1) << 30) /* … but at most this many bytes */

typedef struct Space {
        uint64_t free; /* bytes; UINT64_MAX if unlimited */
        uint64_t kept; /* how many of these must stay free */
} Space;

/**
 * space_look() - determine the space
 * @fd:         a file or directory on the file system
 * @keep:       bytes that must stay free, or SPACE_KEEP_AUTOMATIC
 */
int space_look(int fd, uint64_t keep, Space *ret);

/** space_lacks() - how many bytes would have to be freed before @bytes more can be used */
uint64_t space_lacks(const Space *space, uint64_t bytes);
