/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

#include "job-trust.h"

/* What the daemon takes of signatures from a fetch worker that somebody has taken over. The trust worker reads none. */

#define DATA_MAX ((uint32_t) sizeof(((ProtoSignatureData *) NULL)->data))

typedef struct Fixture {
        JobFixture job;
        JobSpec *spec;
        JobTrust *trust;
} Fixture;

static void on_needs_signatures(void *userdata) {
}

static void on_warning(void *userdata, const char *text) {
}

static void on_ended(void *userdata, const Error *error) {
}

static const JobTrustEvents events = {
        .needs_signatures = on_needs_signatures,
        .warning = on_warning,
        .ended = on_ended,
};

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        job_fixture_init(&f->job);
        use_fake_worker(&f->job, "wait-silently");
        f->spec = job_spec_new();
        f->spec->source_kind = JOB_SOURCE_REGISTRY;
        f->spec->reference = strdup("example.org/image:1");
        f->spec->require_signed = true;
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_trust_free(f->trust);
        job_spec_free(f->spec);
        job_fixture_done(&f->job);
        free(f);
        return 0;
}

static void start(Fixture *f) {
        f->trust = job_trust_free(f->trust);
        assert_int_equal(job_trust_start(&f->job.context, f->spec, &events, f, &f->trust, NULL), 0);
        job_trust_set_top(f->trust, &(Digest){ 0 });
}

static int pass_header(Fixture *f, uint32_t size) {
        return job_trust_pass(
                f->trust, &(ProtoMessage){ .type = PROTO_SIGNATURE, .signature.size = size });
}

static int pass_data(Fixture *f, uint32_t size) {
        return job_trust_pass(
                f->trust,
                &(ProtoMessage){ .type = PROTO_SIGNATURE_DATA, .signature_data.size = size });
}

static int pass_end(Fixture *f) {
        return job_trust_pass(f->trust, &(ProtoMessage){ .type = PROTO_SIGNATURES_END });
}

#define TRUST_TEST(name) TEST_WITH(name, set_up, tear_down)

TRUST_TEST(signatures_are_passed_in_whole_messages) {
        Fixture *f = *state;

        start(f);
        assert_int_equal(pass_header(f, DATA_MAX + 1), 0);
        assert_int_equal(pass_data(f, DATA_MAX), 0);
        assert_int_equal(pass_data(f, 1), 0);
        assert_int_equal(pass_header(f, 0), 0);
        assert_int_equal(pass_header(f, DATA_MAX), 0);
        assert_int_equal(pass_data(f, DATA_MAX), 0);
        assert_false(job_trust_has_signatures(f->trust));
        assert_int_equal(pass_end(f), 0);
        assert_true(job_trust_has_signatures(f->trust));
        assert_int_equal(pass_end(f), -EBADMSG);
}

TRUST_TEST(signature_in_single_bytes_is_refused) {
        Fixture *f = *state;

        start(f);
        assert_int_equal(pass_header(f, DATA_MAX), 0);
        assert_int_equal(pass_data(f, 1), -EBADMSG);
        start(f);
        assert_int_equal(pass_header(f, 2), 0);
        assert_int_equal(pass_data(f, 1), -EBADMSG);
        start(f);
        assert_int_equal(pass_header(f, DATA_MAX + 2), 0);
        assert_int_equal(pass_data(f, DATA_MAX), 0);
        assert_int_equal(pass_data(f, 1), -EBADMSG);
}

TRUST_TEST(data_that_no_signature_has_announced_is_refused) {
        Fixture *f = *state;

        start(f);
        assert_int_equal(pass_data(f, 1), -EBADMSG);
        assert_int_equal(pass_header(f, 1), 0);
        assert_int_equal(pass_data(f, 2), -EBADMSG);
        assert_int_equal(pass_data(f, 1), 0);
        assert_int_equal(pass_data(f, 1), -EBADMSG);
        assert_int_equal(pass_header(f, 0), 0);
        assert_int_equal(pass_data(f, 1), -EBADMSG);
}

TRUST_TEST(incomplete_signature_is_refused) {
        Fixture *f = *state;

        start(f);
        assert_int_equal(pass_header(f, 1), 0);
        assert_int_equal(pass_header(f, 1), -EBADMSG);
        assert_int_equal(pass_end(f), -EBADMSG);
        assert_false(job_trust_has_signatures(f->trust));
        assert_int_equal(pass_data(f, 1), 0);
        assert_int_equal(pass_end(f), 0);
}

TRUST_TEST(more_signatures_than_may_be_are_refused) {
        Fixture *f = *state;

        start(f);
        for (uint32_t i = 0; i < PROTO_SIGNATURES_MAX; i++)
                assert_int_equal(pass_header(f, 0), 0);
        assert_int_equal(pass_header(f, 0), -EBADMSG);
}
