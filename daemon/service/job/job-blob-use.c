/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who wants a blob, and how several share one. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base-fd.h"
#include "job-blob-internal.h"

static JobBlob *blob_free(JobBlob *blob) {
        if (!blob)
                return NULL;

        job_verify_kill(blob->verify);
        sd_event_source_disable_unref(blob->advance);
        job_speed_guard_free(blob->takeover);
        job_speed_guard_free(blob->minimum);
        closep(&blob->stored.fd);
        closep(&blob->partial_fd);
        closep(&blob->pipe_fd);
        error_clear(&blob->error);
        free(blob);
        return NULL;
}
DEFINE_CLEANUP(JobBlob, blob_free);

Store *job_blob_store(const JobBlob *blob) {
        return blob->table->context->store;
}

bool job_blob_is_kept(const JobBlob *blob) {
        return !blob->request.temporary_directory;
}

void job_blob_schedule(JobBlob *blob) {
        (void) sd_event_source_set_enabled(blob->advance, SD_EVENT_ONESHOT);
}

void job_blob_notify(JobBlob *blob) {
        for (JobBlobUse *use = blob->uses; use; use = use->next)
                use->is_changed = true;
        job_blob_schedule(blob);
}

void job_blob_end(JobBlob *blob, JobBlobState state, uint64_t size) {
        blob->step = STEP_DONE;
        blob->status.state = state;
        blob->status.size = size;
        if (blob->status.arrived < size) {
                blob->status.resumed += size - blob->status.arrived;
                blob->status.arrived = size;
        }
        job_blob_notify(blob);
}

void job_blob_close_partial(JobBlob *blob) {
        closep(&blob->partial_fd);
        blob->partial_fd = -EBADF;
}

void job_blob_stop_watching(JobBlob *blob) {
        job_speed_guard_end(blob->takeover);
        job_speed_guard_end(blob->minimum);
        blob->is_slow = false;
}

/* What has arrived is kept, for whoever tries again, but not without end. */
static void give_up(JobBlob *blob) {
        if (blob->partial_fd < 0)
                return;

        job_blob_stop_watching(blob);
        blob->verify = job_verify_kill(blob->verify);
        /* A process that was just forked has it open, too, until it executes a worker. */
        (void) flock(blob->partial_fd, LOCK_UN);
        job_blob_close_partial(blob);
        if (job_blob_is_kept(blob))
                store_partial_trim(
                        job_blob_store(blob), blob->table->context->config->partial_bytes);
}

void job_blob_fail(JobBlob *blob, const Error *error) {
        if (blob->status.state == BLOB_FAILED)
                return;

        (void) error_copy(&blob->error, error);
        blob->status.error = &blob->error;
        give_up(blob);
        job_blob_end(blob, BLOB_FAILED, blob->status.size);
}

static void remove_blob(JobBlob *blob) {
        JobBlob **p = &blob->table->blobs;

        /* Nobody wants it any more, before it was complete. */
        if (blob->status.state != BLOB_READY)
                give_up(blob);

        while (*p != blob)
                p = &(*p)->next;
        *p = blob->next;
        blob_free(blob);
}

static JobBlobUse *next_to_tell(JobBlob *blob) {
        for (JobBlobUse *use = blob->uses; use; use = use->next)
                if (use->is_changed)
                        return use;

        return NULL;
}

/* The users are told one by one; each may free its use, and others. */
void job_blob_tell(JobBlob *blob) {
        JobBlobUse *use;

        blob->n_telling++;
        while ((use = next_to_tell(blob))) {
                use->is_changed = false;
                use->events->changed(use->userdata, use);
        }
        blob->n_telling--;

        if (!blob->uses)
                remove_blob(blob);
}

JobBlobUse *job_blob_next_filler(JobBlob *blob) {
        for (JobBlobUse *use = blob->uses; use; use = use->next)
                if (!use->gave_up)
                        return use;

        return NULL;
}

static bool is_waiting(const JobBlob *blob, const JobBlobUse *use) {
        return use != blob->filler && use->readable == 0;
}

