/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

#include "job-recover.h"
#include "job-tree.h"
#include "store-disk.h"

struct Recovery {
        Queue *queue;                      /* borrowed */
        const RecoveryEvents *events;      /* borrowed */
        void *userdata;                    /* borrowed */
        char (*ids)[STORE_JOURNAL_ID_MAX]; /* owned; of the journal's entries */
        size_t n_ids;
        size_t n_done;
        sd_event_source *next;    /* owned; looks at the next entry */
        Destination *destination; /* owned; what is being removed */
        Tree *tree;               /* owned */
};

/* What is forgotten is told once, also by a daemon that tells only errors. */
static void warn(const Recovery *recovery, const Error *error) {
        const bool is_forgotten = error->code == ESTALE || error->code == EBADMSG;

        log_print(
                queue_context(recovery->queue)->process->log, is_forgotten ? LOG_ERR : LOG_WARNING,
                "%s", error_text(error));
}

static void on_removed(void *userdata, const Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        Recovery *recovery = userdata;

        recovery->tree = tree_free(recovery->tree);
        if (error->code != 0)
                warn(recovery, error);
        else if (destination_cleaned(recovery->destination, &why) < 0)
                warn(recovery, &why);
        recovery->destination = destination_free(recovery->destination);
        (void) sd_event_source_set_enabled(recovery->next, SD_EVENT_ONESHOT);
}

static const TreeEvents tree_events = { .ended = on_removed };

/* Returns 1 with an entry that no daemon works on, 0 when there is none, for this id. */
static int take_entry(Store *store, const char *id, StoreJournalEntry *ret, Error *error) {
        int r;

        r = store_journal_begin(store, error);
        if (r < 0)
                return r;

        r = store_journal_take(store, id, ret, error);
        if (r == -EBADMSG)
                store_journal_forget(store, id);
        store_journal_end(store);
        return r;
}

/* Returns 1 when a worker is at it, 0 when there is nothing to do for this entry. */
static int recover_entry(Recovery *recovery, const char *id, Error *error) {
        _cleanup_(store_journal_entry_done) StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        const FetchContext *context = queue_context(recovery->queue);
        DestinationStep step;
        int r;

        r = take_entry(context->store, id, &entry, error);
        if (r > 0)
                r = destination_recover(context->store, &entry, &recovery->destination, error);
        if (r <= 0)
                return r;

        log_print(
                context->process->log, LOG_INFO, "Removing what a killed daemon left of %s",
                destination_path(recovery->destination));
        if (!destination_cleanup_step(recovery->destination, &step))
                return 0;

        r = tree_start(context->process, &step, &tree_events, recovery, &recovery->tree, error);
        return r < 0 ? r : 1;
}

static int on_next(sd_event_source *source, void *userdata) {
        Recovery *recovery = userdata;

        while (recovery->n_done < recovery->n_ids) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                int r;

                r = recover_entry(recovery, recovery->ids[recovery->n_done++], &error);
                if (r > 0)
                        return 0;
                if (r < 0)
                        warn(recovery, &error);
                recovery->destination = destination_free(recovery->destination);
        }

        queue_release(recovery->queue);
        queue_resume(recovery->queue);
        recovery->events->ended(recovery->userdata);
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
        if (r < 0)
                return error_set_errno(error, -r, "Cannot begin to recover");

        recover_disks(context);
        queue_hold(queue);
        queue_pause(queue);
        *ret = TAKE_PTR(recovery);
        return 0;
}

Recovery *recovery_free(Recovery *recovery) {
        if (!recovery)
                return NULL;

        sd_event_source_disable_unref(recovery->next);
        tree_free(recovery->tree);
        destination_free(recovery->destination);
        free(recovery->ids);
        free(recovery);
        return NULL;
}
