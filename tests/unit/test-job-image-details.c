/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base-cleanup.h"
#include "job-image-details.h"

static int add(JobImageDetails *details, ProtoDetailKind kind, const char *key, const char *value) {
        ProtoDetail message = { .kind = kind };

        (void) proto_text_set(message.key, sizeof(message.key), key);
        (void) proto_text_set(message.value, sizeof(message.value), value);
        return job_image_details_add(details, &message, NULL);
}

TEST(job_keeps_what_the_image_would_run_and_nothing_else) {
        _cleanup_(job_image_details_done) JobImageDetails all = { 0 }, kept = { 0 };

        assert_int_equal(add(&all, PROTO_DETAIL_CREATED, "", "2024"), 0);
        assert_int_equal(add(&all, PROTO_DETAIL_AUTHOR, "", "me"), 0);
        assert_int_equal(add(&all, PROTO_DETAIL_LABEL, "a", "b"), 0);
        assert_int_equal(add(&all, PROTO_DETAIL_CMD, "", "/bin/sh"), 0);
        assert_int_equal(add(&all, PROTO_DETAIL_CMD, "", ""), 0);
        assert_string_equal(all.details[2].key, "a");
        assert_string_equal(all.details[2].value, "b");
        assert_int_equal(job_image_details_copy_config(&all, &kept, NULL), 0);
        assert_int_equal(kept.n, 2);
        assert_int_equal(kept.details[0].kind, PROTO_DETAIL_CMD);
        assert_string_equal(kept.details[0].value, "/bin/sh");
        assert_string_equal(kept.details[1].value, "");
}

TEST(job_keeps_no_more_than_its_ceiling_and_says_so) {
        _cleanup_(job_image_details_done) JobImageDetails all = { 0 }, kept = { 0 };
        const size_t size = sizeof(((ProtoDetail *) NULL)->value);
        char value[sizeof(((ProtoDetail *) NULL)->value)];

        memset(value, 'x', sizeof(value));
        value[sizeof(value) - 1] = '\0';
        for (size_t i = 0; i < JOB_CONFIG_BYTES_MAX / size; i++)
                assert_int_equal(add(&all, PROTO_DETAIL_ENV, "", value), 0);
        assert_int_equal(job_image_details_copy_config(&all, &kept, NULL), 0);
        assert_int_equal(kept.n, JOB_CONFIG_BYTES_MAX / size);
        job_image_details_done(&kept);

        assert_int_equal(add(&all, PROTO_DETAIL_USER, "", "me"), 0);
        assert_int_equal(job_image_details_copy_config(&all, &kept, NULL), 0);
        assert_int_equal(kept.n, JOB_CONFIG_BYTES_MAX / size + 1);
        assert_int_equal(kept.details[kept.n - 1].kind, PROTO_DETAIL_INCOMPLETE);
}

TEST(details_have_a_ceiling) {
        _cleanup_(job_image_details_done) JobImageDetails details = { 0 };

        for (size_t i = 0; i < PROTO_DETAILS_MAX; i++)
                assert_int_equal(add(&details, PROTO_DETAIL_PORT, "", "1"), 0);
        assert_int_equal(add(&details, PROTO_DETAIL_PORT, "", "1"), -E2BIG);
        assert_int_equal(details.n, PROTO_DETAILS_MAX);
}
