/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

#include <syslog.h>

#include "base-macro.h"
#include "job-queue.h"
#include "job-recover.h"
#include "store-cache.h"
#include "store-image.h"
#include "store-journal.h"

/* Fetching is the fake worker's; verifying, unpacking and removing are the real one's. */

typedef struct Fixture {
        JobFixture job;
        JobQueue *queue;
        JobContext context;
        JobListener listener;
        char temporary[SCRATCH_PATH_MAX], worker[SCRATCH_PATH_MAX];
        unsigned n_added, n_removed, n_running, n_running_max, n_warnings, n_ended;
        double fraction; /* told last */
        JobState last_state;
        bool is_recovered;
} Fixture;

static void on_added(void *userdata, Job *job) {
        ((Fixture *) userdata)->n_added++;
}

static void on_state(void *userdata, Job *job) {
        Fixture *f = userdata;

        f->last_state = job_state(job);
        if (job_state(job) == JOB_RUNNING)
                f->n_running++;
        if (f->n_running > f->n_running_max)
                f->n_running_max = f->n_running;
        if (job_has_ended(job)) {
                f->n_ended++;
                f->n_running -= f->n_running > 0;
        }
}

static void on_progress(void *userdata, Job *job) {
        ((Fixture *) userdata)->fraction = job_progress(job)->fraction;
}

static void on_details(void *userdata, Job *job, unsigned which) {
}

static void on_digest(void *userdata, Job *job) {
        assert_non_null(job_digest(job));
}

static void on_job_message(void *userdata, Job *job, int priority, const char *text) {
        Fixture *f = userdata;

        f->n_warnings += priority == LOG_WARNING;
}

static void on_removed(void *userdata, Job *job) {
        ((Fixture *) userdata)->n_removed++;
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        job_fixture_init(&f->job);
        scratch_mkdir(f->job.scratch, "temporary");
        strcpy(f->temporary, scratch_at(f->job.scratch, "temporary"));
        f->listener = (JobListener){
                .added = on_added,
                .state_changed = on_state,
                .progress_changed = on_progress,
                .details_changed = on_details,
                .image_known = on_digest,
                .message = on_job_message,
                .removed = on_removed,
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
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_queue_free(f->queue);
        job_context_done(&f->context);
        unsetenv("FAKE_LAYER");
        assert_int_equal(rmdir(f->temporary), 0); /* nothing is left in it */
        job_fixture_done(&f->job);
        free(f);
        return 0;
}

static void stop_queue(Fixture *f) {
        f->queue = job_queue_free(f->queue);
        job_context_done(&f->context);
}

static void start_queue(Fixture *f, const char *mode) {
        assert_int_equal(setenv("FAKE_WORKER", mode, 1), 0);
        assert_int_equal(job_context_init(&f->context, NULL), 0);
        assert_int_equal(job_queue_new(&f->context, &f->listener, &f->queue, NULL), 0);
}

static JobSpec *spec_for(Fixture *f, const char *destination) {
        JobSpec *spec = job_spec_new();

        spec->source = strdup("docker://example.org/image:1");
        spec->fetch = strdup(spec->source);
        spec->reference = strdup("example.org/image:1");
        spec->destination = strdup(scratch_at(f->job.scratch, destination));
        return spec;
}

static Job *must_add(Fixture *f, JobSpec *spec) {
        Error error = ERROR_NULL;
        Job *job = NULL;

        assert_int_equal(add_job(f->queue, spec, &job, &error), 0);
        assert_non_null(job);
        return job;
}

static bool job_is_over(void *userdata) {
        return job_has_ended(userdata);
}

static bool job_has_digest(void *userdata) {
        return job_digest(userdata) != NULL;
}

static bool queue_is_idle(void *userdata) {
        return job_queue_n_active(((Fixture *) userdata)->queue) == 0;
}

static size_t count_journal(Fixture *f) {
        char(*ids)[STORE_JOURNAL_ID_MAX] = NULL;
        size_t n;

        assert_int_equal(store_journal_list(f->job.store, &ids, &n, NULL), 0);
        free(ids);
        return n;
}

/* The staging directory of what is made in the scratch directory. */
static char *staging(Fixture *f) {
        return scratch_find(f->job.scratch, ".", ".virt-bootstrap-");
}

static void check_nothing_left(Fixture *f, const char *destination) {
        assert_null(staging(f));
        assert_false(scratch_exists(f->job.scratch, destination));
        assert_int_equal(count_journal(f), 0);
}

static void check_file(Fixture *f, const char *path, const char *want) {
        char *content = scratch_read(f->job.scratch, path);

        assert_string_equal(content, want);
        free(content);
}

static Job *find_job(const JobQueue *queue, const char *id) {
        for (Job *job = job_queue_next(queue, NULL); job; job = job_queue_next(queue, job))
                if (strcmp(job_id(job), id) == 0)
                        return job;

        return NULL;
}

#define QUEUE_TEST(name) TEST_WITH(name, set_up, tear_down)

QUEUE_TEST(job_runs_to_the_end) {
        Fixture *f = *state;
        StoreImage image = { 0 };
        Job *job;

        need_root();
        start_queue(f, "fetch-image");
        job = must_add(f, spec_for(f, "new"));
        assert_int_equal(f->n_added, 1);
        assert_int_equal(job_state(job), JOB_QUEUED); /* not from inside job_queue_add() */
        assert_ptr_equal(find_job(f->queue, job_id(job)), job);
        assert_int_equal(job_queue_n_active(f->queue), 1);
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_error(job)->code, 0);
        assert_int_equal(job_state(job), JOB_FINISHED);
        assert_true(f->fraction == 1.0);
        check_file(f, "new/etc/hello", "world");
        assert_null(staging(f));

        assert_int_equal(store_image_find(f->job.store, "example.org/image:1", &image, NULL), 1);
        assert_true(digest_equal(job_digest(job), &image.top));
        assert_int_equal(image.n_documents, 2);
        store_image_done(&image);
        assert_int_equal(job_queue_n_active(f->queue), 0);
        assert_false(job_queue_is_empty(f->queue));
        assert_ptr_equal(job_queue_next(f->queue, NULL), job);
        assert_null(job_queue_next(f->queue, job));
}

