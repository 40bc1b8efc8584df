/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base-cleanup.h"
#include "client-path.h"

TEST(paths_start_at_the_root_and_have_no_empty_components) {
        static const struct {
                const char *path, *absolute;
        } paths[] = {
                { "rootfs", "/srv/x/rootfs" },
                { "./rootfs/", "/srv/x/rootfs" },
                { ".", "/srv/x" },
                { "..", "/srv/x/.." },
                { "a//b/./c", "/srv/x/a/b/c" },
                { "/", "/" },
                { "/var//lib/", "/var/lib" },
                { "/./.", "/" },
                { ".hidden/..x", "/srv/x/.hidden/..x" },
        };

        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
                _cleanup_(freep) char *absolute = NULL;

                assert_int_equal(
                        client_path_make_absolute("/srv/x", paths[i].path, &absolute, NULL), 0);
                assert_string_equal(absolute, paths[i].absolute);
        }
}
