/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job-blob.h"

BLOB_TEST(missing_blob_is_filled_and_published) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];

        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 0);
        check_absent(f, "content", "");
        put(user, "content");
        end_of(user);
        await_ready(f, user);
        assert_int_equal(user->status.size, 7);
        assert_true(user->status.is_fetched);
        assert_int_equal(user->n_fill, 1);
        check_content(user, "content");
        check_stored(f, "content");
}

BLOB_TEST(ready_blob_is_leased_until_nobody_wants_it) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = digest_of("content");

        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        put(user, "content");
        end_of(user);
        await_ready(f, user);
        assert_int_equal(store_remove_digest(f->job.store, &digest, NULL), -EBUSY);
        user->use = job_blob_use_free(user->use);
        assert_int_equal(store_remove_digest(f->job.store, &digest, NULL), 0);
}

BLOB_TEST(blob_of_unknown_size_has_a_limit) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        const JobBlobRequest request = {
                .digest = digest_of("content"),
                .size = PROTO_SIZE_UNKNOWN,
        };

        f->job.config.limits.blob_bytes = 6;
        want_request(f, user, &request);
        loop_until(&f->job, is_asked, user);
        put(user, "content");
        end_of(user);
        await_failure(f, user, ERROR_LIMIT_EXCEEDED);
        assert_non_null(strstr(user->status.error->message, "BlobSize="));
}

BLOB_TEST(more_than_announced_is_refused) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];

        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        put(user, "content and more");
        end_of(user);
        await_failure(f, user, ERROR_DIGEST_MISMATCH);
        check_absent(f, "content", NULL);
}

BLOB_TEST(blob_of_unknown_size_ends_where_its_digest_is_right) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        const JobBlobRequest request = {
                .digest = digest_of("content"),
                .size = PROTO_SIZE_UNKNOWN,
        };

        want_request(f, user, &request);
        loop_until(&f->job, is_asked, user);
        put(user, "content");
        end_of(user);
        await_ready(f, user);
        assert_int_equal(user->status.size, 7);
}

BLOB_TEST(what_is_to_be_gone_on_with_is_not_removed_before_its_worker_runs) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = digest_of("content");

        store_put_partial_of(f->job.store, &digest, 7, "cont");
        want(f, user, "content");
        while (!job_blob_use_status(user->use).is_fetched)
                assert_true(sd_event_run(f->job.event, 0) >= 0);
        assert_int_equal(store_partial_free(f->job.store, UINT64_MAX), 0);
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 4);
        put(user, "ent");
        end_of(user);
        await_ready(f, user);
        check_stored(f, "content");
}

BLOB_TEST(what_an_earlier_attempt_left_is_gone_on_with) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = digest_of("content");

        store_put_partial_of(f->job.store, &digest, 7, "cont");
        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 4);
        put(user, "en");
        /* Nobody has verified it: it is not to be read yet. */
        loop_until(&f->job, has_arrived, user);
        assert_int_equal(user->status.state, BLOB_WAITING);
        assert_int_equal(user->status.size, 0);
        put(user, "t");
        end_of(user);
        await_ready(f, user);
        check_content(user, "content");
        check_stored(f, "content");
}

BLOB_TEST(what_an_earlier_attempt_left_wrong_comes_anew) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];
        Digest digest = digest_of("content");

        store_put_partial_of(f->job.store, &digest, 7, "CONT");
        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        assert_int_equal(a->offset, 4);
        put(a, "ent");
        end_of(a);
        loop_until(&f->job, is_asked, a);
        assert_int_equal(a->offset, 0);
        assert_int_equal(a->n_fill, 2);
        put(a, "content");
        end_of(a);
        await_ready(f, a);
        await_ready(f, b);
        check_content(a, "content");
        check_stored(f, "content");
}

