/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls to Cache that take a while: hashing, and looking at the paths of chains. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base-clock.h"
#include "base-macro.h"
#include "base-text.h"
#include "bus-cache-reply.h"
#include "bus-pending-internal.h"
#include "bus-pending.h"
#include "dbus-names.h"
#include "job-blob.h"
#include "store-disk.h"

#define PROGRESS_USEC (USEC_PER_SEC / 10) /* between two signals */

struct BusPendingVerify {
        StoreCatalog catalog; /* owned */
        size_t n_done;        /* blobs of it */
        uint64_t done_bytes, total_bytes;
        uint64_t told_usec;       /* when the caller was told about that; CLOCK_MONOTONIC */
        sd_event_source *advance; /* owned */
        JobBlobUse *use;          /* owned */
        sd_bus_message *reply;    /* owned */
        uint32_t n_verified;
        uint64_t verified_bytes;
        size_t n_damaged;
        size_t n_unverified; /* unknown whether they are intact */
        Error unverified;    /* the first of these, and why */
};

static void verify_free(BusPendingVerify *verify) {
        job_blob_use_free(verify->use);
        sd_event_source_disable_unref(verify->advance);
        store_catalog_done(&verify->catalog);
        sd_bus_message_unref(verify->reply);
        error_clear(&verify->unverified);
        free(verify);
}

/* Only the caller wants to know. */
static void tell_progress(const BusPending *pending) {
        BusPendingVerify *verify = pending->verify;
        const char *caller = sd_bus_message_get_sender(pending->call);
        _cleanup_(bus_message_unrefp) sd_bus_message *signal = NULL;
        const uint64_t now = clock_usec(CLOCK_MONOTONIC);
        int r;

        if (verify->done_bytes < verify->total_bytes && now < verify->told_usec + PROGRESS_USEC)
                return;

        verify->told_usec = now;
        r = sd_bus_message_new_signal(
                sd_bus_message_get_bus(pending->call), &signal, BUS_PATH, BUS_CACHE,
                "VerifyProgress");
        if (r >= 0)
                r = sd_bus_message_append(signal, "tt", verify->done_bytes, verify->total_bytes);
        if (r >= 0 && caller)
                r = sd_bus_message_set_destination(signal, caller);
        if (r >= 0)
                (void) sd_bus_send(NULL, signal, NULL);
}

static void add_damaged(BusPendingVerify *verify, const char *digest) {
        int r;

        r = sd_bus_message_open_container(verify->reply, 'r', "sas");
        if (r >= 0)
                r = sd_bus_message_append_basic(verify->reply, 's', digest);
        if (r >= 0)
                r = bus_cache_append_names(verify->reply, &verify->catalog, verify->n_done);
        if (r >= 0)
                (void) sd_bus_message_close_container(verify->reply);
        verify->n_damaged++;
}

/* A blob failed: @error says why. Blobs removed meanwhile do not matter. */
static void count_failure(BusPendingVerify *verify, const Error *error) {
        char digest[DIGEST_STRING_MAX];

        digest_format(&verify->catalog.blobs[verify->n_done].entry.digest, digest);
        if (error->kind == ERROR_NOT_FOUND)
                return;
        if (error->kind == ERROR_DIGEST_MISMATCH) {
                add_damaged(verify, digest);
                return;
        }
        if (verify->n_unverified++ == 0) {
                (void) error_copy(&verify->unverified, error);
                (void) error_prefix(&verify->unverified, "%s cannot be verified", digest);
        }
}

/* An answer without them would look like success. */
static void answer_unverified(BusPending *pending) {
        BusPendingVerify *verify = pending->verify;

        if (verify->n_unverified > 1)
                (void) error_prefix(
                        &verify->unverified, "%zu blobs cannot be verified", verify->n_unverified);
        if (verify->n_damaged > 0)
                (void) error_prefix(
                        &verify->unverified, "Damaged blobs were removed: %zu", verify->n_damaged);
        bus_pending_answer_error(pending, &verify->unverified);
        bus_pending_free(pending);
}

static int answer_verified(BusPending *pending) {
        BusPendingVerify *verify = pending->verify;
        int r;

        if (verify->n_unverified > 0) {
                answer_unverified(pending);
                return 0;
        }

        r = sd_bus_message_close_container(verify->reply);
        if (r >= 0)
                r = sd_bus_message_append(
                        verify->reply, "ut", verify->n_verified, verify->verified_bytes);
        if (r >= 0)
                r = sd_bus_send(NULL, verify->reply, NULL);
        if (r < 0)
                (void) sd_bus_reply_method_errno(pending->call, r, NULL);
        bus_pending_free(pending);
        return 0;
}

