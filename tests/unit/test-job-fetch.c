/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

#include <syslog.h>

#include "job-queue.h"
#include "store-image.h"

/* What a fetch worker may do that somebody has taken over. It is the fake one; all others are real. */

#define REFERENCE "example.org/image:1"
#define OTHER     "docker.io/library/debian:12"

typedef struct Fixture {
        JobFixture job;
        JobQueue *queue;
        JobContext context;
        JobListener listener;
        char temporary[SCRATCH_PATH_MAX];
        bool is_digest_told;
        unsigned n_warnings;
        char warning[128]; /* the last one */
        Digest secret;     /* a blob of the store that belongs to another image */
} Fixture;

static void on_event(void *userdata, Job *job) {
}

static void on_details(void *userdata, Job *job, unsigned which) {
}

static void on_digest(void *userdata, Job *job) {
        ((Fixture *) userdata)->is_digest_told = true;
}

static void on_job_message(void *userdata, Job *job, int priority, const char *text) {
        Fixture *f = userdata;

        if (priority != LOG_WARNING)
                return;
        f->n_warnings++;
        (void) snprintf(f->warning, sizeof(f->warning), "%s", text);
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        char text[DIGEST_STRING_MAX];

        job_fixture_init(&f->job);
        scratch_mkdir(f->job.scratch, "temporary");
        strcpy(f->temporary, scratch_at(f->job.scratch, "temporary"));
        f->listener = (JobListener){
                .added = on_event,
                .state_changed = on_event,
                .progress_changed = on_event,
                .details_changed = on_details,
                .image_known = on_digest,
                .message = on_job_message,
                .removed = on_event,
                .userdata = f,
        };
        f->context = (JobContext){
                .event = f->job.event,
                .store = f->job.store,
                .config = &f->job.config,
                .log = &f->job.log,
                .workers = TEST_FAKE_WORKERS,
                .temporary_directory = f->temporary,
        };
        make_layer(&f->job, "etc/hello", "world");
        f->secret = store_put(f->job.store, "secret");
        assert_int_equal(setenv("FAKE_FOREIGN", digest_format(&f->secret, text), 1), 0);
        assert_int_equal(job_context_init(&f->context, NULL), 0);
        assert_int_equal(job_queue_new(&f->context, &f->listener, &f->queue, NULL), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_queue_free(f->queue);
        job_context_done(&f->context);
        unsetenv("FAKE_LAYER");
        unsetenv("FAKE_FOREIGN");
        job_fixture_done(&f->job);
        free(f);
        return 0;
}

static JobSpec *spec_for(Fixture *f, const char *reference, const char *destination) {
        char source[128];
        JobSpec *spec = job_spec_new();

        (void) snprintf(source, sizeof(source), "docker://%s", reference);
        spec->source = strdup(source);
        spec->fetch = strdup(source);
        spec->reference = strdup(reference);
        spec->destination = strdup(scratch_at(f->job.scratch, destination));
        return spec;
}

static JobSpec *offline(JobSpec *spec) {
        spec->offline = true;
        return spec;
}

static bool job_is_over(void *userdata) {
        return job_has_ended(userdata);
}

static Job *run(Fixture *f, const char *mode, JobSpec *spec) {
        Job *job = NULL;

        f->is_digest_told = false;
        assert_int_equal(setenv("FAKE_WORKER", mode, 1), 0);
        assert_int_equal(add_job(f->queue, spec, &job, NULL), 0);
        loop_until(&f->job, job_is_over, job);
        return job;
}

static void must_finish(Job *job) {
        if (job_state(job) != JOB_FINISHED)
                print_error("%s\n", error_text(job_error(job)));
        assert_int_equal(job_state(job), JOB_FINISHED);
}

/* An image in the store's list, which consists of one blob. */
static void remember(Fixture *f, const char *reference, const Digest *digest, bool is_document) {
        Digest blobs[] = { *digest };
        StoreImage image = {
                .top = *digest,
                .manifest = *digest,
                .top_media_type = "application/x",
                .manifest_media_type = "application/x",
                .platform = "linux/amd64",
                .blobs = blobs,
        };

        strcpy(image.reference, reference);
        if (is_document)
                image.documents[image.n_documents++] = *digest;
        else
                image.n_blobs = 1;
        assert_int_equal(store_image_add(f->job.store, &image, false, NULL), 0);
}

#define FETCH_TEST(name) TEST_WITH(name, set_up, tear_down)

FETCH_TEST(worker_that_breaks_the_protocol_fails_the_job_and_records_nothing) {
        static const struct {
                const char *mode;
                const char *text;
        } cases[] = {
                { "fetch-names-another", "it calls " REFERENCE " \"" OTHER "\"" },
                { "fetch-looks-for-others", "a cache lookup is out of place" },
                { "fetch-wants-content-of-the-layer", "a request for a layer is out of place" },
                { "fetch-names-another-layer", "is not layer 1 of " REFERENCE },
                { "fetch-names-another-digest", "did not fetch sha256:" },
                { "fetch-keeps-the-config", "did not fetch sha256:" },
                { "fetch-says-layers-itself", "is out of place" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Fixture *f = *state;
                StoreImage image = { 0 };
                const Error *error;
                Job *job;

                remember(f, OTHER, &f->secret, true);
                job = run(f, cases[i].mode, spec_for(f, REFERENCE, "new"));
                error = job_error(job);
                assert_int_equal(job_state(job), JOB_FAILED);
                assert_int_equal(error->kind, ERROR_WORKER_FAILED);
                assert_non_null(strstr(error->message, "The fetch worker broke the protocol"));
                assert_non_null(strstr(error->message, cases[i].text));
                assert_false(scratch_exists(f->job.scratch, "new"));
                assert_null(scratch_find(f->job.scratch, ".", ".virt-bootstrap-"));

                assert_int_equal(store_image_find(f->job.store, REFERENCE, &image, NULL), 0);
                assert_int_equal(store_image_find(f->job.store, OTHER, &image, NULL), 1);
                assert_true(digest_equal(&image.top, &f->secret));
                store_image_done(&image);
        }
}

FETCH_TEST(resolve_worker_that_breaks_the_protocol_fails_the_job) {
        static const struct {
                const char *mode;
                const char *text;
        } cases[] = {
                { "resolve-too-early", "a request for a layer is out of place" },
                { "resolve-nothing", "the end is out of place" },
                { "resolve-to-another", "the image is out of place" },
                { "resolve-from-content-of-others",
                  "a request for content that was not fetched is out of place" },
                { "resolve-from-content-in-two-steps",
                  "a request for content that was not fetched is out of place" },
                { "resolve-to-a-stored-one", "the image is out of place" },
                { "resolve-dies", "The resolve worker was killed by signal 9" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Fixture *f = *state;
                StoreImage image = { 0 };
                Job *job;

                job = run(f, cases[i].mode, spec_for(f, REFERENCE, "new"));
                assert_int_equal(job_state(job), JOB_FAILED);
                if (job_error(job)->kind != ERROR_WORKER_FAILED)
                        print_error("%s: %s\n", cases[i].mode, error_text(job_error(job)));
                assert_int_equal(job_error(job)->kind, ERROR_WORKER_FAILED);
                assert_non_null(strstr(job_error(job)->message, "The resolve worker"));
                assert_non_null(strstr(job_error(job)->message, cases[i].text));
                assert_false(scratch_exists(f->job.scratch, "new"));
                assert_int_equal(store_image_find(f->job.store, REFERENCE, &image, NULL), 0);
        }
}

/* What a trust worker says that somebody has taken over, and a fetch worker that would help it. */
FETCH_TEST(trust_worker_accepts_no_image_without_a_decision_and_the_signatures_that_it_needs) {
        static const struct {
                const char *mode;
                const char *text;
                bool has_policy;
        } cases[] = {
                { "trust-says-yes", "The trust worker broke the protocol: the end is out of place",
                  true },
                { "trust-accepts-unsigned",
                  "The trust worker broke the protocol: the end is out of place", true },
                { "fetch-signs", "The fetch worker broke the protocol: a signature is out of place",
                  false },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Fixture *f = *state;
                StoreImage image = { 0 };
                Job *job;

                strcpy(f->job.config.policy.path, cases[i].has_policy ? "/policy.json" : "");
                job = run(f, cases[i].mode, spec_for(f, REFERENCE, "new"));
                assert_int_equal(job_state(job), JOB_FAILED);
                assert_int_equal(job_error(job)->kind, ERROR_WORKER_FAILED);
                assert_string_equal(job_error(job)->message, cases[i].text);
                assert_false(scratch_exists(f->job.scratch, "new"));
                assert_int_equal(store_image_find(f->job.store, REFERENCE, &image, NULL), 0);
        }
}

static bool is_resolving(void *userdata) {
        return job_progress(userdata)->phase == JOB_PHASE_RESOLVE;
}

/* Before its fetch worker has been asked for anything. */
FETCH_TEST(job_that_waits_for_the_trust_worker_is_cancelled) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Fixture *f = *state;
        Job *job = NULL;

        strcpy(f->job.config.policy.path, "/policy.json");
        assert_int_equal(setenv("FAKE_WORKER", "wait-silently", 1), 0);
        assert_int_equal(add_job(f->queue, spec_for(f, REFERENCE, "new"), &job, NULL), 0);
        loop_until(&f->job, is_resolving, job);
        loop_settle(&f->job);
        error_set(&error, ECANCELED, ERROR_CANCELLED, "The job was cancelled");
        job_queue_cancel(f->queue, job, &error);
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_state(job), JOB_CANCELLED);
        assert_false(scratch_exists(f->job.scratch, "new"));
}

/* Then it may ask for layers, but not before it has said which ones there are. */
FETCH_TEST(resolve_worker_is_watched_offline_too) {
        Fixture *f = *state;
        Job *job;

        remember(f, REFERENCE, &f->secret, true);
        job = run(f, "resolve-too-early", offline(spec_for(f, REFERENCE, "new")));
        assert_int_equal(job_state(job), JOB_FAILED);
        assert_string_equal(
                job_error(job)->message,
                "The resolve worker broke the protocol: "
                "a layer of an unknown image is out of place");
}

FETCH_TEST(worker_that_warns_without_end_is_cut_short) {
        Fixture *f = *state;

        (void) run(f, "fetch-warns", spec_for(f, REFERENCE, "new"));
        assert_int_equal(f->n_warnings, 101);
        assert_string_equal(f->warning, "Further warnings are left out");
}

/* Such a one has nobody's digest that could be told. */
FETCH_TEST(digest_is_told_only_of_an_image_that_was_brought) {
        Fixture *f = *state;

        (void) run(f, "fetch-names-another-digest", spec_for(f, REFERENCE, "new"));
        assert_false(f->is_digest_told);
        (void) run(f, "fetch-keeps-the-config", spec_for(f, REFERENCE, "new"));
        assert_false(f->is_digest_told);
}

FETCH_TEST(content_of_others_is_not_handed_out) {
        Fixture *f = *state;

        need_root();
        remember(f, "registry.corp/secret:latest", &f->secret, true);
        must_finish(run(f, "fetch-wants-content-of-others", spec_for(f, REFERENCE, "a")));
        assert_true(f->is_digest_told);
}

/* A registry may name a layer of which it knows the digest only. */
FETCH_TEST(content_of_layers_is_not_handed_out) {
        Fixture *f = *state;

        need_root();
        remember(f, REFERENCE, &f->secret, false);
        must_finish(run(f, "fetch-wants-content-of-others", spec_for(f, REFERENCE, "a")));
}

FETCH_TEST(documents_of_the_references_own_image_are_handed_out) {
        Fixture *f = *state;
        Job *job;

        remember(f, REFERENCE, &f->secret, true);
        job = run(f, "fetch-wants-content-of-others", spec_for(f, REFERENCE, "a"));
        assert_int_equal(job_state(job), JOB_FAILED);
        assert_string_equal(job_error(job)->message, "It was handed the content");
}

FETCH_TEST(documents_that_others_have_brought_are_not_ones_own) {
        Fixture *f = *state;
        StoreImage first = { 0 }, second = { 0 };

        need_root();
        must_finish(run(f, "fetch-image", spec_for(f, REFERENCE, "a")));
        must_finish(run(f, "fetch-image", spec_for(f, OTHER, "b")));
        assert_int_equal(store_image_find(f->job.store, REFERENCE, &first, NULL), 1);
        assert_int_equal(store_image_find(f->job.store, OTHER, &second, NULL), 1);
        assert_int_equal(first.n_documents, 2);
        assert_int_equal(first.n_blobs, 1);
        assert_int_equal(second.n_documents, 0);
        assert_int_equal(second.n_blobs, 3);
        store_image_done(&first);
        store_image_done(&second);

        /* They stay so when the image is fetched again. */
        must_finish(run(f, "fetch-image", spec_for(f, REFERENCE, "c")));
        assert_int_equal(store_image_find(f->job.store, REFERENCE, &first, NULL), 1);
        assert_int_equal(first.n_documents, 2);
        store_image_done(&first);
}

static bool queue_is_idle(void *userdata) {
        return job_queue_n_active(((Fixture *) userdata)->queue) == 0;
}

/* Whichever of the two has brought them, and whichever ends last. */
FETCH_TEST(documents_of_two_jobs_at_once_are_their_references_own) {
        Fixture *f = *state;
        StoreImage image = { 0 };
        Job *jobs[2];

        need_root();
        assert_int_equal(setenv("FAKE_WORKER", "fetch-image", 1), 0);
        for (int i = 0; i < 2; i++)
                assert_int_equal(
                        add_job(f->queue, spec_for(f, REFERENCE, i == 0 ? "a" : "b"), &jobs[i],
                                NULL),
                        0);
        loop_until(&f->job, queue_is_idle, f);
        must_finish(jobs[0]);
        must_finish(jobs[1]);
        assert_int_equal(store_image_find(f->job.store, REFERENCE, &image, NULL), 1);
        assert_int_equal(image.n_documents, 2);
        assert_int_equal(image.n_blobs, 1);
        store_image_done(&image);
}

static JobSpec *pinned(JobSpec *spec, const Digest *digest, const Digest *pin) {
        spec->has_digest = digest != NULL;
        if (digest)
                spec->digest = *digest;
        spec->has_pin = pin != NULL;
        if (pin)
                spec->pin = *pin;
        return spec;
}

/* Whatever the fetch worker says: the digests are those of documents that were hashed. */
FETCH_TEST(pin_holds) {
        Fixture *f = *state;
        Digest right;
        Job *job;

        need_root();
        job = run(f, "fetch-image", spec_for(f, REFERENCE, "a"));
        must_finish(job);
        right = *job_digest(job);

        for (int i = 0; i < 2; i++) {
                const Digest *digest = i == 0 ? &f->secret : NULL;
                const Digest *pin = i == 1 ? &f->secret : NULL;

                job = run(f, "fetch-image", pinned(spec_for(f, REFERENCE, "b"), digest, pin));
                assert_int_equal(job_state(job), JOB_FAILED);
                assert_int_equal(job_error(job)->kind, ERROR_DIGEST_MISMATCH);
                assert_false(f->is_digest_told);
                job =
                        run(f, "fetch-names-another-digest",
                            pinned(spec_for(f, REFERENCE, "b"), digest, pin));
                assert_int_equal(job_state(job), JOB_FAILED);
                assert_non_null(strstr(job_error(job)->message, "did not fetch"));
                assert_false(scratch_exists(f->job.scratch, "b"));
        }

        must_finish(run(f, "fetch-image", pinned(spec_for(f, REFERENCE, "b"), &right, &right)));
}

FETCH_TEST(no_fetch_worker_has_a_part_in_what_is_offline) {
        Fixture *f = *state;
        Digest digest;
        Job *job;

        need_root();
        job = run(f, "fetch-image", spec_for(f, REFERENCE, "a"));
        digest = *job_digest(job);
        must_finish(run(f, "fetch-dies", offline(spec_for(f, REFERENCE, "b"))));
        assert_true(scratch_exists(f->job.scratch, "b/etc/hello"));
        must_finish(run(f, "fetch-dies", offline(pinned(spec_for(f, OTHER, "c"), NULL, &digest))));

        job = run(f, "fetch-dies", offline(pinned(spec_for(f, REFERENCE, "d"), NULL, &f->secret)));
        assert_int_equal(job_error(job)->kind, ERROR_DIGEST_MISMATCH);
        job = run(f, "fetch-dies", offline(spec_for(f, "example.org/unknown:1", "d")));
        assert_int_equal(job_error(job)->kind, ERROR_NOT_FOUND);
        assert_non_null(strstr(job_error(job)->message, "example.org/unknown:1"));
}

FETCH_TEST(what_is_missing_in_the_cache_is_named_when_offline) {
        Fixture *f = *state;
        StoreImage image = { 0 };
        char text[DIGEST_STRING_MAX];
        Job *job;

        need_root();
        must_finish(run(f, "fetch-image", spec_for(f, REFERENCE, "a")));
        assert_int_equal(store_image_find(f->job.store, REFERENCE, &image, NULL), 1);
        for (size_t i = 0; i < 2; i++) {
                const Digest *digest = i == 0 ? &image.blobs[0] : &image.documents[1];

                (void) unlink(scratch_at(f->job.scratch, blob_path(digest)));
                job = run(f, "fetch-dies", offline(spec_for(f, REFERENCE, "b")));
                assert_int_equal(job_state(job), JOB_FAILED);
                assert_int_equal(job_error(job)->kind, ERROR_NOT_FOUND);
                assert_non_null(strstr(job_error(job)->message, digest_format(digest, text)));
        }
        store_image_done(&image);
}
