/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base-space.h"
#include "job-room.h"
#include "store-partial.h"

static bool is_stored(Store *store, const Digest *digest) {
        StoreBlob blob = STORE_BLOB_NULL;
        int r;

        r = store_blob_open(store, digest, &blob, NULL);
        closep(&blob.fd);
        return r > 0;
}

static bool is_repeated(const ProtoLayer *layers, uint32_t index) {
        for (uint32_t i = 0; i < index; i++)
                if (digest_equal(&layers[i].digest, &layers[index].digest))
                        return true;

        return false;
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

                if (size == PROTO_SIZE_UNKNOWN || is_repeated(layers, i) ||
                    is_stored(context->store, &layers[i].digest))
                        continue;
                if (size > limits->blob_bytes)
                        return error_set(
                                error, EFBIG, ERROR_LIMIT_EXCEEDED,
                                "%s has %" PRIu64 " bytes, but may have at most %" PRIu64
                                " (BlobSize=)",
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
                        " bytes to download, but may have at most %" PRIu64 " (DownloadSize=)",
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

int job_room_check(
        const JobContext *context,
        const JobSpec *spec,
        const ProtoLayer *layers,
        uint32_t n_layers,
        Error *error) {
        const char *path =
                spec->no_cache ? context->temporary_directory : store_path(context->store);

        /* Freeing space may remove partial files of these very layers. */
        for (;;) {
                uint64_t needed, lacking;
                Space space;
                Sum sum = { 0 };
                int r;

                r = sum_up(context, layers, n_layers, &sum, error);
                needed = spec->no_cache ? sum.download : sum.missing;
                if (r < 0 || needed == 0)
                        return r;
                r = look(context, path, &space, error);
                if (r < 0)
                        return r;

                lacking = space_lacks(&space, needed);
                if (lacking == 0)
                        return 0;
                if (spec->no_cache || store_partial_free(context->store, lacking) == 0)
                        return error_set(
                                error, ENOSPC, ERROR_NO_SPACE,
                                "Not enough space in %s: %" PRIu64 " bytes are needed, but %" PRIu64
                                " are free, of which %" PRIu64 " must stay free (CacheKeepFree=)",
                                path, needed, space.free, space.kept);
        }
}
