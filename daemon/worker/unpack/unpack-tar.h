/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Applies a tar stream to a tree. libarchive parses the format; for each entry it must agree with
 * unpack-header.h. */

#include "unpack-meta.h"
#include "unpack-stream.h"
#include "unpack-tree.h"
#include "unpack-writers.h"

typedef struct UnpackTar {
        UnpackStream *stream;         /* borrowed */
        UnpackTree *tree;             /* borrowed */
        const UnpackMetaRules *rules; /* borrowed */
        UnpackWriters *writers;       /* borrowed */
        UnpackTarget *target;         /* borrowed; for warnings */
        uint64_t entries;             /* of all layers, so far */
        bool is_cut; /* the layer ended after a file's content, without the padding */
} UnpackTar;

/**
 * unpack_tar_layer() - apply the current layer of the stream, up to the archive's end marker
 *
 * A layer that its digest proves to be complete may lack the end marker and the padding of the last file,
 * as some tools write it. In a tarball this is a warning if its compression would reveal truncation, else
 * an error. A tarball without entries is an error, too.
 *
 * ERROR_UNSAFE_ARCHIVE if GNU tar, Go's archive/tar and libarchive disagree on an entry. -ECANCELED, without
 * @error, if another thread failed.
 */
int unpack_tar_layer(UnpackTar *tar, Error *error);
