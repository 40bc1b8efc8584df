/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "job-recover.h"
#include "job-step.h"
#include "job-tree.h"
#include "store-disk.h"

struct JobRecovery {
        const JobContext *context;         /* borrowed */
        JobQueue *queue;                   /* borrowed */
        const JobRecoveryEvents *events;   /* borrowed */
        void *userdata;                    /* borrowed */
        char (*ids)[STORE_JOURNAL_ID_MAX]; /* owned; of the journal's entries */
        char **paths; /* owned, as each; their places; NULL if unknown, or done */
        size_t n_ids, n_paths;
        size_t n_done;
        sd_event_source *next;     /* owned; starts the next entry */
        JobStepData *data;         /* owned, by @task if there is one; the current entry */
        JobTask *task;             /* owned */
        sd_event_source *patience; /* owned; armed while there is @task */
        JobTree *tree;             /* owned */
};

/* A removed entry is reported only once, so even a daemon that logs only errors does. */
static void warn(const JobRecovery *recovery, const Error *error) {
        const bool is_forgotten = error->code == ESTALE || error->code == EBADMSG;

        log_print(
                recovery->context->log, is_forgotten ? LOG_ERR : LOG_WARNING, "%s",
                error_text(error));
}

static bool is_in_the_way(void *userdata, const char *path) {
        const JobRecovery *recovery = userdata;

        for (size_t i = 0; i < recovery->n_paths; i++)
                if (recovery->paths[i] && store_journal_overlaps(recovery->paths[i], path))
                        return true;
        return false;
}

static void release_path(JobRecovery *recovery, size_t i) {
        free(recovery->paths[i]);
        recovery->paths[i] = NULL;
}

/* With one entry less. */
static void go_on(JobRecovery *recovery) {
        release_path(recovery, recovery->n_done - 1);
        job_queue_guard(recovery->queue, is_in_the_way, recovery);
        recovery->data = job_step_data_free(recovery->data);
        (void) sd_event_source_set_enabled(recovery->next, SD_EVENT_ONESHOT);
}

/* Returns -ENOMEM if it was not started. */
static int start_step(JobRecovery *recovery, const JobTaskOperation *operation, Error *error) {
        int r;

        r = job_task_start(
                recovery->context->tasks, operation, recovery->data, recovery, &recovery->task,
                error);
        if (r < 0)
                return r;

        (void) sd_event_source_set_time_relative(recovery->patience, JOB_STEP_PATIENCE_USEC);
        (void) sd_event_source_set_enabled(recovery->patience, SD_EVENT_ONESHOT);
        return 0;
}

static void end_step(JobRecovery *recovery) {
        recovery->task = job_task_free(recovery->task);
        (void) sd_event_source_set_enabled(recovery->patience, SD_EVENT_OFF);
}

/* Others must not wait for an entry whose file system does not answer: it stays in the journal. */
static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        JobRecovery *recovery = userdata;

        log_print(
                recovery->context->log, LOG_WARNING,
                "Entry %s of the journal stays: the file system that it refers to does not answer",
                recovery->ids[recovery->n_done - 1]);
        recovery->task = job_task_free(recovery->task);
        (void) TAKE_PTR(recovery->data);
        go_on(recovery);
        return 0;
}

static void on_cleaned(void *userdata, void *data, int r, Error *error) {
        JobRecovery *recovery = userdata;

        end_step(recovery);
        if (r < 0)
                warn(recovery, error);
        go_on(recovery);
}

static const JobTaskOperation cleaned_operation = {
        .work = job_step_cleaned,
        .release = job_step_release,
        .ended = on_cleaned,
};

static void on_removed(void *userdata, const Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        JobRecovery *recovery = userdata;

        recovery->tree = job_tree_free(recovery->tree);
        if (error->code == 0 && start_step(recovery, &cleaned_operation, &why) >= 0)
                return;

        warn(recovery, error->code != 0 ? error : &why);
        go_on(recovery);
}

static const JobTreeEvents remove_events = { .ended = on_removed };

static const JobTaskOperation leave_operation = {
        .work = job_step_leave,
        .release = job_step_release,
        .ended = on_cleaned,
};

/* Returns 0 if it was started. */
static int start_tree(JobRecovery *recovery, const JobTreeEvents *events, Error *error) {
        return job_tree_start(
                recovery->context, &recovery->data->next, events, recovery, &recovery->tree, error);
}

static void on_clean(void *userdata, void *data, int r, Error *error) {
        JobRecovery *recovery = userdata;

        end_step(recovery);
        if (r >= 0 && recovery->data->has_next)
                r = start_tree(recovery, &remove_events, error);
        if (recovery->tree)
                return;

        if (r < 0)
                warn(recovery, error);
        go_on(recovery);
}

static const JobTaskOperation clean_operation = {
        .work = job_step_clean,
        .release = job_step_release,
        .ended = on_clean,
};

