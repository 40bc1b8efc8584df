/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who has a file open to write. Only the kernel knows: it gives a read lease on a file that nobody has open so
 * (fcntl(2), F_SETLEASE). Network file systems may give none, whoever has it open.
 */

#include <stdbool.h>

/* How long a file may be held by a process that does not know it, but was forked while the file was open. */
#define WRITERS_MSEC       1000u
#define WRITERS_RETRY_MSEC 10u

/** job_writers_are_known() - whether the file system of @fd, open read-only by nobody else, can tell */
bool job_writers_are_known(int fd);

/**
 * job_writers_wait() - wait until nobody has the file open to write, for at most WRITERS_MSEC
 * @fd:         open read-only
 *
 * Return: 0; -EAGAIN when somebody still has; or another negative errno when nobody can tell.
 */
int job_writers_wait(int fd);
