/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-image.h"

#define INDEX    "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define MANIFEST "sha256:1111111111111111111111111111111111111111111111111111111111111111"

static ClientImageLayer layers[] = { { "sha256:abcdefabcdefabcdef", "application/x+gzip", 2048,
                                       true } };
static ClientImageLabel labels[] = { { "vendor", "böse" } };
static char *const variables[] = { (char *) "PATH=/bin", NULL };

static const ClientImage full = {
        .name = "localhost:5000/library/alpine:latest",
        .digest = INDEX,
        .manifest_digest = INDEX,
        .platform = "linux/arm64/v8",
        .author = "",
        .created = "2024-01-01T00:00:00Z",
        .size = 2048,
        .layers = layers,
        .n_layers = 1,
        .labels = labels,
        .n_labels = 1,
        .config.env = (char **) variables,
};

static char *print(const ClientImage *image, size_t columns) {
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_int_equal(client_image_print(image, columns, file, NULL), 0);
        assert_int_equal(fclose(file), 0);
        return text;
}

TEST(print_leaves_out_what_is_not_known_or_already_told) {
        _cleanup_(freep) char *text = print(&full, SIZE_MAX);

        assert_string_equal(
                text,
                "  Name: localhost:5000/library/alpine:latest\n"
                "Digest: " INDEX
                "\n"
                "\n"
                "   Platform: linux/arm64/v8\n"
                "    Created: 2024-01-01T00:00:00Z\n"
                "       Size: 2.0K\n"
                "     Labels: vendor=böse\n"
                "Environment: PATH=/bin\n"
                "\n"
                "LAYER        SIZE CACHED MEDIA TYPE\n"
                "abcdefabcdef 2.0K yes    application/x+gzip\n");
}

TEST(manifest_that_an_index_names_is_printed_and_fits) {
        _cleanup_(freep) char *text = NULL;
        ClientImage image = full;

        image.manifest_digest = MANIFEST;
        text = print(&image, SIZE_MAX);
        assert_non_null(strstr(text, "Digest: " INDEX "\n Image: " MANIFEST "\n"));
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;)
                assert_true(strlen(line) <= 80);
}

TEST(long_texts_go_on_in_the_next_line) {
        static char *const path[] = {
                (char *) "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", NULL
        };
        _cleanup_(freep) char *text = NULL;
        ClientImage image = full;

        image.config.env = (char **) path;
        text = print(&image, 40);
        assert_non_null(
                strstr(text,
                       "Environment: PATH=/usr/local/sbin:/usr/l\n"
                       "             ocal/bin:/usr/sbin:/usr/bin\n"));
}
