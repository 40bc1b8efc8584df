/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The way of a blob into the store. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-macro.h"
#include "job-blob-internal.h"
#include "job-room.h"
#include "job-writers.h"

#define PIPE_SIZE (1 << 20) /* bytes; what /proc/sys/fs/pipe-max-size allows by default */

void job_blob_table_start_pool(const JobBlobTable *table, JobVerifyPool *pool) {
        job_verify_pool_start(pool, table->context);
}

JobBlobTable *job_blob_table_free(JobBlobTable *table) {
        if (!table)
                return NULL;

        assert(!table->blobs);
        free(table);
        return NULL;
}

static void look(JobBlob *blob) {
        blob->step = STEP_LOOK;
        job_blob_schedule(blob);
}

static void look_again(JobBlob *blob) {
        blob->step = STEP_AGAIN;
        job_verify_stop(blob->verify);
}

/* Another daemon fills it, and is as slow as the filler of job_blob_take_over(). */
static void watch_other_daemon(JobBlob *blob) {
        const Config *config = blob->table->context->config;
        struct stat st;

        if (blob->step != STEP_LOCK || fstat(blob->partial_fd, &st) < 0 ||
            !store_partial_is_busy(blob->partial_fd))
                return;

        if ((uint64_t) st.st_size < blob->seen ||
            (uint64_t) st.st_size - blob->seen < job_speed_limit_bytes(&(JobSpeedLimit){
                                                         config->takeover_speed,
                                                         config->takeover_usec,
                                                 })) {
                job_blob_remove_partial(blob);
                look_again(blob);
        }
        blob->seen = (uint64_t) st.st_size;
}

static void on_slow(void *userdata) {
        JobBlob *blob = userdata;

        if (blob->step != STEP_FILL)
                watch_other_daemon(blob);
        else {
                blob->is_slow = true;
                job_blob_schedule(blob);
        }
}

/* The filler's own job fails. */
static void on_too_slow(void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobBlob *blob = userdata;
        const Limits *limits = &blob->table->context->config->limits;
        char text[DIGEST_STRING_MAX];

        error_set(
                &error, ETIMEDOUT, ERROR_LIMIT_EXCEEDED,
                "%s came with less than %" PRIu64 " bytes a second for %" PRIu64
                " seconds" LIMIT_KEY("MinimumSpeed"),
                digest_format(&blob->request.digest, text), limits->minimum_speed,
                limits->minimum_speed_usec / USEC_PER_SEC);
        job_blob_part(blob);
        job_blob_fail(blob, &error);
}

static void ask_to_fill(JobBlob *blob) {
        _cleanup_(closep) int fd = TAKE_FD(blob->pipe_fd);

        blob->step = STEP_FILL;
        blob->filler = job_blob_next_filler(blob);
        if (!blob->filler)
                return;

        job_speed_guard_begin(blob->takeover, blob->status.arrived);
        job_speed_guard_begin(blob->minimum, blob->status.arrived);
        blob->filler->events->fill(blob->filler->userdata, blob->filler, fd, blob->status.arrived);
}

/* What this daemon has fetched before is not resumed, unless it begins again. */
static void begin_at(JobBlob *blob, uint64_t offset) {
        JobBlobStatus *status = &blob->status;

        if (offset > status->arrived)
                status->resumed += offset - status->arrived;
        else if (offset < status->resumed)
                status->resumed = offset;
        status->arrived = offset;
}

static void on_ready(JobBlob *blob, uint64_t offset) {
        const JobBlobUse *filler = job_blob_next_filler(blob);

        /* Another daemon filled it while the verify worker waited for the lock, or the worker's job went away. */
        if ((job_blob_is_kept(blob) && !store_partial_is_current(
                                               job_blob_store(blob), &blob->request.digest,
                                               blob->request.size, blob->partial_fd)) ||
            (filler && !job_verify_may_serve(blob->verify, filler->pool))) {
                look_again(blob);
                return;
        }

        blob->is_resumed = offset > 0;
        begin_at(blob, offset);
        ask_to_fill(blob);
}

static void on_grown(JobBlob *blob, uint64_t size) {
        if (blob->filler) {
                if (size > blob->status.arrived)
                        blob->filler->brought += size - blob->status.arrived;
                if (!blob->is_resumed)
                        blob->filler->readable = size;
        }
        blob->status.arrived = size;

        /* What is left is to write it to the disk. */
        if (size == blob->request.size)
                job_blob_stop_watching(blob);
        else {
                if (job_speed_guard_move(blob->takeover, size))
                        blob->is_slow = false;
                (void) job_speed_guard_move(blob->minimum, size);
        }
        job_blob_notify(blob);
}

static void on_full(JobBlob *blob, uint64_t size) {
        const ProtoMessage answer = {
                .type = PROTO_VERIFY_ROOM,
                .verify_room.is_made = job_blob_is_kept(blob) &&
                                       store_partial_free(job_blob_store(blob), size) > 0,
        };

        job_verify_send(blob->verify, &answer);
}

