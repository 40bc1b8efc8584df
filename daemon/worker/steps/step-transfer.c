/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-thread.h"
#include "step-transfer.h"

typedef enum LayerState {
        LAYER_NEW,
        LAYER_WANTED,       /* the daemon was asked */
        LAYER_TRANSFERRING, /* a thread fills the daemon's pipe */
        LAYER_SENT,         /* completely written; the daemon verifies it */
        LAYER_DONE,         /* the daemon has it */
} LayerState;

typedef struct LayerTransfer {
        Source *source; /* borrowed; NULL when offline */
        Digest digest;
        char *url;     /* owned; of a foreign layer, or NULL */
        uint64_t size; /* bytes */
        uint32_t index;
        LayerState state;
        pthread_t thread; /* in LAYER_TRANSFERRING */
        uint64_t offset;
        int pipe_fd; /* owned; stays open after a failure, so that the daemon learns of that first */
        int notify_fd; /* borrowed; the thread reports here that it is done */
        Error error;   /* its result */
} LayerTransfer;

typedef struct Transfers {
        int socket_fd;      /* borrowed */
        LayerTransfer *all; /* owned */
        uint32_t n;
        uint32_t n_asked;
        uint32_t n_parallel;
        int notify_fds[2]; /* owned; the index of each layer whose thread is done */
} Transfers;

static int on_data(void *userdata, const void *data, size_t size, Error *error) {
        const LayerTransfer *transfer = userdata;
        int r;

        r = fd_write_full(transfer->pipe_fd, data, size);
        return r < 0 ? error_set_errno(error, -r, "Cannot hand over a layer") : 0;
}

static void *run(void *userdata) {
        LayerTransfer *transfer = userdata;
        const SourceBlobRequest request = {
                .digest = &transfer->digest,
                .url = transfer->url,
                .offset = transfer->offset,
                .size = transfer->size,
                .write = on_data,
                .userdata = transfer,
        };

        (void) source_get_blob(transfer->source, &request, &transfer->error);
        /* An atomic write: less than PIPE_BUF. */
        (void) !write(transfer->notify_fd, &transfer->index, sizeof(transfer->index));
        return NULL;
}

static int start(LayerTransfer *transfer, ProtoFds *fds, uint64_t offset, Error *error) {
        char text[DIGEST_STRING_MAX];
        int r;

        if (!transfer->source)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND,
                        "%s is not in the cache, and nothing is fetched when offline",
                        digest_format(&transfer->digest, text));

        if (transfer->state == LAYER_TRANSFERRING || fds->fds[0] < 0)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "The daemon's answer for layer %u is out of place", transfer->index);

        closep(&transfer->pipe_fd);
        transfer->pipe_fd = TAKE_FD(fds->fds[0]);
        transfer->offset = offset;
        error_clear(&transfer->error);
        r = thread_start(&transfer->thread, run, transfer);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot start a thread");

        transfer->state = LAYER_TRANSFERRING;
        return 0;
}

static int on_answer(Transfers *transfers, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;
        LayerTransfer *transfer;
        int r;

        r = step_receive(transfers->socket_fd, PROTO_BLOB_ANSWER, &message, &fds, error);
        if (r < 0)
                return r;
        if (message.blob_answer.token >= transfers->n_asked)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED, "The daemon's answer is out of place");

        transfer = &transfers->all[message.blob_answer.token];
        if (message.blob_answer.state != PROTO_BLOB_HAVE)
                return start(transfer, &fds, message.blob_answer.offset, error);

        /* This may arrive while a thread is busy, if someone else was faster. The thread ends on its own. */
        if (transfer->state != LAYER_TRANSFERRING)
                transfer->state = LAYER_DONE;
        return 0;
}