BLOB_TEST(what_is_wrong_twice_fails) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = digest_of("content");

        store_put_partial_of(f->job.store, &digest, 7, "CONT");
        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        put(user, "ent");
        end_of(user);
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 0);
        put(user, "CONTENT");
        end_of(user);
        await_failure(f, user, ERROR_DIGEST_MISMATCH);
        assert_int_equal(user->n_fill, 2);
        check_absent(f, "content", NULL);
}

BLOB_TEST(too_much_of_an_earlier_attempt_comes_anew) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = digest_of("content");

        store_put_partial_of(f->job.store, &digest, 7, "content and more");
        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 0);
        put(user, "content");
        end_of(user);
        await_ready(f, user);
        check_stored(f, "content");
}

BLOB_TEST(all_of_an_earlier_attempt_needs_only_to_be_verified) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = digest_of("content");

        store_put_partial_of(f->job.store, &digest, 7, "content");
        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 7);
        end_of(user);
        await_ready(f, user);
        check_stored(f, "content");
}

BLOB_TEST(stored_blob_needs_no_worker) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];

        store_put(f->job.store, "content");
        f->job.context.workers = "/nonexistent";
        want(f, user, "content");
        await_ready(f, user);
        assert_int_equal(user->n_fill, 0);
        assert_false(user->status.is_fetched);
        check_content(user, "content");
}

BLOB_TEST(touched_blob_is_verified_again) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = store_put(f->job.store, "content");

        assert_int_equal(chmod(scratch_at(f->job.scratch, blob_path(&digest)), 0400), 0);
        want(f, user, "content");
        await_ready(f, user);
        assert_int_equal(user->n_fill, 0);
        check_content(user, "content");
        check_stored(f, "content");
}

BLOB_TEST(damaged_blob_is_quarantined_and_fetched_again) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = store_put(f->job.store, "content");

        assert_int_equal(chmod(scratch_at(f->job.scratch, blob_path(&digest)), 0644), 0);
        scratch_write(f->job.scratch, blob_path(&digest), "CONTENT");
        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 0);
        check_absent(f, "content", "");
        put(user, "content");
        end_of(user);
        await_ready(f, user);
        assert_true(user->status.is_fetched);
        check_content(user, "content");
        check_stored(f, "content");
}

/* As if it had been damaged without anybody touching it. */
static void believe(Fixture *f, const Digest *digest) {
        StoreBlob blob = STORE_BLOB_NULL;

        assert_int_equal(store_blob_open(f->job.store, digest, &blob, NULL), 1);
        assert_int_equal(store_blob_set_verified(f->job.store, digest, &blob, true, NULL), 0);
        close(blob.fd);
}

/* A job that syncs nothing, or not. */
static void want_with(Fixture *f, JobUser *user, const char *content, bool no_sync) {
        const JobBlobRequest request = {
                .digest = digest_of(content),
                .size = strlen(content),
                .no_sync = no_sync,
        };

        *user = (JobUser){ .fixture = f };
        want_request(f, user, &request);
}

static void start_system_again(Fixture *f, const char *boot) {
        store_open_again(f->job.store_fixture, boot);
        f->job.store = f->job.context.store = f->job.store_fixture->store;
}

static bool is_synced(Fixture *f, const char *content) {
        const Digest digest = digest_of(content);
        StoreBlob blob = STORE_BLOB_NULL;

        assert_int_equal(store_blob_open(f->job.store, &digest, &blob, NULL), 1);
        closep(&blob.fd);
        assert_true(blob.is_verified);
        return blob.is_synced;
}

static void fill_unsynced(Fixture *f, JobUser *user, const char *content) {
        want_with(f, user, content, true);
        loop_until(&f->job, is_asked, user);
        put(user, content);
        end_of(user);
        await_ready(f, user);
        assert_false(is_synced(f, content));
}

BLOB_TEST(blob_that_is_not_synced_needs_no_worker_in_the_same_boot) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];

        start_system_again(f, BOOT_A);
        fill_unsynced(f, user, "content");
        user->use = job_blob_use_free(user->use);
        f->job.context.workers = "/nonexistent";
        want_with(f, user, "content", true);
        await_ready(f, user);
        assert_int_equal(user->n_fill, 0);
        check_content(user, "content");
}

