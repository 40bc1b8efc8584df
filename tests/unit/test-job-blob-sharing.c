/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job-blob.h"

BLOB_TEST(of_two_users_one_is_asked_and_both_get_it) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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

BLOB_TEST(growing_blob_is_read_by_who_brings_it_alone) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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

BLOB_TEST(who_comes_late_is_told_too) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "content");
        end_of(a);
        await_ready(f, a);
        want(f, b, "content");
        await_ready(f, b);
        assert_int_equal(b->n_fill, 0);
}

BLOB_TEST(when_the_filler_goes_away_the_other_goes_on) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "cont");
        loop_until(&f->job, sees_some, b);
        a->use = job_blob_use_free(a->use);
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

BLOB_TEST(when_the_filler_stops_short_the_other_goes_on_and_both_get_it) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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

BLOB_TEST(when_nobody_can_fill_it_what_arrived_is_kept) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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

BLOB_TEST(wrong_content_fails_who_brought_it_and_is_not_kept) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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
        a->use = job_blob_use_free(a->use);
        *a = (JobUser){ .fixture = f, .pipe_fd = -EBADF };
        want(f, a, "content");
        put(b, "content");
        end_of(b);
        await_ready(f, b);
        await_ready(f, a);
        assert_int_equal(a->n_fill, 0);
        check_content(a, "content");
        check_stored(f, "content");
}

BLOB_TEST(wrong_end_of_what_another_began_costs_neither_its_job) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "CON");
        loop_until(&f->job, has_some, a);
        a->use = job_blob_use_free(a->use);
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

BLOB_TEST(who_names_another_size_shares_nothing) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];
        const JobBlobRequest request = { .digest = digest_of("content"), .size = 70 };

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

BLOB_TEST(slow_filler_goes_on_alone_and_another_fills_it_for_the_others) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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

BLOB_TEST(who_is_of_the_slow_origin_waits_for_its_one_filler) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];
        Digest digest = digest_of("content");

        watch_speed(f);
        want_from(f, a, "content", "slow");
        want_from(f, b, "content", "slow");
        loop_until(&f->job, is_asked, a);
        put(a, "con");
        let_window_end(f);
        assert_int_equal(b->n_fill, 0);
        assert_true(scratch_exists(f->job.scratch, partial_path(&digest, 7)));
        put(a, "tent");
        end_of(a);
        await_ready(f, b);
        assert_int_equal(a->n_fill, 1);
        assert_int_equal(b->n_fill, 0);
        check_stored(f, "content");
}

/* Of two that wait the second one is from elsewhere: it fetches the blob for both. */
BLOB_TEST(who_is_of_the_slow_origin_gets_what_another_origin_has_brought) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1], *c = &f->users[2];

        watch_speed(f);
        want_from(f, a, "content", "slow");
        want_from(f, b, "content", "slow");
        want_from(f, c, "content", "fast");
        loop_until(&f->job, is_asked, a);
        put(a, "c");
        loop_until(&f->job, is_asked, c);
        assert_int_equal(c->offset, 0);
        assert_int_equal(b->n_fill, 0);
        put(c, "content");
        end_of(c);
        await_ready(f, c);
        await_ready(f, b);
        assert_int_equal(b->n_fill, 0);
        check_content(b, "content");
        assert_int_equal(a->status.state, BLOB_GROWING);
        put(a, "ontent");
        end_of(a);
        await_ready(f, a);
        check_stored(f, "content");
}

BLOB_TEST(when_all_are_slow_each_origin_is_asked_once) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1], *c = &f->users[2];
        Digest digest = digest_of("content");

        watch_speed(f);
        want_from(f, a, "content", "slow");
        want_from(f, b, "content", "slow too");
        loop_until(&f->job, is_asked, a);
        put(a, "c");
        loop_until(&f->job, is_asked, b);
        put(b, "con");
        want_from(f, c, "content", "slow");
        let_window_end(f);
        assert_int_equal(c->n_fill, 0);
        assert_true(scratch_exists(f->job.scratch, partial_path(&digest, 7)));
        put(a, "ontent");
        end_of(a);
        await_ready(f, c);
        check_content(c, "content");
        put(b, "tent");
        end_of(b);
        await_ready(f, b);
        check_stored(f, "content");
}

