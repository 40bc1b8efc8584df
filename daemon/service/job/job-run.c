/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "job-run-internal.h"

#define USEC_PER_SEC UINT64_C(1000000)

/* For the second of two workers at one pipe to tell its reason. */
#define VERDICT_USEC (30 * USEC_PER_SEC)

/* How often it is looked whether who empties a tree goes on. */
#define TREE_LOOK_USEC USEC_PER_SEC

/* One worker has failed, and what another one says may be the better reason. */
static const Error *reason_so_far(const JobRun *run) {
        if (run->builder_error.code != 0)
                return &run->builder_error;
        return run->unpack_error.code != 0 ? &run->unpack_error : NULL;
}

static uint64_t stall_usec(const JobRun *run) {
        const uint64_t usec = run->context->process->config->stall_usec;
        const bool is_at_pipe = run->is_building || run->builder_error.code != 0;

        return is_at_pipe && reason_so_far(run) && (usec == 0 || usec > VERDICT_USEC) ? VERDICT_USEC
                                                                                      : usec;
}

/* Whoever makes no progress for too long is stuck. */
void job_run_push_stall(JobRun *run) {
        const uint64_t usec = stall_usec(run);

        if (usec == 0 || !(run->is_fetching || run->is_building || run->is_unpacking)) {
                (void) sd_event_source_set_enabled(run->stall, SD_EVENT_OFF);
                return;
        }

        (void) sd_event_source_set_time_relative(run->stall, usec);
        (void) sd_event_source_set_enabled(run->stall, SD_EVENT_ONESHOT);
}

void job_run_report_progress(JobRun *run) {
        JobProgress progress;
        const uint64_t seen = job_run_measure(run, &progress);

        if (run->seen != seen) {
                run->seen = seen;
                job_run_push_stall(run);
        }
        job_set_progress(run->job, &progress);
}

static void set_phase(JobRun *run, JobPhase phase) {
        JobProgress progress = *job_progress(run->job);

        progress.phase = phase;
        job_set_progress(run->job, &progress);
}

/* What is to end gets less time than what nobody has given up yet. */
static bool has_to_end(const JobRun *run) {
        return run->is_stopped || run->error.code != 0;
}

static uint64_t patience_usec(const JobRun *run) {
        return has_to_end(run) ? JOB_STEP_PATIENCE_USEC : run->context->process->config->stall_usec;
}

static void push_patience(JobRun *run) {
        const uint64_t usec = patience_usec(run);

        if (usec == 0 || run->is_impatient)
                return;

        run->is_impatient = has_to_end(run);
        (void) sd_event_source_set_time_relative(run->patience, usec);
        (void) sd_event_source_set_enabled(run->patience, SD_EVENT_ONESHOT);
}

/* The first reason is the one that is told. */
static void note_error(JobRun *run, const Error *error) {
        if (error->code != 0 && run->error.code == 0)
                (void) error_copy(&run->error, error);
}

void job_run_stop(JobRun *run, const Error *error) {
        run->is_stopped = true;
        /* What only cleans up has come to its end, good or bad, and just has to hurry. */
        if (!run->is_cleaning)
                note_error(run, error);
        if (run->is_fetching)
                job_fetch_stop(run->fetch);
        if (run->is_building)
                job_builder_stop(run->builder);
        if (run->is_unpacking)
                job_unpack_stop(run->unpack);
        /* What is being removed has to go in any case. */
        if (run->is_at_tree && !run->is_committing && !run->is_cleaning)
                job_tree_stop(run->tree);
        if (run->task)
                push_patience(run);
}

static void stop_stalled(JobRun *run) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        error_set(
                &error, ETIMEDOUT, ERROR_LIMIT_EXCEEDED,
                "There was no progress for %" PRIu64 " seconds (StallTimeoutSec=)",
                run->context->process->config->stall_usec / USEC_PER_SEC);
        job_run_stop(run, &error);
}

