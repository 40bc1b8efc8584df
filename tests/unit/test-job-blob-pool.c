/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job-blob.h"

/* The processes of this test are verify workers. */
typedef struct Workers {
        pid_t pids[N_USERS + 1];
        size_t n;
} Workers;

static Workers workers_now(void) {
        Workers workers;

        workers.n = list_children(workers.pids, N_USERS + 1);
        return workers;
}

static pid_t the_worker(void) {
        const Workers workers = workers_now();

        assert_int_equal(workers.n, 1);
        return workers.pids[0];
}

static void want_in(Fixture *f, JobUser *user, const char *content, JobVerifyPool *pool) {
        const JobBlobRequest request = {
                .digest = digest_of(content),
                .size = strlen(content),
                .pool = pool,
        };

        want_request(f, user, &request);
}

static void bring(Fixture *f, JobUser *user, const char *content) {
        loop_until(&f->job, is_asked, user);
        put(user, content);
        end_of(user);
        await_ready(f, user);
        check_content(user, content);
}

BLOB_TEST(one_worker_hashes_one_blob_of_a_job_after_the_other) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        pid_t pid;

        want_in(f, &f->users[0], "one", pool);
        bring(f, &f->users[0], "one");
        pid = the_worker();
        want_in(f, &f->users[1], "two", pool);
        bring(f, &f->users[1], "two");
        assert_int_equal(the_worker(), pid);
        check_stored(f, "one");
        check_stored(f, "two");
}

BLOB_TEST(first_blob_gets_the_worker_that_was_started_ahead) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        pid_t pid;

        for (size_t i = 0; i < 2; i++)
                job_blob_table_start_pool(f->table, pool);
        pid = the_worker();
        want_in(f, &f->users[0], "content", pool);
        bring(f, &f->users[0], "content");
        assert_int_equal(the_worker(), pid);
        check_stored(f, "content");
        job_verify_pool_free(TAKE_PTR(pool));
        loop_until(&f->job, has_no_child, NULL);
}

BLOB_TEST(blobs_at_the_same_time_have_a_worker_each) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        static const char *const contents[N_USERS] = { "one", "two", "three", "four", "five" };

        for (size_t i = 0; i < N_USERS; i++)
                want_in(f, &f->users[i], contents[i], pool);
        for (size_t i = 0; i < N_USERS; i++)
                loop_until(&f->job, is_asked, &f->users[i]);
        assert_int_equal(workers_now().n, N_USERS);
        for (size_t i = 0; i < N_USERS; i++)
                bring(f, &f->users[i], contents[i]);
        loop_settle(&f->job);
        assert_int_equal(workers_now().n, VERIFY_POOL_MAX);
}

BLOB_TEST(no_worker_serves_two_jobs) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *a = job_verify_pool_new();
        _cleanup_(job_verify_pool_freep) JobVerifyPool *b = job_verify_pool_new();
        pid_t pid;

        want_in(f, &f->users[0], "one", a);
        bring(f, &f->users[0], "one");
        pid = the_worker();
        want_in(f, &f->users[1], "two", b);
        bring(f, &f->users[1], "two");
        assert_int_equal(workers_now().n, 2);
        job_verify_pool_free(TAKE_PTR(a));
        assert_int_not_equal(the_worker(), pid);
}

/* Its worker might have been taken over by what that job brought before. */
BLOB_TEST(when_the_workers_job_goes_away_the_other_one_has_its_own) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *a = job_verify_pool_new();
        _cleanup_(job_verify_pool_freep) JobVerifyPool *b = job_verify_pool_new();
        pid_t pid;

        want_in(f, &f->users[0], "content", a);
        want_in(f, &f->users[1], "content", b);
        while (!job_blob_use_status(f->users[0].use).is_fetched)
                assert_true(sd_event_run(f->job.event, 0) >= 0);
        pid = the_worker();
        f->users[0].use = job_blob_use_free(f->users[0].use);
        job_verify_pool_free(TAKE_PTR(a));
        loop_until(&f->job, is_asked, &f->users[1]);
        assert_int_not_equal(the_worker(), pid);
        bring(f, &f->users[1], "content");
        check_stored(f, "content");
}

BLOB_TEST(what_its_job_does_not_wait_for_is_hashed_to_the_end) {
        Fixture *f = *state;
        JobVerifyPool *pool = job_verify_pool_new();
        JobUser *a = &f->users[0], *b = &f->users[1];

        want_in(f, a, "content", pool);
        want_in(f, b, "content", NULL);
        loop_until(&f->job, is_asked, a);
        put(a, "content");
        a->use = job_blob_use_free(a->use);
        job_verify_pool_free(pool);
        end_of(a);
        await_ready(f, b);
        check_content(b, "content");
        check_stored(f, "content");
        loop_until(&f->job, has_no_child, NULL);
}

BLOB_TEST(what_somebody_else_began_is_hashed_by_a_worker_of_its_own) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        Digest digest = digest_of("content");

        store_put_partial_of(f->job.store, &digest, 7, "cont");
        want_in(f, &f->users[0], "content", pool);
        loop_until(&f->job, is_asked, &f->users[0]);
        assert_int_equal(f->users[0].offset, 4);
        put(&f->users[0], "ent");
        end_of(&f->users[0]);
        await_ready(f, &f->users[0]);
        check_stored(f, "content");
        loop_until(&f->job, has_no_child, NULL);
}

