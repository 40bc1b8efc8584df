/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-error.h"

TEST(context_is_put_in_front_on_the_way_up) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(
                error_set(&error, EBADMSG, ERROR_DIGEST_MISMATCH, "Not %s", "sha256:00"), -EBADMSG);
        assert_int_equal(error_prefix(&error, "layer %d of %d", 1, 3), -EBADMSG);
        assert_string_equal(error_text(&error), "layer 1 of 3: Not sha256:00");
        assert_int_equal(error.kind, ERROR_DIGEST_MISMATCH);
}

TEST(hint_follows_the_message) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        error_set(&error, ENOENT, ERROR_NOT_FOUND, "gone");
        error_add_hint(&error, "look %s\n", "elsewhere");
        assert_string_equal(error_text(&error), "gone; look elsewhere ");
        assert_int_equal(error.code, ENOENT);
        assert_int_equal(error.kind, ERROR_NOT_FOUND);
        error_add_hint(NULL, "nobody reads this");
}

TEST(errno_decides_the_kind) {
        static const struct {
                int code;
                ErrorKind kind;
        } cases[] = {
                { ENOSPC, ERROR_NO_SPACE },      { EDQUOT, ERROR_NO_SPACE },
                { EACCES, ERROR_ACCESS_DENIED }, { EPERM, ERROR_ACCESS_DENIED },
                { EROFS, ERROR_ACCESS_DENIED },  { EIO, ERROR_FAILED },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;

                error_set_errno(&error, cases[i].code, "Cannot write %s", "x");
                assert_int_equal(error.kind, cases[i].kind);
                assert_non_null(strstr(error_text(&error), strerror(cases[i].code)));
        }
}

TEST(nobody_listening_is_no_crash) {
        Error from = ERROR_NULL;

        assert_int_equal(error_set(NULL, EIO, ERROR_FAILED, "x"), -EIO);
        assert_int_equal(error_prefix(NULL, "x"), -EIO);
        error_set(&from, EIO, ERROR_FAILED, "x");
        error_move(NULL, &from);
        assert_null(from.message);
}

TEST(every_kind_has_a_bus_name_of_its_own) {
        for (ErrorKind a = 0; a < _ERROR_KIND_MAX; a++) {
                assert_memory_equal(
                        error_kind_to_bus_name(a), "org.virtbootstrap1.Error.",
                        strlen("org.virtbootstrap1.Error."));
                for (ErrorKind b = 0; b < a; b++)
                        assert_string_not_equal(
                                error_kind_to_bus_name(a), error_kind_to_bus_name(b));
        }
        assert_string_equal(
                error_kind_to_bus_name(ERROR_NO_SPACE), "org.virtbootstrap1.Error.NoSpace");
}

TEST(copy_and_move_hand_over_the_whole_error) {
        _cleanup_(error_clear) Error a = ERROR_NULL, b = ERROR_NULL, c = ERROR_NULL;

        error_set(&a, ENOENT, ERROR_NOT_FOUND, "gone");
        assert_int_equal(error_copy(&b, &a), -ENOENT);
        error_move(&c, &a);
        assert_int_equal(a.code, 0);
        assert_string_equal(error_text(&b), "gone");
        assert_string_equal(error_text(&c), "gone");
        assert_int_equal(c.kind, ERROR_NOT_FOUND);
}

TEST(what_others_named_is_printable) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        error_set(&error, ENOENT, ERROR_NOT_FOUND, "%s is not there", "caf\xe9\n\033[1m");
        assert_string_equal(error_text(&error), "caf? ?[1m is not there");
        error_prefix(&error, "%s", "/tmp/\xff");
        assert_string_equal(error_text(&error), "/tmp/?: caf? ?[1m is not there");
}
