/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "client-image.h"

static ClientImageLayer layers[] = { { "sha256:aa", "application/x+gzip", 2048, true } };
static ClientImageLabel labels[] = { { "vendor", "böse" } };
static const char *variables[] = { "PATH=/bin" };

static const ClientImage full = {
        .name = "localhost:5000/library/alpine:latest",
        .digest = "sha256:00",
        .platform = "linux/arm64/v8",
        .author = "",
        .created = "2024-01-01T00:00:00Z",
        .size = 2048,
        .layers = layers,
        .n_layers = 1,
        .labels = labels,
        .n_labels = 1,
        .env = variables,
        .n_env = 1,
};

TEST(print_leaves_out_what_is_not_known) {
        char *text;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        assert_int_equal(client_image_print(&full, file, NULL), 0);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(
                text,
                "       Name: localhost:5000/library/alpine:latest\n"
                "     Digest: sha256:00\n"
                "   Platform: linux/arm64/v8\n"
                "    Created: 2024-01-01T00:00:00Z\n"
                "       Size: 2.0K\n"
                "     Labels: vendor=böse\n"
                "Environment: PATH=/bin\n"
                "\n"
                "LAYER     SIZE CACHED MEDIA TYPE\n"
                "sha256:aa 2.0K yes    application/x+gzip\n");
        free(text);
}
