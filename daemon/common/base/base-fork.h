/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * vfork(2) without this process's descriptors. A forked child has all of them, and closing one, if only to
 * execute a program, waits for its file system (FUSE_FLUSH): if one client's file system did not answer, no
 * new process could start. So the child has only the lowest descriptors, which are reserved from the start, so
 * that no file that may hang has one of these.
 */

#include <stdbool.h>
#include <stddef.h>
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
 * ForkRun - what the child does: it executes a program, or ends by _exit(2), and must not return
 * @fds:        what fork_bare() was given, under the numbers that they have in the child
 *
 * The child is like one of vfork(2), but has its own stack, of FORK_STACK_BYTES. It shares the memory of this process, whose
 * other threads go on: it may only call what is safe after fork(2), and change nothing that others read. All signals are
 * blocked, and none is handled here.
 */
typedef void (*ForkRun)(const int fds[static 2], void *userdata);

#define FORK_STACK_BYTES ((size_t) 64 << 10)

/**
 * fork_bare() - start a child that has the low descriptors, and copies of @fds
 * @slots:      if NULL, the child has all
 *
 * This thread waits until the child has executed a program or ended. No other thread may fork meanwhile.
 *
 * Return: the child's PID, or -1 with errno set.
 */
pid_t fork_bare(const ForkSlots *slots, const int fds[static 2], ForkRun run, void *userdata);
