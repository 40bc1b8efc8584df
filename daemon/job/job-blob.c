/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-blob.h"

#define PIPE_SIZE (1 << 20) /* bytes; what /proc/sys/fs/pipe-max-size allows by default */

typedef struct Blob Blob;

struct BlobUse {
        BlobUse *next;            /* in the blob's list */
        Blob *blob;               /* borrowed; lives as long as it has uses */
        const BlobEvents *events; /* borrowed */
        void *userdata;           /* borrowed */
        bool is_changed;          /* it is to be told */
        bool gave_up;             /* it was asked to fill the blob, and did not finish */
};

struct Blob {
        Blob *next;       /* in the table's list */
        BlobTable *table; /* borrowed */
        BlobRequest request;
        BlobUse *uses;   /* oldest first; a blob without uses is freed */
        BlobUse *filler; /* who was asked to fill it; borrowed from @uses */
        BlobStatus status;
        Error error;              /* of BLOB_FAILED */
        StoreBlob stored;         /* .fd: from the store */
        int partial_fd;           /* owned; being filled */
        int pipe_fd;              /* owned; the write end, until a filler has it */
        Process *verify;          /* owned */
        sd_event_source *advance; /* owned; a deferred advance() */
        unsigned n_telling;       /* > 0 while uses are told: not to be freed then */
        bool is_restarting;       /* the verify worker was stopped, to look for the blob again */
        bool is_resumed; /* began with what an earlier attempt left: not to be read before it
                                  * is verified, and worth another try if it turns out to be wrong */
};

struct BlobTable {
        const ProcessContext *context; /* borrowed */
        Store *store;                  /* borrowed */
        Blob *blobs;                   /* owned through their uses */
};

int blob_table_new(const ProcessContext *context, Store *store, BlobTable **ret, Error *error) {
        BlobTable *table = malloc(sizeof(*table));

        if (!table)
                return error_oom(error);

        *table = (BlobTable){ .context = context, .store = store };
        *ret = table;
        return 0;
}

BlobTable *blob_table_free(BlobTable *table) {
        if (!table)
                return NULL;

        assert(!table->blobs);
        free(table);
        return NULL;
}

bool blob_table_is_idle(const BlobTable *table) {
        return !table->blobs;
}

static Blob *blob_free(Blob *blob) {
        if (!blob)
                return NULL;

        process_free(blob->verify);
        sd_event_source_disable_unref(blob->advance);
        closep(&blob->stored.fd);
        closep(&blob->partial_fd);
        closep(&blob->pipe_fd);
        error_clear(&blob->error);
        free(blob);
        return NULL;
}
DEFINE_CLEANUP(Blob, blob_free);

static bool is_kept(const Blob *blob) {
        return !blob->request.temporary_directory;
}

static void schedule(Blob *blob) {
        (void) sd_event_source_set_enabled(blob->advance, SD_EVENT_ONESHOT);
}

static void notify(Blob *blob) {
        for (BlobUse *use = blob->uses; use; use = use->next)
                use->is_changed = true;
        schedule(blob);
}

static void set_status(Blob *blob, BlobState state, uint64_t size) {
        blob->status.state = state;
        blob->status.size = size;
        if (blob->status.arrived < size)
                blob->status.arrived = size;
        notify(blob);
}

static void fail(Blob *blob, const Error *error) {
        if (blob->status.state == BLOB_FAILED)
                return;

        (void) error_copy(&blob->error, error);
        blob->status.error = &blob->error;
        set_status(blob, BLOB_FAILED, blob->status.size);
}

static void close_partial(Blob *blob) {
        closep(&blob->partial_fd);
        blob->partial_fd = -EBADF;
}

static void remove_blob(Blob *blob) {
        Blob **p = &blob->table->blobs;

        while (*p != blob)
                p = &(*p)->next;
        *p = blob->next;
        blob_free(blob);
}

static BlobUse *next_to_tell(Blob *blob) {
        for (BlobUse *use = blob->uses; use; use = use->next)
                if (use->is_changed)
                        return use;

        return NULL;
}

/* The users are told one by one; each may free its use, and others. */
static void tell(Blob *blob) {
        BlobUse *use;

        blob->n_telling++;
        while ((use = next_to_tell(blob))) {
                use->is_changed = false;
                use->events->changed(use->userdata, use);
        }
        blob->n_telling--;

        if (!blob->uses)
                remove_blob(blob);
}