BLOB_TEST(what_another_daemon_has_open_is_hashed_by_a_worker_of_its_own) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        Digest digest = digest_of("content");
        int fd;

        assert_int_equal(store_partial_open(f->job.store, &digest, 7, &fd, NULL), 0);
        want_in(f, &f->users[0], "content", pool);
        loop_settle(&f->job);
        assert_int_equal(f->users[0].n_fill, 0);
        close(fd);
        bring(f, &f->users[0], "content");
        loop_until(&f->job, has_no_child, NULL);
}

BLOB_TEST(what_is_in_the_store_is_hashed_by_a_worker_of_its_own) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        Digest digest = store_put(f->job.store, "content");

        assert_int_equal(chmod(scratch_at(f->job.scratch, blob_path(&digest)), 0400), 0);
        want_in(f, &f->users[0], "content", pool);
        await_ready(f, &f->users[0]);
        loop_until(&f->job, has_no_child, NULL);
}

BLOB_TEST(who_has_found_a_wrong_blob_is_not_asked_again) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();

        want_in(f, &f->users[0], "content", pool);
        loop_until(&f->job, is_asked, &f->users[0]);
        put(&f->users[0], "CONTENT");
        end_of(&f->users[0]);
        await_failure(f, &f->users[0], ERROR_DIGEST_MISMATCH);
        assert_true(has_no_child(NULL));
        want_in(f, &f->users[1], "two", pool);
        bring(f, &f->users[1], "two");
}

BLOB_TEST(what_is_not_to_be_kept_shares_a_worker_too) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        JobBlobRequest request = {
                .digest = digest_of("one"),
                .size = 3,
                .temporary_directory = scratch_at(f->job.scratch, "temporary"),
                .pool = pool,
        };
        pid_t pid;

        want_request(f, &f->users[0], &request);
        bring(f, &f->users[0], "one");
        pid = the_worker();
        request.digest = digest_of("two");
        want_request(f, &f->users[1], &request);
        bring(f, &f->users[1], "two");
        assert_int_equal(the_worker(), pid);
        check_absent(f, "one", NULL);
}

BLOB_TEST(workers_end_when_there_are_no_more_blobs) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();

        want_in(f, &f->users[0], "one", pool);
        want_in(f, &f->users[1], "two", pool);
        bring(f, &f->users[0], "one");
        loop_until(&f->job, is_asked, &f->users[1]);
        job_verify_pool_close(pool);
        bring(f, &f->users[1], "two");
        loop_until(&f->job, has_no_child, NULL);
        /* Where one comes all the same, it is hashed. */
        want_in(f, &f->users[2], "three", pool);
        bring(f, &f->users[2], "three");
        loop_until(&f->job, has_no_child, NULL);
}

/* It writes into the first one when it is handed the second one. */
static void check_that_no_blob_changes(Fixture *f, const char *mode) {
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        bool is_gone;

        use_fake_worker(&f->job, mode);
        want_in(f, &f->users[0], "one", pool);
        bring(f, &f->users[0], "one");
        is_gone = has_no_child(NULL);
        want_in(f, &f->users[1], "two", pool);
        bring(f, &f->users[1], "two");
        check_content(&f->users[0], "one");
        check_stored(f, "one");
        assert_true(is_gone);
}

BLOB_TEST(worker_that_keeps_a_file_open_ends_before_the_blob_has_its_name) {
        check_that_no_blob_changes(*state, "verify-keeps-the-file");
}

BLOB_TEST(worker_that_keeps_a_file_mapped_ends_before_the_blob_has_its_name) {
        check_that_no_blob_changes(*state, "verify-keeps-a-mapping");
}

BLOB_TEST(worker_that_keeps_nothing_goes_on) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();
        pid_t pid;

        use_fake_worker(&f->job, "verify-keeps-nothing");
        want_in(f, &f->users[0], "one", pool);
        bring(f, &f->users[0], "one");
        pid = the_worker();
        want_in(f, &f->users[1], "two", pool);
        bring(f, &f->users[1], "two");
        assert_int_equal(the_worker(), pid);
}

BLOB_TEST(worker_that_ends_without_a_verdict_fails_the_blob) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();

        use_fake_worker(&f->job, "succeed");
        want_in(f, &f->users[0], "one", pool);
        await_failure(f, &f->users[0], ERROR_WORKER_FAILED);
        assert_non_null(strstr(f->users[0].status.error->message, "the end is out of place"));
        check_absent(f, "one", "");
}

BLOB_TEST(worker_that_speaks_without_being_asked_ends) {
        Fixture *f = *state;
        _cleanup_(job_verify_pool_freep) JobVerifyPool *pool = job_verify_pool_new();

        use_fake_worker(&f->job, "verify-says-more");
        want_in(f, &f->users[0], "one", pool);
        bring(f, &f->users[0], "one");
        loop_until(&f->job, has_no_child, NULL);
        f->job.context.workers = TEST_WORKERS;
        want_in(f, &f->users[1], "two", pool);
        bring(f, &f->users[1], "two");
}
