/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "job-writers.h"

#define OPENED_TIMES 20000

typedef struct Opening {
        const char *path;
        atomic_bool is_done;
} Opening;

static void *open_and_close(void *userdata) {
        Opening *opening = userdata;

        for (unsigned i = 0; i < OPENED_TIMES; i++) {
                const int fd = open(opening->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

                if (fd >= 0)
                        close(fd);
        }
        opening->is_done = true;
        return NULL;
}

TEST(who_opens_the_file_while_it_is_looked_at_ends_nobody) {
        Scratch scratch;
        Opening opening = { 0 };
        unsigned n_known = 0;
        pthread_t thread;
        int fd;

        scratch_init(&scratch);
        scratch_write(&scratch, "file", "content");
        opening.path = scratch_at(&scratch, "file");
        fd = open(opening.path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(pthread_create(&thread, NULL, open_and_close, &opening), 0);
        while (!opening.is_done)
                n_known += job_writers_are_known(fd);
        pthread_join(thread, NULL);
        assert_true(job_writers_are_known(fd));
        assert_true(n_known > 0);
        close(fd);
        scratch_done(&scratch);
}