static BlobUse *next_filler(Blob *blob) {
        for (BlobUse *use = blob->uses; use; use = use->next)
                if (!use->gave_up)
                        return use;

        return NULL;
}

static void ask_to_fill(Blob *blob) {
        _cleanup_(closep) int fd = TAKE_FD(blob->pipe_fd);

        blob->filler = next_filler(blob);
        if (blob->filler)
                blob->filler->events->fill(
                        blob->filler->userdata, blob->filler, fd, blob->status.arrived);
}

static void on_ready(Blob *blob, uint64_t offset) {
        /* Somebody else filled it while the verify worker waited for the lock. */
        if (is_kept(blob) && !store_partial_is_current(
                                     blob->table->store, &blob->request.digest, blob->partial_fd)) {
                blob->is_restarting = true;
                process_stop(blob->verify);
                return;
        }

        if (offset > blob->status.size)
                blob->is_resumed = true;
        blob->status.arrived = offset;
        ask_to_fill(blob);
}

static void on_verify_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        Blob *blob = userdata;

        if (message->type == PROTO_VERIFY_READY && blob->pipe_fd >= 0)
                on_ready(blob, message->verify_ready.offset);
        else if (message->type == PROTO_VERIFY_GROWN && blob->partial_fd >= 0) {
                blob->status.arrived = message->verify_grown.size;
                if (blob->is_resumed)
                        notify(blob);
                else
                        set_status(blob, BLOB_GROWING, message->verify_grown.size);
        }
}

/* The store's copy was hashed again. */
static void stored_was_verified(Blob *blob, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char text[DIGEST_STRING_MAX];

        if (result->code == 0) {
                blob->stored.is_verified = true;
                if (store_blob_set_verified(
                            blob->table->store, &blob->request.digest, blob->stored.fd, &error) < 0)
                        log_print(blob->table->context->log, LOG_WARNING, "%s", error_text(&error));
                set_status(blob, BLOB_READY, blob->stored.size);
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
        store_blob_quarantine(blob->table->store, &blob->request.digest);
        closep(&blob->stored.fd);
        blob->stored = STORE_BLOB_NULL;
        if (blob->request.verify_again)
                fail(blob, result);
        schedule(blob);
}

static void publish(Blob *blob) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        struct stat st;

        if (fstat(blob->partial_fd, &st) < 0)
                (void) error_set_errno(&error, errno, "Cannot stat a blob");
        else if (is_kept(blob))
                (void) store_blob_publish(
                        blob->table->store, &blob->request.digest, blob->partial_fd, &error);

        if (error.code != 0)
                fail(blob, &error);
        else
                set_status(blob, BLOB_READY, (uint64_t) st.st_size);
}

/* The pipe has ended: complete and right, too short, or wrong. */
static void filled(Blob *blob, ProtoOutcome outcome, const Error *result) {
        bool is_short = outcome == PROTO_OUTCOME_INPUT_SHORT;
        bool is_incomplete = is_short || blob->is_restarting;
        bool is_wrong = result->kind == ERROR_DIGEST_MISMATCH && result->code != 0;

        if (result->code == 0) {
                publish(blob);
                return;
        }

        if (blob->filler)
                blob->filler->gave_up = true;
        blob->filler = NULL;
        blob->is_restarting = false;

        if (is_wrong && is_kept(blob))
                store_partial_remove(blob->table->store, &blob->request.digest);

        /* Who fills it comes and goes: what is there stays, and the next one goes on. What an earlier
         * attempt left may be what was wrong: then all of it comes anew. */
        if ((is_incomplete && next_filler(blob)) || (is_wrong && blob->is_resumed)) {
                close_partial(blob);
                if (is_wrong) {
                        blob->is_resumed = false;
                        blob->status.arrived = 0;
                        for (BlobUse *use = blob->uses; use; use = use->next)
                                use->gave_up = false;
                }
                schedule(blob);
                return;
        }

        blob->status.is_short = is_short;
        fail(blob, result);
}

static void on_verify_ended(void *userdata, const Error *result) {
        Blob *blob = userdata;
        const ProtoOutcome outcome = process_outcome(blob->verify);

        blob->verify = process_free(blob->verify);
        closep(&blob->pipe_fd);
        blob->pipe_fd = -EBADF;

        if (blob->stored.fd >= 0)
                stored_was_verified(blob, result);
        else
                filled(blob, outcome, result);
}

static const ProcessEvents verify_events = {
        .message = on_verify_message,
        .ended = on_verify_ended,
};

