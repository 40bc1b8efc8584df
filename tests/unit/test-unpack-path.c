/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "unpack-path.h"

static const Limits limits = LIMITS_DEFAULT;

TEST(paths_are_cleaned_before_anything_is_looked_up) {
        static const struct {
                const char *from, *to;
                size_t n_components;
        } cases[] = {
                { "a", "a", 1 },         { "a/b/c", "a/b/c", 3 },
                { "/a", "a", 1 },        { "./a", "a", 1 },
                { "a/", "a", 1 },        { "//a//b//", "a/b", 2 },
                { "../a", "a", 1 },      { "a/../b", "b", 1 },
                { "a/../../b", "b", 1 }, { "a/b/../../../c", "c", 1 },
                { "a/./b/.", "a/b", 2 }, { "", "", 0 },
                { ".", "", 0 },          { "/", "", 0 },
                { "..", "", 0 },         { "a/..", "", 0 },
                { "...", "...", 1 },     { "..a", "..a", 1 },
                { "a/b/..", "a", 1 },    { ".../..", "", 0 },
                { "a\n", "a\n", 1 },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                UnpackPath path;

                assert_int_equal(
                        unpack_path_init(
                                &path, cases[i].from, strlen(cases[i].from), &limits, NULL),
                        0);
                assert_string_equal(path.text, cases[i].to);
                assert_int_equal(path.size, strlen(cases[i].to));
                assert_int_equal(path.n_components, cases[i].n_components);
        }
}

TEST(last_component_is_the_name) {
        UnpackPath path;

        assert_int_equal(unpack_path_init(&path, "a/b/c/", 6, &limits, NULL), 0);
        assert_string_equal(unpack_path_name(&path), "c");
        assert_int_equal(unpack_path_init(&path, "a", 1, &limits, NULL), 0);
        assert_string_equal(unpack_path_name(&path), "a");
        assert_int_equal(unpack_path_init(&path, "/", 1, &limits, NULL), 0);
        assert_string_equal(unpack_path_name(&path), "");
}

TEST(nul_in_a_path_is_refused) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        UnpackPath path;

        assert_int_equal(unpack_path_init(&path, "a\0b", 3, &limits, &error), -EINVAL);
        assert_int_equal(error.kind, ERROR_UNSAFE_ARCHIVE);
}

TEST(whiteouts_are_told_by_their_name) {
        static const struct {
                const char *path;
                UnpackWhiteout kind;
                const char *name;
        } cases[] = {
                { "a", WHITEOUT_NONE, NULL },
                { "a/.wh.b", WHITEOUT_NAME, "b" },
                { ".wh.b", WHITEOUT_NAME, "b" },
                { ".wh.b.wh.c", WHITEOUT_NAME, "b.wh.c" },
                { ".wh..b", WHITEOUT_NAME, ".b" },
                { ".wh....", WHITEOUT_NAME, "..." },
                { "a/.wh..wh.b", WHITEOUT_NAME, ".wh.b" },
                { ".wh.b/c", WHITEOUT_NONE, NULL },
                { "a.wh.b", WHITEOUT_NONE, NULL },
                { ".wh", WHITEOUT_NONE, NULL },
                { ".Wh.b", WHITEOUT_NONE, NULL },
                { ".wh..wh..opq", WHITEOUT_OPAQUE, NULL },
                { "a/.wh..wh..opq", WHITEOUT_OPAQUE, NULL },
                { "a/.wh..wh..opqx", WHITEOUT_NAME, ".wh..opqx" },
                { ".wh..wh.plnk", WHITEOUT_SKIP, NULL },
                { ".wh..wh.plnk/1.2", WHITEOUT_SKIP, NULL },
                { ".wh..wh.aufs", WHITEOUT_SKIP, NULL },
                { ".wh..wh..opqx", WHITEOUT_SKIP, NULL },
                { ".wh..wh.", WHITEOUT_SKIP, NULL },
                { ".wh.", WHITEOUT_INVALID, NULL },
                { "a/.wh..", WHITEOUT_INVALID, NULL },
                { "a/.wh...", WHITEOUT_INVALID, NULL },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *name = NULL;
                UnpackPath path;

                assert_int_equal(
                        unpack_path_init(
                                &path, cases[i].path, strlen(cases[i].path), &limits, NULL),
                        0);
                assert_int_equal(unpack_whiteout_parse(&path, &name), cases[i].kind);
                if (cases[i].name)
                        assert_string_equal(name, cases[i].name);
                else
                        assert_null(name);
        }
}
