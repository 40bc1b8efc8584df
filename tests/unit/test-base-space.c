/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-space.h"

TEST(what_is_kept_is_not_to_be_used) {
        const Space space = { .free = 100, .kept = 30 };

        assert_int_equal(space_lacks(&space, 0), 0);
        assert_int_equal(space_lacks(&space, 70), 0);
        assert_int_equal(space_lacks(&space, 71), 1);
        assert_int_equal(space_lacks(&space, 1000), 930);
        assert_int_equal(space_lacks(&space, UINT64_MAX), UINT64_MAX - 100);
}

TEST(what_is_kept_may_be_in_use_already) {
        const Space space = { .free = 10, .kept = 30 };

        assert_int_equal(space_lacks(&space, 0), 20);
        assert_int_equal(space_lacks(&space, 5), 25);
}

TEST(without_a_limit_there_is_always_room) {
        const Space space = { .free = UINT64_MAX };

        assert_int_equal(space_lacks(&space, UINT64_MAX), 0);
}

TEST(a_share_of_the_file_system_is_kept_or_what_was_named) {
        _cleanup_(closep) int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        Space space;

        assert_int_equal(space_look(fd, SPACE_KEEP_AUTOMATIC, &space), 0);
        assert_true(space.kept <= SPACE_KEEP_MAX);
        assert_int_equal(space_look(fd, 7, &space), 0);
        assert_true(space.kept == 7 || space.free == UINT64_MAX);
        assert_int_equal(space_look(-EBADF, 7, &space), -EBADF);
}
