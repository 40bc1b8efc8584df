/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Applies the layers of an image, in order, to one root file system: the layer format of the OCI
 * image specification (layer.md). A plain tarball is an image of one layer.
 *
 * One thread reads and inflates, one hashes, the caller's parses and creates names, and the threads of
 * unpack-writers.h write contents. They use no descriptors except those of the input and the target.
 */

#include <stdbool.h>

#include "base-error.h"
#include "base-idmap.h"
#include "base-limits.h"
#include "inflate-input.h"
#include "unpack-target.h"

typedef struct UnpackOptions {
        Limits limits;
        const IdMap *uids; /* borrowed; NULL: owners do not change */
        const IdMap *gids;
        bool has_lower; /* the target already has lower layers, to which whiteouts apply */
} UnpackOptions;

typedef struct UnpackProgress {
        uint64_t consumed; /* compressed bytes of all layers, of written content only */
        uint64_t unpacked; /* the same, uncompressed bytes */
        uint64_t files;    /* unpack_tree_n_made() */
} UnpackProgress;

/* Either function may be NULL. */
typedef struct UnpackEvents {
        /* At most every 50 ms, once at the end of each layer, and once more after a failure, in the thread that
         * called unpack_run(). */
        void (*progress)(void *userdata, const UnpackProgress *progress);

        /* Something was left out. @text is one English sentence without a final period. At most
         * UNPACK_WARNINGS_MAX per run, one at a time, from any thread. */
        void (*warning)(void *userdata, const char *text);

        void *userdata; /* borrowed */
} UnpackEvents;

#define UNPACK_WARNINGS_MAX 100u

/**
 * unpack_run() - unpack all layers of @input into @target
 * @options:    NULL for the defaults
 * @events:     NULL: none
 *
 * The caller flushes the result to the disk, and removes it after a failure.
 *
 * Errors: those of the input, ERROR_CORRUPT_ARCHIVE, ERROR_UNSAFE_ARCHIVE, ERROR_DIGEST_MISMATCH,
 * ERROR_LIMIT_EXCEEDED, ERROR_NO_SPACE, …
 */
int unpack_run(
        const InflateInput *input,
        UnpackTarget *target,
        const UnpackOptions *options,
        const UnpackEvents *events,
        Error *error);
