/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base-space.h"
#include "job-room.h"
#include "store-partial.h"
#include "store-prune.h"
#include "store-unpacked.h"

bool job_room_is_stored(Store *store, const Digest *digest) {
        struct stat st;

        return store_blob_look(store, digest, &st);
}

static uint64_t add(uint64_t a, uint64_t b) {
        return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

typedef struct Sum {
        uint64_t download; /* bytes to fetch */
        uint64_t missing;  /* of these, bytes that have not arrived yet */
} Sum;

/* Sums up what must be fetched; checks each layer's limit. */
static int sum_up(
        const JobContext *context,
        const ProtoLayer *layers,
        uint32_t n_layers,
        Sum *ret,
        Error *error) {
        const Limits *limits = &context->config->limits;
        char text[DIGEST_STRING_MAX];
        Sum sum = { 0 };

        for (uint32_t i = 0; i < n_layers; i++) {
                const uint64_t size = layers[i].size;

                if (size == PROTO_SIZE_UNKNOWN || job_image_is_repeated(layers, i) ||
                    job_room_is_stored(context->store, &layers[i].digest))
                        continue;
                if (size > limits->blob_bytes)
                        return error_set(
                                error, EFBIG, ERROR_LIMIT_EXCEEDED,
                                "%s has %" PRIu64
                                " bytes, but may have at most %" PRIu64 LIMIT_KEY("BlobSize"),
                                digest_format(&layers[i].digest, text), size, limits->blob_bytes);
                sum.download = add(sum.download, size);
                sum.missing =
                        add(sum.missing,
                            size - store_partial_size(context->store, &layers[i].digest, size));
        }
        if (sum.download > limits->download_bytes)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The image's layers have %" PRIu64
                        " bytes to download, but may have at most %" PRIu64 LIMIT_KEY(
                                "DownloadSize"),
                        sum.download, limits->download_bytes);

        *ret = sum;
        return 0;
}

static int look(const JobContext *context, const char *path, Space *ret, Error *error) {
        _cleanup_(closep) int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r;

        r = fd < 0 ? -errno : space_look(fd, context->config->keep_free, ret);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot determine the free space in %s", path);
        return 0;
}

void job_room_advise(Store *store, Error *error) {
        uint64_t bytes;

        if (error->kind == ERROR_NO_SPACE && store_prunable(store, &bytes, NULL) >= 0 && bytes > 0)
                error_add_hint(
                        error, "\"virt-bootstrap cache prune\" would free %" PRIu64 " bytes",
                        bytes);
}

void job_room_advise_at(const JobContext *context, const JobRoomPlace *place, Error *error) {
        struct stat st;

        if (place->is_known && stat(store_path(context->store), &st) >= 0 &&
            st.st_dev == place->device)
                job_room_advise(context->store, error);
}

static int refuse(
        const JobContext *context,
        const JobSpec *spec,
        const char *path,
        uint64_t needed,
        const Space *space,
        Error *error) {
        _cleanup_(error_clear) Error refusal = ERROR_NULL;
        const int r = error_set(
                &refusal, ENOSPC, ERROR_NO_SPACE,
                "Not enough space in %s: %" PRIu64 " bytes are needed, but %" PRIu64
                " are free, of which %" PRIu64 " must stay free" LIMIT_KEY("CacheKeepFree"),
                path, needed, space->free, space->kept);

        if (!spec->no_cache)
                job_room_advise(context->store, &refusal);
        error_move(error, &refusal);
        return r;
}

int job_room_check(
        const JobContext *context,
        const JobSpec *spec,
        const ProtoLayer *layers,
        uint32_t n_layers,
        uint64_t *ret_needed,
        Error *error) {
        const char *path =
                spec->no_cache ? context->temporary_directory : store_path(context->store);

        /* Freeing space may remove partial files of these very layers. */
        for (;;) {
                uint64_t needed, lacking;
                Space space = { 0 };
                Sum sum = { 0 };
                int r;

                r = sum_up(context, layers, n_layers, &sum, error);
                if (r < 0)
                        return r;
                needed = spec->no_cache ? sum.download : sum.missing;
                *ret_needed = needed;
                if (needed == 0)
                        return 0;
                r = look(context, path, &space, error);
                if (r < 0)
                        return r;

                lacking = space_lacks(&space, needed);
                if (lacking == 0)
                        return 0;
                if (spec->no_cache || store_partial_free(context->store, lacking) == 0)
                        return refuse(context, spec, path, needed, &space, error);
        }
}

JobRoomPlace job_room_look(int fd) {
        JobRoomPlace place = { 0 };
        struct stat st;
        Space space;

        if (fstat(fd, &st) < 0 || space_look(fd, 0, &space) < 0)
                return place;

        return (JobRoomPlace){ .is_known = true, .free = space.free, .device = st.st_dev };
}

