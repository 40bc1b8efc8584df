/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the unpacker gets its layers from. Implemented by the worker (blobs that are still growing)
 * and by tests (buffers). All calls but cancel() come from one thread, the inflating one, in the
 * order
 *
 *     next, read*, next, read*, … next (returns 0)
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base-digest.h"
#include "base-error.h"

typedef struct InflateLayer {
        Digest digest;   /* of the blob; names the layer in messages, when @has_digest */
        Digest diff_id;  /* what the uncompressed stream must hash to, when @has_diff_id */
        bool has_digest; /* if not, this is a tarball that is no layer of an image */
        bool has_diff_id;
} InflateLayer;

/** inflate_layer_is_verified() - whether a digest tells that the layer is whole, whatever is in it */
static inline bool inflate_layer_is_verified(const InflateLayer *layer) {
        return layer->has_digest || layer->has_diff_id;
}

typedef struct InflateInput {
        /* The next layer: returns 1, 0 when there is none, or a negative errno with @error set. */
        int (*next)(void *userdata, InflateLayer *ret, Error *error);

        /* Bytes of the blob: blocks until there is at least one; returns 0 at its end, or a
         * negative errno with @error set. */
        ssize_t (*read)(void *userdata, void *buffer, size_t size, Error *error);

        /* Makes next() and read() return soon, with any failure, also those of later: unpacking has
         * failed. Called from another thread, at most once. NULL: they never wait for long. */
        void (*cancel)(void *userdata);

        void *userdata; /* borrowed */
} InflateInput;
