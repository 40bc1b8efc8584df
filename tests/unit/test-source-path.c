/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "source-path.h"
#include "test-oci.h"

TEST(name_has_one_spelling) {
        static const struct {
                const char *text, *clean;
        } cases[] = {
                { "a", "a" },
                { "./a", "a" },
                { "a/", "a" },
                { "a//b", "a/b" },
                { "a/./b", "a/b" },
                { "a/../b", "b" },
                { "a/b/../c", "a/c" },
                { "././a/b/.", "a/b" },
                { "...", "..." },
                { "..a/b..", "..a/b.." },
                { "a b/\xff", "a b/\xff" },
                { "a/b/../../c", "c" },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                char clean[SOURCE_PATH_MAX + 1];

                assert_int_equal(source_path_clean(cases[i].text, clean), 0);
                assert_string_equal(clean, cases[i].clean);
        }
}

TEST(name_that_is_none_is_refused) {
        static const struct {
                const char *text;
                int r;
        } cases[] = {
                { "", -EINVAL },
                { ".", -EINVAL },
                { "a/..", -EINVAL },
                { "./", -EINVAL },
                { "/", -EXDEV },
                { "/a", -EXDEV },
                { "..", -EXDEV },
                { "../a", -EXDEV },
                { "a/../../a", -EXDEV },
                { "./../a", -EXDEV },
                { "a/b/../../../c", -EXDEV },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                char clean[SOURCE_PATH_MAX + 1] = "before";

                assert_int_equal(source_path_clean(cases[i].text, clean), cases[i].r);
                assert_string_equal(clean, "before");
        }
}

TEST(link_is_relative_to_its_directory) {
        static const struct {
                const char *from, *link, *target;
        } cases[] = {
                { "a/layer.tar", "../b/layer.tar", "b/layer.tar" },
                { "a/layer.tar", "../b.tar", "b.tar" },
                { "a", "b", "b" },
                { "a/b/c", "./d", "a/b/d" },
                { "a/b/c", "../../d", "d" },
        };
        char target[SOURCE_PATH_MAX + 1];

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                assert_int_equal(source_path_follow(cases[i].from, cases[i].link, target), 0);
                assert_string_equal(target, cases[i].target);
        }

        assert_int_equal(source_path_follow("a", "../b", target), -EXDEV);
        assert_int_equal(source_path_follow("a/b", "../../b", target), -EXDEV);
        assert_int_equal(source_path_follow("a/b", "/b", target), -EXDEV);
        assert_int_equal(source_path_follow("a/b", "", target), -EINVAL);
        assert_int_equal(source_path_follow("a/b", "..", target), -EINVAL);
}

TEST(names_have_a_ceiling) {
        char text[SOURCE_PATH_MAX + 2] = "", clean[SOURCE_PATH_MAX + 1];

        memset(text, 'a', SOURCE_PATH_MAX - 1);
        assert_int_equal(source_path_clean(text, clean), 0);
        assert_string_equal(clean, text);
        text[SOURCE_PATH_MAX - 1] = text[SOURCE_PATH_MAX] = 'a';
        assert_int_equal(source_path_clean(text, clean), -ENAMETOOLONG);
        assert_int_equal(source_path_follow("a/b", text, clean), -ENAMETOOLONG);
}