QUEUE_TEST(job_without_cache_leaves_nothing_in_the_store) {
        Fixture *f = *state;
        StoreEntry *entries = NULL;
        size_t n = 1;
        JobSpec *spec;
        Job *job;

        need_root();
        start_queue(f, "fetch-image");
        spec = spec_for(f, "new");
        spec->no_cache = true;
        job = must_add(f, spec);
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_state(job), JOB_FINISHED);
        check_file(f, "new/etc/hello", "world");
        assert_int_equal(store_list(f->job.store, &entries, &n, NULL), 0);
        assert_int_equal(n, 0);
        free(entries);
        check_file(f, "store/index.json", "{\"schemaVersion\":2,\"manifests\":[]}\n");
}

QUEUE_TEST(two_jobs_share_what_is_fetched) {
        Fixture *f = *state;
        Job *a, *b;

        need_root();
        start_queue(f, "fetch-image");
        a = must_add(f, spec_for(f, "a"));
        b = must_add(f, spec_for(f, "b"));
        loop_until(&f->job, queue_is_idle, f);
        assert_int_equal(job_state(a), JOB_FINISHED);
        assert_int_equal(job_state(b), JOB_FINISHED);
        check_file(f, "a/etc/hello", "world");
        check_file(f, "b/etc/hello", "world");
}

