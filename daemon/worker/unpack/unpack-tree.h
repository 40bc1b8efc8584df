/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Applies the entries of layers to a root file system, alike for every target: paths and links in them,
 * replacement, whiteouts, hard links, missing parents, and the times of directories.
 *
 *     (unpack_tree_begin_layer, (unpack_tree_entry | unpack_tree_link)*, unpack_tree_end_layer)*,
 *     unpack_tree_flush
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
 * unpack_tree_new() - start with the content of @target
 * @root_uid:   owner of directories that have no entry in the image
 * @ret:        owned by the caller; @target and @limits are borrowed
 */
int unpack_tree_new(
        UnpackTarget *target,
        const Limits *limits,
        uint32_t root_uid,
        uint32_t root_gid,
        UnpackTree **ret,
        Error *error);

/** unpack_tree_free() - release @tree; without unpack_tree_flush() times of directories may be wrong */
UnpackTree *unpack_tree_free(UnpackTree *tree);

/**
 * unpack_tree_begin_layer() - begin the next layer
 *
 * Whiteouts of the first layer remove nothing: the initial content of the target is not a layer.
 */
void unpack_tree_begin_layer(UnpackTree *tree);

/** unpack_tree_end_layer() - the layer is complete */
int unpack_tree_end_layer(UnpackTree *tree, Error *error);

/**
 * unpack_tree_entry() - create the entry, or apply the whiteout that its name means
 * @ret:        a regular file whose content must follow; the caller must finish or discard it
 *
 * Return: 1 and the file; else 0.
 */
int unpack_tree_entry(
        UnpackTree *tree,
        const UnpackPath *path,
        const UnpackMeta *meta,
        UnpackFile **ret,
        Error *error);

/**
 * unpack_tree_link() - make @path a hard link to @from
 * @mtime:      of directories that are created
 */
int unpack_tree_link(
        UnpackTree *tree,
        const UnpackPath *path,
        const UnpackPath *from,
        const struct timespec *mtime,
        Error *error);

/** unpack_tree_n_made() - names that were created, also of directories without an entry: not those that existed, even if
 * they were replaced, and not the root directory */
uint64_t unpack_tree_n_made(const UnpackTree *tree);

/** unpack_tree_flush() - write all pending times */
int unpack_tree_flush(UnpackTree *tree, Error *error);

DEFINE_CLEANUP(UnpackTree, unpack_tree_free);
