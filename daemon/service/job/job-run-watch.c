/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ends a job early: for its own workers, a caller, or a timeout. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base-macro.h"
#include "job-run-internal.h"

/* How often to check that the worker that empties a tree makes progress. */
#define TREE_LOOK_USEC USEC_PER_SEC

#define WAIT_TEXT_MAX ((size_t) 512) /* bytes; a host has at most 255 */

#define WARNINGS_MAX 100U /* of all workers of a job */

void job_run_wake(JobRun *run) {
        (void) sd_event_source_set_enabled(run->wake, SD_EVENT_ONESHOT);
}

void job_run_note_error(JobRun *run, const Error *error) {
        if (error->code != 0 && run->error.code == 0)
                (void) error_copy(&run->error, error);
}

static JobVerdict verdict(JobRun *run, const Error **ret_reason) {
        run->parts.is_input_settled =
                run->parts.unpack.state == PART_FAILED && job_unpack_is_settled(run->unpack);
        return job_verdict(&run->parts, ret_reason);
}

static uint64_t stall_usec(JobRun *run) {
        const uint64_t usec = run->context.config->stall_usec;
        const uint64_t brief_usec = run->context.verdict_usec;
        const Error *reason;

        if (verdict(run, &reason) != VERDICT_WAIT_BRIEFLY || (usec > 0 && usec < brief_usec))
                return usec;
        return brief_usec;
}

static uint64_t now_usec(const JobRun *run) {
        uint64_t usec = 0;

        (void) sd_event_now(run->context.event, CLOCK_MONOTONIC, &usec);
        return usec;
}

/* A job without progress for too long is stuck. */
static void push_stall(JobRun *run) {
        const uint64_t usec = job_parts_are_running(&run->parts) ? stall_usec(run) : 0;
        const uint64_t now = now_usec(run);

        if (usec == 0) {
                (void) sd_event_source_set_enabled(run->stall, SD_EVENT_OFF);
                return;
        }

        (void) sd_event_source_set_time(
                run->stall, (run->wait_end > now ? run->wait_end : now) + usec);
        (void) sd_event_source_set_enabled(run->stall, SD_EVENT_ONESHOT);
}

void job_run_report_progress(JobRun *run) {
        const JobProgress progress = job_counts_measure(&run->counts, &run->parts);
        const uint64_t moved = job_counts_moved(&run->counts);

        if (run->seen != moved) {
                run->seen = moved;
                push_stall(run);
        }
        for (uint32_t i = 0; i < run->counts.n_layers; i++) {
                const JobLayer layer = job_counts_layer(&run->counts, i);

                job_set_layer(run->job, i, &layer);
        }
        job_set_progress(run->job, &progress);
}

/* A step that should end gets less time than others. */
static bool has_to_end(const JobRun *run) {
        return run->is_stopped || run->error.code != 0;
}

static uint64_t patience_usec(const JobRun *run) {
        return has_to_end(run) ? JOB_STEP_PATIENCE_USEC : run->context.config->stall_usec;
}

static void push_patience(JobRun *run) {
        const uint64_t usec = patience_usec(run);

        if (usec == 0 || run->is_impatient)
                return;

        run->is_impatient = has_to_end(run);
        (void) sd_event_source_set_time_relative(run->patience, usec);
        (void) sd_event_source_set_enabled(run->patience, SD_EVENT_ONESHOT);
}

static void end_patience(JobRun *run) {
        run->is_impatient = false;
        (void) sd_event_source_set_enabled(run->patience, SD_EVENT_OFF);
}

/* Wait for a rename; and a removal is required in any case. */
static bool may_stop_tree(const JobRun *run) {
        return run->step == RUN_CLONE || run->step == RUN_CHECK;
}

void job_run_stop(JobRun *run, const Error *error) {
        run->is_stopped = true;
        if (run->step < RUN_CLEAN)
                job_run_note_error(run, error);
        if (job_part_is_running(&run->parts.fetch))
                job_fetch_stop(run->fetch);
        if (job_part_is_running(&run->parts.builder))
                job_process_stop(run->builder);
        if (job_part_is_running(&run->parts.unpack))
                job_unpack_stop(run->unpack);
        if (run->tree && may_stop_tree(run))
                job_tree_stop(run->tree);
        if (run->task)
                push_patience(run);
}

void job_run_judge(JobRun *run) {
        const Error *reason;

        if (run->error.code == 0 && verdict(run, &reason) == VERDICT_FAIL)
                job_run_stop(run, reason);
}

void job_run_begin_part(JobRun *run, JobPart *part) {
        part->state = PART_RUNNING;
        push_stall(run);
}

void job_run_end_part(JobRun *run, JobPart *part, JobPartState state, const Error *error) {
        part->state = state;
        if (error->code != 0)
                (void) error_copy(&part->error, error);
        job_run_judge(run);
        push_stall(run);
        job_run_wake(run);
}

static void stop_stalled(JobRun *run) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        error_set(
                &error, ETIMEDOUT, ERROR_LIMIT_EXCEEDED,
                "There was no progress for %" PRIu64 " seconds" LIMIT_KEY("StallTimeoutSec"),
                run->context.config->stall_usec / USEC_PER_SEC);
        job_run_stop(run, &error);
}

