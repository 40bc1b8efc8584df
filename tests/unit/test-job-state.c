/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <errno.h>
#include <syslog.h>

#include "job.h"

typedef struct Fixture {
        Scratch scratch;
        sd_event *event;
        JobListener listener;
        Job *job;
        unsigned n_state, n_state_ended, n_progress, n_digest, n_message;
        unsigned n_details, which; /* which: all that were told */
        uint64_t told_usec;        /* when details were told last */
        uint64_t least_usec;       /* between two of these */
        JobLayer told_layer;       /* the first one, then */
        JobProgress told;          /* last */
        bool progress_was_last;    /* before the state */
} Fixture;

static void on_state(void *userdata, Job *job) {
        Fixture *f = userdata;

        f->n_state++;
        f->n_state_ended += job_has_ended(job);
}

static void on_progress(void *userdata, Job *job) {
        Fixture *f = userdata;

        f->n_progress++;
        assert_true(job_progress(job)->fraction >= f->told.fraction);
        f->told = *job_progress(job);
}

static uint64_t now_usec(const Fixture *f) {
        uint64_t usec;

        assert_true(sd_event_now(f->event, CLOCK_MONOTONIC, &usec) >= 0);
        return usec;
}

static void on_details(void *userdata, Job *job, unsigned which) {
        Fixture *f = userdata;
        const uint64_t now = now_usec(f);
        const JobLayer *layers;
        uint32_t n;

        if (f->n_details++ > 0 && (f->least_usec == 0 || now - f->told_usec < f->least_usec))
                f->least_usec = now - f->told_usec;
        f->told_usec = now;
        f->which |= which;
        assert_true(which != 0);
        assert_int_equal(f->n_state_ended, 0);
        layers = job_layers(job, &n);
        if (n > 0)
                f->told_layer = layers[0];
}

static void on_digest(void *userdata, Job *job) {
        Fixture *f = userdata;

        f->n_digest++;
}