/* A changed tree is left for a person; one that could not be checked, for the next daemon. */
static void on_checked(void *userdata, const Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        JobRecovery *recovery = userdata;
        const bool has_changed = error->kind == ERROR_DESTINATION_BUSY;

        recovery->tree = job_tree_free(recovery->tree);
        if ((error->code == 0 || has_changed) &&
            start_step(recovery, has_changed ? &leave_operation : &clean_operation, &why) >= 0)
                return;

        warn(recovery, error->code != 0 ? error : &why);
        go_on(recovery);
}

static const JobTreeEvents check_events = { .ended = on_checked };

static void on_recovered(void *userdata, void *data, int r, Error *error) {
        JobRecovery *recovery = userdata;

        end_step(recovery);
        if (r > 0)
                log_print(
                        recovery->context->log, LOG_INFO,
                        "Removing what a killed daemon left of %s",
                        job_destination_path(recovery->data->destination));
        if (r > 0 && recovery->data->has_next)
                r = start_tree(
                        recovery, recovery->data->next.is_check ? &check_events : &remove_events,
                        error);
        if (recovery->tree)
                return;

        if (r < 0)
                warn(recovery, error);
        go_on(recovery);
}

static const JobTaskOperation recover_operation = {
        .work = job_step_recover,
        .release = job_step_release,
        .ended = on_recovered,
};

static int on_next(sd_event_source *source, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobRecovery *recovery = userdata;

        if (recovery->n_done == recovery->n_ids) {
                job_queue_release(recovery->queue);
                job_queue_guard(recovery->queue, NULL, NULL);
                recovery->events->ended(recovery->userdata);
                return 0;
        }

        recovery->data = job_step_data_new(recovery->context->store, NULL);
        if (!recovery->data)
                return -ENOMEM;
        strcpy(recovery->data->id, recovery->ids[recovery->n_done++]);
        if (start_step(recovery, &recover_operation, &error) < 0) {
                warn(recovery, &error);
                go_on(recovery);
        }
        return 0;
}

/* Failing to remove useless disk images does not prevent the start. */
static void recover_disks(const JobContext *context) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        unsigned n = 0;

        if (store_disk_recover(context->store, &n, &error) < 0)
                log_print(context->log, LOG_WARNING, "%s", error_text(&error));
        else if (n > 0)
                log_print(context->log, LOG_INFO, "Removed %u left-over disk images", n);
}

/* Whoever works at one of them is not in the way. */
static int list_entries(JobRecovery *recovery, Error *error) {
        Store *store = recovery->context->store;
        int r;

        r = store_journal_list(store, &recovery->ids, &recovery->n_ids, error);
        if (r < 0 || recovery->n_ids == 0)
                return r;

        recovery->paths = calloc(recovery->n_ids, sizeof(*recovery->paths));
        if (!recovery->paths)
                return error_oom(error);
        recovery->n_paths = recovery->n_ids;

        for (size_t i = 0; i < recovery->n_ids; i++) {
                StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;

                if (store_journal_take(store, recovery->ids[i], &entry, NULL) <= 0)
                        continue;
                recovery->paths[i] = TAKE_PTR(entry.path);
                store_journal_entry_done(&entry);
        }
        return 0;
}

int job_recovery_start(
        const JobContext *context,
        JobQueue *queue,
        const JobRecoveryEvents *events,
        void *userdata,
        JobRecovery **ret,
        Error *error) {
        _cleanup_(job_recovery_freep) JobRecovery *recovery = NULL;
        int r;

        recovery = malloc(sizeof(*recovery));
        if (!recovery)
                return error_oom(error);

        *recovery = (JobRecovery){
                .context = context, .queue = queue, .events = events, .userdata = userdata
        };
        r = list_entries(recovery, error);
        if (r < 0)
                return r;

        r = sd_event_add_defer(context->event, &recovery->next, on_next, recovery);
        if (r >= 0)
                r = sd_event_add_time(
                        context->event, &recovery->patience, CLOCK_MONOTONIC, 0, 0, on_patience,
                        recovery);
        if (r >= 0)
                r = sd_event_source_set_enabled(recovery->patience, SD_EVENT_OFF);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot start the recovery");

        recover_disks(context);
        job_queue_hold(queue);
        job_queue_guard(queue, is_in_the_way, recovery);
        *ret = TAKE_PTR(recovery);
        return 0;
}

void job_recovery_stop(JobRecovery *recovery) {
        recovery->n_ids = recovery->n_done;
}

JobRecovery *job_recovery_free(JobRecovery *recovery) {
        if (!recovery)
                return NULL;

        sd_event_source_disable_unref(recovery->next);
        sd_event_source_disable_unref(recovery->patience);
        job_tree_free(recovery->tree);
        if (!recovery->task)
                job_step_data_free(recovery->data);
        job_task_free(recovery->task);
        for (size_t i = 0; i < recovery->n_paths; i++)
                release_path(recovery, i);
        free(recovery->paths);
        free(recovery->ids);
        free(recovery);
        return NULL;
}
