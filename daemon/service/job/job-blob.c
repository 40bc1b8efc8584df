/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-macro.h"
#include "job-blob.h"
#include "job-speed.h"

#define PIPE_SIZE (1 << 20) /* bytes; what /proc/sys/fs/pipe-max-size allows by default */

typedef struct Blob Blob;

/* Where a blob is: LOOK ─▶ LOCK ─▶ FILL ─▶ DONE, or LOOK ─▶ REHASH ─▶ DONE when the store has it. What is damaged,
 * too short, or filled by somebody else meanwhile goes back to LOOK; what fails ends in DONE. */
typedef enum BlobStep {
        STEP_LOOK,   /* about to look for it in the store */
        STEP_REHASH, /* a verify worker hashes what the store has */
        STEP_LOCK,   /* a verify worker waits until nobody else fills the file */
        STEP_FILL,   /* a user is asked to write into the pipe of the verify worker */
        STEP_AGAIN,  /* the verify worker was stopped, to look for the blob again */
        STEP_DONE,   /* ready or failed */
} BlobStep;

struct JobBlobUse {
        JobBlobUse *next;            /* in the blob's list */
        Blob *blob;                  /* borrowed; lives as long as it has uses */
        const JobBlobEvents *events; /* borrowed */
        void *userdata;              /* borrowed */
        const char *origin;          /* borrowed; or NULL */
        uint64_t readable;           /* bytes that it brought itself, from the first one on */
        uint64_t brought;            /* bytes that it brought, wherever they are */
        bool is_changed;             /* it is to be told */
        bool gave_up;                /* it was asked to fill the blob, and did not finish */
};

struct Blob {
        Blob *next;          /* in the table's list */
        JobBlobTable *table; /* borrowed */
        JobBlobRequest request;
        BlobStep step;
        JobBlobUse *uses;   /* oldest first; a blob without uses is freed */
        JobBlobUse *filler; /* who was asked to fill it; borrowed from @uses */
        JobBlobStatus status;
        Error error;              /* of BLOB_FAILED */
        StoreBlob stored;         /* .fd: from the store */
        int partial_fd;           /* owned; being filled */
        int pipe_fd;              /* owned; the write end, until a filler has it */
        JobProcess *verify;       /* owned */
        sd_event_source *advance; /* owned; a deferred advance() */
        JobSpeedGuard *takeover;  /* owned; whether the others had better not wait for the filler */
        JobSpeedGuard *minimum;   /* owned; whether the filler is too slow for anybody */
        uint64_t seen;            /* bytes in a file that another daemon fills */
        unsigned n_telling;       /* > 0 while uses are told: not to be freed then */
        bool is_alone;            /* nobody joins: the file of the filler has lost its name */
        bool is_slow;             /* as @takeover says */
        bool is_resumed;          /* began with what somebody else left: not to be read before it is
                                  * verified, and worth another try if it turns out to be wrong */
};

struct JobBlobTable {
        const JobContext *context; /* borrowed */
        Blob *blobs;               /* owned through their uses */

        /* What happens to a blob, which may lead to another blob. */
        sd_event_handler_t on_advance;
        void (*on_slow)(void *userdata);
        void (*on_too_slow)(void *userdata);
};

JobBlobTable *job_blob_table_free(JobBlobTable *table) {
        if (!table)
                return NULL;

        assert(!table->blobs);
        free(table);
        return NULL;
}

bool job_blob_table_is_idle(const JobBlobTable *table) {
        return !table->blobs;
}

