/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by unpack-tree.c and the files below it: unpack-resolve.c (from paths to directories), below it
 * unpack-clear.c (removing), and below both unpack-tree-dirs.c (one directory). password-shadow.c and
 * password.c (root's password) use it, too.
 */

#include "unpack-nodes.h"
#include "unpack-seen.h"
#include "unpack-tree.h"

/* Among the names that the layer has brought: everything that is or will be in a directory. */
#define WHOLE_DIRECTORY "/"

struct UnpackTree {
        UnpackTarget *target; /* borrowed */
        const Limits *limits; /* borrowed */
        UnpackNodes *nodes;   /* owned */
        UnpackSeen *seen;     /* owned; of directories that are not fresh */
        uint64_t layer;       /* 1 is the first */
        uint64_t n_made;      /* see unpack_tree_n_made() */
        uint32_t root_uid, root_gid;
};

/** unpack_tree_implied_meta() - metadata of a directory that no entry describes */
UnpackMeta unpack_tree_implied_meta(const UnpackTree *tree, const struct timespec *mtime);

/** unpack_tree_open() - open a directory in @parent: 1 and its node; 0 if nothing exists; -ENOTDIR without
 * @error */
int unpack_tree_open(
        UnpackTree *tree, UnpackNode *parent, const char *name, UnpackNode **ret, Error *error);

/** unpack_tree_make_dir() - create a directory in @parent; -EEXIST without @error if the name exists */
int unpack_tree_make_dir(
        UnpackTree *tree,
        UnpackNode *parent,
        const char *name,
        const UnpackMeta *meta,
        UnpackNode **ret,
        Error *error);

/** unpack_tree_mark_fresh() - everything in @node belongs to this layer */
int unpack_tree_mark_fresh(UnpackTree *tree, UnpackNode *node, Error *error);

/**
 * unpack_tree_resolve() - find the directory that contains @path, following links inside the root
 * @mtime:      create missing directories, with this time; NULL: create none
 *
 * Return: 1 and the node; 0 if it does not exist, only without @mtime.
 */
int unpack_tree_resolve(
        UnpackTree *tree,
        const UnpackPath *path,
        const struct timespec *mtime,
        UnpackNode **ret,
        Error *error);

/**
 * unpack_tree_find() - find @path, following links inside the root, including the last component
 * @ret:        the directory that contains it
 * @ret_name:   its name there
 *
 * Return: 1; 0 if nothing exists, or if the path ends in ".", ".." or the root.
 */
int unpack_tree_find(
        UnpackTree *tree,
        const char *path,
        UnpackNode **ret,
        char ret_name[static NAME_BYTES_MAX + 1],
        Error *error);

/** unpack_tree_remove() - remove @name in @parent and its content, if it exists */
int unpack_tree_remove(UnpackTree *tree, UnpackNode *parent, const char *name, Error *error);

/** unpack_tree_hide() - remove what lower layers have at @name in @parent */
int unpack_tree_hide(
        UnpackTree *tree,
        UnpackNode *parent,
        const char *name,
        const struct timespec *mtime,
        Error *error);

/** unpack_tree_hide_content() - remove what lower layers have in @node */
int unpack_tree_hide_content(
        UnpackTree *tree, UnpackNode *node, const struct timespec *mtime, Error *error);