static int on_stall(sd_event_source *source, uint64_t usec, void *userdata) {
        JobRun *run = userdata;

        if (reason_so_far(run))
                job_run_stop(run, reason_so_far(run));
        else
                stop_stalled(run);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobRun *run = userdata;

        error_set(
                &error, ETIMEDOUT, ERROR_LIMIT_EXCEEDED,
                "The job has run for %" PRIu64 " seconds (JobTimeoutSec=)",
                run->context->process->config->job_usec / USEC_PER_SEC);
        job_run_stop(run, &error);
        return 0;
}

/* The end, with nothing left of the job but what it was for. */
static void conclude(JobRun *run) {
        JobState state = JOB_FINISHED;

        /* The leases on the blobs. */
        run->unpack = job_unpack_free(run->unpack);
        run->builder = job_builder_free(run->builder);
        run->fetch = job_fetch_free(run->fetch);

        if (run->error.code != 0)
                state = run->error.kind == ERROR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
        job_set_state(run->job, state, state == JOB_FINISHED ? NULL : &run->error);
        run->events->ended(run->userdata, run);
}

/* The file system does not answer. What was begun stays in the journal. */
static void give_up(JobRun *run) {
        run->task = job_step_give_up(run->task, TAKE_PTR(run->data));
        job_message(
                run->job, LOG_WARNING,
                "The file system of the destination does not answer: what was begun there is left to "
                "the next daemon");
        conclude(run);
}

static void watch_tree(JobRun *run) {
        (void) sd_event_source_set_time_relative(run->patience, TREE_LOOK_USEC);
        (void) sd_event_source_set_enabled(run->patience, SD_EVENT_ONESHOT);
}

/* Much may be to be removed, but a worker that does nothing in all that time hangs. */
static void look_at_tree(JobRun *run) {
        const uint64_t usec = patience_usec(run);

        run->tree_idle_usec =
                job_tree_has_moved(run->tree) ? 0 : run->tree_idle_usec + TREE_LOOK_USEC;
        if (usec > 0 && run->tree_idle_usec >= usec)
                job_tree_stop(run->tree);
        else
                watch_tree(run);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        JobRun *run = userdata;

        if (run->is_at_tree)
                look_at_tree(run);
        else if (run->error.code == 0 && !run->is_cleaning)
                stop_stalled(run);
        else
                give_up(run);
        return 0;
}

/* The run's data is the thread's until that has ended. */
void job_run_start_step(JobRun *run, const JobTaskOperation *operation) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (job_task_start(run->context->tasks, operation, run->data, run, &run->task, &error) < 0)
                operation->ended(run, run->data, -ENOMEM, &error);
        else
                push_patience(run);
}

static void end_patience(JobRun *run) {
        run->is_impatient = false;
        (void) sd_event_source_set_enabled(run->patience, SD_EVENT_OFF);
}

void job_run_end_step(JobRun *run) {
        run->task = job_task_free(run->task);
        end_patience(run);
}

static void end_tree(JobRun *run) {
        end_patience(run);
        run->is_at_tree = run->is_committing = false;
        run->tree = job_tree_free(run->tree);
}

/* What could not be removed stays in the journal: the next daemon tries again. */
static void on_cleaned(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_step(run);
        if (r < 0)
                job_message(run->job, LOG_WARNING, error_text(error));
        conclude(run);
}

static const JobTaskOperation cleaned_operation = {
        .work = job_step_cleaned,
        .release = job_step_release,
        .ended = on_cleaned,
};

static void on_removed(void *userdata, const Error *error) {
        JobRun *run = userdata;

        end_tree(run);
        if (error->code == 0) {
                job_run_start_step(run, &cleaned_operation);
                return;
        }

        job_message(run->job, LOG_WARNING, error_text(error));
        conclude(run);
}

static const JobTreeEvents remove_events = { .ended = on_removed };

/* The tree is where it is to be: an image's programs may be more than its user wants on this host. */
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

static void on_clean(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_step(run);
        if (run->error.code == 0)
                warn_of_rights(run);
        if (r >= 0 && !run->data->has_next) {
                job_run_start_step(run, &cleaned_operation);
                return;
        }

        if (r >= 0) {
                set_phase(run, JOB_PHASE_CLEAN);
                r = job_tree_start(
                        run->context->process, &run->data->next, &remove_events, run, &run->tree,
                        error);
        }
        if (r >= 0) {
                run->is_at_tree = true;
                watch_tree(run);
                return;
        }
        job_message(run->job, LOG_WARNING, error_text(error));
        conclude(run);
}

