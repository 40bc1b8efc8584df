/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base-fd.h"
#include "unpack-directory.h"
#include "unpack-run.h"
#include "unpack-shadow.h"
#include "worker-label.h"
#include "worker-privileges.h"
#include "worker-sandbox.h"
#include "worker.h"

/* A blob, as far as the daemon has told. */
typedef struct Layer {
        int fd; /* owned; -EBADF: not known yet */
        UnpackLayer layer;
        uint64_t size;    /* bytes that may be read */
        bool is_complete; /* there will be no more */
} Layer;

/* What the inflating thread reads: it alone receives from the daemon once unpacking has begun. */
typedef struct Input {
        int socket_fd; /* borrowed */
        Layer *layers; /* owned */
        uint32_t n_layers;
        uint32_t n_opened; /* the current layer is the one before */
        uint64_t offset;   /* in the current layer */
} Input;

static void input_done(Input *input) {
        for (uint32_t i = 0; i < input->n_layers; i++)
                closep(&input->layers[i].fd);
        free(input->layers);
}

static int input_init(Input *input, int socket_fd, uint32_t n_layers, Error *error) {
        *input = (Input){ .socket_fd = socket_fd, .layers = calloc(n_layers, sizeof(Layer)) };
        if (!input->layers)
                return error_oom(error);

        input->n_layers = n_layers;
        for (uint32_t i = 0; i < n_layers; i++)
                input->layers[i].fd = -EBADF;
        return 0;
}

static void add_layer(Layer *layer, const ProtoUnpackLayer *message, ProtoFds *fds) {
        closep(&layer->fd);
        layer->fd = TAKE_FD(fds->fds[0]);
        layer->layer = (UnpackLayer){
                .digest = message->digest,
                .has_diff_id = message->has_diff_id,
                .diff_id = message->diff_id,
        };
}

/* Takes in what the daemon says next. */
static int receive(Input *input, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;
        int r;

        r = proto_receive(input->socket_fd, &message, &fds, error);
        if (r < 0)
                return r;
        if (r == 0)
                return error_set(error, EPIPE, ERROR_INTERRUPTED, "The daemon is gone");

        if (message.type == PROTO_UNPACK_LAYER && message.unpack_layer.index < input->n_layers) {
                add_layer(&input->layers[message.unpack_layer.index], &message.unpack_layer, &fds);
                return 0;
        }
        if (message.type == PROTO_UNPACK_GROWN && message.unpack_grown.index < input->n_layers) {
                input->layers[message.unpack_grown.index].size = message.unpack_grown.size;
                input->layers[message.unpack_grown.index].is_complete =
                        message.unpack_grown.is_complete;
                return 0;
        }

        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "Message of type %u from the daemon is out of place", message.type);
}

static int next_layer(void *userdata, UnpackLayer *ret, Error *error) {
        Input *input = userdata;
        int r = 0;

        if (input->n_opened == input->n_layers)
                return 0;

        while (r >= 0 && input->layers[input->n_opened].fd < 0)
                r = receive(input, error);
        if (r < 0)
                return r;

        *ret = input->layers[input->n_opened++].layer;
        input->offset = 0;
        return 1;
}

static ssize_t read_layer(void *userdata, void *buffer, size_t size, Error *error) {
        Input *input = userdata;
        const Layer *layer = &input->layers[input->n_opened - 1];
        ssize_t n;
        int r;

        while (input->offset >= layer->size) {
                if (layer->is_complete)
                        return 0;

                r = receive(input, error);
                if (r < 0)
                        return r;
        }

        if (size > layer->size - input->offset)
                size = (size_t) (layer->size - input->offset);
        do
                n = pread(layer->fd, buffer, size, (off_t) input->offset);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return error_set_errno(error, errno, "Cannot read a layer");
        if (n == 0)
                return error_set(
                        error, EIO, ERROR_FAILED, "A layer in the cache is shorter than it was");

        input->offset += (uint64_t) n;
        return n;
}

/* Whatever read_layer() waits for does not come any more. */
static void cancel(void *userdata) {
        Input *input = userdata;

        (void) shutdown(input->socket_fd, SHUT_RD);
}

