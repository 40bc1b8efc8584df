/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The directories of a tree, one name at a time. */

#include <errno.h>

#include "unpack-tree-internal.h"

UnpackMeta unpack_tree_implied_meta(const UnpackTree *tree, const struct timespec *mtime) {
        return (UnpackMeta){
                .type = UNPACK_DIRECTORY,
                .mode = 0755,
                .uid = tree->root_uid,
                .gid = tree->root_gid,
                .atime = *mtime,
                .mtime = *mtime,
        };
}

int unpack_tree_mark_fresh(UnpackTree *tree, UnpackNode *node, Error *error) {
        node->fresh = true;
        if (node->parent && node->parent->fresh)
                return 0;
        return unpack_seen_add(tree->seen, node->info.inode, WHOLE_DIRECTORY, error);
}

int unpack_tree_open(
        UnpackTree *tree, UnpackNode *parent, const char *name, UnpackNode **ret, Error *error) {
        UnpackNode *node;
        int r;

        node = unpack_nodes_find(tree->nodes, parent, name);
        if (!node) {
                r = unpack_nodes_open(tree->nodes, parent, name, &node, error);
                if (r == -ENOENT)
                        return 0;
                if (r < 0)
                        return r;

                node->fresh = parent->fresh ||
                              unpack_seen_has(tree->seen, node->info.inode, WHOLE_DIRECTORY);
        }

        *ret = node;
        return 1;
}

int unpack_tree_make_dir(
        UnpackTree *tree,
        UnpackNode *parent,
        const char *name,
        const UnpackMeta *meta,
        UnpackNode **ret,
        Error *error) {
        UnpackInfo info = { 0 };
        UnpackDir dir;
        UnpackNode *node;
        int r;

        if (parent->depth >= tree->limits->depth)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "A path is more than %zu directories deep" LIMIT_KEY("PathDepth"),
                        tree->limits->depth);

        r = tree->target->ops->make_dir(tree->target, parent->dir, name, meta, &dir, &info, error);
        if (r < 0)
                return r;
        parent->touched = true;
        tree->n_made++;

        r = unpack_nodes_add(tree->nodes, parent, name, dir, &info, &node, error);
        if (r < 0)
                return r;
        node->touched = true;

        *ret = node;
        return unpack_tree_mark_fresh(tree, node, error);
}
