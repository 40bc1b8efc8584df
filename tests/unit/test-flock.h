/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What other processes do at the moment when a lock is taken. */

#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Called before each flock(2): what others do meanwhile. */
static void (*on_flock)(void *userdata, int fd, int operation);
static void *on_flock_userdata;

/* In place of the C library's. */
int flock(int fd, int operation) {
        if (on_flock)
                on_flock(on_flock_userdata, fd, operation);
        return (int) syscall(SYS_flock, fd, operation);
}