BLOB_TEST(blob_that_is_not_synced_is_synced_for_who_wants_that) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];

        start_system_again(f, BOOT_A);
        fill_unsynced(f, user, "content");
        /* While the other one still has it. */
        want_with(f, &f->users[1], "content", false);
        await_ready(f, &f->users[1]);
        assert_int_equal(f->users[1].n_fill, 0);
        assert_true(is_synced(f, "content"));
}

BLOB_TEST(blob_that_was_not_synced_is_hashed_in_the_next_boot) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        const Digest digest = digest_of("content");

        start_system_again(f, BOOT_A);
        fill_unsynced(f, user, "content");
        user->use = job_blob_use_free(user->use);
        start_system_again(f, BOOT_B);
        want_with(f, user, "content", true);
        await_ready(f, user);
        assert_int_equal(user->n_fill, 0);
        user->use = job_blob_use_free(user->use);
        assert_true(is_synced(f, "content"));

        /* A power failure has left zeros, and all that the record says. */
        store_blob_quarantine(f->job.store, &digest);
        start_system_again(f, BOOT_A);
        fill_unsynced(f, user, "content");
        user->use = job_blob_use_free(user->use);
        assert_int_equal(chmod(scratch_at(f->job.scratch, blob_path(&digest)), 0644), 0);
        scratch_write(f->job.scratch, blob_path(&digest), "\1\1\1\1\1\1\1");
        believe(f, &digest);
        start_system_again(f, BOOT_B);
        want_with(f, user, "content", true);
        loop_until(&f->job, is_asked, user);
        check_absent(f, "content", "");
        put(user, "content");
        end_of(user);
        await_ready(f, user);
        check_content(user, "content");
}

/* A job that is to survive a power failure waits for none that is not. */
BLOB_TEST(blob_is_synced_when_one_of_those_who_share_it_wants_that) {
        Fixture *f = *state;
        JobUser *quick = &f->users[0], *safe = &f->users[1], *late = &f->users[2];

        start_system_again(f, BOOT_A);
        want_with(f, quick, "content", true);
        loop_until(&f->job, is_asked, quick);
        want_with(f, safe, "content", false);
        put(quick, "content");
        end_of(quick);
        await_ready(f, quick);
        await_ready(f, safe);
        assert_int_equal(safe->n_fill, 0);
        assert_true(is_synced(f, "content"));

        /* The other way round one is enough. */
        for (int i = 0; i < N_USERS; i++)
                f->users[i].use = job_blob_use_free(f->users[i].use);
        want_with(f, safe, "more", false);
        loop_until(&f->job, is_asked, safe);
        want_with(f, late, "more", true);
        put(safe, "more");
        end_of(safe);
        await_ready(f, safe);
        await_ready(f, late);
        assert_int_equal(late->n_fill, 0);
        assert_true(is_synced(f, "more"));
}

static void want_again(Fixture *f, const char *content) {
        const JobBlobRequest request = {
                .digest = digest_of(content),
                .size = PROTO_SIZE_UNKNOWN,
                .verify_again = true,
        };

        want_request(f, &f->users[0], &request);
        loop_until(&f->job, is_settled, &f->users[0]);
        assert_int_equal(f->users[0].n_fill, 0);
}

