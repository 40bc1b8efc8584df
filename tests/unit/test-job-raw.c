/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "job-raw.h"

#define DISK (UINT64_C(5) << 30)

static void assert_refused(const uint8_t *head, size_t size, uint64_t file_size, const char *why) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(job_raw_check(head, size, file_size, DISK, &error), -EBADMSG);
        assert_int_equal(error.kind, ERROR_WORKER_FAILED);
        if (!strstr(error_text(&error), why))
                fail_msg("%s, not: %s", error_text(&error), why);
}

TEST(zeros_of_the_right_size_are_taken) {
        static const uint8_t head[JOB_RAW_HEAD_BYTES];

        assert_int_equal(job_raw_check(head, sizeof(head), DISK, DISK, NULL), 0);
}

TEST(mark_of_another_format_is_refused_wherever_it_is) {
        static const struct {
                size_t offset;
                const char *mark;
        } cases[] = {
                { 0, "QFI\xfb" },           { 0, "KDMV" },
                { 0, "# Disk Descriptor" }, { 0, "vhdxfile" },
                { 64, "\x7f\x10\xda\xbe" }, { 510, "\x55\xaa" },
                { 512, "EFI PART" },        { JOB_RAW_HEAD_BYTES - 1, "x" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                uint8_t head[JOB_RAW_HEAD_BYTES] = { 0 };

                memcpy(head + cases[i].offset, cases[i].mark, strlen(cases[i].mark));
                assert_refused(head, sizeof(head), DISK, "starts with something other than zeros");
        }
}

TEST(wrong_size_is_refused) {
        static const uint8_t head[JOB_RAW_HEAD_BYTES];

        assert_refused(head, sizeof(head), DISK - 1, "its disk has the wrong size");
        assert_refused(head, sizeof(head), DISK + 1, "its disk has the wrong size");
        assert_refused(head, sizeof(head) - 1, DISK, "ends before its file system");
        assert_refused(head, 0, 0, "ends before its file system");
}
