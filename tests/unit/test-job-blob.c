/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

#include <limits.h>

#include "job-blob.h"
#include "store-cache.h"

/* With the real verify worker; the test is who fills the pipe. */

typedef struct Fixture Fixture;

/* A job that wants a blob. */
typedef struct User {
        Fixture *fixture;
        BlobUse *use;
        int pipe_fd; /* owned; of the last fill() */
        uint64_t offset;
        unsigned n_fill, n_changed;
        BlobStatus status; /* when it was told last */
        ErrorKind failure; /* of BLOB_FAILED */
        bool frees_itself; /* as soon as it is told of something */
} User;

struct Fixture {
        JobFixture job;
        BlobTable *table;
        User users[2];
};

static void on_changed(void *userdata, BlobUse *use) {
        User *user = userdata;

        assert_ptr_equal(use, user->use);
        user->n_changed++;
        user->status = blob_use_status(use);
        assert_true(user->status.size <= user->status.arrived || user->status.arrived == 0);
        if (user->status.state == BLOB_FAILED)
                user->failure = user->status.error->kind;
        if (user->frees_itself)
                user->use = blob_use_free(use);
}

static void on_fill(void *userdata, BlobUse *use, int pipe_fd, uint64_t offset) {
        User *user = userdata;

        assert_ptr_equal(use, user->use);
        closep(&user->pipe_fd);
        user->pipe_fd = fcntl(pipe_fd, F_DUPFD_CLOEXEC, 3);
        user->offset = offset;
        user->n_fill++;
}

static const BlobEvents events = { .changed = on_changed, .fill = on_fill };

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        job_fixture_init(&f->job);
        assert_int_equal(blob_table_new(&f->job.context, f->job.store, &f->table, NULL), 0);
        for (int i = 0; i < 2; i++)
                f->users[i] = (User){ .fixture = f, .pipe_fd = -EBADF, .offset = UINT64_MAX };
        scratch_mkdir(f->job.scratch, "temporary");
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        for (int i = 0; i < 2; i++) {
                blob_use_free(f->users[i].use);
                closep(&f->users[i].pipe_fd);
        }
        assert_true(blob_table_is_idle(f->table));
        blob_table_free(f->table);
        job_fixture_done(&f->job);
        free(f);
        return 0;
}

static void want_request(Fixture *f, User *user, const BlobRequest *request) {
        Error error = ERROR_NULL;

        user->pipe_fd = -EBADF;
        assert_int_equal(blob_use_new(f->table, request, &events, user, &user->use, &error), 0);
        assert_int_equal(user->n_changed + user->n_fill, 0); /* not from inside */
}

static void want(Fixture *f, User *user, const char *content) {
        const BlobRequest request = { .digest = digest_of(content), .size = strlen(content) };

        want_request(f, user, &request);
}

static void put(User *user, const char *content) {
        assert_true(user->pipe_fd >= 0);
        assert_int_equal(fd_write_full(user->pipe_fd, content, strlen(content)), 0);
}

/* All that the user had to say. */
static void end_of(User *user) {
        closep(&user->pipe_fd);
        user->pipe_fd = -EBADF;
}

static bool is_asked(void *userdata) {
        return ((User *) userdata)->pipe_fd >= 0;
}

static bool is_settled(void *userdata) {
        const User *user = userdata;

        return user->status.state == BLOB_READY || user->status.state == BLOB_FAILED;
}

static bool has_some(void *userdata) {
        return ((User *) userdata)->status.size > 0;
}

static bool sees_some(void *userdata) {
        return ((User *) userdata)->status.arrived > 0;
}

static bool has_arrived(void *userdata) {
        return ((User *) userdata)->status.arrived > ((User *) userdata)->offset;
}

static void await_ready(Fixture *f, User *user) {
        loop_until(&f->job, is_settled, user);
        assert_int_equal(user->status.state, BLOB_READY);
}