static bool is_of_origin(const JobBlobUse *use, const char *origin) {
        return use && use->origin && origin && strcmp(use->origin, origin) == 0;
}

/* It may get the blob faster than the filler does. */
static bool is_waiting_with_another_origin(const JobBlob *blob, const JobBlobUse *use) {
        return is_waiting(blob, use) && !is_of_origin(blob->filler, use->origin);
}

static bool is_shared(const JobBlobRequest *request) {
        return !request->temporary_directory && !request->verify_again;
}

static bool is_for(const JobBlob *blob, const JobBlobRequest *request) {
        return is_shared(request) && is_shared(&blob->request) &&
               digest_equal(&blob->request.digest, &request->digest) &&
               blob->request.size == request->size && blob->status.state != BLOB_FAILED;
}

static JobBlob *find_filled_from(const JobBlob *as, const char *origin) {
        for (JobBlob *blob = as->table->blobs; blob; blob = blob->next)
                if (blob != as && is_for(blob, &as->request) && blob->step == STEP_FILL &&
                    is_of_origin(blob->filler, origin))
                        return blob;

        return NULL;
}

static void append(JobBlob *blob, JobBlobUse *use) {
        JobBlobUse **end = &blob->uses;

        while (*end)
                end = &(*end)->next;
        *end = use;
        use->next = NULL;
        use->blob = blob;
        use->is_changed = true;
        blob->request.no_sync = blob->request.no_sync && use->no_sync;
}

static JobBlob *add_blob(JobBlobTable *table, const JobBlobRequest *request) {
        const Config *config = table->context->config;
        _cleanup_(blob_freep) JobBlob *blob = malloc(sizeof(*blob));

        if (!blob)
                return NULL;

        *blob = (JobBlob){
                .table = table,
                .request = *request,
                .stored = STORE_BLOB_NULL,
                .partial_fd = -EBADF,
                .pipe_fd = -EBADF,
        };
        blob->request.origin = NULL; /* each use has its own, and its own pool */
        blob->request.pool = NULL;
        if (sd_event_add_defer(table->context->event, &blob->advance, table->on_advance, blob) <
                    0 ||
            job_speed_guard_new(
                    table->context->event,
                    &(JobSpeedLimit){ config->takeover_speed, config->takeover_usec },
                    table->on_slow, blob, &blob->takeover, NULL) < 0 ||
            job_speed_guard_new(
                    table->context->event,
                    &(JobSpeedLimit){ config->limits.minimum_speed,
                                      config->limits.minimum_speed_usec },
                    table->on_too_slow, blob, &blob->minimum, NULL) < 0)
                return NULL;

        blob->next = table->blobs;
        table->blobs = blob;
        return TAKE_PTR(blob);
}

/* Those of the users who wait and may go begin anew, or join who fetches it from their origin already; returns
 * whether there is a new blob. */
static bool part(JobBlob *blob, bool (*may_go)(const JobBlob *blob, const JobBlobUse *use)) {
        JobBlobUse **p = &blob->uses;
        JobBlob *fresh = NULL;

        while (*p) {
                JobBlobUse *use = *p;
                JobBlob *other = NULL;

                if (may_go(blob, use)) {
                        other = find_filled_from(blob, use->origin);
                        if (!other && !fresh)
                                fresh = add_blob(blob->table, &blob->request);
                        if (!other)
                                other = fresh;
                }
                if (!other) {
                        p = &use->next;
                        continue;
                }

                *p = use->next;
                use->gave_up = false;
                append(other, use);
                job_blob_schedule(other);
        }

        return fresh != NULL;
}

void job_blob_part(JobBlob *blob) {
        (void) part(blob, is_waiting);
}

void job_blob_remove_partial(JobBlob *blob) {
        if (job_blob_is_kept(blob))
                store_partial_remove(
                        job_blob_store(blob), &blob->request.digest, blob->request.size,
                        blob->partial_fd);
}

