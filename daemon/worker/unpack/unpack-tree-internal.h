/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What unpack-tree.c shares with the files below it: unpack-resolve.c (from paths to directories),
 * unpack-clear.c (removing) below that one, and unpack-tree-dirs.c (one directory) below both. And
 * with password-shadow.c and password.c (root's password). Returns are 0, or as told, or a negative
 * errno with @error set.
 */

#include "unpack-nodes.h"
#include "unpack-seen.h"
#include "unpack-tree.h"

/* Among the names that the layer gave, this stands for all that is or will be in a directory. */
#define WHOLE_DIRECTORY "/"

struct UnpackTree {
        UnpackTarget *target; /* borrowed */
        const Limits *limits; /* borrowed */
        UnpackNodes *nodes;   /* owned */
        UnpackSeen *seen;     /* owned; of directories which are not fresh */
        uint64_t layer;       /* 1 is the first */
        uint32_t root_uid, root_gid;
};

/** unpack_tree_implied_meta() - what a directory is that no entry describes */
UnpackMeta unpack_tree_implied_meta(const UnpackTree *tree, const struct timespec *mtime);

/** unpack_tree_open() - a directory in @parent: 1 and its node; 0 when there is nothing; -ENOTDIR without
 * @error */
int unpack_tree_open(
        UnpackTree *tree, UnpackNode *parent, const char *name, UnpackNode **ret, Error *error);

/** unpack_tree_make_dir() - a new directory in @parent; -EEXIST without @error when there is something */
int unpack_tree_make_dir(
        UnpackTree *tree,
        UnpackNode *parent,
        const char *name,
        const UnpackMeta *meta,
        UnpackNode **ret,
        Error *error);

/** unpack_tree_mark_fresh() - all that is in @node is this layer's */
int unpack_tree_mark_fresh(UnpackTree *tree, UnpackNode *node, Error *error);

/**
 * unpack_tree_resolve() - the directory that holds @path, following links inside the root
 * @mtime:      makes the directories that are missing, with this time; NULL: makes none
 *
 * Return: 1 and the node; 0 when there is none, only without @mtime.
 */
int unpack_tree_resolve(
        UnpackTree *tree,
        const UnpackPath *path,
        const struct timespec *mtime,
        UnpackNode **ret,
        Error *error);

/**
 * unpack_tree_find() - what is at @path, following links inside the root, also the last component's
 * @ret:        the directory that holds it
 * @ret_name:   its name there
 *
 * Return: 1; 0 when there is nothing, or when the path ends in ".", ".." or the root.
 */
int unpack_tree_find(
        UnpackTree *tree,
        const char *path,
        UnpackNode **ret,
        char ret_name[static NAME_BYTES_MAX + 1],
        Error *error);

/** unpack_tree_remove() - remove @name in @parent with all that is in it, if it is there */
int unpack_tree_remove(UnpackTree *tree, UnpackNode *parent, const char *name, Error *error);

/** unpack_tree_hide() - remove what the lower layers have at @name in @parent */
int unpack_tree_hide(
        UnpackTree *tree,
        UnpackNode *parent,
        const char *name,
        const struct timespec *mtime,
        Error *error);

/** unpack_tree_hide_content() - remove what the lower layers have in @node */
int unpack_tree_hide_content(
        UnpackTree *tree, UnpackNode *node, const struct timespec *mtime, Error *error);
