/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <math.h>
#include <string.h>

#include "base-macro.h"
#include "base-text.h"
#include "client-progress.h"

#define COLOUR_END   "\033[0m"
#define COLOUR(text) "\033[32m" text COLOUR_END

/* Without the two sequences of the bar's colour. */
static size_t visible_columns(const char *line) {
        return text_columns(line) - (strchr(line, '\033') ? strlen(COLOUR("")) : 0);
}

static const ClientProgress quarter = { "download", 12 << 20, 48 << 20, 0.25 };

TEST(plain_line_tells_bytes_where_they_are_known) {
        const ClientProgress resolving = { "resolve", 0, 0, 0 },
                             reading = { "resolve", 5 << 20, 0, 0 };
        const ClientProgress rounding = { "unpack", 0, 0, 0.29 }; /* 0.29 * 100 < 29 */
        char line[PROGRESS_LINE_MAX];

        assert_string_equal(
                client_progress_format_plain(&quarter, line), "Downloading: 12.0M of 48.0M (25%)");
        assert_string_equal(client_progress_format_plain(&resolving, line), "Resolving");
        assert_string_equal(client_progress_format_plain(&reading, line), "Resolving: 5.0M");
        assert_string_equal(client_progress_format_plain(&rounding, line), "Unpacking (29%)");
}

TEST(percentage_is_of_the_bytes_beside_it) {
        /* The fraction of the job is what an older client showed there. */
        const ClientProgress progress = { "download", 1129 << 10, 2941 << 10, 0.25 };
        const ClientProgress almost = { "download", UINT64_C(299999999), UINT64_C(300000000), 0.5 };
        char line[PROGRESS_LINE_MAX];
        unsigned percent = 0;

        assert_string_equal(
                client_progress_format_plain(&progress, line), "Downloading: 1.1M of 2.8M (38%)");
        assert_true(client_progress_percent(&almost, &percent));
        assert_int_equal(percent, 99);
        assert_false(client_progress_percent(&(ClientProgress){ "resolve", 0, 0, 0 }, &percent));
        assert_false(client_progress_percent(&(ClientProgress){ "resolve", 9, 0, NAN }, &percent));
}

TEST(time_left_is_of_the_bytes_left_at_the_speed) {
        const ClientProgress almost = { "download", 0, UINT64_MAX, 0 };
        uint64_t seconds = 0;

        assert_true(client_progress_left(&quarter, 12 << 20, &seconds));
        assert_int_equal(seconds, 3);
        assert_true(client_progress_left(&quarter, (36 << 20) - 1, &seconds));
        assert_int_equal(seconds, 2);

        assert_false(client_progress_left(&quarter, 0, &seconds));
        assert_false(client_progress_left(&almost, 1, &seconds));
        assert_false(client_progress_left(&(ClientProgress){ "unpack", 1, 2, 0 }, 1, &seconds));
        assert_false(client_progress_left(&(ClientProgress){ "download", 2, 2, 0 }, 1, &seconds));
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
        const ClientProgress none = { 0 }, start = { "download", 21, 100, 0.1 };

        assert_true(client_progress_is_due(&none, &start));
        assert_false(client_progress_is_due(&start, &start));
        assert_false(client_progress_is_due(&start, &(ClientProgress){ "download", 29, 100, 0.2 }));
        assert_true(client_progress_is_due(&start, &(ClientProgress){ "download", 30, 100, 0.1 }));
        assert_true(client_progress_is_due(&start, &(ClientProgress){ "unpack", 21, 100, 0.1 }));
}

TEST(bar_shows_everything_when_there_is_room) {
        char line[PROGRESS_LINE_MAX];

        assert_string_equal(
                client_progress_format_bar(&quarter, 12 << 20, 80, line),
                " 25% Downloading    [" COLOUR(
                        "====>              ") "]  12.0M of 48.0M   12.0M/s   0:03 left");
}

TEST(parts_without_room_are_left_out_but_the_percentage_comes_first) {
        static const struct {
                size_t columns;
                const char *line;
        } lines[] = {
                { 61, " 25% Downloading  12.0M of 48.0M   12.0M/s   0:03 left" },
                { 50, " 25% Downloading  12.0M of 48.0M   0:03 left" },
                { 40, " 25% Downloading  12.0M of 48.0M" },
                { 30, " 25% Downloading   0:03 left" },
                { 20, " 25% Downloading" },
                { 10, " 25%" },
                { 3, " 2" },
                { 1, "" },
                { 0, "" },
        };

        for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
                char line[PROGRESS_LINE_MAX];

                client_progress_format_bar(&quarter, 12 << 20, lines[i].columns, line);
                assert_string_equal(line, lines[i].line);
        }
}

TEST(speed_and_time_are_shown_only_when_they_are_known) {
        char line[PROGRESS_LINE_MAX];

        assert_string_equal(
                client_progress_format_total(&quarter, 0, 80, line), "Total  25%  12.0M of 48.0M");
        assert_string_equal(
                client_progress_format_total(&quarter, 12 << 20, 80, line),
                "Total  25%  12.0M of 48.0M   12.0M/s   0:03 left");
}

TEST(unpacking_that_lags_behind_is_said_and_not_mixed_in) {
        const ClientProgress unpacking = { "unpack", 24 << 20, 48 << 20, 0.75 };
        char line[PROGRESS_LINE_MAX];

        assert_string_equal(
                client_progress_format_total(&unpacking, 12 << 20, 80, line),
                "Unpacking  50%  24.0M of 48.0M");
}

TEST(bar_is_full_only_at_the_end) {
        const ClientProgress almost = { "unpack", 99999, 100000, 0.9 }, all = { "done", 0, 0, 1 };
        char line[PROGRESS_LINE_MAX];

        client_progress_format_bar(&almost, 0, 80, line);
        assert_non_null(strstr(line, " 99% Unpacking"));
        assert_non_null(strstr(line, "=>" COLOUR_END "]"));
        client_progress_format_bar(&all, 0, 80, line);
        assert_non_null(strstr(line, "100% Done"));
        assert_non_null(strstr(line, "==" COLOUR_END "]"));
}

TEST(line_never_reaches_the_last_column) {
        static const char *const names[] = {
                "download",
                "böse phase €",
                "a phase with a name longer than most terminals are",
        };

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                for (size_t columns = 0; columns < 300; columns++) {
                        const ClientProgress progress = { names[i], UINT64_MAX / 2, UINT64_MAX,
                                                          0.5 };
                        const size_t room = columns > 0 ? columns - 1 : 0;
                        char line[PROGRESS_LINE_MAX];

                        client_progress_format_bar(&progress, UINT64_MAX / 99, columns, line);
                        assert_true(visible_columns(line) <= room);
                        assert_true(text_is_utf8(line));
                        client_progress_format_total(&progress, UINT64_MAX / 99, columns, line);
                        assert_true(text_columns(line) <= room);
                }
}
