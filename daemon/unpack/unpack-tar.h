/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From a tar stream to what it does to a tree. libarchive reads the format. */

#include "unpack-meta.h"
#include "unpack-stream.h"
#include "unpack-tree.h"

typedef struct Tar {
        Stream *stream;             /* borrowed */
        Tree *tree;                 /* borrowed */
        const MetaRules *rules;     /* borrowed */
        const UnpackTarget *target; /* borrowed; for warnings */
        uint64_t entries;           /* of all layers, so far */
} Tar;

/**
 * tar_unpack_layer() - apply the layer that the stream is at, up to the archive's end marker
 *
 * Return: 0 or a negative errno with @error set; -ECANCELED without @error when another thread
 * failed.
 */
int tar_unpack_layer(Tar *tar, Error *error);