static void on_job_message(void *userdata, Job *job, int priority, const char *text) {
        Fixture *f = userdata;

        f->n_message++;
        assert_int_equal(priority, LOG_WARNING);
        assert_string_equal(text, "watch out");
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        assert_true(sd_event_new(&f->event) >= 0);
        f->listener = (JobListener){
                .state_changed = on_state,
                .progress_changed = on_progress,
                .details_changed = on_details,
                .image_known = on_digest,
                .message = on_job_message,
                .userdata = f,
        };
        assert_int_equal(job_new(f->event, &f->listener, NULL, job_spec_new(), &f->job, NULL), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_free(f->job);
        sd_event_unref(f->event);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static void run_for(Fixture *f, unsigned msec) {
        uint64_t now, end;

        assert_true(sd_event_now(f->event, CLOCK_MONOTONIC, &now) >= 0);
        for (end = now + msec * 1000; now < end;) {
                assert_true(sd_event_run(f->event, end - now) >= 0);
                assert_true(sd_event_now(f->event, CLOCK_MONOTONIC, &now) >= 0);
        }
}

#define JOB_TEST(name) TEST_WITH(name, set_up, tear_down)

JOB_TEST(new_job_is_queued_and_has_an_id) {
        Fixture *f = *state;
        const char *id = job_id(f->job);
        Job *other = NULL;

        assert_int_equal(job_state(f->job), JOB_QUEUED);
        assert_false(job_has_ended(f->job));
        assert_null(job_digest(f->job));
        assert_int_equal(job_error(f->job)->code, 0);
        assert_int_equal(strlen(id), JOB_ID_MAX - 1);
        assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789"), JOB_ID_MAX - 1);
        assert_true(id[0] >= 'a' && id[0] <= 'z');

        assert_int_equal(job_new(f->event, &f->listener, NULL, job_spec_new(), &other, NULL), 0);
        assert_string_not_equal(job_id(other), id);
        job_free(other);
}

JOB_TEST(finished_job_is_complete) {
        Fixture *f = *state;
        const JobProgress progress = { .phase = JOB_PHASE_UNPACK, .total = 10, .fraction = 0.5 };

        job_set_state(f->job, JOB_RUNNING, NULL);
        assert_int_equal(f->n_state, 1);
        job_set_progress(f->job, &progress);
        job_set_state(f->job, JOB_FINISHED, NULL);
        assert_int_equal(f->n_state, 2);
        assert_true(job_has_ended(f->job));
        assert_string_equal(job_result(f->job), "done");
        assert_true(f->told.fraction == 1.0);
        assert_int_equal(f->told.done, 10);
        assert_int_equal(f->told.phase, JOB_PHASE_DONE);
}

JOB_TEST(failed_job_keeps_its_error_and_is_never_complete) {
        static const struct {
                JobState state;
                const char *result;
        } cases[] = { { JOB_FAILED, "failed" }, { JOB_CANCELLED, "cancelled" } };
        Fixture *f = *state;

        for (size_t i = 0; i < 2; i++) {
                const JobProgress progress = { .fraction = 1.0 };
                Error error = ERROR_NULL;

                error_set(&error, ENOSPC, ERROR_NO_SPACE, "full");
                job_free(f->job);
                f->told = (JobProgress){ 0 };
                assert_int_equal(
                        job_new(f->event, &f->listener, NULL, job_spec_new(), &f->job, NULL), 0);
                job_set_state(f->job, JOB_RUNNING, NULL);
                job_set_progress(f->job, &progress);
                job_set_state(f->job, cases[i].state, &error);
                error_clear(&error);
                assert_string_equal(job_result(f->job), cases[i].result);
                assert_string_equal(job_error(f->job)->message, "full");
                assert_int_equal(job_error(f->job)->kind, ERROR_NO_SPACE);
                assert_true(f->told.fraction < 1.0);
        }
}

JOB_TEST(fraction_never_falls_and_is_not_one_before_the_end) {
        static const double given[] = { 0.1, 0.5, 0.3, 0.9, 1.0, 0.0 };
        static const double want[] = { 0.1, 0.5, 0.5, 0.9, 0.999, 0.999 };
        Fixture *f = *state;

        job_set_state(f->job, JOB_RUNNING, NULL);
        for (size_t i = 0; i < 6; i++) {
                const JobProgress progress = { .fraction = given[i] };

                job_set_progress(f->job, &progress);
                assert_true(job_progress(f->job)->fraction == want[i]);
        }
}

/* Of many changes a few are told, and the last one is. */
JOB_TEST(progress_is_told_now_and_then_and_in_the_end) {
        Fixture *f = *state;
        JobProgress progress = { .total = 1000 };

        job_set_state(f->job, JOB_RUNNING, NULL);
        for (unsigned i = 0; i <= 1000; i++) {
                progress.done = i;
                progress.fraction = i / 2000.0;
                job_set_progress(f->job, &progress);
        }
        assert_in_range(f->n_progress, 1, 3);
        run_for(f, 300);
        assert_int_equal(f->told.done, 1000);
        assert_in_range(f->n_progress, 2, 4);

        f->n_progress = 0;
        run_for(f, 200);
        assert_int_equal(f->n_progress, 0);
}

JOB_TEST(nothing_is_told_after_the_end) {
        Fixture *f = *state;
        const JobProgress progress = { .done = 1 };

        job_set_state(f->job, JOB_RUNNING, NULL);
        job_set_progress(f->job, &progress);
        job_set_progress(f->job, &progress);
        job_set_state(f->job, JOB_FINISHED, NULL);
        f->n_progress = f->n_state = 0;
        run_for(f, 200);
        assert_int_equal(f->n_progress + f->n_state, 0);
}

static void set_image(Fixture *f) {
        static ProtoLayer layers[] = {
                { .digest = { .bytes = { 7 } }, .size = 1000000 },
                { .digest = { .bytes = { 8 } }, .size = PROTO_SIZE_UNKNOWN },
        };
        const JobImage image = {
                .head = { .digest = { .bytes = { 1 } }, .platform = "linux/arm64" },
                .layers = layers,
                .n_layers = 2,
        };

        assert_int_equal(job_set_image(f->job, &image, NULL), 0);
}

JOB_TEST(image_and_messages_are_passed_on) {
        Fixture *f = *state;
        const JobLayer *layers;
        uint32_t n;

        assert_string_equal(job_platform(f->job), "");
        assert_null(job_layers(f->job, &n));
        assert_int_equal(n, 0);
        set_image(f);
        assert_int_equal(f->n_digest, 1);
        assert_int_equal(job_digest(f->job)->bytes[0], 1);
        assert_string_equal(job_platform(f->job), "linux/arm64");
        layers = job_layers(f->job, &n);
        assert_int_equal(n, 2);
        assert_int_equal(layers[0].digest.bytes[0], 7);
        assert_int_equal(layers[0].size, 1000000);
        assert_int_equal(layers[1].size, 0);
        job_message(f->job, LOG_WARNING, "watch out");
        assert_int_equal(f->n_message, 1);
}

/* Of many changes a few are told, and the last one is. */
JOB_TEST(details_are_told_now_and_then_and_before_the_end) {
        Fixture *f = *state;
        JobProgress progress = { .phase = JOB_PHASE_DOWNLOAD, .total = 1000000 };
        JobLayer layer = { .state = JOB_LAYER_DOWNLOADING, .size = 1000000 };
        const uint64_t begun = now_usec(f);
        uint64_t now;

        job_set_state(f->job, JOB_RUNNING, NULL);
        set_image(f);
        while ((now = now_usec(f)) < begun + 4 * JOB_DETAILS_USEC) {
                progress.done = progress.downloaded = layer.done = now - begun;
                job_set_layer(f->job, 0, &layer);
                job_set_progress(f->job, &progress);
                run_for(f, 10);
        }
        assert_in_range(f->n_details, 2, 5);
        assert_true(f->least_usec >= JOB_DETAILS_USEC);
        assert_int_equal(f->which, JOB_DETAIL_LAYERS | JOB_DETAIL_SPEED);
        assert_in_range(job_speed(f->job), 900000, 1100000);

        f->which = 0;
        layer.state = JOB_LAYER_UNPACKED;
        job_set_layer(f->job, 0, &layer);
        progress.files = 3;
        job_set_progress(f->job, &progress);
        job_set_state(f->job, JOB_FINISHED, NULL);
        assert_int_equal(f->which, JOB_DETAIL_LAYERS | JOB_DETAIL_SPEED | JOB_DETAIL_FILES);
        assert_int_equal(f->told_layer.state, JOB_LAYER_UNPACKED);
        assert_int_equal(job_speed(f->job), 0);
        f->n_details = 0;
        run_for(f, 2 * JOB_DETAILS_USEC / 1000);
        assert_int_equal(f->n_details, 0);
}

JOB_TEST(speed_falls_to_zero_when_nothing_arrives) {
        Fixture *f = *state;
        JobProgress progress = { .phase = JOB_PHASE_DOWNLOAD, .total = 2000000 };

        job_set_state(f->job, JOB_RUNNING, NULL);
        job_set_progress(f->job, &progress);
        run_for(f, 2 * JOB_DETAILS_USEC / 1000);
        progress.downloaded = 1000000;
        job_set_progress(f->job, &progress);
        run_for(f, 2 * JOB_DETAILS_USEC / 1000);
        assert_true(job_speed(f->job) > 0);
        run_for(f, 4000);
        assert_int_equal(job_speed(f->job), 0);
        assert_int_equal(f->which, JOB_DETAIL_SPEED);
}

JOB_TEST(unchanged_details_are_not_told) {
        Fixture *f = *state;
        const JobLayer layer = { .state = JOB_LAYER_WAITING, .size = 1000000 };

        job_set_state(f->job, JOB_RUNNING, NULL);
        set_image(f);
        run_for(f, 2 * JOB_DETAILS_USEC / 1000);
        assert_int_equal(f->n_details, 1);
        job_set_layer(f->job, 0, &layer);
        run_for(f, 2 * JOB_DETAILS_USEC / 1000);
        assert_int_equal(f->n_details, 1);
}

JOB_TEST(times_are_in_order) {
        Fixture *f = *state;
        JobTimes times = job_times(f->job);

        assert_true(times.queued_usec > UINT64_C(1700000000000000));
        assert_int_equal(times.started_usec, 0);
        assert_int_equal(times.ended_usec, 0);
        job_set_state(f->job, JOB_RUNNING, NULL);
        times = job_times(f->job);
        assert_true(times.started_usec >= times.queued_usec);
        assert_int_equal(times.ended_usec, 0);
        run_for(f, 5);
        job_set_state(f->job, JOB_FINISHED, NULL);
        times = job_times(f->job);
        assert_true(times.ended_usec >= times.started_usec + 5000);
}

TEST(states_and_phases_have_names) {
        for (JobLayerState l = 0; l < _JOB_LAYER_STATE_MAX; l++)
                assert_non_null(job_layer_state_to_string(l));
        for (JobState s = 0; s < _JOB_STATE_MAX; s++)
                assert_non_null(job_state_to_string(s));
        for (JobPhase p = 0; p < _JOB_PHASE_MAX; p++)
                assert_non_null(job_phase_to_string(p));
}