BLOB_TEST(blob_that_is_to_be_verified_again_is_never_fetched) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = store_put(f->job.store, "content");

        want_again(f, "content");
        assert_int_equal(user->status.state, BLOB_READY);
        user->use = job_blob_use_free(user->use);

        *user = (JobUser){ .fixture = f };
        assert_int_equal(chmod(scratch_at(f->job.scratch, blob_path(&digest)), 0644), 0);
        scratch_write(f->job.scratch, blob_path(&digest), "CONTENT");
        believe(f, &digest);
        want_again(f, "content");
        assert_int_equal(user->status.state, BLOB_FAILED);
        assert_int_equal(user->failure, ERROR_DIGEST_MISMATCH);
        check_absent(f, "content", NULL);
        user->use = job_blob_use_free(user->use);

        *user = (JobUser){ .fixture = f };
        want_again(f, "content");
        assert_int_equal(user->status.state, BLOB_FAILED);
        assert_int_equal(user->failure, ERROR_NOT_FOUND);
        check_absent(f, "content", NULL);
}

BLOB_TEST(what_is_not_to_be_kept_leaves_nothing) {
        Fixture *f = *state;
        char directory[SCRATCH_PATH_MAX];
        JobBlobRequest request = {
                .digest = digest_of("content"),
                .size = 7,
                .temporary_directory = directory,
        };
        StoreEntry *entries = NULL;
        size_t n;

        strcpy(directory, scratch_at(f->job.scratch, "temporary"));
        for (int i = 0; i < 2; i++)
                want_request(f, &f->users[i], &request);
        for (int i = 0; i < 2; i++) {
                JobUser *user = &f->users[i];

                loop_until(&f->job, is_asked, user);
                assert_int_equal(user->offset, 0);
                put(user, "content");
                end_of(user);
                await_ready(f, user);
                check_content(user, "content");
        }
        check_absent(f, "content", NULL);
        assert_int_equal(store_list(f->job.store, &entries, &n, NULL), 0);
        assert_int_equal(n, 0);
        free(entries);
        assert_int_equal(rmdir(directory), 0);
}

BLOB_TEST(what_is_not_to_be_kept_and_wrong_fails) {
        Fixture *f = *state;
        char directory[SCRATCH_PATH_MAX];
        JobUser *user = &f->users[0];
        const JobBlobRequest request = {
                .digest = digest_of("content"),
                .size = 7,
                .temporary_directory = directory,
        };

        strcpy(directory, scratch_at(f->job.scratch, "temporary"));
        want_request(f, user, &request);
        loop_until(&f->job, is_asked, user);
        put(user, "CONTENT");
        end_of(user);
        await_failure(f, user, ERROR_DIGEST_MISMATCH);
}

BLOB_TEST(blob_that_cannot_be_verified_fails) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        f->job.context.workers = "/nonexistent";
        want(f, a, "content");
        want(f, b, "content");
        await_failure(f, a, ERROR_WORKER_FAILED);
        await_failure(f, b, ERROR_WORKER_FAILED);
        check_absent(f, "content", "");
}

BLOB_TEST(what_is_no_file_in_a_blobs_place_fails) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = digest_of("content");

        assert_int_equal(mkfifo(scratch_at(f->job.scratch, blob_path(&digest)), 0644), 0);
        want(f, user, "content");
        await_failure(f, user, ERROR_FAILED);
}

/* Its worker goes with it. */
BLOB_TEST(blob_that_nobody_wants_any_more_is_given_up) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "con");
        loop_until(&f->job, sees_some, b);
        b->use = job_blob_use_free(b->use);
        assert_false(has_no_child(NULL));
        a->use = job_blob_use_free(a->use);
        loop_until(&f->job, has_no_child, NULL);
        loop_settle(&f->job);
        check_absent(f, "content", "con");
}

BLOB_TEST(what_is_given_up_is_kept_up_to_a_limit) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        f->job.config.partial_bytes = 3;
        want(f, a, "content");
        want(f, b, "another one");
        loop_until(&f->job, is_asked, a);
        loop_until(&f->job, is_asked, b);
        put(a, "con");
        loop_until(&f->job, sees_some, a);
        put(b, "a");
        loop_until(&f->job, sees_some, b);
        a->use = job_blob_use_free(a->use);
        check_absent(f, "content", "con");
        b->use = job_blob_use_free(b->use);
        check_absent(f, "content", NULL);
        check_absent(f, "another one", "a");
}
