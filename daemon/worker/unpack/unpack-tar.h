/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From a tar stream to what it does to a tree. libarchive reads the format, and what it says of each entry has
 * to be what unpack-header.h finds in the bytes. */

#include "unpack-meta.h"
#include "unpack-stream.h"
#include "unpack-tree.h"

typedef struct UnpackTar {
        UnpackStream *stream;         /* borrowed */
        UnpackTree *tree;             /* borrowed */
        const UnpackMetaRules *rules; /* borrowed */
        UnpackTarget *target;         /* borrowed; for warnings */
        uint64_t entries;             /* of all layers, so far */
        bool is_cut; /* the layer ended behind a file's content, without the padding */
} UnpackTar;

/**
 * unpack_tar_layer() - apply the layer that the stream is at, up to the archive's end marker
 *
 * A layer whose digest tells that it is whole may lack the end marker, and the padding of the last file:
 * some tools write such. In a tarball that is a warning when it is compressed so that a part of it would
 * be noticed, else an error: it may be a part. A tarball without any entry is an error, too.
 *
 * What GNU tar, Go's archive/tar and libarchive do not read alike is ERROR_UNSAFE_ARCHIVE.
 *
 * Return: 0 or a negative errno with @error set; -ECANCELED without @error when another thread
 * failed.
 */
int unpack_tar_layer(UnpackTar *tar, Error *error);