BLOB_TEST(who_is_of_the_slow_origin_goes_on_when_its_filler_goes_away) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        watch_speed(f);
        want_from(f, a, "content", "slow");
        want_from(f, b, "content", "slow");
        loop_until(&f->job, is_asked, a);
        put(a, "con");
        let_window_end(f);
        a->use = job_blob_use_free(a->use);
        end_of(a);
        loop_until(&f->job, is_asked, b);
        assert_int_equal(b->offset, 3);
        put(b, "tent");
        end_of(b);
        await_ready(f, b);
        check_stored(f, "content");
}

BLOB_TEST(who_wants_what_is_slow_already_does_not_wait) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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

BLOB_TEST(filler_that_does_not_come_to_an_end_is_not_waited_for) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        want(f, a, "content");
        want(f, b, "content");
        loop_until(&f->job, is_asked, a);
        put(a, "content");
        await_ready(f, b);
        await_ready(f, a);
        check_stored(f, "content");
}

BLOB_TEST(slow_filler_alone_is_left_alone) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
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

BLOB_TEST(filler_below_the_minimum_fails_and_the_other_goes_on) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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

/* As another daemon on the same store would. */
BLOB_TEST(blob_that_another_daemon_fills_is_taken_from_the_store) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
        Digest digest = digest_of("content");
        int fd;

        assert_int_equal(store_partial_open(f->job.store, &digest, 7, &fd, NULL), 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        want(f, user, "content");
        loop_settle(&f->job);
        assert_int_equal(user->n_fill, 0);
        assert_int_equal(user->status.state, BLOB_WAITING);
        assert_int_equal(fd_write_full(fd, "content", 7), 0);
        assert_int_equal(store_blob_publish(f->job.store, &digest, 7, fd, false, NULL), 0);
        close(fd);
        await_ready(f, user);
        assert_int_equal(user->n_fill, 0);
        check_content(user, "content");
}

BLOB_TEST(blob_that_another_daemon_gives_up_is_gone_on_with) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
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

BLOB_TEST(blob_that_another_daemon_fills_slowly_is_taken_over) {
        Fixture *f = *state;
        JobUser *user = &f->users[0];
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
        assert_int_equal(store_blob_publish(f->job.store, &digest, 7, fd, false, NULL), -ESTALE);
        end_of(user);
        await_ready(f, user);
        check_stored(f, "content");
        close(fd);
}

BLOB_TEST(who_waits_for_a_slow_filler_gets_what_another_daemon_has_brought) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];
        Digest digest = digest_of("content");

        watch_speed(f);
        want_from(f, a, "content", "slow");
        want_from(f, b, "content", "slow");
        loop_until(&f->job, is_asked, a);
        put(a, "con");
        loop_until(&f->job, has_some, a);
        assert_int_equal(unlink(scratch_at(f->job.scratch, partial_path(&digest, 7))), 0);
        store_put(f->job.store, "content");
        await_ready(f, b);
        assert_int_equal(b->n_fill, 0);
        check_content(b, "content");
        put(a, "tent");
        end_of(a);
        await_ready(f, a);
}

static bool is_freed(void *userdata) {
        return !((JobUser *) userdata)->use;
}

BLOB_TEST(users_may_leave_while_they_are_told) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

        store_put(f->job.store, "content");
        a->frees_itself = b->frees_itself = true;
        want(f, a, "content");
        want(f, b, "content");
        await_ready(f, a);
        await_ready(f, b);
        assert_true(is_freed(a) && is_freed(b));
}

BLOB_TEST(user_that_leaves_when_told_of_growth_leaves_the_other) {
        Fixture *f = *state;
        JobUser *a = &f->users[0], *b = &f->users[1];

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