static void on_verify_message(void *userdata, const ProtoMessage *message) {
        JobBlob *blob = userdata;

        if (message->type == PROTO_VERIFY_READY && blob->step == STEP_LOCK)
                on_ready(blob, message->verify_ready.offset);
        else if (message->type == PROTO_VERIFY_GROWN && blob->step == STEP_FILL)
                on_grown(blob, message->verify_grown.size);
        else if (message->type == PROTO_VERIFY_FULL && blob->step == STEP_FILL)
                on_full(blob, message->verify_full.size);
}

/* A use that requires sync joined after the verify worker had started without it. */
static bool has_to_be_synced(const JobBlob *blob) {
        return job_blob_is_kept(blob) && blob->is_unsynced && !blob->request.no_sync;
}

/* The store's copy was hashed again. */
static void stored_was_verified(JobBlob *blob, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char text[DIGEST_STRING_MAX];

        if (result->code == 0) {
                blob->stored.is_verified = true;
                blob->stored.is_synced = !blob->is_unsynced;
                if (store_blob_set_verified(
                            job_blob_store(blob), &blob->request.digest, &blob->stored,
                            blob->request.no_sync, &error) < 0)
                        log_print(blob->table->context->log, LOG_WARNING, "%s", error_text(&error));
                if (has_to_be_synced(blob))
                        look(blob);
                else
                        job_blob_end(blob, BLOB_READY, blob->stored.size);
                return;
        }
        if (result->kind != ERROR_DIGEST_MISMATCH) {
                job_blob_fail(blob, result);
                return;
        }

        log_print(
                blob->table->context->log, LOG_WARNING,
                "The cached blob %s is damaged: it is removed",
                digest_format(&blob->request.digest, text));
        store_blob_quarantine(job_blob_store(blob), &blob->request.digest);
        closep(&blob->stored.fd);
        blob->stored = STORE_BLOB_NULL;
        if (blob->request.verify_again)
                job_blob_fail(blob, result);
        else
                look(blob);
}

static void publish(JobBlob *blob) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        struct stat st;
        int r;

        r = fstat(blob->partial_fd, &st) < 0 ? error_set_errno(&error, errno, "Cannot stat a blob")
                                             : 0;
        if (r >= 0 && job_blob_is_kept(blob))
                r = store_blob_publish(
                        job_blob_store(blob), &blob->request.digest, blob->request.size,
                        blob->partial_fd, blob->is_unsynced, &error);

        /* A file that lost its name to another filler's is as good for those who have it. */
        if (r < 0 && r != -ESTALE)
                job_blob_fail(blob, &error);
        else if (r >= 0 && has_to_be_synced(blob))
                look(blob);
        else {
                job_blob_end(blob, BLOB_READY, (uint64_t) st.st_size);
                job_blob_gather(blob);
        }
}

/* Tells where there is no room, which the worker does not know. */
static void fail_filling(JobBlob *blob, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        (void) error_copy(&error, result);
        if (error.kind == ERROR_NO_SPACE)
                (void) error_prefix(
                        &error, "%s",
                        job_blob_is_kept(blob) ? store_path(job_blob_store(blob))
                                               : blob->request.temporary_directory);
        if (job_blob_is_kept(blob))
                job_room_advise(job_blob_store(blob), &error);
        job_blob_fail(blob, &error);
}

/* The pipe has ended: complete and right, too short, or wrong. */
static void filled(JobBlob *blob, ProtoOutcome outcome, const Error *result) {
        const bool is_short = outcome == PROTO_OUTCOME_INPUT_SHORT;
        const bool is_wrong = result->code != 0 && result->kind == ERROR_DIGEST_MISMATCH;

        if (result->code == 0) {
                publish(blob);
                return;
        }

        if (blob->filler)
                blob->filler->gave_up = true;
        if (blob->step == STEP_AGAIN || (is_short && job_blob_next_filler(blob))) {
                /* Who fills it comes and goes: what is there stays, and the next one goes on. */
                blob->filler = NULL;
                job_blob_close_partial(blob);
                look(blob);
                return;
        }

        if (is_wrong) {
                /* What the filler found there may be what was wrong. */
                if (blob->is_resumed)
                        blob->filler = NULL;
                job_blob_remove_partial(blob);
                job_blob_part(blob);
        }
        blob->filler = NULL;
        blob->status.is_short = is_short;
        fail_filling(blob, result);
}

/* Keep the lock, as a shared one. The kernel can tell whether anybody has the file open for writing only once we do not. */
static bool on_verify_done(void *userdata) {
        _cleanup_(closep) int fd = -EBADF;
        JobBlob *blob = userdata;
        char path[FD_PATH_MAX];

        fd = open(fd_path(blob->partial_fd, path), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || flock(blob->partial_fd, LOCK_SH | LOCK_NB) < 0 ||
            flock(fd, LOCK_SH | LOCK_NB) < 0)
                return false;

        job_blob_close_partial(blob);
        blob->partial_fd = TAKE_FD(fd);
        return job_writers_are_known(blob->partial_fd);
}

