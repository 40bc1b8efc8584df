/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>

#include "job-verdict.h"

/* Who is told of. */
typedef enum Who { NOBODY, FETCH, BUILDER, UNPACK } Who;

/* How the unpack worker has failed. */
#define OF_ITS_OWN ERROR_NO_SPACE
#define OF_INPUT   ERROR_CORRUPT_ARCHIVE

typedef struct Row {
        const char *name;
        JobPartState fetch, builder, unpack;
        ErrorKind unpack_kind;
        bool is_settled;
        JobVerdict verdict;
        Who reason;
} Row;

/* clang-format off */
static const Row rows[] = {
        /* An image. */
        { "fetching",                   PART_RUNNING, PART_NONE, PART_NONE, 0, false, VERDICT_WAIT, NOBODY },
        { "fetching and unpacking",     PART_RUNNING, PART_NONE, PART_RUNNING, 0, false, VERDICT_WAIT, NOBODY },
        { "fetched, unpacking",         PART_DONE, PART_NONE, PART_RUNNING, 0, true, VERDICT_WAIT, NOBODY },
        { "unpacked, to be verified",   PART_RUNNING, PART_NONE, PART_DONE, 0, false, VERDICT_WAIT, NOBODY },
        { "unpacked, verified",         PART_RUNNING, PART_NONE, PART_DONE, 0, true, VERDICT_WAIT, NOBODY },
        { "all done",                   PART_DONE, PART_NONE, PART_DONE, 0, true, VERDICT_COMMIT, NOBODY },
        { "no image",                   PART_FAILED, PART_NONE, PART_NONE, 0, false, VERDICT_FAIL, FETCH },
        { "fetch fails",                PART_FAILED, PART_NONE, PART_RUNNING, 0, false, VERDICT_FAIL, FETCH },
        { "fetch fails after unpack",   PART_FAILED, PART_NONE, PART_DONE, 0, false, VERDICT_FAIL, FETCH },
        { "disk full, fetching",        PART_RUNNING, PART_NONE, PART_FAILED, OF_ITS_OWN, false, VERDICT_FAIL, UNPACK },
        { "disk full, fetched",         PART_DONE, PART_NONE, PART_FAILED, OF_ITS_OWN, true, VERDICT_FAIL, UNPACK },
        { "bad layer, not verified",    PART_RUNNING, PART_NONE, PART_FAILED, OF_INPUT, false, VERDICT_WAIT, UNPACK },
        { "bad layer, verified",        PART_RUNNING, PART_NONE, PART_FAILED, OF_INPUT, true, VERDICT_FAIL, UNPACK },
        { "bad layer, fetched",         PART_DONE, PART_NONE, PART_FAILED, OF_INPUT, true, VERDICT_FAIL, UNPACK },
        { "bad layer, wrong digest",    PART_FAILED, PART_NONE, PART_FAILED, OF_INPUT, false, VERDICT_FAIL, FETCH },
        { "unsafe layer",               PART_RUNNING, PART_NONE, PART_FAILED, ERROR_UNSAFE_ARCHIVE, false, VERDICT_WAIT, UNPACK },
        { "wrong diff id",              PART_RUNNING, PART_NONE, PART_FAILED, ERROR_DIGEST_MISMATCH, false, VERDICT_WAIT, UNPACK },
        { "worker killed",              PART_RUNNING, PART_NONE, PART_FAILED, ERROR_WORKER_FAILED, false, VERDICT_FAIL, UNPACK },

        /* A tarball. */
        { "unpacking a tarball",        PART_NONE, PART_NONE, PART_RUNNING, 0, true, VERDICT_WAIT, NOBODY },
        { "tarball done",               PART_NONE, PART_NONE, PART_DONE, 0, true, VERDICT_COMMIT, NOBODY },
        { "bad tarball",                PART_NONE, PART_NONE, PART_FAILED, OF_INPUT, true, VERDICT_FAIL, UNPACK },

        /* A template. */
        { "building",                   PART_NONE, PART_RUNNING, PART_RUNNING, 0, true, VERDICT_WAIT, NOBODY },
        { "built, unpacking",           PART_NONE, PART_DONE, PART_RUNNING, 0, true, VERDICT_WAIT, NOBODY },
        { "unpacked, builder cleans up", PART_NONE, PART_RUNNING, PART_DONE, 0, true, VERDICT_WAIT, NOBODY },
        { "template done",              PART_NONE, PART_DONE, PART_DONE, 0, true, VERDICT_COMMIT, NOBODY },
        { "builder fails",              PART_NONE, PART_FAILED, PART_RUNNING, 0, true, VERDICT_FAIL, BUILDER },
        { "builder fails after unpack", PART_NONE, PART_FAILED, PART_DONE, 0, true, VERDICT_FAIL, BUILDER },
        { "disk full, building",        PART_NONE, PART_RUNNING, PART_FAILED, OF_ITS_OWN, true, VERDICT_FAIL, UNPACK },
        { "cut tarball, building",      PART_NONE, PART_RUNNING, PART_FAILED, OF_INPUT, true, VERDICT_WAIT_BRIEFLY, UNPACK },
        { "cut tarball, builder fails", PART_NONE, PART_FAILED, PART_FAILED, OF_INPUT, true, VERDICT_FAIL, BUILDER },
        { "cut tarball, built",         PART_NONE, PART_DONE, PART_FAILED, OF_INPUT, true, VERDICT_FAIL, UNPACK },
        { "cut tarball, unread",        PART_NONE, PART_UNREAD, PART_FAILED, OF_INPUT, true, VERDICT_FAIL, UNPACK },
        { "unread, unpacking",          PART_NONE, PART_UNREAD, PART_RUNNING, 0, true, VERDICT_WAIT_BRIEFLY, BUILDER },
        { "unread, disk full",          PART_NONE, PART_UNREAD, PART_FAILED, OF_ITS_OWN, true, VERDICT_FAIL, UNPACK },
        { "unread, unpacked",           PART_NONE, PART_UNREAD, PART_DONE, 0, true, VERDICT_FAIL, BUILDER },
};
/* clang-format on */

static void fill(JobPart *part, JobPartState state, ErrorKind kind) {
        *part = (JobPart){ .state = state };
        if (state == PART_FAILED || state == PART_UNREAD)
                error_set(&part->error, EIO, kind, "It failed");
}

static const Error *reason_of(const JobParts *parts, Who who) {
        switch (who) {
        case FETCH:
                return &parts->fetch.error;
        case BUILDER:
                return &parts->builder.error;
        case UNPACK:
                return &parts->unpack.error;
        case NOBODY:
                break;
        }

        return NULL;
}

TEST(verdict_follows_rule) {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                const Row *row = &rows[i];
                JobParts parts = { .is_input_settled = row->is_settled };
                const Error *reason = &parts.fetch.error;
                JobVerdict verdict;

                fill(&parts.fetch, row->fetch, ERROR_DIGEST_MISMATCH);
                fill(&parts.builder, row->builder, ERROR_FAILED);
                fill(&parts.unpack, row->unpack, row->unpack_kind);
                verdict = job_verdict(&parts, &reason);
                if (verdict != row->verdict || reason != reason_of(&parts, row->reason))
                        fail_msg("%s: verdict %d, not %d", row->name, verdict, row->verdict);

                error_clear(&parts.fetch.error);
                error_clear(&parts.builder.error);
                error_clear(&parts.unpack.error);
        }
}
