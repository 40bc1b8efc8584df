/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The open directories of a target: an LRU cache. A node stands for the real place of a directory: its
 * parent is the directory that contains it, never a link that led to it. A node that has nodes below
 * it, or is held, is not evicted.
 *
 * A directory whose content changes is marked "touched": its original times are restored when its node
 * is evicted.
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
        UnpackNode *parent; /* NULL for the root, and once the directory has been removed */
        UnpackDir dir;      /* owned */
        UnpackInfo info;
        size_t depth;     /* 0 is the root */
        bool touched;     /* see above */
        bool fresh;       /* no lower layer has anything in it */
        UnpackList *list; /* owned; while its content is being removed, else NULL */
        bool keep;        /* likewise; some of its content stays */

        size_t n_holds;
        size_t n_children;
        UnpackNode *first_child; /* siblings are linked */
        UnpackNode *next, *previous;
        UnpackNode *newer, *older; /* by use; only nodes that can be evicted */
        UnpackNode *chain;         /* in the hash table */
        char name[];               /* in the parent */
};

typedef struct UnpackNodes UnpackNodes;

/** unpack_nodes_new() - open the root; @target is borrowed; *@ret is owned by the caller */
int unpack_nodes_new(UnpackTarget *target, UnpackNodes **ret, Error *error);

/** unpack_nodes_free() - close everything, without writing times */
UnpackNodes *unpack_nodes_free(UnpackNodes *nodes);

/** unpack_nodes_close() - close all but the root, writing the times of what was touched */
int unpack_nodes_close(UnpackNodes *nodes, Error *error);

/** unpack_nodes_flush() - unpack_nodes_close(), and write the root's times */
int unpack_nodes_flush(UnpackNodes *nodes, Error *error);

/** unpack_nodes_root() - the root's node, which is never evicted */
UnpackNode *unpack_nodes_root(UnpackNodes *nodes);

/** unpack_nodes_find() - the node of @name in @parent if it is in the cache, else NULL */
UnpackNode *unpack_nodes_find(UnpackNodes *nodes, UnpackNode *parent, const char *name);

/**
 * unpack_nodes_add() - take over an open directory; closes it on failure
 *
 * May evict other nodes, but not @parent. The new node stays until the next call, or longer if it is
 * held.
 */
int unpack_nodes_add(
        UnpackNodes *nodes,
        UnpackNode *parent,
        const char *name,
        UnpackDir dir,
        const UnpackInfo *info,
        UnpackNode **ret,
        Error *error);

/** unpack_nodes_open() - find, or open and add; -ENOENT and -ENOTDIR, like open_dir(), without @error */
int unpack_nodes_open(
        UnpackNodes *nodes, UnpackNode *parent, const char *name, UnpackNode **ret, Error *error);

/** unpack_nodes_drop() - forget @name in @parent, and everything below it, before it is removed */
void unpack_nodes_drop(UnpackNodes *nodes, UnpackNode *parent, const char *name);

/** unpack_nodes_hold(), unpack_nodes_release() - keep a node; they nest */
void unpack_nodes_hold(UnpackNodes *nodes, UnpackNode *node);
void unpack_nodes_release(UnpackNodes *nodes, UnpackNode *node);

DEFINE_CLEANUP(UnpackNodes, unpack_nodes_free);