static int start_verify(Blob *blob, int file_fd, int pipe_fd, uint64_t size, Error *error) {
        ProtoMessage start = {
                .type = PROTO_VERIFY_START,
                .verify_start = {
                        .digest = blob->request.digest,
                        .size = size,
                        .sandbox = blob->table->context->config->sandbox,
                },
        };
        int fds[] = { file_fd, pipe_fd }, r;

        r = process_start(
                blob->table->context, WORKER_VERIFY, &verify_events, blob, &blob->verify, error);
        if (r < 0)
                return r;

        start.verify_start.user = user_id(process_user(blob->verify));
        process_send(blob->verify, &start, fds, pipe_fd >= 0 ? 2 : 1);
        return 0;
}

static int start_filling(Blob *blob, Error *error) {
        _cleanup_(closep) int read_fd = -EBADF;
        int ends[2], r;

        if (is_kept(blob))
                r = store_partial_open(
                        blob->table->store, &blob->request.digest, &blob->partial_fd, error);
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
        return start_verify(blob, blob->partial_fd, read_fd, blob->request.size, error);
}

static int look_up(Blob *blob, Error *error) {
        int r;

        r = store_blob_open(blob->table->store, &blob->request.digest, &blob->stored, error);
        if (r < 0)
                return r;
        if (r == 0 && blob->request.verify_again)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND, "The blob is no longer in the cache");
        if (r == 0)
                return start_filling(blob, error);

        if (blob->stored.is_verified && !blob->request.verify_again) {
                set_status(blob, BLOB_READY, blob->stored.size);
                return 0;
        }

        return start_verify(blob, blob->stored.fd, -EBADF, PROTO_SIZE_UNKNOWN, error);
}

/* Does what is next: looks for the blob, lets somebody fill it, tells the users. */
static int on_advance(sd_event_source *source, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Blob *blob = userdata;
        bool is_open = blob->status.state == BLOB_WAITING || blob->status.state == BLOB_GROWING;

        if (is_open && !blob->verify && blob->stored.fd < 0 && blob->partial_fd < 0 &&
            look_up(blob, &error) < 0)
                fail(blob, &error);
        tell(blob);
        return 0;
}

static Blob *find_shared(BlobTable *table, const BlobRequest *request) {
        if (request->temporary_directory || request->verify_again)
                return NULL;

        for (Blob *blob = table->blobs; blob; blob = blob->next)
                if (digest_equal(&blob->request.digest, &request->digest) && is_kept(blob) &&
                    !blob->request.verify_again && blob->status.state != BLOB_FAILED)
                        return blob;

        return NULL;
}

static Blob *add_blob(BlobTable *table, const BlobRequest *request) {
        _cleanup_(blob_freep) Blob *blob = NULL;

        blob = malloc(sizeof(*blob));
        if (!blob)
                return NULL;

        *blob = (Blob){
                .table = table,
                .request = *request,
                .stored = STORE_BLOB_NULL,
                .partial_fd = -EBADF,
                .pipe_fd = -EBADF,
        };
        if (sd_event_add_defer(table->context->event, &blob->advance, on_advance, blob) < 0)
                return NULL;

        blob->next = table->blobs;
        table->blobs = blob;
        return TAKE_PTR(blob);
}

int blob_use_new(
        BlobTable *table,
        const BlobRequest *request,
        const BlobEvents *events,
        void *userdata,
        BlobUse **ret,
        Error *error) {
        _cleanup_(freep) BlobUse *use = NULL;
        BlobUse **end;
        Blob *blob;

        use = malloc(sizeof(*use));
        if (!use)
                return error_oom(error);

        blob = find_shared(table, request);
        if (!blob)
                blob = add_blob(table, request);
        if (!blob)
                return error_oom(error);

        *use = (BlobUse){ .blob = blob, .events = events, .userdata = userdata };
        end = &blob->uses;
        while (*end)
                end = &(*end)->next;
        *end = use;

        /* One who joins a blob that is there already is told, too. */
        use->is_changed = true;
        schedule(blob);
        *ret = TAKE_PTR(use);
        return 0;
}

BlobUse *blob_use_free(BlobUse *use) {
        BlobUse **p;
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

BlobStatus blob_use_status(const BlobUse *use) {
        BlobStatus status = use->blob->status;

        status.is_filled = status.state == BLOB_READY && use->blob->filler == use;
        return status;
}

int blob_use_open(const BlobUse *use, int *ret_fd, Error *error) {
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