static void on_progress(void *userdata, const UnpackProgress *progress) {
        const int *socket_fd = userdata;
        const ProtoMessage message = {
                .type = PROTO_UNPACK_PROGRESS,
                .unpack_progress = {
                        .consumed = progress->consumed,
                        .unpacked = progress->unpacked,
                },
        };

        (void) proto_send(*socket_fd, &message, NULL, 0);
}

static void on_warning(void *userdata, const char *text) {
        const int *socket_fd = userdata;
        ProtoMessage message = { .type = PROTO_WARNING };

        (void) proto_text_set(message.warning.text, sizeof(message.warning.text), text);
        (void) proto_send(*socket_fd, &message, NULL, 0);
}

/* How the tree is to be made. */
typedef struct Settings {
        IdMap uids;
        IdMap gids;
        Limits limits;
        bool privileged;
} Settings;

static int receive_maps(int socket_fd, uint32_t n, Settings *settings, Error *error) {
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < n; i++) {
                ProtoMessage message;

                r = worker_receive(socket_fd, PROTO_ID_RANGE, &message, NULL, error);
                if (r >= 0)
                        r = idmap_add(
                                message.id_range.is_group ? &settings->gids : &settings->uids,
                                &message.id_range.range, error);
        }

        return r;
}

/* The first line is the password. */
static int set_root_password(int root_fd, int password_fd, Error *error) {
        _cleanup_(freep) char *text = NULL;
        size_t size = 0;
        int r;

        r = fd_read_all(password_fd, SHADOW_BYTES_MAX, &text, &size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read root's new password");

        text[strcspn(text, "\r\n")] = '\0';
        if (text[0] == '\0')
                r = error_set(error, EINVAL, ERROR_INVALID_OPTION, "Root's new password is empty");
        else
                r = unpack_root_password(root_fd, text, error);

        explicit_bzero(text, size);
        return r;
}

static int unpack(
        int root_fd,
        const UnpackInput *input,
        const Settings *settings,
        int *socket_fd,
        Error *error) {
        const UnpackOptions options = {
                .limits = settings->limits,
                .uids = &settings->uids,
                .gids = &settings->gids,
        };
        const UnpackEvents events = {
                .progress = on_progress,
                .warning = on_warning,
                .userdata = socket_fd,
        };
        _cleanup_(unpack_target_freep) UnpackTarget *target = NULL;
        int r;

        r = unpack_directory_new(root_fd, settings->privileged, &target, error);
        if (r < 0)
                return r;

        return unpack_run(input, target, &options, &events, error);
}

static int enter_sandbox(
        const ProtoUnpackStart *start, int *root_fd, bool *ret_privileged, Error *error) {
        if (start->sandbox)
                return sandbox_enter_tree(root_fd, ret_privileged, error);

        *ret_privileged = privileges_can_write_trees();
        return 0;
}

int worker_unpack(int socket_fd, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        _cleanup_(input_done) Input blobs = { 0 };
        const UnpackInput input = {
                .next = next_layer,
                .read = read_layer,
                .cancel = cancel,
                .userdata = &blobs,
        };
        _cleanup_(freep) Settings *settings = NULL;
        ProtoMessage message;
        int r;

        r = worker_receive(socket_fd, PROTO_UNPACK_START, &message, &fds, error);
        if (r < 0)
                return r;

        settings = calloc(1, sizeof(*settings));
        if (!settings)
                return error_oom(error);

        settings->limits = message.unpack_start.limits;

        r = receive_maps(socket_fd, message.unpack_start.n_id_ranges, settings, error);
        if (r >= 0)
                r = input_init(&blobs, socket_fd, message.unpack_start.n_layers, error);
        if (r >= 0)
                r = label_new_files(fds.fds[0], error);
        if (r >= 0)
                r = enter_sandbox(&message.unpack_start, &fds.fds[0], &settings->privileged, error);
        if (r >= 0)
                r = unpack(fds.fds[0], &input, settings, &socket_fd, error);
        if (r >= 0 && fds.fds[1] >= 0)
                r = set_root_password(fds.fds[0], fds.fds[1], error);
        if (r >= 0 && syncfs(fds.fds[0]) < 0)
                r = error_set_errno(error, errno, "Cannot write the new tree to the disk");
        return r;
}
