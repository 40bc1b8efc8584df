/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "job-run-internal.h"
#include "store-unpacked.h"

static void set_phase(JobRun *run, JobPhase phase) {
        JobProgress progress = *job_progress(run->job);

        progress.phase = phase;
        job_set_progress(run->job, &progress);
}

static void warn(JobRun *run) {
        if (run->result < 0)
                job_message(run->job, LOG_WARNING, error_text(&run->result_error));
}

/* The tree is in its place: its user may not want some of the image's programs on this host. */
static void warn_of_rights(JobRun *run) {
        _cleanup_(freep) char *text = NULL;

        if (run->n_with_rights == 0 || !run->data->lends_rights)
                return;
        if (asprintf(
                    &text,
                    "All users of this host can run the image's programs with setuid, setgid or capabilities "
                    "(%" PRIu64
                    ", such as \"%s\"): keep the tree below a directory of mode 0700, or on "
                    "a file system that is mounted nosuid,nodev",
                    run->n_with_rights, run->with_rights ? run->with_rights : "") < 0) {
                text = NULL;
                return;
        }
        job_message(run->job, LOG_WARNING, text);
}

static void remember_image(JobRun *run) {
        _cleanup_(store_image_done) StoreImage image = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (job_spec(run->job)->no_cache || job_spec(run->job)->source_kind != JOB_SOURCE_REGISTRY)
                return;
        if (job_fetch_describe(run->fetch, &image, &error) < 0 ||
            store_image_add(run->context.store, &image, job_spec(run->job)->no_sync, &error) < 0)
                job_message(run->job, LOG_WARNING, error_text(&error));
}

/* For the estimates of later jobs. */
static void remember_sizes(JobRun *run) {
        const JobImage *image = run->fetch ? job_fetch_image(run->fetch) : NULL;

        if (!image || job_spec(run->job)->no_cache)
                return;
        for (uint32_t i = 0; i < image->n_layers; i++) {
                const uint64_t bytes = job_counts_layer_unpacked(&run->counts, i);

                if (bytes > 0)
                        store_unpacked_record(run->context.store, &image->layers[i].digest, bytes);
        }
}

/* Either the result stays, or its remains must be removed. */
static void keep(JobRun *run) {
        if (run->error.code != 0)
                return;

        if (run->data->disk) {
                job_set_disk(run->job, job_disk_path(run->data->disk));
                job_disk_keep(run->data->disk);
        }
        remember_image(run);
        remember_sizes(run);
}

/* The end: only the result remains. */
static void conclude(JobRun *run) {
        JobState state = JOB_FINISHED;

        /* The leases on the blobs. */
        run->unpack = job_unpack_free(run->unpack);
        run->builder = job_process_free(run->builder);
        run->fetch = job_fetch_free(run->fetch);

        if (run->error.code != 0)
                state = run->error.kind == ERROR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
        job_set_state(run->job, state, state == JOB_FINISHED ? NULL : &run->error);
        run->events->ended(run->userdata, run);
}

static void on_task_ended(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_task(run);
        run->result = r;
        error_move(&run->result_error, error);
        job_run_wake(run);
}

#define IN_THREAD(function)                                                                        \
        { .work = (function), .release = job_step_release, .ended = on_task_ended }

/* The steps for threads. */
static const JobTaskOperation operations[] = {
        [RUN_PREPARE] = IN_THREAD(job_step_prepare),
        [RUN_COMMIT] = IN_THREAD(job_step_commit),
        [RUN_SEE_COMMIT] = IN_THREAD(job_step_see_commit),
        [RUN_REVERT] = IN_THREAD(job_step_revert),
        [RUN_SEE_REVERT] = IN_THREAD(job_step_see_revert),
        [RUN_CLEAN] = IN_THREAD(job_step_clean),
        [RUN_CLEANED] = IN_THREAD(job_step_cleaned),
};

static void on_tree_ended(void *userdata, const Error *error) {
        JobRun *run = userdata;

        job_run_end_tree(run);
        run->result = error->code == 0 ? 0 : error_copy(&run->result_error, error);
        job_run_wake(run);
}

static const JobTreeEvents tree_events = { .ended = on_tree_ended };

/* A worker that cannot be started has failed. */
static void start_tree(JobRun *run) {
        run->result = job_tree_start(
                &run->context, &run->data->next, &tree_events, run, &run->tree, &run->result_error);
        if (run->result < 0)
                job_run_wake(run);
        else if (run->step == RUN_REMOVE)
                job_run_watch_tree(run);
}

static void begin(JobRun *run, JobRunStep step) {
        run->step = step;
        run->result = 0;
        error_clear(&run->result_error);
        if (step > RUN_WORK)
                job_run_end_work(run);

        switch (step) {
        case RUN_COMMIT:
                set_phase(run, JOB_PHASE_FINISH);
                job_run_start_task(run, &operations[step]);
                break;
        case RUN_CLEAN:
                keep(run);
                job_run_start_task(run, &operations[step]);
                break;
        case RUN_PREPARE:
                job_run_start_task(run, &operations[step]);
                run->context.spares = job_spares_new(&run->context, job_spec(run->job));
                break;
        case RUN_SEE_COMMIT:
        case RUN_REVERT:
        case RUN_SEE_REVERT:
        case RUN_CLEANED:
                job_run_start_task(run, &operations[step]);
                break;
        case RUN_REMOVE:
                set_phase(run, JOB_PHASE_CLEAN);
                start_tree(run);
                break;
        case RUN_CLONE:
        case RUN_MOVE:
        case RUN_CHECK:
        case RUN_MOVE_BACK:
                start_tree(run);
                break;
        case RUN_WORK:
                job_run_work(run);
                break;
        case RUN_ENDED:
                conclude(run);
                break;
        case RUN_BEGIN:
                break;
        }
}