static const JobTaskOperation clean_operation = {
        .work = job_step_clean,
        .release = job_step_release,
        .ended = on_clean,
};

static void remember_image(JobRun *run) {
        _cleanup_(store_image_done) StoreImage image = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (job_spec(run->job)->no_cache || job_spec(run->job)->source_kind != JOB_SOURCE_REGISTRY)
                return;
        if (job_fetch_describe(run->fetch, &image, &error) < 0 ||
            store_image_add(run->context->store, &image, &error) < 0)
                job_message(run->job, LOG_WARNING, error_text(&error));
}

/* What was done stays, or what is left of it has to go. */
static void finish(JobRun *run) {
        if (run->error.code == 0) {
                if (run->data->disk)
                        job_disk_keep(run->data->disk);
                remember_image(run);
        }

        run->is_cleaning = true;
        job_run_start_step(run, &clean_operation);
}

static void on_reverted(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_step(run);
        if (r < 0)
                job_message(run->job, LOG_WARNING, error_text(error));
        finish(run);
}

static const JobTaskOperation see_revert_operation = {
        .work = job_step_see_revert,
        .release = job_step_release,
        .ended = on_reverted,
};

static void on_moved_back(void *userdata, const Error *error) {
        JobRun *run = userdata;

        end_tree(run);
        job_run_start_step(run, &see_revert_operation);
}

static const JobTreeEvents revert_events = { .ended = on_moved_back };

/* A worker is to do it: one that cannot be started has not. */
static void on_reverting(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        if (r < 0 || !run->data->has_next) {
                on_reverted(run, data, r, error);
                return;
        }

        job_run_end_step(run);
        run->is_at_tree = run->is_committing = job_tree_start(
                                                       run->context->process, &run->data->next,
                                                       &revert_events, run, &run->tree, NULL) >= 0;
        if (!run->is_at_tree)
                job_run_start_step(run, &see_revert_operation);
}

static const JobTaskOperation revert_operation = {
        .work = job_step_revert,
        .release = job_step_release,
        .ended = on_reverting,
};

static void on_checked(void *userdata, const Error *error) {
        JobRun *run = userdata;

        end_tree(run);
        note_error(run, error);
        if (run->error.code != 0)
                job_run_start_step(run, &revert_operation);
        else
                finish(run);
}

static const JobTreeEvents check_events = { .ended = on_checked };

/* The commit is done, or not: what the tree has changed places with is looked at, or put back. */
static void end_commit(JobRun *run, int r, Error *error) {
        if (r >= 0 && run->data->has_next) {
                r = job_tree_start(
                        run->context->process, &run->data->next, &check_events, run, &run->tree,
                        error);
                run->is_at_tree = r >= 0;
        }

        if (r < 0)
                note_error(run, error);
        if (r < 0 && run->data->is_exchanged)
                job_run_start_step(run, &revert_operation);
        else if (!run->is_at_tree)
                finish(run);
}

/* It has a worker's answer, and looks itself. */
static void on_seen(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_step(run);
        if (r > 0)
                error_clear(&run->error);
        else if (r == 0 && run->error.code == 0)
                error_set(
                        &run->error, ESTALE, ERROR_WORKER_FAILED,
                        "The tree worker did not rename the new tree");
        end_commit(run, r, error);
}

static const JobTaskOperation see_operation = {
        .work = job_step_see_commit,
        .release = job_step_release,
        .ended = on_seen,
};

static void on_moved(void *userdata, const Error *error) {
        JobRun *run = userdata;

        end_tree(run);
        note_error(run, error);
        job_run_start_step(run, &see_operation);
}

static const JobTreeEvents move_events = { .ended = on_moved };

static void on_committed(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_step(run);
        if (r >= 0 && run->data->has_next && run->data->next.moves) {
                r = job_tree_start(
                        run->context->process, &run->data->next, &move_events, run, &run->tree,
                        error);
                run->is_at_tree = run->is_committing = r >= 0;
                if (r >= 0)
                        return;
        }

        /* It has its name: too late to be cancelled. */
        if (r >= 0 && !run->data->has_next)
                error_clear(&run->error);
        end_commit(run, r, error);
}

