/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * fork(2) without this process's descriptors. Whoever forks has all of them, and what closes one, if only to
 * execute a program, waits for its file system (FUSE_FLUSH): one that does not answer, of whichever client,
 * would hold up every process that is started. So the child has the lowest descriptors only, and nothing that
 * may hang has one of these: they are taken from the start.
 */

#include <stdbool.h>
#include <sys/types.h>

#define FORK_LOW_FDS 64 /* a multiple of 64: the kernel copies as many at a time */

/* Some of the low descriptors; owned by the process. */
typedef struct ForkSlots {
        int fds[2];  /* by which a child is handed something, */
        int null_fd; /* and what is there else */
} ForkSlots;

/**
 * fork_reserve_fds() - take all low descriptors that are free, before anything else is opened
 *
 * Return: whether there are @ret; what was low before is handed to all children.
 */
bool fork_reserve_fds(ForkSlots *ret);

/**
 * fork_bare() - fork a child that has the low descriptors, and copies of @fds
 * @slots:      NULL: it has all
 * @fds:        in the child: where they are there
 *
 * It has memory of its own, but is to execute something at once: until then this thread waits. No other one may
 * fork meanwhile. Return: as fork(2).
 */
pid_t fork_bare(const ForkSlots *slots, int fds[static 2]);