/* The new tree has its name, or not: the old one is checked, or put back. */
static JobRunStep after_commit(JobRun *run) {
        if (run->result >= 0)
                return run->data->has_next ? RUN_CHECK : RUN_CLEAN;

        job_run_note_error(run, &run->result_error);
        return run->data->is_exchanged ? RUN_REVERT : RUN_CLEAN;
}

/* Once the name is final, it is too late to cancel. */
static JobRunStep after_own_commit(JobRun *run) {
        if (run->result >= 0 && run->data->has_next && run->data->next.moves)
                return RUN_MOVE;
        if (run->result >= 0 && !run->data->has_next)
                error_clear(&run->error);
        return after_commit(run);
}

/* Whatever the worker has reported. */
static JobRunStep after_seen_commit(JobRun *run) {
        if (run->result > 0)
                error_clear(&run->error);
        else if (run->result == 0 && run->error.code == 0)
                error_set(
                        &run->error, ESTALE, ERROR_WORKER_FAILED,
                        "The tree worker did not rename the new tree");
        return after_commit(run);
}

static JobRunStep after_clean(JobRun *run) {
        if (run->error.code == 0)
                warn_of_rights(run);
        if (run->result >= 0)
                return run->data->has_next ? RUN_REMOVE : RUN_CLEANED;

        warn(run);
        return RUN_ENDED;
}

/* A step that must succeed for the job to continue. */
static JobRunStep if_well(JobRun *run, JobRunStep then, JobRunStep otherwise) {
        job_run_note_error(run, &run->result_error);
        return run->error.code == 0 ? then : otherwise;
}

/* The plan: what follows the step that has ended. */
static JobRunStep next_step(JobRun *run) {
        switch (run->step) {
        case RUN_BEGIN:
                return if_well(run, RUN_PREPARE, RUN_CLEAN);
        case RUN_PREPARE:
                return if_well(run, run->data->has_next ? RUN_CLONE : RUN_WORK, RUN_CLEAN);
        case RUN_CLONE:
                return if_well(run, RUN_WORK, RUN_CLEAN);
        case RUN_WORK:
                assert(run->error.code != 0 || run->parts.unpack.state == PART_DONE);
                return if_well(run, RUN_COMMIT, RUN_CLEAN);
        case RUN_COMMIT:
                return after_own_commit(run);
        case RUN_MOVE:
                return if_well(run, RUN_SEE_COMMIT, RUN_SEE_COMMIT);
        case RUN_SEE_COMMIT:
                return after_seen_commit(run);
        case RUN_CHECK:
                return if_well(run, RUN_CLEAN, RUN_REVERT);
        case RUN_REVERT:
                warn(run);
                return run->result >= 0 && run->data->has_next ? RUN_MOVE_BACK : RUN_CLEAN;
        case RUN_MOVE_BACK:
                return RUN_SEE_REVERT;
        case RUN_SEE_REVERT:
                warn(run);
                return RUN_CLEAN;
        case RUN_CLEAN:
                return after_clean(run);
        case RUN_REMOVE:
                warn(run);
                return run->result >= 0 ? RUN_CLEANED : RUN_ENDED;
        case RUN_CLEANED:
                /* Remains that could not be removed stay in the journal: the next daemon tries again. */
                warn(run);
                return RUN_ENDED;
        case RUN_ENDED:
                break;
        }

        return RUN_ENDED;
}

static bool is_busy(const JobRun *run) {
        return run->step < RUN_ENDED &&
               (run->task || run->tree || job_parts_are_running(&run->parts));
}

static int on_wake(sd_event_source *source, void *userdata) {
        JobRun *run = userdata;

        if (!is_busy(run))
                begin(run, next_step(run));
        return 0;
}

int job_run_start(
        const JobContext *context,
        Job *job,
        JobDestination *destination,
        const JobRunEvents *events,
        void *userdata,
        JobRun **ret,
        Error *error) {
        _cleanup_(job_run_freep) JobRun *run = NULL;

        run = malloc(sizeof(*run));
        if (!run)
                return error_oom(error);

        *run = (JobRun){
                .context = *context,
                .job = job,
                .events = events,
                .userdata = userdata,
                .pipe_fd = -EBADF,
        };
        run->context.job = job_id(job);
        if (job_run_watch_new(run, error) < 0)
                return -ENOMEM;
        if (sd_event_add_defer(context->event, &run->wake, on_wake, run) < 0 ||
            sd_event_source_set_priority(run->wake, SD_EVENT_PRIORITY_IMPORTANT) < 0)
                return error_oom(error);

        run->data = job_step_data_new(context->store, destination);
        if (!run->data)
                return error_oom(error);
        job_set_state(job, JOB_RUNNING, NULL);
        *ret = TAKE_PTR(run);
        return 0;
}

JobRun *job_run_free(JobRun *run) {
        if (!run)
                return NULL;

        sd_event_source_disable_unref(run->wake);
        sd_event_source_disable_unref(run->stall);
        sd_event_source_disable_unref(run->deadline);
        sd_event_source_disable_unref(run->patience);
        if (run->task)
                job_step_give_up(run->task, TAKE_PTR(run->data));
        job_unpack_free(run->unpack);
        job_process_free(run->builder);
        closep(&run->pipe_fd);
        job_tree_free(run->tree);
        job_fetch_free(run->fetch);
        job_spares_free(run->context.spares);
        job_step_data_free(run->data);
        free(run->with_rights);
        job_counts_done(&run->counts);
        error_clear(&run->error);
        error_clear(&run->result_error);
        error_clear(&run->parts.fetch.error);
        error_clear(&run->parts.builder.error);
        error_clear(&run->parts.unpack.error);
        free(run);
        return NULL;
}