static const JobTaskOperation commit_operation = {
        .work = job_step_commit,
        .release = job_step_release,
        .ended = on_committed,
};

/* Goes on when neither a worker nor a step is left: all went well, or it has to be undone. */
void job_run_settle(JobRun *run) {
        if (run->is_fetching || run->is_building || run->is_unpacking || run->is_at_tree ||
            run->task)
                return;

        (void) sd_event_source_set_enabled(run->stall, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(run->deadline, SD_EVENT_OFF);

        assert(run->error.code != 0 || run->is_unpacked);
        if (run->error.code == 0) {
                set_phase(run, JOB_PHASE_FINISH);
                job_run_start_step(run, &commit_operation);
        } else
                finish(run);
}

void job_run_on_warning(void *userdata, const char *text) {
        JobRun *run = userdata;

        /* Each step says so. */
        if (strcmp(text, SANDBOX_OPEN_WARNING) == 0) {
                if (run->warned_open)
                        return;
                run->warned_open = true;
        }
        job_message(run->job, LOG_WARNING, text);
}

static void on_resolved(void *userdata) {
        JobRun *run = userdata;

        job_set_digest(run->job, &job_fetch_image(run->fetch)->digest);
        job_run_unpack(run);
}

static void on_layer_changed(void *userdata, uint32_t index) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobRun *run = userdata;

        if (run->is_unpacking && job_unpack_layer_changed(run->unpack, index, &error) < 0)
                job_run_stop(run, &error);
        else if (run->unpack_error.code != 0 && job_unpack_is_settled(run->unpack))
                job_run_stop(run, &run->unpack_error);
        job_run_report_progress(run);
}

static void on_fetch_ended(void *userdata, const Error *error) {
        JobRun *run = userdata;

        run->is_fetching = false;
        if (error->code != 0)
                job_run_stop(run, error);
        else if (run->unpack_error.code != 0)
                job_run_stop(run, &run->unpack_error);
        job_run_settle(run);
}

static void on_archive_read(void *userdata, uint64_t size) {
        JobRun *run = userdata;

        run->archive_read = size;
        job_run_report_progress(run);
}

static const JobFetchEvents fetch_events = {
        .resolved = on_resolved,
        .layer_changed = on_layer_changed,
        .read = on_archive_read,
        .warning = job_run_on_warning,
        .ended = on_fetch_ended,
};

static void start_fetching(JobRun *run) {
        if (job_fetch_start(
                    run->context, job_spec(run->job), &fetch_events, run, &run->fetch,
                    &run->error) < 0)
                return;

        run->is_fetching = true;
        job_run_push_stall(run);
        job_run_report_progress(run);
}

static void start_with_tarball(JobRun *run) {
        run->tarball_bytes = job_spec(run->job)->source_bytes;
        job_run_unpack(run);
}

static void on_built(void *userdata, uint32_t permille) {
        JobRun *run = userdata;

        run->built = permille;
        job_run_report_progress(run);
}

static void on_builder_ended(void *userdata, const Error *error, bool is_unread) {
        JobRun *run = userdata;

        run->is_building = false;
        if (run->unpack_error.code != 0 && (error->code == 0 || is_unread))
                job_run_stop(run, &run->unpack_error);
        else if (is_unread && run->is_unpacking && run->error.code == 0) {
                (void) error_copy(&run->builder_error, error);
                job_run_push_stall(run);
        } else if (error->code != 0)
                job_run_stop(run, error);
        job_run_settle(run);
}

static const JobBuilderEvents builder_events = {
        .progress = on_built,
        .warning = job_run_on_warning,
        .ended = on_builder_ended,
};

/* What is built comes out of a pipe, as a tarball. */
static void start_building(JobRun *run) {
        _cleanup_(closep) int write_fd = -EBADF;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0) {
                (void) error_set_errno(&run->error, errno, "Cannot create a pipe");
                return;
        }

        run->pipe_fd = fds[0];
        write_fd = fds[1];
        if (job_builder_start(
                    run->context->process, job_spec(run->job), write_fd, &builder_events, run,
                    &run->builder, &run->error) < 0)
                return;

        run->is_building = true;
        job_run_unpack(run);
}

