/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What unpack-tree.c shares with unpack-resolve.c (from paths to directories), unpack-clear.c
 * (removing), password-shadow.c and password.c (root's password). Returns are 0, or as told,
 * or a negative errno with @error set.
 */

#include "unpack-brought.h"
#include "unpack-nodes.h"
#include "unpack-tree.h"

/* In the set of what the layer brought, this stands for all that is or will be in a directory. */
#define WHOLE_DIRECTORY "/"

struct Tree {
        UnpackTarget *target; /* borrowed */
        const Limits *limits; /* borrowed */
        Nodes *nodes;         /* owned */
        Brought *brought;     /* owned; of directories which are not fresh */
        uint64_t layer;       /* 1 is the first */
        uint32_t root_uid, root_gid;
};

/** tree_implied_meta() - what a directory is that no entry describes */
UnpackMeta tree_implied_meta(const Tree *tree, const struct timespec *mtime);

/** tree_open() - a directory in @parent: 1 and its node; 0 when there is nothing; -ENOTDIR without
 * @error */
int tree_open(Tree *tree, Node *parent, const char *name, Node **ret, Error *error);

/** tree_make_dir() - a new directory in @parent; -EEXIST without @error when there is something */
int tree_make_dir(
        Tree *tree,
        Node *parent,
        const char *name,
        const UnpackMeta *meta,
        Node **ret,
        Error *error);

/** tree_mark_fresh() - all that is in @node is this layer's */
int tree_mark_fresh(Tree *tree, Node *node, Error *error);

/**
 * tree_resolve() - the directory that holds @path, following links inside the root
 * @mtime:      makes the directories that are missing, with this time; NULL: makes none
 *
 * Return: 1 and the node; 0 when there is none, only without @mtime.
 */
int tree_resolve(
        Tree *tree, const UnpackPath *path, const struct timespec *mtime, Node **ret, Error *error);

/**
 * tree_find() - what is at @path, following links inside the root, also the last component's
 * @ret:        the directory that holds it
 * @ret_name:   its name there
 *
 * Return: 1; 0 when there is nothing, or when the path ends in ".", ".." or the root.
 */
int tree_find(
        Tree *tree,
        const char *path,
        Node **ret,
        char ret_name[static NAME_BYTES_MAX + 1],
        Error *error);

/** tree_remove() - remove @name in @parent with all that is in it, if it is there */
int tree_remove(Tree *tree, Node *parent, const char *name, Error *error);

/** tree_hide() - remove what the lower layers have at @name in @parent */
int tree_hide(
        Tree *tree, Node *parent, const char *name, const struct timespec *mtime, Error *error);

/** tree_hide_content() - remove what the lower layers have in @node */
int tree_hide_content(Tree *tree, Node *node, const struct timespec *mtime, Error *error);
