/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "client-suggest.h"

static const char *const words[] = { "list", "show", "attach", "cancel", "inspect", "monitor" };

TEST(nearest_word_is_found) {
        static const struct {
                const char *word, *nearest;
        } cases[] = {
                { "list", "list" },
                { "liist", "list" },
                { "lst", "list" },
                { "llist", "list" },
                { "lisr", "list" },
                { "shoow", "show" },
                { "attahc", "attach" },
                { "cancxl", "cancel" },
                { "inpsetc", "inspect" },
                { "mointer", "monitor" },
                { "frob", NULL },
                { "lost!", NULL },
                { "x", NULL },
                { "", NULL },
                { "attachment", NULL },
                { "lxxt", NULL },
        };
        char endless[200];

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const char *found = client_suggest_word(cases[i].word, words, 6);

                if ((found == NULL) != (cases[i].nearest == NULL) ||
                    (found && strcmp(found, cases[i].nearest) != 0))
                        fail_msg("%s: %s", cases[i].word, found ? found : "nothing");
        }
        memset(endless, 'a', sizeof(endless) - 1);
        endless[sizeof(endless) - 1] = '\0';
        assert_null(client_suggest_word(endless, words, 6));
        assert_null(client_suggest_word("list", (const char *const[]){ endless }, 1));
}

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