QUEUE_TEST(overwriting_keeps_what_the_image_does_not_have) {
        Fixture *f = *state;
        struct stat before, after;
        JobSpec *spec;
        Job *job;

        need_root();
        scratch_mkdir(f->job.scratch, "full");
        scratch_mkdir(f->job.scratch, "full/etc");
        scratch_write(f->job.scratch, "full/etc/hello", "old");
        scratch_write(f->job.scratch, "full/etc/kept", "kept");
        assert_int_equal(stat(scratch_at(f->job.scratch, "full/etc/kept"), &before), 0);
        start_queue(f, "fetch-image");
        spec = spec_for(f, "full");
        spec->overwrite = true;
        job = must_add(f, spec);
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_state(job), JOB_FINISHED);
        check_file(f, "full/etc/hello", "world");
        check_file(f, "full/etc/kept", "kept");
        assert_int_equal(stat(scratch_at(f->job.scratch, "full/etc/kept"), &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        assert_int_equal(after.st_nlink, 1);
        assert_null(staging(f));
}

/* Each ends with the error that tells why, and with nothing left behind. */
QUEUE_TEST(failures_are_told_and_leave_nothing) {
        static const struct {
                const char *mode;
                ErrorKind kind;
        } cases[] = {
                { "fetch-fails", ERROR_NO_SPACE },
                { "fetch-dies", ERROR_WORKER_FAILED },
                { "fetch-nothing", ERROR_WORKER_FAILED },
                { "fetch-out-of-place", ERROR_WORKER_FAILED },
                { "unpack-fails", ERROR_NO_SPACE },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Job *job;

                start_queue(f, cases[i].mode);
                job = must_add(f, spec_for(f, "new"));
                loop_until(&f->job, job_is_over, job);
                assert_int_equal(job_state(job), JOB_FAILED);
                assert_int_equal(job_error(job)->kind, cases[i].kind);
                assert_true(f->fraction < 1.0);
                check_nothing_left(f, "new");
                stop_queue(f);
        }
}

static void need_builder(void) {
        if (access(TEST_FAKE_WORKERS "/virt-bootstrap-builder", X_OK) < 0) {
                print_message("There is no builder in this build\n");
                skip();
        }
}

QUEUE_TEST(unpacker_that_stopped_reading_is_not_waited_for_without_a_limit) {
        static const uint64_t stall_usecs[] = { 0, 3600 * USEC_PER_SEC };
        Fixture *f = *state;

        need_builder();
        f->context.verdict_usec = USEC_PER_SEC / 10;
        for (size_t i = 0; i < N_ELEMENTS(stall_usecs); i++) {
                JobSpec *spec = spec_for(f, "new");
                Job *job;

                f->job.config.stall_usec = stall_usecs[i];
                spec->source_kind = JOB_SOURCE_TEMPLATE;
                start_queue(f, "builder-unread");
                job = must_add(f, spec);
                loop_until(&f->job, job_is_over, job);
                assert_int_equal(job_state(job), JOB_FAILED);
                assert_non_null(strstr(job_error(job)->message, "Nobody reads the tarball"));
                check_nothing_left(f, "new");
                stop_queue(f);
        }
}

QUEUE_TEST(unpacker_has_half_a_minute_to_tell_why_it_stopped_reading) {
        Fixture *f = *state;

        start_queue(f, "fetch-image");
        assert_int_equal(f->context.verdict_usec, 30 * USEC_PER_SEC);
}

static off_t deaths_left(Fixture *f) {
        struct stat st;

        assert_int_equal(stat(scratch_at(f->job.scratch, "deaths"), &st), 0);
        return st.st_size;
}

QUEUE_TEST(cleaning_step_that_is_killed_is_tried_again) {
        Fixture *f = *state;
        Job *job;

        scratch_write(f->job.scratch, "deaths", "xx");
        assert_int_equal(setenv("FAKE_DEATHS", scratch_at(f->job.scratch, "deaths"), 1), 0);
        start_queue(f, "tree-dies");
        job = must_add(f, spec_for(f, "new"));
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_error(job)->kind, ERROR_WORKER_FAILED);
        assert_int_equal(deaths_left(f), 0);
        assert_int_equal(f->n_warnings, 0);
        check_nothing_left(f, "new");
}

QUEUE_TEST(cleaning_step_that_is_always_killed_is_left_to_the_next_daemon) {
        Fixture *f = *state;
        Job *job;

        scratch_write(f->job.scratch, "deaths", "xxxxxxxx");
        assert_int_equal(setenv("FAKE_DEATHS", scratch_at(f->job.scratch, "deaths"), 1), 0);
        start_queue(f, "tree-dies");
        job = must_add(f, spec_for(f, "new"));
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_state(job), JOB_FAILED);
        assert_int_equal(deaths_left(f), 5);
        assert_int_equal(f->n_warnings, 1);
        assert_non_null(staging(f));
        assert_int_equal(count_journal(f), 1);
}

QUEUE_TEST(worker_that_cannot_be_executed_fails_the_job) {
        Fixture *f = *state;
        Job *job;

        f->context.workers = "/nonexistent";
        start_queue(f, "fetch-image");
        job = must_add(f, spec_for(f, "new"));
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_state(job), JOB_FAILED);
        assert_int_equal(job_error(job)->kind, ERROR_WORKER_FAILED);
        assert_false(scratch_exists(f->job.scratch, "new"));
        /* Nor could it be cleaned up: the journal remembers, and the next daemon does it. */
        assert_int_equal(f->n_warnings, 1);
        assert_non_null(staging(f));
        assert_int_equal(count_journal(f), 1);
}

static void on_recovered(void *userdata) {
        ((Fixture *) userdata)->is_recovered = true;
}