static int on_stall(sd_event_source *source, uint64_t usec, void *userdata) {
        const Error *reason;
        JobRun *run = userdata;

        (void) verdict(run, &reason);
        if (reason)
                job_run_stop(run, reason);
        else
                stop_stalled(run);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobRun *run = userdata;

        error_set(
                &error, ETIMEDOUT, ERROR_LIMIT_EXCEEDED,
                "The job has run for %" PRIu64 " seconds" LIMIT_KEY("JobTimeoutSec"),
                run->context.config->job_usec / USEC_PER_SEC);
        job_run_stop(run, &error);
        return 0;
}

/* The file system does not answer. Unfinished work stays in the journal. */
static void give_up(JobRun *run) {
        run->task = job_step_give_up(run->task, TAKE_PTR(run->data));
        job_message(
                run->job, LOG_WARNING,
                "The file system of the destination does not answer: the unfinished work there is left "
                "to the next daemon");
        run->step = RUN_ENDED;
        job_run_wake(run);
}

void job_run_watch_tree(JobRun *run) {
        (void) sd_event_source_set_time_relative(run->patience, TREE_LOOK_USEC);
        (void) sd_event_source_set_enabled(run->patience, SD_EVENT_ONESHOT);
}

/* A removal may be long, but a worker that does nothing in all that time hangs. */
static void look_at_tree(JobRun *run) {
        const uint64_t usec = patience_usec(run);

        run->tree_idle_usec =
                job_tree_has_moved(run->tree) ? 0 : run->tree_idle_usec + TREE_LOOK_USEC;
        if (usec > 0 && run->tree_idle_usec >= usec)
                job_tree_stop(run->tree);
        else
                job_run_watch_tree(run);
}

void job_run_end_tree(JobRun *run) {
        end_patience(run);
        run->tree = job_tree_free(run->tree);
}

static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        JobRun *run = userdata;

        if (run->step == RUN_REMOVE)
                look_at_tree(run);
        else if (run->error.code == 0 && run->step < RUN_CLEAN)
                stop_stalled(run);
        else
                give_up(run);
        return 0;
}

void job_run_start_task(JobRun *run, const JobTaskOperation *operation) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (job_task_start(run->context.tasks, operation, run->data, run, &run->task, &error) < 0)
                operation->ended(run, run->data, -ENOMEM, &error);
        else
                push_patience(run);
}

void job_run_end_task(JobRun *run) {
        run->task = job_task_free(run->task);
        end_patience(run);
}

void job_run_end_work(JobRun *run) {
        (void) sd_event_source_set_enabled(run->stall, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(run->deadline, SD_EVENT_OFF);
        run->context.spares = job_spares_free(run->context.spares);
}

void job_run_on_warning(void *userdata, const char *text) {
        JobRun *run = userdata;

        /* Each step says so. */
        if (strcmp(text, SANDBOX_OPEN_WARNING) == 0) {
                if (run->warned_open)
                        return;
                run->warned_open = true;
        }
        if (run->n_warnings > WARNINGS_MAX)
                return;

        run->n_warnings++;
        job_message(
                run->job, LOG_WARNING,
                run->n_warnings > WARNINGS_MAX ? "Further warnings are left out" : text);
}

/* Blobs that are fetched at the same time wait at the same time. */
void job_run_on_wait(void *userdata, const ProtoFetchWait *wait, uint64_t usec) {
        JobRun *run = userdata;
        const char *reference = job_spec(run->job)->reference;
        const uint64_t now = now_usec(run), end = now + wait->seconds * USEC_PER_SEC;
        char text[WAIT_TEXT_MAX];

        run->wait_end = now + usec;
        push_stall(run);
        if (end < run->told_wait_end + USEC_PER_SEC)
                return;

        run->told_wait_end = end;
        (void) snprintf(
                text, sizeof(text), "%.*s: waiting %" PRIu32 " s%s", (int) strcspn(reference, "/"),
                reference, wait->seconds,
                wait->is_asked ? ", the registry asks for it" : " before another try");
        job_message(run->job, LOG_INFO, text);
        job_run_report_progress(run);
}

int job_run_watch_new(JobRun *run, Error *error) {
        sd_event *event = run->context.event;
        const uint64_t job_usec = run->context.config->job_usec;

        if (sd_event_add_time(event, &run->stall, CLOCK_MONOTONIC, 0, 0, on_stall, run) < 0 ||
            sd_event_source_set_enabled(run->stall, SD_EVENT_OFF) < 0 ||
            sd_event_add_time_relative(
                    event, &run->deadline, CLOCK_MONOTONIC, job_usec, 0, on_deadline, run) < 0 ||
            sd_event_add_time(event, &run->patience, CLOCK_MONOTONIC, 0, 0, on_patience, run) < 0 ||
            sd_event_source_set_enabled(run->patience, SD_EVENT_OFF) < 0)
                return error_oom(error);

        if (job_usec == 0)
                (void) sd_event_source_set_enabled(run->deadline, SD_EVENT_OFF);
        return 0;
}