static int on_sent(Transfers *transfers, Error *error) {
        LayerTransfer *transfer;
        uint32_t index;

        if (fd_read_full(transfers->notify_fds[0], &index, sizeof(index)) !=
            (ssize_t) sizeof(index))
                return error_set_errno(error, EIO, "Cannot wait for a thread");

        transfer = &transfers->all[index];
        (void) pthread_join(transfer->thread, NULL);
        transfer->state = LAYER_SENT;

        /* Nobody reads the pipe any more: the daemon knows why, and will say how to proceed. */
        if (transfer->error.code != 0 && transfer->error.code != EPIPE) {
                error_move(error, &transfer->error);
                return error_prefix(error, "Layer %u of %u", transfer->index + 1, transfers->n);
        }

        closep(&transfer->pipe_fd);
        transfer->pipe_fd = -EBADF;
        return 0;
}

static uint32_t count(const Transfers *transfers, LayerState state) {
        uint32_t n = 0;

        for (uint32_t i = 0; i < transfers->n_asked; i++)
                n += transfers->all[i].state == state;
        return n;
}

/* Start with the lowest layer, which is needed first. */
static int ask(Transfers *transfers, Error *error) {
        int r = 0;

        while (r >= 0 && transfers->n_asked < transfers->n &&
               count(transfers, LAYER_WANTED) + count(transfers, LAYER_TRANSFERRING) <
                       transfers->n_parallel) {
                LayerTransfer *transfer = &transfers->all[transfers->n_asked++];
                const ProtoMessage message = {
                        .type = PROTO_BLOB_WANTED,
                        .blob_wanted = {
                                .token = transfer->index,
                                .digest = transfer->digest,
                                .size = transfer->size,
                                .lookup_only = !transfer->source,
                        },
                };

                transfer->state = LAYER_WANTED;
                r = step_send(transfers->socket_fd, &message, error);
        }

        return r;
}

static int wait_for_event(Transfers *transfers, Error *error) {
        struct pollfd fds[] = {
                { .fd = transfers->socket_fd, .events = POLLIN },
                { .fd = transfers->notify_fds[0], .events = POLLIN },
        };

        if (poll(fds, 2, -1) < 0)
                return errno == EINTR ? 0
                                      : error_set_errno(error, errno, "Cannot wait for the daemon");
        /* Handle finished threads first, before the answers that depend on them. */
        if (fds[1].revents)
                return on_sent(transfers, error);
        return fds[0].revents ? on_answer(transfers, error) : 0;
}

static int init(
        Transfers *transfers, StepChannel *channel, const OciManifest *manifest, Error *error) {
        *transfers = (Transfers){ .socket_fd = channel->socket_fd };
        if (pipe2(transfers->notify_fds, O_CLOEXEC) < 0)
                return error_set_errno(error, errno, "Cannot create a pipe");

        transfers->all = calloc(manifest->n_layers, sizeof(*transfers->all));
        if (!transfers->all)
                return error_oom(error);

        transfers->n = (uint32_t) manifest->n_layers;
        for (uint32_t i = 0; i < transfers->n; i++) {
                const OciDescriptor *layer = &manifest->layers[i];
                LayerTransfer *transfer = &transfers->all[i];

                *transfer = (LayerTransfer){
                        .source = channel->source,
                        .digest = layer->digest,
                        .url = layer->url ? strdup(layer->url) : NULL,
                        .size = layer->size,
                        .index = i,
                        .pipe_fd = -EBADF,
                        .notify_fd = transfers->notify_fds[1],
                };
                if (layer->url && !transfer->url)
                        return error_oom(error);
        }
        return 0;
}

int step_transfer_layers(
        StepChannel *channel, const OciManifest *manifest, uint32_t n_parallel, Error *error) {
        Transfers *transfers;
        int r;

        /* Never released, since threads may use it until the process exits. */
        transfers = malloc(sizeof(*transfers));
        if (!transfers)
                return error_oom(error);

        r = init(transfers, channel, manifest, error);
        transfers->n_parallel = n_parallel;
        while (r >= 0 && count(transfers, LAYER_DONE) < transfers->n) {
                r = ask(transfers, error);
                if (r >= 0)
                        r = wait_for_event(transfers, error);
        }

        return r;
}
