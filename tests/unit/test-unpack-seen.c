/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>

#include "unpack-seen.h"

TEST(only_what_was_added_is_there) {
        static const char long_name[] = "a long name, of more than eight bytes";
        _cleanup_(unpack_seen_freep) UnpackSeen *seen = NULL;

        assert_int_equal(unpack_seen_new(UNPACK_SEEN_MAX, &seen, NULL), 0);
        assert_false(unpack_seen_has(seen, 1, "a"));
        assert_int_equal(unpack_seen_add(seen, 1, "a", NULL), 0);
        assert_int_equal(unpack_seen_add(seen, 1, "a", NULL), 0);
        assert_int_equal(unpack_seen_add(seen, 1, long_name, NULL), 0);
        assert_true(unpack_seen_has(seen, 1, "a"));
        assert_false(unpack_seen_has(seen, 2, "a"));
        assert_false(unpack_seen_has(seen, 1, "b"));
        assert_false(unpack_seen_has(seen, 1, ""));
        assert_true(unpack_seen_has(seen, 1, long_name));
        assert_false(unpack_seen_has(seen, 1, "a long name, of more than eight bytez"));
        unpack_seen_clear(seen);
        assert_false(unpack_seen_has(seen, 1, "a"));
}

TEST(millions_of_names_are_found) {
        _cleanup_(unpack_seen_freep) UnpackSeen *seen = NULL;
        const unsigned total = 3000000;
        char name[32];

        assert_int_equal(unpack_seen_new(UNPACK_SEEN_MAX, &seen, NULL), 0);
        for (unsigned i = 0; i < total; i++) {
                (void) snprintf(name, sizeof(name), "%u", i);
                assert_int_equal(unpack_seen_add(seen, i / 1000, name, NULL), 0);
        }

        for (unsigned i = 0; i < total; i += 37) {
                (void) snprintf(name, sizeof(name), "%u", i);
                assert_true(unpack_seen_has(seen, i / 1000, name));
                assert_false(unpack_seen_has(seen, i / 1000 + total, name));
        }

        unpack_seen_clear(seen);
        assert_false(unpack_seen_has(seen, 0, "0"));
}

TEST(one_name_more_than_the_ceiling_is_refused) {
        _cleanup_(unpack_seen_freep) UnpackSeen *seen = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(unpack_seen_new(2, &seen, NULL), 0);
        assert_int_equal(unpack_seen_add(seen, 1, "a", &error), 0);
        assert_int_equal(unpack_seen_add(seen, 1, "b", &error), 0);
        assert_int_equal(unpack_seen_add(seen, 1, "c", &error), -E2BIG);
        assert_int_equal(error.kind, ERROR_LIMIT_EXCEEDED);
        assert_string_equal(error_text(&error), "A layer changes more than 2 names");

        /* One that is there is not one more, and the next layer has all of them again. */
        assert_int_equal(unpack_seen_add(seen, 1, "a", NULL), 0);
        unpack_seen_clear(seen);
        assert_int_equal(unpack_seen_add(seen, 1, "c", NULL), 0);
}