static void end_blob(BusPending *pending, const Error *error) {
        BusPendingVerify *verify = pending->verify;
        const StoreEntry *entry = &verify->catalog.blobs[verify->n_done].entry;

        if (error)
                count_failure(verify, error);
        else
                store_entry_set_used(pending->server->context->store, entry);
        if (!error || error->kind == ERROR_DIGEST_MISMATCH) {
                verify->n_verified++;
                verify->verified_bytes += entry->size;
        }

        verify->done_bytes += entry->size;
        verify->n_done++;
        tell_progress(pending);
}

static void on_blob_changed(void *userdata, JobBlobUse *use) {
        BusPending *pending = userdata;
        const JobBlobStatus status = job_blob_use_status(use);

        if (status.state != BLOB_FAILED && status.state != BLOB_READY)
                return;

        end_blob(pending, status.state == BLOB_FAILED ? status.error : NULL);
        pending->verify->use = job_blob_use_free(pending->verify->use);
        (void) sd_event_source_set_enabled(pending->verify->advance, SD_EVENT_ONESHOT);
}

static void on_blob_fill(void *userdata, JobBlobUse *use, int pipe_fd, uint64_t offset) {
        /* A blob that is only verified again is not filled. */
}

static const JobBlobEvents blob_events = { .changed = on_blob_changed, .fill = on_blob_fill };

/* Starts with the next complete blob. */
static int on_advance(sd_event_source *source, void *userdata) {
        BusPending *pending = userdata;
        BusPendingVerify *verify = pending->verify;
        const JobContext *context = pending->server->context;

        while (verify->n_done < verify->catalog.n_blobs) {
                const StoreEntry *entry = &verify->catalog.blobs[verify->n_done].entry;
                _cleanup_(error_clear) Error error = ERROR_NULL;
                const JobBlobRequest request = {
                        .digest = entry->digest,
                        .size = entry->size,
                        .verify_again = true,
                        .no_sync = context->config->durability == DURABILITY_NONE,
                };

                if (entry->is_partial) {
                        verify->n_done++;
                        continue;
                }
                if (job_blob_use_new(
                            context->blobs, &request, &blob_events, pending, &verify->use,
                            &error) >= 0)
                        return 0;
                end_blob(pending, &error);
        }

        return answer_verified(pending);
}

static int begin_verify(BusPending *pending, Error *error) {
        BusPendingVerify *verify = calloc(1, sizeof(*verify));
        int r;

        if (!verify)
                return error_oom(error);

        pending->verify = verify;
        pending->free_verify = verify_free;
        r = store_catalog_read(pending->server->context->store, &verify->catalog, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < verify->catalog.n_blobs; i++)
                if (!verify->catalog.blobs[i].entry.is_partial)
                        verify->total_bytes += verify->catalog.blobs[i].entry.size;

        r = sd_bus_message_new_method_return(pending->call, &verify->reply);
        if (r >= 0)
                r = sd_bus_message_open_container(verify->reply, 'a', "(sas)");
        if (r >= 0)
                r = sd_event_add_defer(
                        pending->server->event, &verify->advance, on_advance, pending);
        return r < 0 ? error_set_errno(error, -r, "Cannot start verifying the cache") : 0;
}

int bus_pending_verify(BusServer *server, sd_bus_message *call, Error *error) {
        BusPending *pending;
        int r;

        r = bus_pending_new(server, call, &pending, error);
        if (r < 0)
                return r;

        r = begin_verify(pending, error);
        if (r < 0)
                bus_pending_free(pending);
        return r;
}

/* Where the paths of chains do not answer, each call would keep a thread, until none is left for jobs. */
static int check_single(const JobTaskPool *tasks, Error *error) {
        if (!job_task_pool_runs_single(tasks))
                return 0;
        return error_set(
                error, EBUSY, ERROR_CACHE_BUSY,
                "Another call still lists or prunes the cache; try again later, or find out which file "
                "system does not answer");
}

/* Runs an operation on the store in a thread; @data is taken over, also on failure. */
static int start_task(
        BusServer *server,
        sd_bus_message *call,
        const JobTaskOperation *operation,
        void *data,
        Error *error) {
        const JobContext *context = server->context;
        BusPending *pending = NULL;
        int r;

        r = check_single(context->tasks, error);
        if (r >= 0)
                r = job_task_pool_check(context->tasks, error);
        if (r >= 0)
                r = bus_pending_new(server, call, &pending, error);
        if (r >= 0)
                r = job_task_start(context->tasks, operation, data, pending, &pending->task, error);
        if (r < 0) {
                if (pending)
                        bus_pending_free(pending);
                operation->release(data);
        }
        return r;
}