static void on_verify_ended(void *userdata, ProtoOutcome outcome, const Error *result) {
        JobBlob *blob = userdata;

        blob->verify = NULL;
        closep(&blob->pipe_fd);
        blob->pipe_fd = -EBADF;
        job_blob_stop_watching(blob);

        if (blob->step == STEP_REHASH)
                stored_was_verified(blob, result);
        else
                filled(blob, outcome, result);
}

static const JobVerifyEvents verify_events = {
        .message = on_verify_message,
        .done = on_verify_done,
        .ended = on_verify_ended,
};

/* Keep a pool's workers apart from what others bring: the beginning of a file that somebody left, and a file that another
 * daemon has open while it waits for the lock. */
static JobVerifyPool *find_pool(JobBlob *blob) {
        const JobBlobUse *use = job_blob_next_filler(blob);
        struct stat st;

        return use && fstat(blob->partial_fd, &st) >= 0 && st.st_size == 0 &&
                               !store_partial_is_busy(blob->partial_fd)
                       ? use->pool
                       : NULL;
}

static int start_verify(JobBlob *blob, int file_fd, int pipe_fd, uint64_t size, Error *error) {
        const Config *config = blob->table->context->config;
        const JobVerifyRequest request = {
                .blob = {
                        .digest = blob->request.digest,
                        .size = size,
                        .size_max = pipe_fd >= 0 ? config->limits.blob_bytes : UINT64_MAX,
                        .keep_free = config->keep_free,
                        .no_sync = blob->request.no_sync || blob->stored.is_synced,
                },
                .file_fd = file_fd,
                .pipe_fd = pipe_fd,
                .pool = pipe_fd >= 0 ? find_pool(blob) : NULL,
        };

        blob->is_unsynced = blob->request.no_sync && !blob->stored.is_synced;
        return job_verify_start(
                blob->table->context, &request, &verify_events, blob, &blob->verify, error);
}

static int start_filling(JobBlob *blob, Error *error) {
        _cleanup_(closep) int read_fd = -EBADF;
        int ends[2], r;

        job_blob_close_partial(blob);
        if (job_blob_is_kept(blob))
                r = store_partial_open(
                        job_blob_store(blob), &blob->request.digest, blob->request.size,
                        &blob->partial_fd, error);
        else
                r = store_anonymous_open(
                        blob->request.temporary_directory, &blob->partial_fd, error);
        if (r < 0)
                return r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Cannot create a pipe");
        read_fd = ends[0];
        blob->pipe_fd = ends[1];
        (void) fcntl(read_fd, F_SETPIPE_SZ, PIPE_SIZE);

        blob->status.is_fetched = true;
        blob->seen = 0;
        blob->step = STEP_LOCK;
        job_speed_guard_begin(blob->takeover, 0);
        return start_verify(blob, blob->partial_fd, read_fd, blob->request.size, error);
}

static int look_up(JobBlob *blob, Error *error) {
        int r;

        closep(&blob->stored.fd);
        blob->stored = STORE_BLOB_NULL;
        r = store_blob_open(job_blob_store(blob), &blob->request.digest, &blob->stored, error);
        if (r < 0)
                return r;
        if (r == 0 && blob->request.verify_again)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND, "The blob is no longer in the cache");
        if (r == 0)
                return start_filling(blob, error);

        if (blob->stored.is_verified && !blob->request.verify_again &&
            (blob->stored.is_synced || blob->request.no_sync)) {
                blob->is_unsynced = !blob->stored.is_synced;
                job_blob_end(blob, BLOB_READY, blob->stored.size);
                return 0;
        }

        blob->step = STEP_REHASH;
        return start_verify(blob, blob->stored.fd, -EBADF, PROTO_SIZE_UNKNOWN, error);
}

/* Does what is next: looks for the blob, lets somebody fill it, tells the users. */
static int on_advance(sd_event_source *source, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobBlob *blob = userdata;

        if (blob->is_slow && blob->step == STEP_FILL && job_blob_is_kept(blob))
                job_blob_take_over(blob);
        if (blob->step == STEP_LOOK && look_up(blob, &error) < 0)
                job_blob_fail(blob, &error);
        job_blob_tell(blob);
        return 0;
}

int job_blob_table_new(const JobContext *context, JobBlobTable **ret, Error *error) {
        JobBlobTable *table = malloc(sizeof(*table));

        if (!table)
                return error_oom(error);

        *table = (JobBlobTable){
                .context = context,
                .on_advance = on_advance,
                .on_slow = on_slow,
                .on_too_slow = on_too_slow,
        };
        *ret = table;
        return 0;
}
