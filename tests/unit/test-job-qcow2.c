/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "job-qcow2.h"
#include "test-job-qcow2.h"

#define DISK (UINT64_C(5) << 30)

typedef struct Fixture {
        uint8_t head[QCOW2_SIZE];
        JobQcow2 want;
        Error error;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->want = (JobQcow2){ .size = DISK, .backing = "layer-0.qcow2" };
        put_qcow2(f->head, DISK, f->want.backing);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        error_clear(&f->error);
        free(f);
        return 0;
}

static void assert_refused(Fixture *f, size_t size, const char *why) {
        error_clear(&f->error);
        assert_int_equal(job_qcow2_check(f->head, size, &f->want, &f->error), -EBADMSG);
        assert_int_equal(f->error.kind, ERROR_WORKER_FAILED);
        if (!strstr(error_text(&f->error), why))
                fail_msg("%s, not: %s", error_text(&f->error), why);
}

#define QCOW2_TEST(name) TEST_WITH(name, set_up, tear_down)

QCOW2_TEST(image_as_qemu_writes_it_is_taken) {
        Fixture *f = *state;

        assert_int_equal(job_qcow2_check(f->head, QCOW2_SIZE, &f->want, NULL), 0);
        put_qcow2(f->head, DISK, "");
        f->want.backing = "";
        assert_int_equal(job_qcow2_check(f->head, QCOW2_SIZE, &f->want, NULL), 0);
}

/* One byte of the header that has another value than it should. */
QCOW2_TEST(each_field_is_looked_at) {
        static const struct {
                size_t offset;
                uint8_t value;
                const char *why;
        } cases[] = {
                { 0, 'X', "not a qcow2 image" },
                { 7, 2, "not a qcow2 image of version 3" },
                { 13, 0xff, "names the wrong backing file" },
                { 18, 1, "names the wrong backing file" },
                { 19, 12, "names the wrong backing file" },
                { 23, 8, "clusters" },
                { 23, 22, "clusters" },
                { 28, 0x7f, "the wrong size" },
                { 35, 1, "encrypted" },
                { 63, 1, "snapshots" },
                { 72, 0x80, "a feature that was not requested" },
                { 79, 1 << 0, "a feature that was not requested" }, /* dirty */
                { 79, 1 << 2, "a feature that was not requested" }, /* external data file */
                { 79, 1 << 4, "a feature that was not requested" }, /* extended L2 entries */
                { 95, 1 << 1, "a feature that was not requested" }, /* raw external data */
                { 103, 96, "an unusable size" },
                { 102, 0xff, "an unusable size" },
                { 104, 1, "a feature that was not requested" }, /* compression by zstd */
                { QCOW2_BACKING_OFFSET, '/', "names the wrong backing file" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Fixture *f = *state;

                put_qcow2(f->head, DISK, f->want.backing);
                f->head[cases[i].offset] = cases[i].value;
                assert_refused(f, QCOW2_SIZE, cases[i].why);
        }
}

QCOW2_TEST(backing_file_is_there_when_it_should_and_only_then) {
        Fixture *f = *state;

        put_qcow2(f->head, DISK, "");
        assert_refused(f, QCOW2_SIZE, "has no backing file");
        f->want.backing = "";
        put_qcow2(f->head, DISK, "/etc/shadow");
        assert_refused(f, QCOW2_SIZE, "has a backing file");
}

QCOW2_TEST(format_of_the_backing_file_has_to_be_qcow2) {
        Fixture *f = *state;

        (void) put_extension(f->head, QCOW2_EXTENSIONS, QCOW2_FORMAT, "raw");
        assert_refused(f, QCOW2_SIZE, "extension that was not requested");
        (void) put_extension(f->head, QCOW2_EXTENSIONS, QCOW2_FEATURES, "names");
        assert_refused(f, QCOW2_SIZE, "does not declare that its backing file is qcow2");

        put_qcow2(f->head, DISK, "");
        f->want.backing = "";
        (void) put_extension(f->head, QCOW2_EXTENSIONS, QCOW2_FORMAT, "qcow2");
        assert_refused(f, QCOW2_SIZE, "extension that was not requested");
}

QCOW2_TEST(other_extensions_are_refused) {
        Fixture *f = *state;
        const size_t at = put_extension(f->head, QCOW2_EXTENSIONS, QCOW2_FORMAT, "qcow2");

        (void) put_extension(f->head, at, QCOW2_DATA_FILE, "/etc/shadow");
        assert_refused(f, QCOW2_SIZE, "extension that was not requested");
}

QCOW2_TEST(extensions_have_to_end_in_the_first_cluster) {
        Fixture *f = *state;
        size_t at = QCOW2_EXTENSIONS;

        put32(f->head, QCOW2_EXTENSIONS + 4, UINT32_MAX);
        assert_refused(f, QCOW2_SIZE, "header has no end");

        f->want.backing = "";
        put_qcow2(f->head, DISK, "");
        while (at + 16 <= QCOW2_SIZE)
                at = put_extension(f->head, at, QCOW2_FEATURES, "name");
        assert_refused(f, QCOW2_SIZE, "header has no end");
        put32(f->head, 20, 9);
        assert_refused(f, QCOW2_SIZE, "header has no end");
}

QCOW2_TEST(cut_headers_are_refused) {
        Fixture *f = *state;

        for (size_t size = 0; size < QCOW2_BACKING_OFFSET + strlen(f->want.backing); size++)
                assert_int_equal(job_qcow2_check(f->head, size, &f->want, NULL), -EBADMSG);
        assert_refused(f, 103, "ends within its header");
}
