/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "job-spares.h"
#include "job-unpack.h"

struct JobUnpack {
        const Config *config;          /* borrowed */
        const JobSpec *spec;           /* borrowed */
        const JobFetch *fetch;         /* borrowed; NULL for a tarball */
        const JobUnpackEvents *events; /* borrowed */
        void *userdata;                /* borrowed */
        JobProcess *process;           /* owned */
        uint32_t first;   /* layer that the worker needs: those below already have their image */
        uint32_t n_given; /* the worker has the layers from that one to before this one */
        bool is_begun;    /* it has everything except layers */
        JobUser *user;    /* owned reference; the owner of the images being created, or NULL */
        JobDiskTurn turn; /* zeros for a directory */
        Error error;      /* why it was stopped; empty if it was not */
};

static bool is_readable(const JobBlobUse *use) {
        if (!use)
                return false;

        switch (job_blob_use_status(use).state) {
        case BLOB_GROWING:
        case BLOB_READY:
                return true;
        case BLOB_WAITING:
        case BLOB_FAILED:
                break;
        }

        return false;
}

static void send_grown(JobUnpack *unpack, uint32_t index) {
        const JobBlobStatus status = job_blob_use_status(job_fetch_layer_use(unpack->fetch, index));
        const ProtoMessage message = {
                .type = PROTO_UNPACK_GROWN,
                .unpack_grown = {
                        .index = index,
                        .size = status.size,
                        .is_complete = status.state == BLOB_READY,
                },
        };

        job_process_send(unpack->process, &message, NULL, 0);
}

static int send_layer(JobUnpack *unpack, uint32_t index, Error *error) {
        const ProtoLayer *layer = &job_fetch_image(unpack->fetch)->layers[index];
        const ProtoMessage message = {
                .type = PROTO_UNPACK_LAYER,
                .unpack_layer = {
                        .index = index,
                        .has_digest = 1,
                        .digest = layer->digest,
                        .has_diff_id = layer->has_diff_id,
                        .diff_id = layer->diff_id,
                },
        };
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = job_blob_use_open(job_fetch_layer_use(unpack->fetch, index), &fd, error);
        if (r < 0)
                return r;

        job_process_send(unpack->process, &message, &fd, 1);
        send_grown(unpack, index);
        return 0;
}

/* In order: later layers may have waited for the one that changed. */
static int send_layers(JobUnpack *unpack, Error *error) {
        int r = 0;

        while (r >= 0 && unpack->is_begun &&
               unpack->n_given < job_fetch_image(unpack->fetch)->n_layers &&
               is_readable(job_fetch_layer_use(unpack->fetch, unpack->n_given)) &&
               job_disk_turn_has(&unpack->turn, unpack->n_given))
                r = send_layer(unpack, unpack->n_given++, error);
        return r;
}

static int end_turn(JobUnpack *unpack, uint32_t index, Error *error) {
        if (!unpack->fetch || index >= unpack->n_given ||
            job_blob_use_status(job_fetch_layer_use(unpack->fetch, index)).state != BLOB_READY)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "The disk worker reports the image of layer %u before it can have read the layer",
                        index);

        return job_disk_turn_end(&unpack->turn, index, error);
}

static void on_disk_layer(JobUnpack *unpack, const ProtoDiskLayer *layer) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (end_turn(unpack, layer->index, &error) >= 0) {
                unpack->events->layer_complete(unpack->userdata);
                return;
        }

        error_move(&unpack->error, &error);
        job_process_stop(unpack->process);
}

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        JobUnpack *unpack = userdata;

        if (message->type == PROTO_DISK_LAYER)
                on_disk_layer(unpack, &message->disk_layer);
        else if (message->type == PROTO_UNPACK_PROGRESS)
                unpack->events->progress(unpack->userdata, &message->unpack_progress);
        else if (message->type == PROTO_UNPACK_RIGHTS)
                unpack->events->rights(
                        unpack->userdata, message->unpack_rights.n, message->unpack_rights.example);
        else
                unpack->events->warning(unpack->userdata, message->warning.text);
}

