/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Applies the layers of an image, in order, to one root file system: the layer format of the OCI
 * image specification (layer.md). A plain tarball is an image of one layer.
 *
 * Three threads: one reads and inflates, one hashes, the caller's parses and writes. Nothing but
 * the input's and the target's descriptors is touched.
 */

#include <stdbool.h>

#include "base-error.h"
#include "base-idmap.h"
#include "base-limits.h"
#include "inflate-input.h"
#include "unpack-target.h"

typedef struct UnpackOptions {
        Limits limits;
        const IdMap *uids; /* borrowed; NULL: every owner stays as it is */
        const IdMap *gids;
        bool has_lower; /* the target has lower layers already, which whiteouts apply to */
} UnpackOptions;

typedef struct UnpackProgress {
        uint64_t consumed; /* compressed bytes of all layers whose content has been written */
        uint64_t unpacked; /* bytes of the uncompressed layers that these were */
        uint64_t entries;  /* tar entries that have been applied */
} UnpackProgress;

/* Called from the thread that called unpack_run(). Either function may be NULL. */
typedef struct UnpackEvents {
        /* At most every 50 ms, once at the end of each layer, and once more after a failure. */
        void (*progress)(void *userdata, const UnpackProgress *progress);

        /* Something was left out. @text is one English sentence without a final period; at most
         * UNPACK_WARNINGS_MAX of them a run. */
        void (*warning)(void *userdata, const char *text);

        void *userdata; /* borrowed */
} UnpackEvents;

#define UNPACK_WARNINGS_MAX 100u

/**
 * unpack_run() - unpack all layers of @input into @target
 * @options:    NULL for the defaults
 * @events:     NULL when nobody listens
 *
 * What has been written is not flushed to the disk: that, and removing what is there after a
 * failure, is the caller's.
 *
 * Return: 0, or a negative errno with @error set: what the input said, ERROR_CORRUPT_ARCHIVE,
 * ERROR_UNSAFE_ARCHIVE, ERROR_DIGEST_MISMATCH, ERROR_LIMIT_EXCEEDED, ERROR_NO_SPACE, …
 */
int unpack_run(
        const InflateInput *input,
        UnpackTarget *target,
        const UnpackOptions *options,
        const UnpackEvents *events,
        Error *error);