static void start_source(JobRun *run) {
        if (run->error.code == 0)
                switch (job_spec(run->job)->source_kind) {
                case JOB_SOURCE_REGISTRY:
                case JOB_SOURCE_FILES:
                        start_fetching(run);
                        break;
                case JOB_SOURCE_TARBALL:
                        start_with_tarball(run);
                        break;
                case JOB_SOURCE_TEMPLATE:
                        start_building(run);
                        break;
                case _JOB_SOURCE_MAX:
                        break;
                }
        job_run_settle(run);
}

static void on_cloned(void *userdata, const Error *error) {
        JobRun *run = userdata;

        end_tree(run);
        note_error(run, error);
        start_source(run);
}

static const JobTreeEvents clone_events = { .ended = on_cloned };

static void start_cloning(JobRun *run, const JobDestinationStep *step) {
        if (job_tree_start(
                    run->context->process, step, &clone_events, run, &run->tree, &run->error) >= 0)
                run->is_at_tree = true;
        else
                job_run_settle(run);
}

static void on_prepared(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_step(run);
        if (r < 0)
                note_error(run, error);

        if (run->error.code != 0)
                job_run_settle(run);
        else if (run->data->has_next)
                start_cloning(run, &run->data->next);
        else
                start_source(run);
}

static const JobTaskOperation prepare_operation = {
        .work = job_step_prepare,
        .release = job_step_release,
        .ended = on_prepared,
};

static int on_begin(sd_event_source *source, void *userdata) {
        JobRun *run = userdata;

        if (run->error.code == 0)
                job_run_start_step(run, &prepare_operation);
        else
                job_run_settle(run);
        return 0;
}

int job_run_start(
        const JobFetchContext *context,
        Job *job,
        JobDestination *destination,
        const JobRunEvents *events,
        void *userdata,
        JobRun **ret,
        Error *error) {
        _cleanup_(job_run_freep) JobRun *run = NULL;
        const uint64_t job_usec = context->process->config->job_usec;

        run = malloc(sizeof(*run));
        if (!run)
                return error_oom(error);

        *run = (JobRun){
                .process = *context->process,
                .own_context = *context,
                .job = job,
                .events = events,
                .userdata = userdata,
                .pipe_fd = -EBADF,
        };
        run->process.job = job_id(job);
        run->own_context.process = &run->process;
        run->context = &run->own_context;
        if (sd_event_add_defer(context->process->event, &run->begin, on_begin, run) < 0 ||
            sd_event_add_time(
                    context->process->event, &run->stall, CLOCK_MONOTONIC, 0, 0, on_stall, run) <
                    0 ||
            sd_event_source_set_enabled(run->stall, SD_EVENT_OFF) < 0 ||
            sd_event_add_time_relative(
                    context->process->event, &run->deadline, CLOCK_MONOTONIC, job_usec, 0,
                    on_deadline, run) < 0 ||
            sd_event_add_time(
                    context->process->event, &run->patience, CLOCK_MONOTONIC, 0, 0, on_patience,
                    run) < 0 ||
            sd_event_source_set_enabled(run->patience, SD_EVENT_OFF) < 0)
                return error_oom(error);
        if (job_usec == 0)
                (void) sd_event_source_set_enabled(run->deadline, SD_EVENT_OFF);

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

        sd_event_source_disable_unref(run->begin);
        sd_event_source_disable_unref(run->stall);
        sd_event_source_disable_unref(run->deadline);
        sd_event_source_disable_unref(run->patience);
        if (run->task)
                job_step_give_up(run->task, TAKE_PTR(run->data));
        job_unpack_free(run->unpack);
        job_builder_free(run->builder);
        closep(&run->pipe_fd);
        job_tree_free(run->tree);
        job_fetch_free(run->fetch);
        job_step_data_free(run->data);
        free(run->with_rights);
        error_clear(&run->error);
        error_clear(&run->unpack_error);
        error_clear(&run->builder_error);
        free(run);
        return NULL;
}
