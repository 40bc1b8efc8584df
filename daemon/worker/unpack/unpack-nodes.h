/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The target's directories that are open: a cache, least recently used out first. A node is where a
 * directory really is: its parent is the directory that holds it, never a link on the way. A node
 * with nodes below it, or one that is held, stays.
 *
 * A directory whose content changes is marked "touched": it gets its own times back when its node
 * goes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "unpack-target.h"

#define NODES_MAX ((size_t) 192) /* open at a time, unless one path is longer */

typedef struct UnpackNode UnpackNode;

struct UnpackNode {
        UnpackNode *parent; /* NULL for the root, and for a node whose directory has been removed */
        UnpackDir dir;      /* owned */
        UnpackInfo info;
        size_t depth;     /* 0 is the root */
        bool touched;     /* see above */
        bool fresh;       /* no lower layer has anything in it */
        UnpackList *list; /* owned; while its content is being removed, else NULL */
        bool keep;        /* the same: something in it stays */

        size_t n_holds;
        size_t n_children;
        UnpackNode *first_child; /* siblings are linked */
        UnpackNode *next, *previous;
        UnpackNode *newer, *older; /* by use; only of those that may go */
        UnpackNode *chain;         /* in the hash table */
        char name[];               /* in the parent */
};

typedef struct UnpackNodes UnpackNodes;

/** unpack_nodes_new() - open the root; @target is borrowed; *@ret is owned by the caller; 0 or -errno with
 * @error set */
int unpack_nodes_new(UnpackTarget *target, UnpackNodes **ret, Error *error);

/** unpack_nodes_free() - close everything (may be NULL), without writing times */
UnpackNodes *unpack_nodes_free(UnpackNodes *nodes);

/** unpack_nodes_close() - close all but the root, writing the times of what was touched; 0 or -errno with
 * @error set */
int unpack_nodes_close(UnpackNodes *nodes, Error *error);

/** unpack_nodes_flush() - unpack_nodes_close(), and write the root's times; 0 or -errno with @error set */
int unpack_nodes_flush(UnpackNodes *nodes, Error *error);

/** unpack_nodes_root() - the root's node, which never goes */
UnpackNode *unpack_nodes_root(UnpackNodes *nodes);

/** unpack_nodes_find() - the node of @name in @parent when it is in the cache, else NULL */
UnpackNode *unpack_nodes_find(UnpackNodes *nodes, UnpackNode *parent, const char *name);

/**
 * unpack_nodes_add() - take over a directory that was opened
 *
 * Other nodes may go, but not @parent. The new node stays until the next call of this, or longer
 * when it is held.
 *
 * Return: 0; or a negative errno with @error set, and @dir is closed.
 */
int unpack_nodes_add(
        UnpackNodes *nodes,
        UnpackNode *parent,
        const char *name,
        UnpackDir dir,
        const UnpackInfo *info,
        UnpackNode **ret,
        Error *error);

/** unpack_nodes_open() - find, or open and add; Answers of open_dir(): -ENOENT, -ENOTDIR without @error */
int unpack_nodes_open(
        UnpackNodes *nodes, UnpackNode *parent, const char *name, UnpackNode **ret, Error *error);

/** unpack_nodes_drop() - forget @name in @parent, and what is below it: it is about to be removed */
void unpack_nodes_drop(UnpackNodes *nodes, UnpackNode *parent, const char *name);

/** unpack_nodes_hold(), unpack_nodes_release() - keep a node; they nest */
void unpack_nodes_hold(UnpackNodes *nodes, UnpackNode *node);
void unpack_nodes_release(UnpackNodes *nodes, UnpackNode *node);

DEFINE_CLEANUP(UnpackNodes, unpack_nodes_free);
