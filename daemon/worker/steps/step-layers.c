/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "proto-channel.h"
#include "step-layers.h"

/* A blob, as far as the daemon has reported it. */
typedef struct Layer {
        int fd; /* owned; -EBADF: not known yet */
        InflateLayer layer;
        bool is_stream;   /* a pipe or a socket: bytes can be read once */
        bool is_complete; /* @size is final */
        uint64_t size;    /* bytes that may be read; PROTO_SIZE_UNKNOWN: to its end */
        uint64_t start;   /* start of a tarball: the offset at which its user left it */
} Layer;

struct StepLayers {
        int socket_fd; /* borrowed */
        int cancel_fd; /* owned; readable once waiting must stop */
        Layer *all;    /* owned */
        uint32_t n;
        uint32_t n_opened; /* the current layer is the one before */
        uint64_t offset;   /* in the current layer */
};

/* Waits for @fd to be readable. */
static int wait_for(const StepLayers *layers, int fd, Error *error) {
        struct pollfd fds[] = {
                { .fd = fd, .events = POLLIN },
                { .fd = layers->cancel_fd, .events = POLLIN },
        };

        while (poll(fds, 2, -1) < 0)
                if (errno != EINTR)
                        return error_set_errno(error, errno, "Cannot wait for input");

        return fds[1].revents
                       ? error_set(error, ECANCELED, ERROR_CANCELLED, "Unpacking has stopped")
                       : 0;
}

static void add_layer(Layer *layer, const ProtoUnpackLayer *message, ProtoFds *fds) {
        off_t offset;

        closep(&layer->fd);
        layer->fd = TAKE_FD(fds->fds[0]);
        offset = lseek(layer->fd, 0, SEEK_CUR);
        layer->is_stream = offset < 0 && errno == ESPIPE;
        layer->start = !message->has_digest && offset > 0 ? (uint64_t) offset : 0;
        layer->layer = (InflateLayer){
                .has_digest = message->has_digest,
                .digest = message->digest,
                .has_diff_id = message->has_diff_id,
                .diff_id = message->diff_id,
        };
}

/* Receives the next message from the daemon. */
static int receive(StepLayers *layers, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;
        int r;

        r = wait_for(layers, layers->socket_fd, error);
        if (r >= 0)
                r = proto_receive(layers->socket_fd, &message, &fds, error);
        if (r < 0)
                return r;
        if (r == 0)
                return error_set(error, EPIPE, ERROR_INTERRUPTED, "The daemon has exited");

        if (message.type == PROTO_UNPACK_LAYER && message.unpack_layer.index < layers->n) {
                add_layer(&layers->all[message.unpack_layer.index], &message.unpack_layer, &fds);
                return 0;
        }
        if (message.type == PROTO_UNPACK_GROWN && message.unpack_grown.index < layers->n) {
                layers->all[message.unpack_grown.index].size = message.unpack_grown.size;
                layers->all[message.unpack_grown.index].is_complete =
                        message.unpack_grown.is_complete;
                return 0;
        }

        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "Message of type %u from the daemon is out of place", message.type);
}

bool step_layers_are_tarball(const StepLayers *layers) {
        return layers->n == 1 && layers->n_opened == 1 && !layers->all[0].layer.has_digest;
}

static int next_layer(void *userdata, InflateLayer *ret, Error *error) {
        StepLayers *layers = userdata;
        int r = 0;

        if (layers->n_opened == layers->n)
                return 0;

        while (r >= 0 && layers->all[layers->n_opened].fd < 0)
                r = receive(layers, error);
        if (r < 0)
                return r;

        *ret = layers->all[layers->n_opened++].layer;
        layers->offset = layers->all[layers->n_opened - 1].start;
        return 1;
}

static ssize_t read_once(
        const StepLayers *layers, const Layer *layer, void *buffer, size_t size, Error *error) {
        ssize_t n;
        int r;

        do {
                if (layer->is_stream) {
                        r = wait_for(layers, layer->fd, error);
                        if (r < 0)
                                return r;
                        n = read(layer->fd, buffer, size);
                } else {
                        n = pread(layer->fd, buffer, size, (off_t) layers->offset);
                }
        } while (n < 0 && (errno == EINTR || errno == EAGAIN));

        return n < 0 ? error_set_errno(error, errno, "Cannot read it") : n;
}

static ssize_t read_layer(void *userdata, void *buffer, size_t size, Error *error) {
        StepLayers *layers = userdata;
        const Layer *layer = &layers->all[layers->n_opened - 1];
        ssize_t n;
        int r;

        while (layers->offset >= layer->size) {
                if (layer->is_complete)
                        return 0;

                r = receive(layers, error);
                if (r < 0)
                        return r;
        }

        if (size > layer->size - layers->offset)
                size = (size_t) (layer->size - layers->offset);
        n = read_once(layers, layer, buffer, size, error);
        if (n == 0 && layer->size != PROTO_SIZE_UNKNOWN)
                return error_set(error, EIO, ERROR_FAILED, "The cached blob has been truncated");

        layers->offset += n > 0 ? (uint64_t) n : 0;
        return n;
}

/* read_layer() need not wait any longer. */
static void cancel(void *userdata) {
        const StepLayers *layers = userdata;

        (void) eventfd_write(layers->cancel_fd, 1);
}

int step_layers_new(int socket_fd, uint32_t n_layers, StepLayers **ret, Error *error) {
        _cleanup_(step_layers_freep) StepLayers *layers = NULL;

        layers = malloc(sizeof(*layers));
        if (!layers)
                return error_oom(error);

        *layers = (StepLayers){ .socket_fd = socket_fd, .cancel_fd = -EBADF };
        layers->all = calloc(n_layers, sizeof(*layers->all));
        if (!layers->all)
                return error_oom(error);

        layers->n = n_layers;
        for (uint32_t i = 0; i < n_layers; i++)
                layers->all[i].fd = -EBADF;

        layers->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (layers->cancel_fd < 0)
                return error_set_errno(error, errno, "Cannot create an event descriptor");

        *ret = TAKE_PTR(layers);
        return 0;
}

StepLayers *step_layers_free(StepLayers *layers) {
        if (!layers)
                return NULL;

        for (uint32_t i = 0; i < layers->n; i++)
                closep(&layers->all[i].fd);
        free(layers->all);
        closep(&layers->cancel_fd);
        free(layers);
        return NULL;
}

InflateInput step_layers_input(StepLayers *layers) {
        return (InflateInput){
                .next = next_layer,
                .read = read_layer,
                .cancel = cancel,
                .userdata = layers,
        };
}

void step_layers_skip(StepLayers *layers, uint32_t n) {
        layers->n_opened = n;
}

uint64_t step_layers_file_bytes(const StepLayers *layers) {
        const Layer *layer = &layers->all[0];
        struct stat st;

        if (!step_layers_are_tarball(layers) || fstat(layer->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            (uint64_t) st.st_size < layer->start)
                return PROTO_SIZE_UNKNOWN;
        return (uint64_t) st.st_size - layer->start;
}
