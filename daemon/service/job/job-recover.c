/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "job-recover.h"
#include "job-step.h"
#include "job-tree.h"
#include "store-disk.h"

struct Recovery {
        Queue *queue;                      /* borrowed */
        const RecoveryEvents *events;      /* borrowed */
        void *userdata;                    /* borrowed */
        char (*ids)[STORE_JOURNAL_ID_MAX]; /* owned; of the journal's entries */
        size_t n_ids;
        size_t n_done;
        sd_event_source *next; /* owned; looks at the next entry */
        StepData *data; /* owned, by @task when there is one; the entry that is being looked at */
        Task *task;     /* owned */
        sd_event_source *patience; /* owned; armed while there is @task */
        Tree *tree;                /* owned */
};

/* What is forgotten is told once, also by a daemon that tells only errors. */
static void warn(const Recovery *recovery, const Error *error) {
        const bool is_forgotten = error->code == ESTALE || error->code == EBADMSG;

        log_print(
                queue_context(recovery->queue)->process->log, is_forgotten ? LOG_ERR : LOG_WARNING,
                "%s", error_text(error));
}

static void go_on(Recovery *recovery) {
        recovery->data = step_data_free(recovery->data);
        (void) sd_event_source_set_enabled(recovery->next, SD_EVENT_ONESHOT);
}

/* Returns -ENOMEM with @error set when it was not started. */
static int start_step(Recovery *recovery, const TaskOperation *operation, Error *error) {
        int r;

        r = task_start(
                queue_context(recovery->queue)->tasks, operation, recovery->data, recovery,
                &recovery->task, error);
        if (r < 0)
                return r;

        (void) sd_event_source_set_time_relative(recovery->patience, JOB_STEP_PATIENCE_USEC);
        (void) sd_event_source_set_enabled(recovery->patience, SD_EVENT_ONESHOT);
        return 0;
}

static void end_step(Recovery *recovery) {
        recovery->task = task_free(recovery->task);
        (void) sd_event_source_set_enabled(recovery->patience, SD_EVENT_OFF);
}

/* The others are not to wait for one whose file system does not answer: it stays in the journal. */
static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        Recovery *recovery = userdata;

        log_print(
                queue_context(recovery->queue)->process->log, LOG_WARNING,
                "Entry %s of the journal stays: the file system of what it speaks of does not answer",
                recovery->ids[recovery->n_done - 1]);
        recovery->task = task_free(recovery->task);
        (void) TAKE_PTR(recovery->data);
        go_on(recovery);
        return 0;
}

static void on_cleaned(void *userdata, void *data, int r, Error *error) {
        Recovery *recovery = userdata;

        end_step(recovery);
        if (r < 0)
                warn(recovery, error);
        go_on(recovery);
}

static const TaskOperation cleaned_operation = {
        .work = step_cleaned,
        .release = step_release,
        .ended = on_cleaned,
};

static void on_removed(void *userdata, const Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        Recovery *recovery = userdata;

        recovery->tree = tree_free(recovery->tree);
        if (error->code == 0 && start_step(recovery, &cleaned_operation, &why) >= 0)
                return;

        warn(recovery, error->code != 0 ? error : &why);
        go_on(recovery);
}

static const TreeEvents tree_events = { .ended = on_removed };

static void on_recovered(void *userdata, void *data, int r, Error *error) {
        Recovery *recovery = userdata;
        const ProcessContext *process = queue_context(recovery->queue)->process;

        end_step(recovery);
        if (r > 0)
                log_print(
                        process->log, LOG_INFO, "Removing what a killed daemon left of %s",
                        destination_path(recovery->data->destination));
        if (r > 0 && recovery->data->has_next) {
                r = tree_start(
                        process, &recovery->data->next, &tree_events, recovery, &recovery->tree,
                        error);
                if (r >= 0)
                        return;
        }

        if (r < 0)
                warn(recovery, error);
        go_on(recovery);
}

static const TaskOperation recover_operation = {
        .work = step_recover,
        .release = step_release,
        .ended = on_recovered,
};

static int on_next(sd_event_source *source, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Recovery *recovery = userdata;

        if (recovery->n_done == recovery->n_ids) {
                queue_release(recovery->queue);
                queue_resume(recovery->queue);
                recovery->events->ended(recovery->userdata);
                return 0;
        }

        recovery->data = step_data_new(queue_context(recovery->queue)->store, NULL);
        if (!recovery->data)
                return -ENOMEM;
        strcpy(recovery->data->id, recovery->ids[recovery->n_done++]);
        if (start_step(recovery, &recover_operation, &error) < 0) {
                warn(recovery, &error);
                go_on(recovery);
        }
        return 0;
}

/* What there is of no use in the way of disk images keeps nobody from starting. */
static void recover_disks(const FetchContext *context) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        unsigned n = 0;

        if (store_disk_recover(context->store, &n, &error) < 0)
                log_print(context->process->log, LOG_WARNING, "%s", error_text(&error));
        else if (n > 0)
                log_print(context->process->log, LOG_INFO, "Removed %u left-over disk images", n);
}

int recovery_start(
        Queue *queue, const RecoveryEvents *events, void *userdata, Recovery **ret, Error *error) {
        const FetchContext *context = queue_context(queue);
        _cleanup_(recovery_freep) Recovery *recovery = NULL;
        int r;

        recovery = malloc(sizeof(*recovery));
        if (!recovery)
                return error_oom(error);

        *recovery = (Recovery){ .queue = queue, .events = events, .userdata = userdata };
        r = store_journal_list(context->store, &recovery->ids, &recovery->n_ids, error);
        if (r < 0)
                return r;

        r = sd_event_add_defer(context->process->event, &recovery->next, on_next, recovery);
        if (r >= 0)
                r = sd_event_add_time(
                        context->process->event, &recovery->patience, CLOCK_MONOTONIC, 0, 0,
                        on_patience, recovery);
        if (r >= 0)
                r = sd_event_source_set_enabled(recovery->patience, SD_EVENT_OFF);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot begin to recover");

        recover_disks(context);
        queue_hold(queue);
        queue_pause(queue);
        *ret = TAKE_PTR(recovery);
        return 0;
}

void recovery_stop(Recovery *recovery) {
        recovery->n_ids = recovery->n_done;
}

Recovery *recovery_free(Recovery *recovery) {
        if (!recovery)
                return NULL;

        sd_event_source_disable_unref(recovery->next);
        sd_event_source_disable_unref(recovery->patience);
        tree_free(recovery->tree);
        if (!recovery->task)
                step_data_free(recovery->data);
        task_free(recovery->task);
        free(recovery->ids);
        free(recovery);
        return NULL;
}