static void await_failure(Fixture *f, User *user, ErrorKind kind) {
        loop_until(&f->job, is_settled, user);
        assert_int_equal(user->status.state, BLOB_FAILED);
        assert_int_equal(user->failure, kind);
}

static void check_content(const User *user, const char *content) {
        char data[64];
        int fd;

        assert_int_equal(blob_use_open(user->use, &fd, NULL), 0);
        assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_int_equal(fd_read_full(fd, data, sizeof(data)), strlen(content));
        assert_memory_equal(data, content, strlen(content));
        close(fd);
}

static void check_stored(Fixture *f, const char *content) {
        Digest digest = digest_of(content);
        StoreBlob blob = STORE_BLOB_NULL;

        assert_int_equal(store_blob_open(f->job.store, &digest, &blob, NULL), 1);
        assert_true(blob.is_verified);
        assert_int_equal(blob.size, strlen(content));
        close(blob.fd);
        assert_false(scratch_exists(f->job.scratch, partial_path(&digest, strlen(content))));
}

static void check_absent(Fixture *f, const char *content, const char *partial) {
        Digest digest = digest_of(content);
        char *left;

        assert_false(scratch_exists(f->job.scratch, blob_path(&digest)));
        if (!partial) {
                assert_false(
                        scratch_exists(f->job.scratch, partial_path(&digest, strlen(content))));
                return;
        }
        left = scratch_read(f->job.scratch, partial_path(&digest, strlen(content)));
        assert_string_equal(left, partial);
        free(left);
}

static void missing_blob_is_filled_and_published(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];

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

static void ready_blob_is_leased_until_nobody_wants_it(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = digest_of("content");

        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        put(user, "content");
        end_of(user);
        await_ready(f, user);
        assert_int_equal(store_remove(f->job.store, &digest, NULL), -EBUSY);
        user->use = blob_use_free(user->use);
        assert_true(blob_table_is_idle(f->table));
        assert_int_equal(store_remove(f->job.store, &digest, NULL), 0);
}

static void of_two_users_one_is_asked_and_both_get_it(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        loop_settle(&f->job);
        assert_int_equal(b->n_fill, 0);
        put(a, "content");
        end_of(a);
        await_ready(f, a);
        await_ready(f, b);
        assert_int_equal(a->n_fill, 1);
        assert_int_equal(b->n_fill, 0);
        check_content(b, "content");
}

static void growing_blob_is_read_by_who_brings_it_alone(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "cont");
        loop_until(&f->job, has_some, a);
        loop_until(&f->job, sees_some, b);
        assert_int_equal(a->status.state, BLOB_GROWING);
        assert_int_equal(a->status.size, 4);
        check_content(a, "cont");
        assert_int_equal(b->status.state, BLOB_WAITING);
        assert_int_equal(b->status.size, 0);
        put(a, "ent");
        end_of(a);
        await_ready(f, b);
        check_content(b, "content");
}

static void who_comes_late_is_told_too(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "content");
        end_of(a);
        await_ready(f, a);
        want(f, b, "content");
        await_ready(f, b);
        assert_int_equal(b->n_fill, 0);
}

static void when_the_filler_goes_away_the_other_goes_on(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "cont");
        loop_until(&f->job, sees_some, b);
        a->use = blob_use_free(a->use);
        end_of(a);
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 4);
        assert_int_equal(b->status.size, 0);
        put(b, "ent");
        end_of(b);
        await_ready(f, b);
        check_content(b, "content");
        check_stored(f, "content");
}

static void when_the_filler_stops_short_the_other_goes_on_and_both_get_it(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "con");
        end_of(a);
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 3);
        put(b, "tent");
        end_of(b);
        await_ready(f, a);
        await_ready(f, b);
        assert_int_equal(a->n_fill, 1);
        check_content(a, "content");
}

static void when_nobody_can_fill_it_what_arrived_is_kept(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "con");
        end_of(a);
        loop_until(&f->job, is_asked, b);
        put(b, "te");
        end_of(b);
        await_failure(f, a, ERROR_REGISTRY_ERROR);
        await_failure(f, b, ERROR_REGISTRY_ERROR);
        assert_true(b->status.is_short);
        check_absent(f, "content", "conte");
}