static bool is_recovered(void *userdata) {
        return ((Fixture *) userdata)->is_recovered;
}

QUEUE_TEST(next_daemon_removes_what_a_killed_one_left) {
        static const JobRecoveryEvents events = { .ended = on_recovered };
        Fixture *f = *state;
        JobRecovery *recovery = NULL;
        Job *job;

        start_queue(f, "fetch-and-hang");
        job = must_add(f, spec_for(f, "new"));
        loop_until(&f->job, job_has_digest, job);
        stop_queue(f);
        assert_true(scratch_exists(f->job.scratch, strcat(staging(f), "/root")));

        start_queue(f, "fetch-and-hang");
        assert_int_equal(job_recovery_start(&f->context, f->queue, &events, f, &recovery, NULL), 0);
        assert_false(job_queue_is_empty(f->queue));
        loop_until(&f->job, is_recovered, f);
        assert_true(job_queue_is_empty(f->queue));
        job_recovery_free(recovery);
        check_nothing_left(f, "new");
}

QUEUE_TEST(image_with_another_digest_than_wanted_is_refused) {
        Fixture *f = *state;
        JobSpec *spec = spec_for(f, "new");
        Job *job;

        start_queue(f, "fetch-image");
        spec->has_digest = true;
        spec->digest = digest_of("another");
        job = must_add(f, spec);
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_state(job), JOB_FAILED);
        assert_int_equal(job_error(job)->kind, ERROR_DIGEST_MISMATCH);
        check_nothing_left(f, "new");
}

static void cancel(Fixture *f, Job *job) {
        Error error = ERROR_NULL;

        error_set(&error, ECANCELED, ERROR_CANCELLED, "The job was cancelled");
        job_queue_cancel(f->queue, job, &error);
        error_clear(&error);
}

QUEUE_TEST(queued_job_is_cancelled_at_once) {
        Fixture *f = *state;
        Job *job;

        f->job.config.jobs_max = 0;
        start_queue(f, "fetch-and-hang");
        job = must_add(f, spec_for(f, "new"));
        loop_settle(&f->job);
        assert_int_equal(job_state(job), JOB_QUEUED);
        cancel(f, job);
        assert_int_equal(job_state(job), JOB_CANCELLED);
        cancel(f, job);
        assert_int_equal(f->n_ended, 1);
        check_nothing_left(f, "new");
}

QUEUE_TEST(running_job_is_cancelled_and_cleaned_up) {
        Fixture *f = *state;
        Job *job;

        start_queue(f, "fetch-and-hang");
        job = must_add(f, spec_for(f, "new"));
        loop_until(&f->job, job_has_digest, job);
        assert_true(scratch_exists(f->job.scratch, strcat(staging(f), "/root")));
        cancel(f, job);
        cancel(f, job);
        assert_int_equal(job_state(job), JOB_RUNNING);
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_state(job), JOB_CANCELLED);
        assert_string_equal(job_error(job)->message, "The job was cancelled");
        assert_int_equal(f->n_ended, 1);
        check_nothing_left(f, "new");
}

static bool job_is_running(void *userdata) {
        return job_state(userdata) == JOB_RUNNING;
}

QUEUE_TEST(job_that_has_just_begun_is_cancelled) {
        Fixture *f = *state;
        Job *job;

        start_queue(f, "fetch-and-hang");
        job = must_add(f, spec_for(f, "new"));
        loop_until(&f->job, job_is_running, job);
        cancel(f, job);
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(job_state(job), JOB_CANCELLED);
        check_nothing_left(f, "new");
}

QUEUE_TEST(all_jobs_are_ended_for_another_reason_than_the_users) {
        Fixture *f = *state;
        Error error = ERROR_NULL;
        Job *running, *waiting;

        f->job.config.jobs_max = 1;
        start_queue(f, "fetch-and-hang");
        running = must_add(f, spec_for(f, "a"));
        waiting = must_add(f, spec_for(f, "b"));
        loop_until(&f->job, job_has_digest, running);
        error_set(&error, EINTR, ERROR_INTERRUPTED, "The daemon ends");
        job_queue_cancel_all(f->queue, &error);
        error_clear(&error);
        loop_until(&f->job, queue_is_idle, f);
        assert_int_equal(job_state(running), JOB_FAILED);
        assert_int_equal(job_error(running)->kind, ERROR_INTERRUPTED);
        assert_int_equal(job_state(waiting), JOB_FAILED);
        check_nothing_left(f, "a");
}