/* Answers with @reply, or why there is none. */
static void end_task(BusPending *pending, int r, sd_bus_message *reply, const Error *error) {
        if (error->code != 0)
                bus_pending_answer_error(pending, error);
        else if (r < 0 || sd_bus_send(NULL, reply, NULL) < 0)
                (void) sd_bus_reply_method_errno(pending->call, r < 0 ? r : -ENOMEM, NULL);
        bus_pending_free(pending);
}

typedef struct PendingPrune {
        Store *store; /* borrowed */
        StorePruning pruning;
        StoreRemovals removals; /* owned */
        StoreUsage usage;       /* of what is left */
} PendingPrune;

static void prune_release(void *data) {
        PendingPrune *pruning = data;

        store_removals_done(&pruning->removals);
        free(pruning);
}

static int prune(JobTask *task, void *data, Error *error) {
        PendingPrune *pruning = data;
        int r;

        r = store_prune(pruning->store, &pruning->pruning, &pruning->removals, error);
        return r < 0 ? r : store_usage_read(pruning->store, &pruning->usage, error);
}

static void on_pruned(void *userdata, void *data, int r, Error *error) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        PendingPrune *pruning = data;
        BusPending *pending = userdata;

        r = sd_bus_message_new_method_return(pending->call, &reply);
        if (r >= 0)
                r = bus_cache_append_removals(reply, &pruning->removals);
        if (r >= 0)
                r = bus_cache_append_usage(reply, &pruning->usage);
        end_task(pending, r, reply, error);
        prune_release(pruning);
}

static const JobTaskOperation prune_operation = {
        .work = prune,
        .release = prune_release,
        .ended = on_pruned,
        .is_single = true,
};

int bus_pending_prune(
        BusServer *server, sd_bus_message *call, const StorePruning *pruning, Error *error) {
        PendingPrune *data = calloc(1, sizeof(*data));

        if (!data)
                return error_oom(error);
        data->store = server->context->store;
        data->pruning = *pruning;
        return start_task(server, call, &prune_operation, data, error);
}

typedef struct PendingDisks {
        Store *store;          /* borrowed */
        StoreDiskEntry *disks; /* owned */
        size_t n;
        StoreUsage usage;
} PendingDisks;

static void disks_release(void *data) {
        PendingDisks *disks = data;

        store_disk_entries_free(disks->disks, disks->n);
        free(disks);
}

static int list_disks(JobTask *task, void *data, Error *error) {
        PendingDisks *disks = data;
        int r;

        r = store_disk_list(disks->store, &disks->disks, &disks->n, error);
        return r < 0 ? r : store_usage_read(disks->store, &disks->usage, error);
}

static int append_chains(sd_bus_message *reply, const StoreDiskEntry *disk) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < disk->n_chains; i++) {
                _cleanup_(freep) char *printable = text_printable(disk->chains[i]);

                r = printable ? sd_bus_message_append_basic(reply, 's', printable) : -ENOMEM;
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_disk(sd_bus_message *reply, const StoreDiskEntry *disk) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sttsas");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "stts", disk->short_id, disk->disk_bytes, disk->used_usec,
                        store_disk_state_to_string(disk->state));
        if (r >= 0)
                r = append_chains(reply, disk);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void on_disks_listed(void *userdata, void *data, int r, Error *error) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        PendingDisks *disks = data;
        BusPending *pending = userdata;

        r = sd_bus_message_new_method_return(pending->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sttsas)");
        for (size_t i = 0; r >= 0 && i < disks->n; i++)
                r = append_disk(reply, &disks->disks[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = bus_cache_append_usage(reply, &disks->usage);
        end_task(pending, r, reply, error);
        disks_release(disks);
}

static const JobTaskOperation disks_operation = {
        .work = list_disks,
        .release = disks_release,
        .ended = on_disks_listed,
        .is_single = true,
};

int bus_pending_list_disks(BusServer *server, sd_bus_message *call, Error *error) {
        PendingDisks *data = calloc(1, sizeof(*data));

        if (!data)
                return error_oom(error);
        data->store = server->context->store;
        return start_task(server, call, &disks_operation, data, error);
}