void job_unpack_explain(const JobUnpack *unpack, Error *error) {
        if (unpack->spec->source_kind != JOB_SOURCE_REGISTRY ||
            error->kind == ERROR_UNSUPPORTED_IMAGE)
                (void) error_prefix(error, "%s", unpack->spec->source);
}

static void on_ended(void *userdata, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobUnpack *unpack = userdata;

        unpack->process = job_process_free(unpack->process);

        /* The worker knows layers by their digests, but not the caller's name for the source. */
        if (result->code != 0 || unpack->error.code != 0) {
                (void) error_copy(&error, unpack->error.code != 0 ? &unpack->error : result);
                job_unpack_explain(unpack, &error);
        }
        unpack->events->ended(unpack->userdata, &error);
}

static const JobProcessEvents process_events = {
        .message = on_message,
        .ended = on_ended,
};

static void send_ranges(JobUnpack *unpack, const IdMap *map, uint8_t is_group) {
        for (size_t i = 0; i < map->n_ranges; i++) {
                const ProtoMessage message = {
                        .type = PROTO_ID_RANGE,
                        .id_range = { .is_group = is_group, .range = map->ranges[i] },
                };

                job_process_send(unpack->process, &message, NULL, 0);
        }
}

static uint32_t n_layers(const JobUnpack *unpack) {
        return unpack->fetch ? job_fetch_image(unpack->fetch)->n_layers : 1;
}

/* Compressed bytes, of layers without an image. */
static uint64_t layers_bytes(const JobUnpack *unpack) {
        uint64_t sum = 0;

        for (uint32_t i = unpack->first; i < n_layers(unpack); i++) {
                const uint64_t size = unpack->fetch ? job_fetch_image(unpack->fetch)->layers[i].size
                                                    : PROTO_SIZE_UNKNOWN;

                if (size == PROTO_SIZE_UNKNOWN || size > PROTO_SIZE_UNKNOWN - sum)
                        return PROTO_SIZE_UNKNOWN;
                sum += size;
        }
        return sum;
}

static void send_unpack_start(JobUnpack *unpack, const JobUnpackTarget *target) {
        const Config *config = unpack->config;
        const JobSpec *spec = unpack->spec;
        const ProtoMessage message = {
                .type = PROTO_UNPACK_START,
                .unpack_start = {
                        .n_layers = n_layers(unpack),
                        .n_id_ranges = (uint32_t) (spec->uids.n_ranges + spec->gids.n_ranges),
                        .sandbox = config->sandbox,
                        .keeps_devices = spec->keep_devices,
                        .no_sync = spec->no_sync,
                        .limits = config->limits,
                },
        };
        const int fds[] = { target->root_fd, job_spec_password_of_tree(spec) };

        job_process_send(unpack->process, &message, fds, fds[1] >= 0 ? 2 : 1);
}

static void send_disk_start(JobUnpack *unpack, const JobUnpackTarget *target) {
        const Config *config = unpack->config;
        const JobSpec *spec = unpack->spec;
        ProtoMessage message = {
                .type = PROTO_DISK_START,
                .disk_start = {
                        .n_layers = n_layers(unpack),
                        .n_images = job_disk_n_images(target->disk),
                        .n_id_ranges = (uint32_t) (spec->uids.n_ranges + spec->gids.n_ranges),
                        .sandbox = config->sandbox,
                        .shares_layers = spec->share_layers,
                        .is_flat = job_spec_is_file(spec),
                        .is_raw = spec->format == JOB_FORMAT_RAW,
                        .no_sync = spec->no_sync,
                        .user = job_user_id(unpack->user),
                        .size = job_spec_disk_size(spec),
                        .layers_bytes = layers_bytes(unpack),
                        .limits = config->limits,
                },
        };
        const int fds[] = { target->scratch_fd, job_spec_password_of_tree(spec) };

        (void) proto_text_set(
                message.disk_start.label, sizeof(message.disk_start.label), spec->name);
        job_process_send(unpack->process, &message, fds, fds[1] >= 0 ? 2 : 1);
}