static Blob *blob_free(Blob *blob) {
        if (!blob)
                return NULL;

        job_process_free(blob->verify);
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
DEFINE_CLEANUP(Blob, blob_free);

static Store *store_of(const Blob *blob) {
        return blob->table->context->store;
}

static bool is_kept(const Blob *blob) {
        return !blob->request.temporary_directory;
}

static void schedule(Blob *blob) {
        (void) sd_event_source_set_enabled(blob->advance, SD_EVENT_ONESHOT);
}

static void notify(Blob *blob) {
        for (JobBlobUse *use = blob->uses; use; use = use->next)
                use->is_changed = true;
        schedule(blob);
}

static void end(Blob *blob, JobBlobState state, uint64_t size) {
        blob->step = STEP_DONE;
        blob->status.state = state;
        blob->status.size = size;
        if (blob->status.arrived < size)
                blob->status.arrived = size;
        notify(blob);
}

static void close_partial(Blob *blob) {
        closep(&blob->partial_fd);
        blob->partial_fd = -EBADF;
}

static void stop_watching(Blob *blob) {
        job_speed_guard_end(blob->takeover);
        job_speed_guard_end(blob->minimum);
        blob->is_slow = false;
}

/* What has arrived is kept, for whoever tries again, but not without end. */
static void give_up(Blob *blob) {
        if (blob->partial_fd < 0)
                return;

        stop_watching(blob);
        blob->verify = job_process_free(blob->verify);
        /* A process that was just forked has it open, too, until it executes a worker. */
        (void) flock(blob->partial_fd, LOCK_UN);
        close_partial(blob);
        if (is_kept(blob))
                store_partial_trim(store_of(blob), blob->table->context->config->partial_bytes);
}

static void fail(Blob *blob, const Error *error) {
        if (blob->status.state == BLOB_FAILED)
                return;

        (void) error_copy(&blob->error, error);
        blob->status.error = &blob->error;
        give_up(blob);
        end(blob, BLOB_FAILED, blob->status.size);
}

static void remove_blob(Blob *blob) {
        Blob **p = &blob->table->blobs;

        /* Nobody wants it any more, before it was complete. */
        if (blob->status.state != BLOB_READY)
                give_up(blob);

        while (*p != blob)
                p = &(*p)->next;
        *p = blob->next;
        blob_free(blob);
}

static JobBlobUse *next_to_tell(Blob *blob) {
        for (JobBlobUse *use = blob->uses; use; use = use->next)
                if (use->is_changed)
                        return use;

        return NULL;
}

/* The users are told one by one; each may free its use, and others. */
static void tell(Blob *blob) {
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

static JobBlobUse *next_filler(Blob *blob) {
        for (JobBlobUse *use = blob->uses; use; use = use->next)
                if (!use->gave_up)
                        return use;

        return NULL;
}

static bool is_waiting(const Blob *blob, const JobBlobUse *use) {
        return use != blob->filler && use->readable == 0;
}

static bool is_of_origin(const JobBlobUse *use, const char *origin) {
        return use && use->origin && origin && strcmp(use->origin, origin) == 0;
}

/* It may get the blob faster than the filler does. */
static bool is_waiting_with_another_origin(const Blob *blob, const JobBlobUse *use) {
        return is_waiting(blob, use) && !is_of_origin(blob->filler, use->origin);
}

static bool is_shared(const JobBlobRequest *request) {
        return !request->temporary_directory && !request->verify_again;
}

static bool is_for(const Blob *blob, const JobBlobRequest *request) {
        return is_shared(request) && is_shared(&blob->request) &&
               digest_equal(&blob->request.digest, &request->digest) &&
               blob->request.size == request->size && blob->status.state != BLOB_FAILED;
}

static Blob *find_filled_from(const Blob *as, const char *origin) {
        for (Blob *blob = as->table->blobs; blob; blob = blob->next)
                if (blob != as && is_for(blob, &as->request) && blob->step == STEP_FILL &&
                    is_of_origin(blob->filler, origin))
                        return blob;

        return NULL;
}

static void append(Blob *blob, JobBlobUse *use) {
        JobBlobUse **end = &blob->uses;

        while (*end)
                end = &(*end)->next;
        *end = use;
        use->next = NULL;
        use->blob = blob;
        use->is_changed = true;
}

static Blob *add_blob(JobBlobTable *table, const JobBlobRequest *request) {
        const Config *config = table->context->config;
        _cleanup_(blob_freep) Blob *blob = malloc(sizeof(*blob));

        if (!blob)
                return NULL;

        *blob = (Blob){
                .table = table,
                .request = *request,
                .stored = STORE_BLOB_NULL,
                .partial_fd = -EBADF,
                .pipe_fd = -EBADF,
        };
        blob->request.origin = NULL; /* each use has its own */
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
static bool part(Blob *blob, bool (*may_go)(const Blob *blob, const JobBlobUse *use)) {
        JobBlobUse **p = &blob->uses;
        Blob *fresh = NULL;

        while (*p) {
                JobBlobUse *use = *p;
                Blob *other = NULL;

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
                schedule(other);
        }

        return fresh != NULL;
}

static void remove_partial(Blob *blob) {
        if (is_kept(blob))
                store_partial_remove(
                        store_of(blob), &blob->request.digest, blob->request.size,
                        blob->partial_fd);
}

/* The filler goes on with a file that has no name any more, for those who know no other origin. Where another
 * daemon has taken the name, what that one brings is for all. */
static void take_over(Blob *blob) {
        const bool is_taken = !blob->is_alone && !store_partial_is_current(
                                                         store_of(blob), &blob->request.digest,
                                                         blob->request.size, blob->partial_fd);

        if (!part(blob, is_taken ? is_waiting : is_waiting_with_another_origin))
                return;

        blob->is_alone = true;
        remove_partial(blob);
}

/* Who waits for a slower one of the same gets it from @blob, which is complete. */
static void gather(Blob *blob) {
        Blob *next;

        for (Blob *other = blob->table->blobs; other; other = next) {
                JobBlobUse **p = &other->uses;

                next = other->next;
                if (other == blob || other->status.state != BLOB_WAITING ||
                    !is_for(other, &blob->request))
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

static void look(Blob *blob) {
        blob->step = STEP_LOOK;
        schedule(blob);
}

static void look_again(Blob *blob) {
        blob->step = STEP_AGAIN;
        job_process_stop(blob->verify);
}

/* Another daemon fills it, and is as slow as the filler of take_over(). */
static void watch_other_daemon(Blob *blob) {
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
                remove_partial(blob);
                look_again(blob);
        }
        blob->seen = (uint64_t) st.st_size;
}

static void on_slow(void *userdata) {
        Blob *blob = userdata;

        if (blob->step != STEP_FILL)
                watch_other_daemon(blob);
        else {
                blob->is_slow = true;
                schedule(blob);
        }
}

/* The filler's own job fails. */
static void on_too_slow(void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Blob *blob = userdata;
        const Limits *limits = &blob->table->context->config->limits;
        char text[DIGEST_STRING_MAX];

        error_set(
                &error, ETIMEDOUT, ERROR_LIMIT_EXCEEDED,
                "%s came with less than %" PRIu64 " bytes a second for %" PRIu64
                " seconds (MinimumSpeed=)",
                digest_format(&blob->request.digest, text), limits->minimum_speed,
                limits->minimum_speed_usec / USEC_PER_SEC);
        (void) part(blob, is_waiting);
        fail(blob, &error);
}

static void ask_to_fill(Blob *blob) {
        _cleanup_(closep) int fd = TAKE_FD(blob->pipe_fd);

        blob->step = STEP_FILL;
        blob->filler = next_filler(blob);
        if (!blob->filler)
                return;

        job_speed_guard_begin(blob->takeover, blob->status.arrived);
        job_speed_guard_begin(blob->minimum, blob->status.arrived);
        blob->filler->events->fill(blob->filler->userdata, blob->filler, fd, blob->status.arrived);
}

static void on_ready(Blob *blob, uint64_t offset) {
        /* Somebody else filled it while the verify worker waited for the lock. */
        if (is_kept(blob) &&
            !store_partial_is_current(
                    store_of(blob), &blob->request.digest, blob->request.size, blob->partial_fd)) {
                look_again(blob);
                return;
        }

        blob->is_resumed = offset > 0;
        blob->status.arrived = offset;
        ask_to_fill(blob);
}

static void on_grown(Blob *blob, uint64_t size) {
        if (blob->filler) {
                if (size > blob->status.arrived)
                        blob->filler->brought += size - blob->status.arrived;
                if (!blob->is_resumed)
                        blob->filler->readable = size;
        }
        blob->status.arrived = size;

        /* What is left is to write it to the disk. */
        if (size == blob->request.size)
                stop_watching(blob);
        else {
                if (job_speed_guard_move(blob->takeover, size))
                        blob->is_slow = false;
                (void) job_speed_guard_move(blob->minimum, size);
        }
        notify(blob);
}

static void on_full(Blob *blob, uint64_t size) {
        const ProtoMessage answer = {
                .type = PROTO_VERIFY_ROOM,
                .verify_room.is_made =
                        is_kept(blob) && store_partial_free(store_of(blob), size) > 0,
        };

        job_process_send(blob->verify, &answer, NULL, 0);
}

static void on_verify_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        Blob *blob = userdata;

        if (message->type == PROTO_VERIFY_READY && blob->step == STEP_LOCK)
                on_ready(blob, message->verify_ready.offset);
        else if (message->type == PROTO_VERIFY_GROWN && blob->step == STEP_FILL)
                on_grown(blob, message->verify_grown.size);
        else if (message->type == PROTO_VERIFY_FULL && blob->step == STEP_FILL)
                on_full(blob, message->verify_full.size);
}

/* The store's copy was hashed again. */
static void stored_was_verified(Blob *blob, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char text[DIGEST_STRING_MAX];

        if (result->code == 0) {
                blob->stored.is_verified = true;
                if (store_blob_set_verified(
                            store_of(blob), &blob->request.digest, blob->stored.fd, &error) < 0)
                        log_print(blob->table->context->log, LOG_WARNING, "%s", error_text(&error));
                end(blob, BLOB_READY, blob->stored.size);
                return;
        }
        if (result->kind != ERROR_DIGEST_MISMATCH) {
                fail(blob, result);
                return;
        }

        log_print(
                blob->table->context->log, LOG_WARNING,
                "The cached blob %s is damaged: it is removed",
                digest_format(&blob->request.digest, text));
        store_blob_quarantine(store_of(blob), &blob->request.digest);
        closep(&blob->stored.fd);
        blob->stored = STORE_BLOB_NULL;
        if (blob->request.verify_again)
                fail(blob, result);
        else
                look(blob);
}

static void publish(Blob *blob) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        struct stat st;
        int r;

        r = fstat(blob->partial_fd, &st) < 0 ? error_set_errno(&error, errno, "Cannot stat a blob")
                                             : 0;
        if (r >= 0 && is_kept(blob))
                r = store_blob_publish(
                        store_of(blob), &blob->request.digest, blob->request.size, blob->partial_fd,
                        &error);

        /* A file that lost its name to another filler's is as good for those who have it. */
        if (r < 0 && r != -ESTALE)
                fail(blob, &error);
        else {
                end(blob, BLOB_READY, (uint64_t) st.st_size);
                gather(blob);
        }
}

/* Tells where there is no room, which the worker does not know. */
static void fail_filling(Blob *blob, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        (void) error_copy(&error, result);
        if (error.kind == ERROR_NO_SPACE)
                (void) error_prefix(
                        &error, "%s",
                        is_kept(blob) ? store_path(store_of(blob))
                                      : blob->request.temporary_directory);
        fail(blob, &error);
}

/* The pipe has ended: complete and right, too short, or wrong. */
static void filled(Blob *blob, ProtoOutcome outcome, const Error *result) {
        const bool is_short = outcome == PROTO_OUTCOME_INPUT_SHORT;
        const bool is_wrong = result->code != 0 && result->kind == ERROR_DIGEST_MISMATCH;

        if (result->code == 0) {
                publish(blob);
                return;
        }

        if (blob->filler)
                blob->filler->gave_up = true;
        if (blob->step == STEP_AGAIN || (is_short && next_filler(blob))) {
                /* Who fills it comes and goes: what is there stays, and the next one goes on. */
                blob->filler = NULL;
                close_partial(blob);
                look(blob);
                return;
        }

        if (is_wrong) {
                /* What the filler found there may be what was wrong. */
                if (blob->is_resumed)
                        blob->filler = NULL;
                remove_partial(blob);
                (void) part(blob, is_waiting);
        }
        blob->filler = NULL;
        blob->status.is_short = is_short;
        fail_filling(blob, result);
}

static void on_verify_ended(void *userdata, const Error *result) {
        Blob *blob = userdata;
        const ProtoOutcome outcome = job_process_outcome(blob->verify);

        blob->verify = job_process_free(blob->verify);
        closep(&blob->pipe_fd);
        blob->pipe_fd = -EBADF;
        stop_watching(blob);

        if (blob->step == STEP_REHASH)
                stored_was_verified(blob, result);
        else
                filled(blob, outcome, result);
}

static const JobProcessEvents verify_events = {
        .message = on_verify_message,
        .ended = on_verify_ended,
};

static int start_verify(Blob *blob, int file_fd, int pipe_fd, uint64_t size, Error *error) {
        const Config *config = blob->table->context->config;
        ProtoMessage start = {
                .type = PROTO_VERIFY_START,
                .verify_start = {
                        .digest = blob->request.digest,
                        .size = size,
                        .size_max = pipe_fd >= 0 ? config->limits.blob_bytes : UINT64_MAX,
                        .keep_free = config->keep_free,
                        .sandbox = config->sandbox,
                },
        };
        int fds[] = { file_fd, pipe_fd }, r;

        r = job_process_start(
                blob->table->context, WORKER_VERIFY, &verify_events, blob, &blob->verify, error);
        if (r < 0)
                return r;

        start.verify_start.user = job_user_id(job_process_user(blob->verify));
        job_process_send(blob->verify, &start, fds, pipe_fd >= 0 ? 2 : 1);
        return 0;
}

static int start_filling(Blob *blob, Error *error) {
        _cleanup_(closep) int read_fd = -EBADF;
        int ends[2], r;

        if (is_kept(blob))
                r = store_partial_open(
                        store_of(blob), &blob->request.digest, blob->request.size,
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

static int look_up(Blob *blob, Error *error) {
        int r;

        r = store_blob_open(store_of(blob), &blob->request.digest, &blob->stored, error);
        if (r < 0)
                return r;
        if (r == 0 && blob->request.verify_again)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND, "The blob is no longer in the cache");
        if (r == 0)
                return start_filling(blob, error);

        if (blob->stored.is_verified && !blob->request.verify_again) {
                end(blob, BLOB_READY, blob->stored.size);
                return 0;
        }

        blob->step = STEP_REHASH;
        return start_verify(blob, blob->stored.fd, -EBADF, PROTO_SIZE_UNKNOWN, error);
}

/* Does what is next: looks for the blob, lets somebody fill it, tells the users. */
static int on_advance(sd_event_source *source, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Blob *blob = userdata;

        if (blob->is_slow && blob->step == STEP_FILL && is_kept(blob))
                take_over(blob);
        if (blob->step == STEP_LOOK && look_up(blob, &error) < 0)
                fail(blob, &error);
        tell(blob);
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

static Blob *find_shared(JobBlobTable *table, const JobBlobRequest *request) {
        for (Blob *blob = table->blobs; blob; blob = blob->next)
                if (is_for(blob, request) && !blob->is_alone)
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
        Blob *blob;

        use = malloc(sizeof(*use));
        if (!use)
                return error_oom(error);

        blob = find_shared(table, request);
        if (!blob)
                blob = add_blob(table, request);
        if (!blob)
                return error_oom(error);

        /* One who joins a blob that is there already is told, too. */
        *use = (JobBlobUse){ .events = events, .userdata = userdata, .origin = request->origin };
        append(blob, use);
        schedule(blob);
        *ret = TAKE_PTR(use);
        return 0;
}

JobBlobUse *job_blob_use_free(JobBlobUse *use) {
        JobBlobUse **p;
        Blob *blob;

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

JobBlobStatus job_blob_use_status(const JobBlobUse *use) {
        const Blob *blob = use->blob;
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
        const Blob *blob = use->blob;
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
