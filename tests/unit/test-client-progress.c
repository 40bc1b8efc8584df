/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <math.h>
#include <string.h>

#include "base-text.h"
#include "client-progress.h"

static const ClientProgress quarter = { "download", 12 << 20, 48 << 20, 0.25 };

TEST(plain_line_tells_bytes_where_they_are_known) {
        const ClientProgress resolving = { "resolve", 0, 0, 0 };
        const ClientProgress rounding = { "unpack", 0, 0, 0.29 }; /* 0.29 * 100 < 29 */
        char line[PROGRESS_LINE_MAX];

        assert_string_equal(
                client_progress_format_plain(&quarter, line), "Downloading: 12.0M of 48.0M (25%)");
        assert_string_equal(client_progress_format_plain(&resolving, line), "Resolving (0%)");
        assert_string_equal(client_progress_format_plain(&rounding, line), "Unpacking (29%)");
}

TEST(status_line_has_two_decimals) {
        static const struct {
                double fraction;
                const char *line;
        } lines[] = {
                { 0, "Status: Unpacking, Progress: 0.00%" },
                { 0.29, "Status: Unpacking, Progress: 29.00%" },
                { 0.123456, "Status: Unpacking, Progress: 12.34%" },
                { 0.99999, "Status: Unpacking, Progress: 99.99%" },
                { 1, "Status: Unpacking, Progress: 100.00%" },
                { 7, "Status: Unpacking, Progress: 100.00%" },
                { -1, "Status: Unpacking, Progress: 0.00%" },
                { NAN, "Status: Unpacking, Progress: 0.00%" },
        };

        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                const ClientProgress progress = { "unpack", 0, 0, lines[i].fraction };
                char line[PROGRESS_LINE_MAX];

                assert_string_equal(client_progress_format_status(&progress, line), lines[i].line);
        }
}

TEST(phase_that_is_not_known_keeps_its_name) {
        assert_string_equal(client_progress_phase_text("finish"), "Finishing");
        assert_string_equal(client_progress_phase_text("levitate"), "levitate");
}

TEST(line_is_due_for_each_phase_and_each_tenth) {
        const ClientProgress none = { 0 }, start = { "download", 0, 0, 0.21 };

        assert_true(client_progress_is_due(&none, &start));
        assert_false(client_progress_is_due(&start, &start));
        assert_false(client_progress_is_due(&start, &(ClientProgress){ "download", 1, 2, 0.29 }));
        assert_true(client_progress_is_due(&start, &(ClientProgress){ "download", 1, 2, 0.30 }));
        assert_true(client_progress_is_due(&start, &(ClientProgress){ "unpack", 0, 0, 0.21 }));
}

TEST(bar_shows_everything_when_there_is_room) {
        char line[PROGRESS_LINE_MAX];

        assert_string_equal(
                client_progress_format_bar(&quarter, 64, false, line),
                "Downloading    [=====>               ]  25% 12.0M of 48.0M");
}

TEST(bar_is_full_only_at_the_end) {
        const ClientProgress almost = { "unpack", 99, 100, 0.9999 }, all = { "done", 0, 0, 1 };
        char line[PROGRESS_LINE_MAX];

        client_progress_format_bar(&almost, 80, false, line);
        assert_non_null(strstr(line, "=>]  99%"));
        client_progress_format_bar(&all, 80, false, line);
        assert_non_null(strstr(line, "==] 100%"));
}

TEST(bar_is_coloured_only_on_demand) {
        char line[PROGRESS_LINE_MAX];

        client_progress_format_bar(&quarter, 80, false, line);
        assert_null(strchr(line, '\033'));
        client_progress_format_bar(&quarter, 80, true, line);
        assert_non_null(strstr(line, "[\033[32m="));
        assert_non_null(strstr(line, "\033[0m]"));
}

TEST(bar_never_reaches_the_last_column) {
        static const char *const names[] = {
                "download",
                "böse phase €",
                "a phase with a name longer than most terminals are",
        };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                for (size_t columns = 0; columns < 300; columns++) {
                        const ClientProgress progress = { names[i], UINT64_MAX / 2, UINT64_MAX,
                                                          0.5 };
                        char line[PROGRESS_LINE_MAX];

                        client_progress_format_bar(&progress, columns, false, line);
                        assert_true(text_columns(line) <= (columns > 0 ? columns - 1 : 0));
                        assert_true(text_is_utf8(line));
                }
}
