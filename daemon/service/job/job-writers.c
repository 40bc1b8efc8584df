/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "job-writers.h"

#define NSEC_PER_MSEC 1000000L

/* If somebody opens the file for writing meanwhile, they wait for a moment, and the kernel sends the lease's signal. By
 * default that is SIGIO, which would kill this process. */
static int take_lease(int fd) {
        if (fcntl(fd, F_SETSIG, SIGURG) < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
                return -errno;

        (void) fcntl(fd, F_SETLEASE, F_UNLCK);
        return 0;
}

bool job_writers_are_known(int fd) {
        return take_lease(fd) >= 0;
}

int job_writers_wait(int fd) {
        const struct timespec pause = { .tv_nsec = WRITERS_RETRY_MSEC * NSEC_PER_MSEC };
        int r = take_lease(fd);

        for (unsigned msec = 0; r == -EAGAIN && msec < WRITERS_MSEC; msec += WRITERS_RETRY_MSEC) {
                (void) nanosleep(&pause, NULL);
                r = take_lease(fd);
        }
        return r;
}
