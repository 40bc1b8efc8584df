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

static void tree_and_new_files_are_labelled_where_selinux_is_enabled(void **state) {
        _cleanup_(closep) int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_int_equal(setenv("FAKE_SELINUX_ENABLED", "1", 1), 0);
        assert_int_equal(sandbox_label_new_files(fd, NULL), 1);
        assert_string_equal(getenv("FAKE_SELINUX_FILE"), LABEL_CONTAINER_FILE);
        assert_string_equal(getenv("FAKE_SELINUX_CREATE"), LABEL_CONTAINER_FILE);
}

static void nothing_is_labelled_where_it_is_not_enabled(void **state) {
        _cleanup_(closep) int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert_int_equal(sandbox_label_new_files(fd, NULL), 0);
        assert_null(getenv("FAKE_SELINUX_FILE"));
        assert_null(getenv("FAKE_SELINUX_CREATE"));
}

static void label_that_is_refused_is_an_error(void **state) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(setenv("FAKE_SELINUX_ENABLED", "1", 1), 0);
        errno = EPERM;
        assert_true(sandbox_label_new_files(-EBADF, &error) < 0);
        assert_null(getenv("FAKE_SELINUX_CREATE"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE_WITH(
                        tree_and_new_files_are_labelled_where_selinux_is_enabled, NULL, tear_down),
                CASE_WITH(nothing_is_labelled_where_it_is_not_enabled, NULL, tear_down),
                CASE_WITH(label_that_is_refused_is_an_error, NULL, tear_down),
        };

        return cmocka_run_group_tests_name("sandbox-label", tests, NULL, NULL);
}
