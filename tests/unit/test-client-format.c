/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-format.h"

TEST(name_decides_what_is_made) {
        static const struct {
                const char *destination, *format;
                bool flatten;
                const char *want;
                bool want_flatten;
        } cases[] = {
                { "d", NULL, false, NULL, false },
                { "d/", NULL, false, NULL, false },
                { "d", "qcow2", false, "qcow2", false },
                { "d", "qcow2", true, "qcow2", true },
                { "d", "raw", false, "raw", false },
                { "d.qcow2", NULL, false, "qcow2", true },
                { "d.qcow2", "qcow2", false, "qcow2", true },
                { "d.qcow2", "qcow2", true, "qcow2", true },
                { "/a/b.c/d.raw", NULL, false, "raw", false },
                { "d.raw", "raw", true, "raw", true },
                { "d.img", NULL, false, "raw", false },
                { "d.img", "qcow2", false, "qcow2", true },
                { "d.img", "raw", false, "raw", false },
                { "d.qcow2/", "qcow2", false, "qcow2", false },
                { "d.img/", NULL, false, NULL, false },
                { "d.img/x", NULL, false, NULL, false },
                { "x/.qcow2", NULL, false, "qcow2", true },
                { ".img", NULL, false, "raw", false },
                { "x/.qcow2/", NULL, false, NULL, false },
                { "raw", NULL, false, NULL, false },
                { "d.raw.xz", NULL, false, NULL, false },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *format = cases[i].format;
                bool flatten = cases[i].flatten;

                assert_int_equal(
                        client_format_choose(cases[i].destination, &format, &flatten, NULL), 0);
                if (cases[i].want)
                        assert_string_equal(format, cases[i].want);
                else
                        assert_null(format);
                assert_int_equal(flatten, cases[i].want_flatten);
        }
}

TEST(contradiction_says_what_would_be_right) {
        static const struct {
                const char *destination, *format;
                bool flatten;
                const char *sentence;
        } cases[] = {
                { "d.qcow2", "dir", false,
                  "\"d.qcow2\" is the name of a disk image, but --format dir makes a directory; leave out "
                  "--format, or write \"d.qcow2/\" for a directory of this name" },
                { "d.img", "dir", false, "write \"d.img/\"" },
                { "d.qcow2", "raw", false,
                  "\"d.qcow2\" is the name of a qcow2 image, but --format raw makes another one; leave out "
                  "--format, or use a name that ends in .raw or .img" },
                { "d.raw", "qcow2", false, "a name that ends in .qcow2 or .img" },
                { "d/", "raw", false,
                  "\"d/\" is the name of a directory, but --format raw makes a file; write it without "
                  "\"/\" at its end" },
                { "d.qcow2/", "qcow2", true, "but --flatten makes a file" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                const char *format = cases[i].format;
                bool flatten = cases[i].flatten;

                assert_int_equal(
                        client_format_choose(cases[i].destination, &format, &flatten, &error),
                        -EINVAL);
                assert_int_equal(error.kind, ERROR_INVALID_OPTION);
                assert_non_null(strstr(error.message, cases[i].sentence));
                assert_ptr_equal(format, cases[i].format);
        }
}
