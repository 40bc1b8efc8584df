/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "unpack-tree-internal.h"

/* Removes content of a directory, down and up again along its nodes. */
typedef struct Clear {
        UnpackTree *tree;             /* borrowed */
        bool all;                     /* also what the layer has brought */
        const struct timespec *mtime; /* borrowed; of directories kept for their content */
} Clear;

static int clear_enter(const Clear *clear, UnpackNode *node, Error *error) {
        UnpackTarget *target = clear->tree->target;

        node->keep = false;
        return target->ops->list_open(target, node->dir, &node->list, error);
}

/* -ENOTEMPTY is an answer for directories. */
static int unlink_name(
        UnpackTree *tree, UnpackNode *parent, const char *name, bool is_dir, Error *error) {
        int r;

        r = tree->target->ops->remove(tree->target, parent->dir, name, is_dir, error);
        if (r >= 0)
                parent->touched = true;
        return r;
}

/* Whether it belongs to this layer, and stays. */
static bool is_own(const Clear *clear, const UnpackNode *parent, const char *name) {
        return !clear->all && unpack_seen_has(clear->tree->seen, parent->info.inode, name);
}

/* Removes an empty directory, or records that it stays. */
static int clear_leave(const Clear *clear, UnpackNode *node, Error *error) {
        UnpackTree *tree = clear->tree;
        UnpackNode *parent = node->parent;
        const bool own = is_own(clear, parent, node->name);
        UnpackMeta meta;
        char name[NAME_BYTES_MAX + 1];
        int r;

        if (!own && !node->keep) {
                assert(strlen(node->name) < sizeof(name));
                memcpy(name, node->name, strlen(node->name) + 1);
                unpack_nodes_drop(tree->nodes, parent, name);
                r = unlink_name(tree, parent, name, true, error);
                return r == -ENOTEMPTY ? error_set(
                                                 error, ENOTEMPTY, ERROR_FAILED,
                                                 "Cannot empty \"%s\"", name)
                                       : r;
        }

        parent->keep = true;
        if (!own) {
                meta = unpack_tree_implied_meta(tree, clear->mtime);
                node->touched = true;
                r = tree->target->ops->merge_dir(
                        tree->target, &node->dir, &meta, &node->info, error);
                if (r < 0)
                        return r;
        }
        return unpack_tree_mark_fresh(tree, node, error);
}

/* Removes a name in @node: 0; or 1 if the content of *@ret must be removed first. */
static int clear_name(
        const Clear *clear,
        UnpackNode *node,
        const char *name,
        UnpackType type,
        UnpackNode **ret,
        Error *error) {
        UnpackTree *tree = clear->tree;
        UnpackNode *child;
        bool own;
        int r;

        /* Another marker has emptied it, and its content now belongs to the layer. */
        if (node->fresh && !clear->all) {
                node->keep = true;
                return 0;
        }

        own = is_own(clear, node, name);
        if (type != UNPACK_DIRECTORY) {
                node->keep = node->keep || own;
                return own ? 0 : unlink_name(tree, node, name, false, error);
        }

        /* Most directories that are removed whole are empty by now, or always were. */
        if (!own && !unpack_nodes_find(tree->nodes, node, name)) {
                r = unlink_name(tree, node, name, true, error);
                if (r != -ENOTEMPTY)
                        return r;
        }

        r = unpack_tree_open(tree, node, name, &child, error);
        if (r == -ENOTDIR || r == 0)
                return error_set(
                        error, ENOTDIR, ERROR_FAILED, "\"%s\" changed while it was being removed",
                        name);
        if (r < 0)
                return r;
        if (own && child->fresh) {
                node->keep = true;
                return 0;
        }

        *ret = child;
        return 1;
}

/* Afterwards @top->keep says whether something is left in it. */
static int clear_content(const Clear *clear, UnpackNode *top, Error *error) {
        UnpackTarget *target = clear->tree->target;
        UnpackNode *node = top;
        int r;

        r = clear_enter(clear, node, error);
        while (r >= 0) {
                UnpackType type = UNPACK_REGULAR;
                const char *name;

                r = target->ops->list_next(target, node->list, &name, &type, error);
                if (r > 0) {
                        r = clear_name(clear, node, name, type, &node, error);
                        if (r > 0)
                                r = clear_enter(clear, node, error);
                } else if (r == 0) {
                        UnpackNode *parent = node->parent;

                        target->ops->list_close(target, node->list);
                        node->list = NULL;
                        if (node == top)
                                return 0;
                        r = clear_leave(clear, node, error);
                        node = parent;
                }
        }

        return r;
}

/* Removes @name in @parent, and its content, as far as @clear permits. */
static int clear_entry(const Clear *clear, UnpackNode *parent, const char *name, Error *error) {
        UnpackTree *tree = clear->tree;
        UnpackInfo info = { 0 };
        UnpackNode *node;
        int r;

        r = tree->target->ops->look(tree->target, parent->dir, name, &info, error);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;

        r = clear_name(clear, parent, name, info.type, &node, error);
        if (r <= 0)
                return r;

        r = clear_content(clear, node, error);
        return r < 0 ? r : clear_leave(clear, node, error);
}

int unpack_tree_remove(UnpackTree *tree, UnpackNode *parent, const char *name, Error *error) {
        static const struct timespec never = { 0 };
        const Clear clear = { .tree = tree, .all = true, .mtime = &never };

        return clear_entry(&clear, parent, name, error);
}

int unpack_tree_hide(
        UnpackTree *tree,
        UnpackNode *parent,
        const char *name,
        const struct timespec *mtime,
        Error *error) {
        const Clear clear = { .tree = tree, .mtime = mtime };

        return parent->fresh ? 0 : clear_entry(&clear, parent, name, error);
}

int unpack_tree_hide_content(
        UnpackTree *tree, UnpackNode *node, const struct timespec *mtime, Error *error) {
        const Clear clear = { .tree = tree, .mtime = mtime };
        int r;

        if (node->fresh)
                return 0;

        r = clear_content(&clear, node, error);
        return r < 0 ? r : unpack_tree_mark_fresh(tree, node, error);
}
