/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-mounts.h"

#define ROOT "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"

static void check(const char *text, const char *path, int want, const char *want_names) {
        _cleanup_(freep) char *copy = strdup(text), *names = NULL;

        assert_non_null(copy);
        assert_int_equal(mounts_below(copy, path, &names), want);
        if (want_names)
                assert_string_equal(names, want_names);
        else
                assert_null(names);
}

TEST(what_is_below_is_named) {
        const char text[] = ROOT
                "30 21 0:40 / /srv/x/data rw - tmpfs t rw\n"
                "31 30 8:2 / /srv/x/data/db rw,nosuid master:1 - xfs /dev/sdb rw\n"
                "32 21 0:41 / /srv/xy rw - tmpfs t rw\n"
                "33 21 0:42 / /proc rw - proc proc rw\n";

        check(text, "/srv/x", 2, "/srv/x/data, /srv/x/data/db");
        check(text, "/srv/x/data", 1, "/srv/x/data/db");
        check(text, "/srv/x/other", 0, NULL);
        check(text, "/srv/x/dat", 0, NULL);
        check(text, "/srv/xy", 0, NULL);
        check(text, "/srv", 3, "/srv/x/data, /srv/x/data/db, /srv/xy");
        check("", "/srv", 0, NULL);
}

TEST(names_are_in_the_order_of_paths_whatever_their_ids) {
        const char text[] = ROOT
                "30 31 8:2 / /srv/x/data/db rw - xfs /dev/sdb rw\n"
                "31 21 0:40 / /srv/x/data rw - tmpfs t rw\n";

        check(text, "/srv/x", 2, "/srv/x/data, /srv/x/data/db");
}

TEST(blanks_in_names_are_blanks) {
        check(ROOT "30 21 0:40 / /srv/a\\040b/c\\134d rw - tmpfs t rw\n", "/srv/a b", 1,
              "/srv/a b/c\\d");
}

/* A mount belongs to a directory, not to a path: it goes with it. */
TEST(what_is_mounted_on_it_at_another_place_is_named) {
        const char text[] = ROOT
                "40 21 8:1 /srv /alias rw - ext4 /dev/sda1 rw\n"
                "41 40 0:50 / /alias/x/data rw - tmpfs t rw\n"
                "42 40 0:51 / /alias/y rw - tmpfs t rw\n";

        check(text, "/srv/x", 1, "/alias/x/data");
        check(text, "/srv/x/data", 1, "/alias/x/data");
        check(text, "/srv/y", 1, "/alias/y");
        check(text, "/alias/x", 1, "/alias/x/data");
        check(text, "/alias/y", 0, NULL);
        check(text, "/srv/z", 0, NULL);
}

TEST(what_is_mounted_on_the_directory_itself_does_not_count) {
        const char text[] = ROOT
                "40 21 8:1 /srv/x /srv/x rw - ext4 /dev/sda1 rw\n"
                "41 40 0:50 / /srv/x rw - tmpfs t rw\n"
                "42 41 0:51 / /srv/x/in rw - tmpfs t rw\n";

        check(text, "/srv/x", 1, "/srv/x/in");
}

TEST(many_are_counted) {
        char text[4096] = ROOT;

        for (int i = 0; i < 20; i++)
                (void) snprintf(
                        text + strlen(text), sizeof(text) - strlen(text),
                        "%d 21 0:%d / /d/%d rw - tmpfs t rw\n", 100 + i, 100 + i, i);
        check(text, "/d", 20, "/d/0, /d/1, /d/2, /d/3, /d/4, /d/5, /d/6, /d/7, and 12 more");
}

TEST(what_is_no_such_text_is_refused) {
        check("21 1 8:1 /\n", "/d", -EBADMSG, NULL);
        check("x 1 8:1 / / rw\n", "/d", -EBADMSG, NULL);
        check("21 1 8-1 / / rw\n", "/d", -EBADMSG, NULL);
}
