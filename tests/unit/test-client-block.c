/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "base-macro.h"
#include "base-text.h"
#include "client-block.h"

#define COLOUR_END   "\033[0m"
#define COLOUR(text) "\033[32m" text COLOUR_END
#define MIB          (UINT64_C(1) << 20)

static ClientLayer layers[] = {
        { (char *) "sha256:2b6a4d3560edff", true, LAYER_UNPACKED, 40 * MIB, 40 * MIB },
        { (char *) "sha256:e48ca511bdc3ff", false, LAYER_UNPACKING, 20 * MIB, 40 * MIB },
        { (char *) "sha256:5555a511bdc3ff", false, LAYER_DOWNLOADED, 10 * MIB, 10 * MIB },
        { (char *) "sha256:4ad8db1c5398ff", false, LAYER_DOWNLOADING, 30 * MIB, 90 * MIB },
        { (char *) "sha256:6666db1c5398ff", false, LAYER_WAITING, 0, 20 * MIB },
};

static const ClientDetails debian = {
        .platform = (char *) "linux/amd64",
        .layers = layers,
        .n_layers = N_ELEMENTS(layers),
        .speed = 10 * MIB,
};

static const ClientProgress progress = { "download", 120 * MIB, 200 * MIB, 0.4 };

static const ClientBlockJob job = { "docker://docker.io/library/debian:12", &progress, &debian };

static size_t visible_columns(const char *line) {
        return text_columns(line) - (strchr(line, '\033') ? strlen(COLOUR("")) : 0);
}

TEST(image_layers_in_work_and_total_are_shown) {
        ClientBlock block;

        client_block_format(&job, 88, 24, &block);
        assert_int_equal(block.n_lines, 4);
        assert_string_equal(
                block.lines[0],
                "docker://docker.io/library/debian:12  linux/amd64  5 layers, 200.0M (40.0M cached)");
        assert_string_equal(
                block.lines[1],
                "e48ca511bdc3   40.0M  unpacking   "
                "[" COLOUR("=====================>                     ") "] 20.0M");
        assert_string_equal(
                block.lines[2],
                "4ad8db1c5398   90.0M  downloading "
                "[" COLOUR("==============>                            ") "] 30.0M");
        assert_string_equal(block.lines[3], "Total  60%  120.0M of 200.0M   10.0M/s   0:08 left");
}

TEST(end_of_a_long_source_stays) {
        const ClientBlockJob long_job = {
                "docker://registry.example.org:5000/a/very/deep/path/of/names/debian:12", &progress,
                &debian
        };
        ClientBlock block;

        client_block_format(&long_job, 80, 24, &block);
        assert_string_equal(
                block.lines[0],
                "…ery/deep/path/of/names/debian:12  linux/amd64  5 layers, 200.0M (40.0M cached)");
}

TEST(what_is_not_known_of_the_image_is_not_shown) {
        ClientLayer one = { (char *) "sha256:aa", false, LAYER_WAITING, 0, 2 * MIB };
        const ClientDetails details = { .layers = &one, .n_layers = 1 };
        const ClientBlockJob small = { "docker://alpine", &progress, &details };
        ClientBlock block;

        client_block_format(&small, 80, 24, &block);
        assert_int_equal(block.n_lines, 2);
        assert_string_equal(block.lines[0], "docker://alpine  1 layer, 2.0M");
}

TEST(there_is_one_line_without_room_or_layers) {
        const ClientBlockJob bare = { "docker://alpine", &progress, &DETAILS_NULL };
        ClientBlock block;

        client_block_format(&job, BLOCK_COLUMNS_MIN - 1, 24, &block);
        assert_int_equal(block.n_lines, 1);
        assert_memory_equal(block.lines[0], " 60% ", 5);
        client_block_format(&job, 80, BLOCK_ROWS_MIN - 1, &block);
        assert_int_equal(block.n_lines, 1);
        client_block_format(&bare, 80, 24, &block);
        assert_int_equal(block.n_lines, 1);
}

TEST(block_never_fills_the_terminal) {
        ClientLayer many[64];
        const ClientDetails details = { .platform = (char *) "linux/\xff\033[31m",
                                        .layers = many,
                                        .n_layers = N_ELEMENTS(many),
                                        .speed = 1 };
        const ClientBlockJob large = { job.source, &progress, &details };

        for (size_t i = 0; i < N_ELEMENTS(many); i++)
                many[i] = (ClientLayer){ (char *) "no digest €", true, LAYER_UNPACKING, UINT64_MAX,
                                         1 };

        for (size_t rows = 0; rows < 60; rows++)
                for (size_t columns = 0; columns < 300; columns += 7) {
                        const size_t room = columns > 0 ? columns - 1 : 0;
                        ClientBlock block;

                        client_block_format(&large, columns, rows, &block);
                        assert_true(block.n_lines == 1 || block.n_lines + 2 <= rows);
                        for (size_t i = 0; i < block.n_lines; i++) {
                                assert_true(visible_columns(block.lines[i]) <= room);
                                assert_true(text_is_utf8(block.lines[i]));
                        }
                }
}
