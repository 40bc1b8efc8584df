/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "client-suggest.h"

TEST(file_is_no_image) {
        static const char *const files[] = {
                "./debian", "/srv/x", "~/x", "../x",       "rootfs.tar", "a/b.tar.xz", "disk.qcow2",
                "x y",      "a/B",    "",    "oci:debian", "file:///x",  "dir:x",
        };

        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                char *hint = client_suggest_source(files[i]);

                if (hint)
                        fail_msg("%s: %s", files[i], hint);
        }
}

TEST(image_is_told_as_its_uri) {
        static const struct {
                const char *text, *end;
        } cases[] = {
                { "debian", "docker://docker.io/library/debian:latest" },
                { "user/name:tag", "docker://docker.io/user/name:tag" },
                { "localhost:5000/x", "docker://localhost:5000/x:latest" },
                { "oci://quay.io/x/y", "docker://quay.io/x/y:latest" },
                { "dokker://x", "did you mean docker://x?" },
                { "docker:x", "did you mean docker://x?" },
                { "docekr:x", "did you mean docker://x?" },
                { "virt-bulider://fedora-40", "did you mean virt-builder://fedora-40?" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                char *hint = client_suggest_source(cases[i].text);

                assert_non_null(hint);
                if (strlen(hint) < strlen(cases[i].end) ||
                    strcmp(hint + strlen(hint) - strlen(cases[i].end), cases[i].end) != 0)
                        fail_msg("%s: %s", cases[i].text, hint);
                free(hint);
        }
}
