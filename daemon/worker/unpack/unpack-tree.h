/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the entries of layers do to a root file system, for every target alike: paths and the links
 * in them, what replaces what, whiteouts, hard links, missing parents, whose times are kept.
 *
 *     (unpack_tree_begin_layer, (unpack_tree_entry (tree_write*, tree_finish)? | tree_link)*, tree_end_layer)*,
 *     tree_flush
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "base-limits.h"
#include "unpack-path.h"
#include "unpack-target.h"

typedef struct UnpackTree UnpackTree;

/**
 * unpack_tree_new() - start with what @target holds
 * @root_uid:   owner of directories that an image forgot
 * @ret:        owned by the caller; @target and @limits are borrowed
 *
 * Return: 0 or a negative errno with @error set.
 */
int unpack_tree_new(
        UnpackTarget *target,
        const Limits *limits,
        uint32_t root_uid,
        uint32_t root_gid,
        UnpackTree **ret,
        Error *error);

/** unpack_tree_free() - release @tree (may be NULL); times of directories may be wrong without
 * unpack_tree_flush() */
UnpackTree *unpack_tree_free(UnpackTree *tree);

/**
 * unpack_tree_begin_layer() - what comes from now on is another layer
 *
 * The whiteouts of the first layer remove nothing: what is in the target already is no layer.
 */
void unpack_tree_begin_layer(UnpackTree *tree);

/** unpack_tree_end_layer() - the layer is complete; returns 0 or -errno with @error set */
int unpack_tree_end_layer(UnpackTree *tree, Error *error);

/**
 * unpack_tree_entry() - make what an entry says, or remove what its name says
 *
 * Return: 1 when the content of a regular file has to follow: unpack_tree_write(), unpack_tree_finish(); 0 when
 * it is done; or a negative errno with @error set.
 */
int unpack_tree_entry(
        UnpackTree *tree, const UnpackPath *path, const UnpackMeta *meta, Error *error);

/** unpack_tree_write() - content of the file, at rising offsets; returns 0 or -errno with @error set */
int unpack_tree_write(
        UnpackTree *tree, uint64_t offset, const void *data, size_t size, Error *error);

/** unpack_tree_finish() - the file is whole; @meta as in unpack_tree_entry(); returns 0 or -errno with @error set
 */
int unpack_tree_finish(UnpackTree *tree, const UnpackMeta *meta, Error *error);

/**
 * unpack_tree_link() - make @path another name of what is at @from
 * @mtime:      for directories that have to be made
 *
 * Return: 0 or a negative errno with @error set.
 */
int unpack_tree_link(
        UnpackTree *tree,
        const UnpackPath *path,
        const UnpackPath *from,
        const struct timespec *mtime,
        Error *error);

/** unpack_tree_flush() - write all times that are still to be written; returns 0 or -errno with @error set
 */
int unpack_tree_flush(UnpackTree *tree, Error *error);

DEFINE_CLEANUP(UnpackTree, unpack_tree_free);
