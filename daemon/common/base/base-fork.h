/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * fork(2) without this process's descriptors. A forked child has all of them, and closing one, if only to
 * execute a program, waits for its file system (FUSE_FLUSH): if one client's file system did not answer, no
 * new process could start. So the child has only the lowest descriptors, which are reserved from the start, so
 * that no file that may hang has one of these.
 */

#include <stdbool.h>
#include <sys/types.h>

#define FORK_LOW_FDS 64 /* a multiple of 64: the kernel copies that many at a time */

/* Some of the low descriptors; owned by the process. */
typedef struct ForkSlots {
        int fds[2];  /* to pass descriptors to a child; */
        int null_fd; /* /dev/null, which they hold otherwise */
} ForkSlots;

/**
 * fork_reserve_fds() - take all free low descriptors, before anything else is opened
 *
 * Return: whether @ret is valid. All children inherit the low descriptors that were open before.
 */
bool fork_reserve_fds(ForkSlots *ret);

/**
 * fork_bare() - fork a child that has the low descriptors, and copies of @fds
 * @slots:      if NULL, the child has all
 * @fds:        in the child, their numbers there
 *
 * The child has its own memory, but should execute a program at once: this thread waits until then. No other
 * thread may fork meanwhile. Return: as fork(2).
 */
pid_t fork_bare(const ForkSlots *slots, int fds[static 2]);
