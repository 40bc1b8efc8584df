/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <string.h>

#include "builder-output.h"

static BuilderOutput read_lines(const char *const *lines) {
        BuilderOutput output = BUILDER_OUTPUT_NULL;

        for (; *lines; lines++)
                assert_null(builder_output_read(&output, *lines));
        return output;
}

#define READ(...) read_lines((const char *const[]){ __VA_ARGS__, NULL })

TEST(phases_rise_and_end_before_the_end) {
        static const char *const lines[] = {
                "[   0.1] Downloading: file:///srv/tiny.img.xz",
                "[   0.1] Planning how to build this image",
                "[   0.1] Uncompressing",
                "[   2.0] Resizing (using virt-resize) to expand the disk to 6.0G",
                "[   0.8] Opening the new disk",
                "[  59.8] Setting a random seed",
                "[  60.3] Deleting: /dev/*",
                "[  60.5] Editing: /etc/fstab",
                "[  61.5] Setting passwords",
                "[ 166.1] Finishing off",
        };
        BuilderOutput output = BUILDER_OUTPUT_NULL;
        uint32_t before = 0;

        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                assert_null(builder_output_read(&output, lines[i]));
                assert_true(output.permille > before);
                assert_true(output.permille_max > output.permille && output.permille_max <= 1000);
                before = output.permille;
        }
        assert_int_equal(output.rank, 0);
}

TEST(repeated_and_unknown_phases_change_nothing) {
        const BuilderOutput once = READ("[  60.5] Editing: /etc/fstab");
        const BuilderOutput more =
                READ("[  60.5] Editing: /etc/fstab", "[  61.0] Deleting: /x",
                     "[  62.0] Something new", "[  63.0] Downloading: again");

        assert_true(once.permille > 0);
        assert_int_equal(more.permille, once.permille);
}

TEST(summary_and_other_text_are_no_progress) {
        const BuilderOutput output =
                READ("                   Output size: 64.0M", "[", "[ 1.0", "[ 1.0]Deleting",
                     "Deleting: /dev/*");

        assert_int_equal(output.permille, 0);
}

TEST(warning_is_returned) {
        BuilderOutput output = BUILDER_OUTPUT_NULL;

        assert_string_equal(
                builder_output_read(&output, "virt-builder: warning: random seed could not be set"),
                "random seed could not be set");
        assert_int_equal(output.rank, 0);
}

TEST(error_line_is_the_reason_whatever_surrounds_it) {
        const BuilderOutput output =
                READ("something else", "virt-builder: error: libguestfs error: no kernel",
                     "virt-builder: error: exit", "If reporting bugs, run virt-builder with",
                     "  virt-builder -v -x [...]", "last line");

        assert_string_equal(output.reason, "libguestfs error: no kernel");
        assert_false(output.is_no_space || output.is_unknown_template);
}

TEST(what_curl_says_is_better_than_its_command_line) {
        const BuilderOutput output =
                READ("curl: (6) Could not resolve host: example",
                     "virt-builder: error: external command curl exited with error 6");

        assert_string_equal(output.reason, "curl: (6) Could not resolve host: example");
}

TEST(last_line_is_the_reason_without_a_better_one) {
        assert_string_equal(READ("one", "two", "  three").reason, "two");
        assert_string_equal(
                READ("guestfish: no operating system was found on this disk", "",
                     "If using guestfish -i, remove this option")
                        .reason,
                "no operating system was found on this disk");
        assert_int_equal(READ("").reason[0], '\0');
        assert_int_equal(
                READ("virt-builder: Setting random password of root to Xyz").reason[0], '\0');
}

TEST(known_failures_are_recognised) {
        assert_true(READ("virt-builder: error: cannot find os-version x with architecture x86_64")
                            .is_unknown_template);
        assert_true(READ("xzcat: disk.img: No space left on device").is_no_space);
}

TEST(long_reason_is_cut) {
        char line[4 * BUILDER_REASON_MAX] = "";

        memset(line, 'x', sizeof(line) - 1);
        assert_int_equal(strlen(READ(line).reason), BUILDER_REASON_MAX - 1);
}