QUEUE_TEST(only_a_few_jobs_run_at_a_time) {
        Fixture *f = *state;
        char name[2] = "a";

        start_queue(f, "fetch-fails");
        for (int i = 0; i < 6; i++, name[0]++)
                must_add(f, spec_for(f, name));
        loop_until(&f->job, queue_is_idle, f);
        assert_int_equal(f->n_running_max, 2);
        assert_int_equal(f->n_ended, 6);
}

static int refusal(Fixture *f, JobSpec *spec, ErrorKind kind) {
        Error error = ERROR_NULL;
        Job *job = NULL;
        int r = add_job(f->queue, spec, &job, &error);

        assert_null(job);
        assert_int_equal(error.code, -r);
        assert_int_equal(error.kind, kind);
        error_clear(&error);
        return r;
}

QUEUE_TEST(second_job_at_a_destination_is_refused_until_the_first_has_ended) {
        Fixture *f = *state;
        Job *job;

        f->job.config.jobs_max = 0;
        start_queue(f, "fetch-and-hang");
        job = must_add(f, spec_for(f, "new"));
        assert_int_equal(refusal(f, spec_for(f, "new"), ERROR_DESTINATION_BUSY), -EBUSY);
        assert_int_equal(refusal(f, spec_for(f, ".//new/."), ERROR_DESTINATION_BUSY), -EBUSY);
        cancel(f, job);
        must_add(f, spec_for(f, "new"));
        assert_int_equal(f->n_added, 2);
}

QUEUE_TEST(bad_destination_is_refused_at_once) {
        Fixture *f = *state;

        start_queue(f, "fetch-and-hang");
        scratch_mkdir(f->job.scratch, "full");
        scratch_write(f->job.scratch, "full/file", "x");
        assert_int_equal(refusal(f, spec_for(f, "full"), ERROR_DESTINATION_NOT_EMPTY), -ENOTEMPTY);
        assert_int_equal(f->n_added, 0);
        assert_true(job_queue_is_empty(f->queue));
}

QUEUE_TEST(full_queue_refuses_more) {
        Fixture *f = *state;
        Job *job;

        f->job.config.jobs_max = 0;
        f->job.config.queued_max = 2;
        start_queue(f, "fetch-and-hang");
        job = must_add(f, spec_for(f, "a"));
        must_add(f, spec_for(f, "b"));
        assert_int_equal(refusal(f, spec_for(f, "c"), ERROR_QUEUE_FULL), -ENOBUFS);
        cancel(f, job);
        must_add(f, spec_for(f, "c"));
}

static bool all_are_gone(void *userdata) {
        return job_queue_is_empty(((Fixture *) userdata)->queue);
}

QUEUE_TEST(ended_job_stays_for_a_while) {
        Fixture *f = *state;
        char id[JOB_ID_MAX];
        Job *job;

        f->job.config.retention_usec = 300000;
        start_queue(f, "fetch-fails");
        job = must_add(f, spec_for(f, "new"));
        strcpy(id, job_id(job));
        loop_until(&f->job, job_is_over, job);
        assert_int_equal(f->n_removed, 0);
        assert_ptr_equal(find_job(f->queue, id), job);
        loop_until(&f->job, all_are_gone, f);
        assert_int_equal(f->n_removed, 1);
        assert_null(find_job(f->queue, id));
}

QUEUE_TEST(of_too_many_ended_jobs_the_oldest_go_early) {
        Fixture *f = *state;
        char first[JOB_ID_MAX] = "", name[16];
        unsigned n = QUEUE_ENDED_MAX + 5;

        f->job.config.jobs_max = 0;
        f->job.config.queued_max = n;
        start_queue(f, "fetch-and-hang");
        for (unsigned i = 0; i < n; i++) {
                Job *job;

                (void) snprintf(name, sizeof(name), "%u", i);
                job = must_add(f, spec_for(f, name));
                if (i == 0)
                        strcpy(first, job_id(job));
                cancel(f, job);
        }
        loop_settle(&f->job);
        assert_int_equal(f->n_removed, 5);
        assert_null(find_job(f->queue, first));
}

QUEUE_TEST(queue_that_is_freed_ends_what_runs) {
        Fixture *f = *state;
        Job *job;

        start_queue(f, "fetch-and-hang");
        job = must_add(f, spec_for(f, "new"));
        loop_until(&f->job, job_has_digest, job);
        stop_queue(f);
        loop_until(&f->job, has_no_child, NULL);
}
