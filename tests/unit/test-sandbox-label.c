/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs with fake-selinux in place of libselinux: no machine of ours has SELinux. */

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "sandbox-label.h"

static int tear_down(void **state) {
        return unsetenv("FAKE_SELINUX_ENABLED") | unsetenv("FAKE_SELINUX_CREATE") |
               unsetenv("FAKE_SELINUX_FILE");
}

#define LABEL_TEST(name) TEST_WITH(name, NULL, tear_down)

LABEL_TEST(tree_and_new_files_are_labelled_where_selinux_is_enabled) {
        _cleanup_(closep) int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_int_equal(setenv("FAKE_SELINUX_ENABLED", "1", 1), 0);
        assert_int_equal(sandbox_label_new_files(fd, NULL), 1);
        assert_string_equal(getenv("FAKE_SELINUX_FILE"), LABEL_CONTAINER_FILE);
        assert_string_equal(getenv("FAKE_SELINUX_CREATE"), LABEL_CONTAINER_FILE);
}

LABEL_TEST(nothing_is_labelled_where_it_is_not_enabled) {
        _cleanup_(closep) int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_int_equal(sandbox_label_new_files(fd, NULL), 0);
        assert_null(getenv("FAKE_SELINUX_FILE"));
        assert_null(getenv("FAKE_SELINUX_CREATE"));
}

LABEL_TEST(label_that_is_refused_is_an_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(setenv("FAKE_SELINUX_ENABLED", "1", 1), 0);
        errno = EPERM;
        assert_true(sandbox_label_new_files(-EBADF, &error) < 0);
        assert_null(getenv("FAKE_SELINUX_CREATE"));
}
