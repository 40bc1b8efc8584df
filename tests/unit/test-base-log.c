/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <syslog.h>

#include "base-log.h"

typedef struct Fixture {
        Scratch scratch;
        int stderr_fd; /* what standard error was */
} Fixture;

/* Standard error is a file of the test's. */
static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        int fd;

        scratch_init(&f->scratch);
        f->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        fd = open(scratch_at(&f->scratch, "log"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
        close(fd);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        dup2(f->stderr_fd, STDERR_FILENO);
        close(f->stderr_fd);
        unsetenv("JOURNAL_STREAM");
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static void check_log(Fixture *f, const char *want) {
        char *content = scratch_read(&f->scratch, "log");

        assert_string_equal(content, want);
        free(content);
}

TEST(levels_have_names_and_numbers) {
        assert_int_equal(log_level_from_string("err"), LOG_ERR);
        assert_int_equal(log_level_from_string("warning"), LOG_WARNING);
        assert_int_equal(log_level_from_string("info"), LOG_INFO);
        assert_int_equal(log_level_from_string("debug"), LOG_DEBUG);
        assert_int_equal(log_level_from_string("0"), LOG_EMERG);
        assert_int_equal(log_level_from_string("7"), LOG_DEBUG);
        assert_int_equal(log_level_from_string("8"), -EINVAL);
        assert_int_equal(log_level_from_string("77"), -EINVAL);
        assert_int_equal(log_level_from_string("-1"), -EINVAL);
        assert_int_equal(log_level_from_string(""), -EINVAL);
        assert_int_equal(log_level_from_string("Err"), -EINVAL);
        assert_int_equal(log_level_from_string("errors"), -EINVAL);
}

#define LOG_TEST(name) TEST_WITH(name, set_up, tear_down)

LOG_TEST(what_is_less_important_than_the_level_is_not_shown) {
        Fixture *f = *state;
        Log log;

        log_init(&log, LOG_WARNING);
        log_print(&log, LOG_INFO, "no");
        log_print(&log, LOG_WARNING, "yes %d", 1);
        log_print(&log, LOG_ERR, "and this");
        log_print(NULL, LOG_ERR, "no");
        check_log(f, "virt-bootstrapd: yes 1\nvirt-bootstrapd: and this\n");
}

LOG_TEST(journal_gets_the_priority) {
        Fixture *f = *state;
        char stream[64];
        struct stat st;
        Log log;

        assert_int_equal(fstat(STDERR_FILENO, &st), 0);
        (void) snprintf(
                stream, sizeof(stream), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
        log_init(&log, LOG_DEBUG);
        log_print(&log, LOG_NOTICE, "text");
        check_log(f, "<5>text\n");
}

/* Of a parent whose standard error was the journal. */
LOG_TEST(stream_of_something_else_is_no_journal) {
        static const char *const streams[] = { "1:2", "", "x", "1:" };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
                Log log;

                assert_int_equal(setenv("JOURNAL_STREAM", streams[i], 1), 0);
                log_init(&log, LOG_DEBUG);
                assert_false(log.has_priorities);
        }
        check_log(f, "");
}