/* Without a record: what compresses well is text and programs, to a half or a third. */
#define UNPACKED_RATIO 2

/* What a tree needs. */
typedef struct Need {
        uint64_t least; /* bytes */
        uint64_t about;
} Need;

static uint64_t multiply(uint64_t a, uint64_t b) {
        return a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Of one that may not be compressed, headers and zeros need no space. */
static bool is_compressed(const ProtoLayer *layer) {
        const char *end = layer->media_type + strcspn(layer->media_type, ";");
        const size_t length = (size_t) (end - layer->media_type);

        return length >= 4 &&
               (strncmp(end - 4, "gzip", 4) == 0 || strncmp(end - 4, "zstd", 4) == 0);
}

/* A layer that was unpacked had at most this size: otherwise its job would have failed. */
static uint64_t unpacked_max(const Limits *limits, uint64_t size) {
        uint64_t max = multiply(size, limits->ratio);

        if (max < limits->ratio_floor_bytes)
                max = limits->ratio_floor_bytes;
        return max < limits->unpacked_bytes ? max : limits->unpacked_bytes;
}

static uint64_t estimate_layer(const JobContext *context, const ProtoLayer *layer) {
        const uint64_t max = unpacked_max(&context->config->limits, layer->size);
        uint64_t bytes;

        if (!store_unpacked_find(context->store, &layer->digest, &bytes))
                return is_compressed(layer) ? multiply(layer->size, UNPACKED_RATIO) : layer->size;
        return bytes < max ? bytes : max;
}

/* A tarball is an image of one layer, which may be compressed or not. */
static Need add_up(const JobContext *context, const JobSpec *spec, const JobImage *image) {
        Need need = { .about = image ? 0 : spec->source_bytes };

        for (uint32_t i = 0; image && i < image->n_layers; i++) {
                const ProtoLayer *layer = &image->layers[i];

                if (layer->size == PROTO_SIZE_UNKNOWN || job_image_is_repeated(image->layers, i))
                        continue;
                if (is_compressed(layer))
                        need.least = add(need.least, layer->size);
                need.about = add(need.about, estimate_layer(context, layer));
        }

        if (need.about < need.least)
                need.about = need.least;
        return need;
}

/* Whether what is downloaded goes to the file system of @place. */
static bool is_downloaded_there(
        const JobContext *context, const JobSpec *spec, const JobRoomPlace *place) {
        const char *path =
                spec->no_cache ? context->temporary_directory : store_path(context->store);
        struct stat st;

        return stat(path, &st) >= 0 && st.st_dev == place->device;
}

void job_room_explain(
        const JobContext *context,
        const JobSpec *spec,
        const JobImage *image,
        const JobRoomPlace *place,
        Error *error) {
        Need need;

        if (error->kind != ERROR_NO_SPACE || spec->format != JOB_FORMAT_DIR || !place->is_known)
                return;

        need = add_up(context, spec, image);
        if (need.about > place->free)
                error_add_hint(
                        error,
                        "%s needs about %" PRIu64 " bytes, and %" PRIu64
                        " were free when the job began",
                        spec->destination, need.about, place->free);
        else
                error_add_hint(
                        error, "%" PRIu64 " bytes were free for %s when the job began", place->free,
                        spec->destination);
        job_room_advise_at(context, place, error);
}

int job_room_check_place(
        const JobContext *context,
        const JobSpec *spec,
        const JobImage *image,
        const JobRoomPlace *place,
        char **ret_warning,
        Error *error) {
        const bool is_strict = context->config->strict_space_check;
        Need need;

        *ret_warning = NULL;
        /* With shared layers, the images are in the cache, and may be there already. */
        if (!place->is_known || spec->share_layers)
                return 0;

        need = add_up(context, spec, image);
        if (place->download > 0 && is_downloaded_there(context, spec, place)) {
                need.least = add(need.least, place->download);
                need.about = add(need.about, place->download);
        }
        if (need.least > place->free)
                return error_set(
                        error, ENOSPC, ERROR_NO_SPACE,
                        "Not enough space for %s: at least %" PRIu64
                        " bytes are needed, but %" PRIu64 " are free",
                        spec->destination, need.least, place->free);
        if (need.about <= place->free)
                return 0;
        if (is_strict)
                return error_set(
                        error, ENOSPC, ERROR_NO_SPACE,
                        "Not enough space for %s: about %" PRIu64 " bytes are needed, but %" PRIu64
                        " are free" LIMIT_KEY("StrictSpaceCheck"),
                        spec->destination, need.about, place->free);

        if (asprintf(
                    ret_warning,
                    "There may not be enough space for %s: about %" PRIu64
                    " bytes are needed, but %" PRIu64 " are free",
                    spec->destination, need.about, place->free) < 0) {
                *ret_warning = NULL;
                return error_oom(error);
        }
        return 0;
}