/* The filler goes on with a file that has no name any more, for those who know no other origin. Where another
 * daemon has taken the name, what that one brings is for all. */
void job_blob_take_over(JobBlob *blob) {
        const bool is_taken =
                !blob->is_alone && !store_partial_is_current(
                                           job_blob_store(blob), &blob->request.digest,
                                           blob->request.size, blob->partial_fd);

        if (!part(blob, is_taken ? is_waiting : is_waiting_with_another_origin))
                return;

        blob->is_alone = true;
        job_blob_remove_partial(blob);
}

/* Who waits for a slower one of the same gets it from @blob, which is complete. */
void job_blob_gather(JobBlob *blob) {
        JobBlob *next;

        for (JobBlob *other = blob->table->blobs; other; other = next) {
                JobBlobUse **p = &other->uses;

                next = other->next;
                if (other == blob || other->status.state != BLOB_WAITING ||
                    !is_for(other, &blob->request) ||
                    (blob->is_unsynced && !other->request.no_sync))
                        continue;

                while (*p) {
                        JobBlobUse *use = *p;

                        if (is_waiting(other, use)) {
                                *p = use->next;
                                append(blob, use);
                        } else
                                p = &use->next;
                }
                if (!other->uses)
                        remove_blob(other);
        }
}

static JobBlob *find_shared(JobBlobTable *table, const JobBlobRequest *request) {
        for (JobBlob *blob = table->blobs; blob; blob = blob->next)
                if (is_for(blob, request) && !blob->is_alone &&
                    (request->no_sync || !blob->is_unsynced || blob->step != STEP_DONE))
                        return blob;

        return NULL;
}

int job_blob_use_new(
        JobBlobTable *table,
        const JobBlobRequest *request,
        const JobBlobEvents *events,
        void *userdata,
        JobBlobUse **ret,
        Error *error) {
        _cleanup_(freep) JobBlobUse *use = NULL;
        JobBlob *blob;

        use = malloc(sizeof(*use));
        if (!use)
                return error_oom(error);

        blob = find_shared(table, request);
        if (!blob)
                blob = add_blob(table, request);
        if (!blob)
                return error_oom(error);

        /* One who joins a blob that is there already is told, too. */
        *use = (JobBlobUse){
                .events = events,
                .userdata = userdata,
                .origin = request->origin,
                .pool = request->pool,
                .no_sync = request->no_sync,
        };
        append(blob, use);
        job_blob_schedule(blob);
        *ret = TAKE_PTR(use);
        return 0;
}

JobBlobUse *job_blob_use_free(JobBlobUse *use) {
        JobBlobUse **p;
        JobBlob *blob;

        if (!use)
                return NULL;

        blob = use->blob;
        p = &blob->uses;
        while (*p != use)
                p = &(*p)->next;
        *p = use->next;
        if (blob->filler == use)
                blob->filler = NULL;
        free(use);

        if (!blob->uses && blob->n_telling == 0)
                remove_blob(blob);
        return NULL;
}

/* The others need not wait with it, if they know another origin. */
void job_blob_use_wait(JobBlobUse *use, uint64_t usec) {
        if (use->blob->filler == use)
                job_speed_guard_wait(use->blob->minimum, usec);
}

JobBlobStatus job_blob_use_status(const JobBlobUse *use) {
        const JobBlob *blob = use->blob;
        JobBlobStatus status = blob->status;

        status.brought = use->brought;
        status.is_filled = status.state == BLOB_READY && blob->filler == use;
        if (status.state == BLOB_WAITING && use->readable > 0 && blob->partial_fd >= 0) {
                status.state = BLOB_GROWING;
                status.size = use->readable;
        }
        return status;
}

int job_blob_use_open(const JobBlobUse *use, int *ret_fd, Error *error) {
        const JobBlob *blob = use->blob;
        char path[FD_PATH_MAX];
        int fd;

        fd =
                open(fd_path(blob->stored.fd >= 0 ? blob->stored.fd : blob->partial_fd, path),
                     O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open a cached blob");

        *ret_fd = fd;
        return 0;
}
