/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The source of the unpacker's layers. Implemented by the worker (blobs that are still growing) and by
 * tests (buffers). The inflating thread makes all calls except cancel(), in the order
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
        Digest digest;   /* of the blob; names the layer in messages, if @has_digest */
        Digest diff_id;  /* expected hash of the uncompressed stream, if @has_diff_id */
        bool has_digest; /* if not, this is a tarball, not a layer of an image */
        bool has_diff_id;
} InflateLayer;

/** inflate_layer_is_verified() - whether a digest proves that the layer is complete */
static inline bool inflate_layer_is_verified(const InflateLayer *layer) {
        return layer->has_digest || layer->has_diff_id;
}

typedef struct InflateInput {
        /* Proceeds to the next layer: returns 1, or 0 if there is none. */
        int (*next)(void *userdata, InflateLayer *ret, Error *error);

        /* Reads bytes of the blob: blocks until at least one has arrived; returns 0 at the end. */
        ssize_t (*read)(void *userdata, void *buffer, size_t size, Error *error);

        /* Unpacking has failed: makes current and later calls of next() and read() fail soon. Called
         * from another thread, at most once. NULL: they never wait for long. */
        void (*cancel)(void *userdata);

        void *userdata; /* borrowed */
} InflateInput;
