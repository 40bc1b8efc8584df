/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base-cleanup.h"
#include "client-path.h"

static void paths_start_at_the_root_and_have_no_empty_components(void **state) {
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

                assert_int_equal(path_make_absolute("/srv/x", paths[i].path, &absolute, NULL), 0);
                assert_string_equal(absolute, paths[i].absolute);
        }
}

static void only_the_path_of_a_source_is_changed(void **state) {
        static const struct {
                const char *source, *absolute;
        } sources[] = {
                { "docker://alpine", "docker://alpine" },
                { "docker://localhost:5000/a/./b", "docker://localhost:5000/a/./b" },
                { "file:///a/rootfs.tar", "file:///a/rootfs.tar" },
                { "virt-builder://fedora-40", "virt-builder://fedora-40" },
                { "unknown:thing", "unknown:thing" },
                { "rootfs.tar.xz", "/srv/x/rootfs.tar.xz" },
                { "/a/rootfs.tar", "/a/rootfs.tar" },
                { "./odd:name.tar", "/srv/x/odd:name.tar" },
                { "oci:layout:latest", "oci:/srv/x/layout:latest" },
                { "oci:/a/layout", "oci:/a/layout" },
                { "oci-archive:a.tar", "oci-archive:/srv/x/a.tar" },
                { "docker-archive:a.tar:b:c", "docker-archive:/srv/x/a.tar:b:c" },
                { "dir:copy", "dir:/srv/x/copy" },
        };

        for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
                _cleanup_(freep) char *absolute = NULL;

                assert_int_equal(
                        source_make_absolute("/srv/x", sources[i].source, &absolute, NULL), 0);
                assert_string_equal(absolute, sources[i].absolute);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(paths_start_at_the_root_and_have_no_empty_components),
                CASE(only_the_path_of_a_source_is_changed),
        };

        return cmocka_run_group_tests_name("client-path", tests, NULL, NULL);
}