/* The worker reads it to its end, whatever its size. */
static void send_tarball(JobUnpack *unpack, int fd) {
        const ProtoMessage layer = { .type = PROTO_UNPACK_LAYER };
        const ProtoMessage grown = {
                .type = PROTO_UNPACK_GROWN,
                .unpack_grown = { .is_complete = 1, .size = PROTO_SIZE_UNKNOWN },
        };

        job_process_send(unpack->process, &layer, &fd, 1);
        job_process_send(unpack->process, &grown, NULL, 0);
}

int job_unpack_layer_changed(JobUnpack *unpack, uint32_t index, Error *error) {
        if (!unpack->process || index < unpack->first)
                return 0;
        if (index < unpack->n_given) {
                send_grown(unpack, index);
                return 0;
        }

        return send_layers(unpack, error);
}

bool job_unpack_is_settled(const JobUnpack *unpack) {
        for (uint32_t i = unpack->first; i < unpack->n_given; i++)
                if (job_blob_use_status(job_fetch_layer_use(unpack->fetch, i)).state != BLOB_READY)
                        return false;

        return true;
}

int job_unpack_start(
        const JobContext *context,
        const JobSpec *spec,
        const JobFetch *fetch,
        const JobUnpackEvents *events,
        void *userdata,
        JobUnpack **ret,
        Error *error) {
        const JobWorkerKind kind = job_spec_has_disk(spec) ? WORKER_DISK : WORKER_UNPACK;
        _cleanup_(job_unpack_freep) JobUnpack *unpack = NULL;
        int r;

        unpack = malloc(sizeof(*unpack));
        if (!unpack)
                return error_oom(error);

        *unpack = (JobUnpack){
                .config = context->config,
                .spec = spec,
                .fetch = fetch,
                .events = events,
                .userdata = userdata,
        };
        r = job_spares_start(context, kind, &process_events, unpack, &unpack->process, error);
        if (r < 0)
                return r;

        /* Until the images belong to root again, or are removed, nobody else may get that user. */
        unpack->user = job_user_ref(job_process_user(unpack->process));
        *ret = TAKE_PTR(unpack);
        return 0;
}

ProtoUser job_unpack_user(const JobUnpack *unpack) {
        return job_user_id(unpack->user);
}

int job_unpack_begin(JobUnpack *unpack, const JobUnpackTarget *target, Error *error) {
        int r = 0;

        unpack->first = unpack->n_given = target->disk ? job_disk_n_complete(target->disk) : 0;
        if (target->disk)
                send_disk_start(unpack, target);
        else
                send_unpack_start(unpack, target);
        send_ranges(unpack, &unpack->spec->uids, 0);
        send_ranges(unpack, &unpack->spec->gids, 1);
        if (target->disk) {
                unpack->turn = job_disk_turn(target->disk);
                r = job_disk_send(target->disk, unpack->process, error);
        }
        if (r < 0)
                return r;

        unpack->is_begun = true;
        if (!unpack->fetch)
                send_tarball(unpack, target->tarball_fd);
        return unpack->fetch ? send_layers(unpack, error) : 0;
}

int job_unpack_layer_closed(JobUnpack *unpack, Error *error) {
        job_disk_turn_next(&unpack->turn);
        return unpack->process ? send_layers(unpack, error) : 0;
}

JobUnpack *job_unpack_free(JobUnpack *unpack) {
        if (!unpack)
                return NULL;

        job_process_free(unpack->process);
        job_user_unref(unpack->user);
        error_clear(&unpack->error);
        free(unpack);
        return NULL;
}

void job_unpack_stop(JobUnpack *unpack) {
        if (unpack->process)
                job_process_stop(unpack->process);
}