static void wrong_content_fails_who_brought_it_and_is_not_kept(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "CONTENT");
        end_of(a);
        await_failure(f, a, ERROR_DIGEST_MISMATCH);
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 0);
        check_absent(f, "content", "");

        /* Who comes meanwhile shares it with the other one. */
        a->use = blob_use_free(a->use);
        *a = (User){ .fixture = f, .pipe_fd = -EBADF };
        want(f, a, "content");
        put(b, "content");
        end_of(b);
        await_ready(f, b);
        await_ready(f, a);
        assert_int_equal(a->n_fill, 0);
        check_content(a, "content");
        check_stored(f, "content");
}

static void wrong_end_of_what_another_began_costs_neither_its_job(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "CON");
        loop_until(&f->job, has_some, a);
        a->use = blob_use_free(a->use);
        end_of(a);
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 3);
        put(b, "tent");
        end_of(b);
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 0);
        put(b, "content");
        end_of(b);
        await_ready(f, b);
        check_stored(f, "content");
}

static void who_names_another_size_shares_nothing(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];
        const BlobRequest request = { .digest = digest_of("content"), .size = 70 };

        want_request(f, a, &request);
        loop_until(&f->job, is_asked, a);
        want(f, b, "content");
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 0);
        put(a, "CONT");
        put(b, "content");
        end_of(b);
        await_ready(f, b);
        end_of(a);
        await_failure(f, a, ERROR_REGISTRY_ERROR);
        assert_true(a->status.is_short);
        check_stored(f, "content");
}

/* In a tenth of a second more has to come than the whole blob. */
static void watch_speed(Fixture *f) {
        f->job.config.takeover_speed = 1000;
        f->job.config.takeover_usec = 100000;
}

/* Long enough for a window of watch_speed() to end. */
static void let_window_end(Fixture *f) {
        uint64_t now, end;

        assert_true(sd_event_now(f->job.event, CLOCK_MONOTONIC, &end) >= 0);
        for (now = end, end += 250000; now < end;) {
                assert_true(sd_event_run(f->job.event, 10000) >= 0);
                assert_true(sd_event_now(f->job.event, CLOCK_MONOTONIC, &now) >= 0);
        }
}

static void slow_filler_goes_on_alone_and_another_fills_it_for_the_others(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        watch_speed(f);
        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "c");
        loop_until(&f->job, has_some, a);
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 0);
        put(b, "content");
        end_of(b);
        await_ready(f, b);
        check_stored(f, "content");

        assert_int_equal(a->status.state, BLOB_GROWING);
        put(a, "ontent");
        end_of(a);
        await_ready(f, a);
        check_content(a, "content");
        check_content(b, "content");
        check_stored(f, "content");
}

static void who_wants_what_is_slow_already_does_not_wait(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        watch_speed(f);
        want(f, a, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "CON");
        let_window_end(f);
        f->job.config.takeover_usec = UINT64_C(3600000000);
        want(f, b, "content");
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 0);
        put(b, "content");
        end_of(b);
        await_ready(f, b);
        put(a, "TENT");
        end_of(a);
        await_failure(f, a, ERROR_DIGEST_MISMATCH);
        check_stored(f, "content");
}

static void slow_filler_alone_is_left_alone(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = digest_of("content");

        watch_speed(f);
        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        let_window_end(f);
        assert_true(scratch_exists(f->job.scratch, partial_path(&digest, 7)));
        put(user, "content");
        end_of(user);
        await_ready(f, user);
        check_stored(f, "content");
}

static void filler_below_the_minimum_fails_and_the_other_goes_on(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        f->job.config.limits.minimum_speed = 1000;
        f->job.config.limits.minimum_speed_usec = 1000000;
        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "con");
        await_failure(f, a, ERROR_LIMIT_EXCEEDED);
        assert_non_null(strstr(a->status.error->message, "MinimumSpeed="));
        f->job.config.limits.minimum_speed = 0;
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 3);
        put(b, "tent");
        end_of(b);
        await_ready(f, b);
        check_stored(f, "content");
}

