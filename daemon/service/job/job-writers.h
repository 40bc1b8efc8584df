/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether anybody has a file open for writing. Only the kernel knows: it grants a read lease on a file that nobody
 * has open for writing (fcntl(2), F_SETLEASE). Network file systems may never grant one.
 */

#include <stdbool.h>

/* How long a process that was forked while the file was open, and does not use it, may hold it. */
#define WRITERS_MSEC       1000u
#define WRITERS_RETRY_MSEC 10u

/** job_writers_are_known() - whether the file system of @fd, which only the caller has open, read-only, supports this */
bool job_writers_are_known(int fd);

/**
 * job_writers_wait() - wait until nobody has the file open for writing, for at most WRITERS_MSEC
 * @fd:         open read-only
 *
 * Return: 0; -EAGAIN if somebody still has; another errno if that is unknown.
 */
int job_writers_wait(int fd);