static void blob_of_unknown_size_has_a_limit(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        const BlobRequest request = {
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

static void more_than_announced_is_refused(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];

        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        put(user, "content and more");
        end_of(user);
        await_failure(f, user, ERROR_DIGEST_MISMATCH);
        check_absent(f, "content", NULL);
}

static void blob_of_unknown_size_ends_where_its_digest_is_right(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        const BlobRequest request = {
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

static void what_an_earlier_attempt_left_is_gone_on_with(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
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

static void what_an_earlier_attempt_left_wrong_comes_anew(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];
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

static void what_is_wrong_twice_fails(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
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

static void too_much_of_an_earlier_attempt_comes_anew(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
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

static void all_of_an_earlier_attempt_needs_only_to_be_verified(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = digest_of("content");

        store_put_partial_of(f->job.store, &digest, 7, "content");
        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 7);
        end_of(user);
        await_ready(f, user);
        check_stored(f, "content");
}

static void stored_blob_needs_no_worker(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];

        store_put(f->job.store, "content");
        f->job.context.worker_path = "/nonexistent/worker";
        want(f, user, "content");
        await_ready(f, user);
        assert_int_equal(user->n_fill, 0);
        assert_false(user->status.is_fetched);
        check_content(user, "content");
}

static void touched_blob_is_verified_again(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = store_put(f->job.store, "content");

        assert_int_equal(chmod(scratch_at(f->job.scratch, blob_path(&digest)), 0400), 0);
        want(f, user, "content");
        await_ready(f, user);
        assert_int_equal(user->n_fill, 0);
        check_content(user, "content");
        check_stored(f, "content");
}

static void damaged_blob_is_quarantined_and_fetched_again(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
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

static void want_again(Fixture *f, const char *content) {
        const BlobRequest request = {
                .digest = digest_of(content),
                .size = PROTO_SIZE_UNKNOWN,
                .verify_again = true,
        };

        want_request(f, &f->users[0], &request);
        loop_until(&f->job, is_settled, &f->users[0]);
        assert_int_equal(f->users[0].n_fill, 0);
}

/* As if it had been damaged without anybody touching it. */
static void believe(Fixture *f, const Digest *digest) {
        StoreBlob blob = STORE_BLOB_NULL;

        assert_int_equal(store_blob_open(f->job.store, digest, &blob, NULL), 1);
        assert_int_equal(store_blob_set_verified(f->job.store, digest, blob.fd, NULL), 0);
        close(blob.fd);
}

static void blob_that_is_to_be_verified_again_is_never_fetched(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = store_put(f->job.store, "content");

        want_again(f, "content");
        assert_int_equal(user->status.state, BLOB_READY);
        user->use = blob_use_free(user->use);

        *user = (User){ .fixture = f };
        assert_int_equal(chmod(scratch_at(f->job.scratch, blob_path(&digest)), 0644), 0);
        scratch_write(f->job.scratch, blob_path(&digest), "CONTENT");
        believe(f, &digest);
        want_again(f, "content");
        assert_int_equal(user->status.state, BLOB_FAILED);
        assert_int_equal(user->failure, ERROR_DIGEST_MISMATCH);
        check_absent(f, "content", NULL);
        user->use = blob_use_free(user->use);

        *user = (User){ .fixture = f };
        want_again(f, "content");
        assert_int_equal(user->status.state, BLOB_FAILED);
        assert_int_equal(user->failure, ERROR_NOT_FOUND);
        check_absent(f, "content", NULL);
}

static void what_is_not_to_be_kept_leaves_nothing(void **state) {
        Fixture *f = *state;
        char directory[SCRATCH_PATH_MAX];
        BlobRequest request = {
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
                User *user = &f->users[i];

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

static void what_is_not_to_be_kept_and_wrong_fails(void **state) {
        Fixture *f = *state;
        char directory[SCRATCH_PATH_MAX];
        User *user = &f->users[0];
        const BlobRequest request = {
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

/* As another daemon on the same store would. */
static void blob_that_another_daemon_fills_is_taken_from_the_store(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = digest_of("content");
        int fd;

        assert_int_equal(store_partial_open(f->job.store, &digest, 7, &fd, NULL), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        want(f, user, "content");
        loop_settle(&f->job);
        assert_int_equal(user->n_fill, 0);
        assert_int_equal(user->status.state, BLOB_WAITING);
        assert_int_equal(fd_write_full(fd, "content", 7), 0);
        assert_int_equal(store_blob_publish(f->job.store, &digest, 7, fd, NULL), 0);
        close(fd);
        await_ready(f, user);
        assert_int_equal(user->n_fill, 0);
        check_content(user, "content");
}

static void blob_that_another_daemon_gives_up_is_gone_on_with(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = digest_of("content");
        int fd;

        assert_int_equal(store_partial_open(f->job.store, &digest, 7, &fd, NULL), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        want(f, user, "content");
        loop_settle(&f->job);
        assert_int_equal(fd_write_full(fd, "con", 3), 0);
        close(fd);
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 3);
        put(user, "tent");
        end_of(user);
        await_ready(f, user);
}

static void blob_that_another_daemon_fills_slowly_is_taken_over(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = digest_of("content");
        int fd;

        watch_speed(f);
        assert_int_equal(store_partial_open(f->job.store, &digest, 7, &fd, NULL), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(fd_write_full(fd, "CON", 3), 0);
        want(f, user, "content");
        loop_until(&f->job, is_asked, user);
        assert_int_equal(user->offset, 0);
        assert_false(store_partial_is_current(f->job.store, &digest, 7, fd));
        put(user, "content");
        assert_int_equal(store_blob_publish(f->job.store, &digest, 7, fd, NULL), -ESTALE);
        end_of(user);
        await_ready(f, user);
        check_stored(f, "content");
        close(fd);
}

static void blob_that_cannot_be_verified_fails(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        f->job.context.worker_path = "/nonexistent/worker";
        want(f, a, "content");
        want(f, b, "content");
        await_failure(f, a, ERROR_WORKER_FAILED);
        await_failure(f, b, ERROR_WORKER_FAILED);
        check_absent(f, "content", "");
}

static void what_is_no_file_in_a_blobs_place_fails(void **state) {
        Fixture *f = *state;
        User *user = &f->users[0];
        Digest digest = digest_of("content");

        assert_int_equal(mkfifo(scratch_at(f->job.scratch, blob_path(&digest)), 0644), 0);
        want(f, user, "content");
        await_failure(f, user, ERROR_FAILED);
}

/* Its worker goes with it. */
static void blob_that_nobody_wants_any_more_is_given_up(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];
        siginfo_t info;

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "con");
        loop_until(&f->job, sees_some, b);
        b->use = blob_use_free(b->use);
        assert_false(blob_table_is_idle(f->table));
        a->use = blob_use_free(a->use);
        assert_true(blob_table_is_idle(f->table));
        assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -1);
        loop_settle(&f->job);
        check_absent(f, "content", "con");
}

static void what_is_given_up_is_kept_up_to_a_limit(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        f->job.config.partial_bytes = 3;
        want(f, a, "content");
        want(f, b, "another one");
        loop_until(&f->job, is_asked, a);
        loop_until(&f->job, is_asked, b);
        put(a, "con");
        loop_until(&f->job, sees_some, a);
        put(b, "a");
        loop_until(&f->job, sees_some, b);
        a->use = blob_use_free(a->use);
        check_absent(f, "content", "con");
        b->use = blob_use_free(b->use);
        check_absent(f, "content", NULL);
        check_absent(f, "another one", "a");
}

static void users_may_leave_while_they_are_told(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        store_put(f->job.store, "content");
        a->frees_itself = b->frees_itself = true;
        want(f, a, "content");
        want(f, b, "content");
        await_ready(f, a);
        await_ready(f, b);
        loop_settle(&f->job);
        assert_true(blob_table_is_idle(f->table));
}

static bool is_freed(void *userdata) {
        return !((User *) userdata)->use;
}

static void user_that_leaves_when_told_of_growth_leaves_the_other(void **state) {
        Fixture *f = *state;
        User *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        loop_settle(&f->job);
        a->frees_itself = true;
        put(a, "con");
        loop_until(&f->job, is_freed, a);
        end_of(a);
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 3);
        put(b, "tent");
        end_of(b);
        await_ready(f, b);
}

#define BLOB_CASE(fn) CASE_WITH(fn, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                BLOB_CASE(missing_blob_is_filled_and_published),
                BLOB_CASE(ready_blob_is_leased_until_nobody_wants_it),
                BLOB_CASE(of_two_users_one_is_asked_and_both_get_it),
                BLOB_CASE(growing_blob_is_read_by_who_brings_it_alone),
                BLOB_CASE(who_comes_late_is_told_too),
                BLOB_CASE(when_the_filler_goes_away_the_other_goes_on),
                BLOB_CASE(when_the_filler_stops_short_the_other_goes_on_and_both_get_it),
                BLOB_CASE(when_nobody_can_fill_it_what_arrived_is_kept),
                BLOB_CASE(wrong_content_fails_who_brought_it_and_is_not_kept),
                BLOB_CASE(wrong_end_of_what_another_began_costs_neither_its_job),
                BLOB_CASE(who_names_another_size_shares_nothing),
                BLOB_CASE(slow_filler_goes_on_alone_and_another_fills_it_for_the_others),
                BLOB_CASE(who_wants_what_is_slow_already_does_not_wait),
                BLOB_CASE(slow_filler_alone_is_left_alone),
                BLOB_CASE(filler_below_the_minimum_fails_and_the_other_goes_on),
                BLOB_CASE(blob_of_unknown_size_has_a_limit),
                BLOB_CASE(more_than_announced_is_refused),
                BLOB_CASE(blob_of_unknown_size_ends_where_its_digest_is_right),
                BLOB_CASE(what_an_earlier_attempt_left_is_gone_on_with),
                BLOB_CASE(what_an_earlier_attempt_left_wrong_comes_anew),
                BLOB_CASE(what_is_wrong_twice_fails),
                BLOB_CASE(too_much_of_an_earlier_attempt_comes_anew),
                BLOB_CASE(all_of_an_earlier_attempt_needs_only_to_be_verified),
                BLOB_CASE(stored_blob_needs_no_worker),
                BLOB_CASE(touched_blob_is_verified_again),
                BLOB_CASE(damaged_blob_is_quarantined_and_fetched_again),
                BLOB_CASE(blob_that_is_to_be_verified_again_is_never_fetched),
                BLOB_CASE(what_is_not_to_be_kept_leaves_nothing),
                BLOB_CASE(what_is_not_to_be_kept_and_wrong_fails),
                BLOB_CASE(blob_that_another_daemon_fills_is_taken_from_the_store),
                BLOB_CASE(blob_that_another_daemon_gives_up_is_gone_on_with),
                BLOB_CASE(blob_that_another_daemon_fills_slowly_is_taken_over),
                BLOB_CASE(blob_that_cannot_be_verified_fails),
                BLOB_CASE(what_is_no_file_in_a_blobs_place_fails),
                BLOB_CASE(blob_that_nobody_wants_any_more_is_given_up),
                BLOB_CASE(what_is_given_up_is_kept_up_to_a_limit),
                BLOB_CASE(users_may_leave_while_they_are_told),
                BLOB_CASE(user_that_leaves_when_told_of_growth_leaves_the_other),
        };

        return cmocka_run_group_tests_name("job-blob", tests, NULL, NULL);
}
