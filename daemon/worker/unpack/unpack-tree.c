/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "unpack-tree-internal.h"

int unpack_tree_new(
        UnpackTarget *target,
        const Limits *limits,
        uint32_t root_uid,
        uint32_t root_gid,
        UnpackTree **ret,
        Error *error) {
        _cleanup_(unpack_tree_freep) UnpackTree *tree = NULL;
        int r;

        tree = calloc(1, sizeof(*tree));
        if (!tree)
                return error_oom(error);

        tree->target = target;
        tree->limits = limits;
        tree->root_uid = root_uid;
        tree->root_gid = root_gid;

        r = unpack_seen_new(UNPACK_SEEN_MAX, &tree->seen, error);
        if (r < 0)
                return r;
        r = unpack_nodes_new(target, &tree->nodes, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(tree);
        return 0;
}

UnpackTree *unpack_tree_free(UnpackTree *tree) {
        if (!tree)
                return NULL;

        unpack_nodes_free(tree->nodes);
        unpack_seen_free(tree->seen);
        free(tree);
        return NULL;
}

void unpack_tree_begin_layer(UnpackTree *tree) {
        tree->layer++;
        unpack_nodes_root(tree->nodes)->fresh = tree->layer == 1;
}

int unpack_tree_end_layer(UnpackTree *tree, Error *error) {
        const UnpackTargetOps *ops = tree->target->ops;
        int r;

        /* Directories that are fresh in this layer are not in the next. */
        unpack_seen_clear(tree->seen);
        if (!ops->end_layer)
                return unpack_nodes_close(tree->nodes, error);

        r = unpack_nodes_flush(tree->nodes, error);
        return r < 0 ? r : ops->end_layer(tree->target, error);
}

int unpack_tree_flush(UnpackTree *tree, Error *error) {
        return unpack_nodes_flush(tree->nodes, error);
}

static int opaque(
        UnpackTree *tree, const UnpackPath *path, const struct timespec *mtime, Error *error) {
        UnpackNode *node;
        int r;

        r = unpack_tree_resolve(tree, path, NULL, &node, error);
        return r <= 0 ? r : unpack_tree_hide_content(tree, node, mtime, error);
}

static int whiteout(
        UnpackTree *tree,
        const UnpackPath *path,
        const char *name,
        const struct timespec *mtime,
        Error *error) {
        UnpackNode *parent;
        int r;

        r = unpack_tree_resolve(tree, path, NULL, &parent, error);
        return r <= 0 ? r : unpack_tree_hide(tree, parent, name, mtime, error);
}

/* Only its name makes an entry a whiteout: 1 if it was one, and is done. */
static int apply_whiteout(
        UnpackTree *tree, const UnpackPath *path, const struct timespec *mtime, Error *error) {
        const char *name = NULL;
        int r = 0;

        switch (unpack_whiteout_parse(path, &name)) {
        case WHITEOUT_NONE:
                return 0;
        case WHITEOUT_SKIP:
                break;
        case WHITEOUT_NAME:
                r = whiteout(tree, path, name, mtime, error);
                break;
        case WHITEOUT_OPAQUE:
                r = opaque(tree, path, mtime, error);
                break;
        case WHITEOUT_INVALID:
        case _WHITEOUT_KIND_MAX:
                return error_set(
                        error, EINVAL, ERROR_UNSAFE_ARCHIVE,
                        "A whiteout would remove the directory that it is in");
        }

        return r < 0 ? r : 1;
}

/* Records that the layer has brought a name. */
static int note_name(UnpackTree *tree, UnpackNode *parent, const char *name, Error *error) {
        parent->touched = true;
        return parent->fresh ? 0 : unpack_seen_add(tree->seen, parent->info.inode, name, error);
}

static int merge_node(UnpackTree *tree, UnpackNode *node, const UnpackMeta *meta, Error *error) {
        node->touched = true;
        return tree->target->ops->merge_dir(tree->target, &node->dir, meta, &node->info, error);
}

static int place_directory(
        UnpackTree *tree,
        UnpackNode *parent,
        const char *name,
        const UnpackMeta *meta,
        Error *error) {
        UnpackNode *node;
        int r;

        node = unpack_nodes_find(tree->nodes, parent, name);
        if (node)
                return merge_node(tree, node, meta, error);

        r = unpack_tree_make_dir(tree, parent, name, meta, &node, error);
        if (r != -EEXIST)
                return r;

        r = unpack_tree_open(tree, parent, name, &node, error);
        if (r > 0)
                return merge_node(tree, node, meta, error);
        return r == 0 ? -EEXIST : r == -ENOTDIR ? -EEXIST : r;
}

/* Answer: -EEXIST; 1 if it was left out. */
static int place(
        UnpackTree *tree,
        UnpackNode *parent,
        const char *name,
        const UnpackMeta *meta,
        UnpackFile **ret,
        Error *error) {
        UnpackTarget *target = tree->target;

        switch (meta->type) {
        case UNPACK_REGULAR:
                return target->ops->create(target, parent->dir, name, meta, ret, error);
        case UNPACK_DIRECTORY:
                return place_directory(tree, parent, name, meta, error);
        case UNPACK_SYMLINK:
        case UNPACK_CHARACTER_DEVICE:
        case UNPACK_BLOCK_DEVICE:
        case UNPACK_FIFO:
                return target->ops->make(target, parent->dir, name, meta, error);
        case UNPACK_SOCKET:
        case _UNPACK_TYPE_MAX:
                break;
        }

        unpack_target_warn(target, "Sockets are left out");
        return 1;
}

static int root_entry(UnpackTree *tree, const UnpackMeta *meta, Error *error) {
        if (meta->type != UNPACK_DIRECTORY)
                return error_set(
                        error, EINVAL, ERROR_UNSAFE_ARCHIVE,
                        "An entry would replace the root directory");
        return merge_node(tree, unpack_nodes_root(tree->nodes), meta, error);
}

int unpack_tree_entry(
        UnpackTree *tree,
        const UnpackPath *path,
        const UnpackMeta *meta,
        UnpackFile **ret,
        Error *error) {
        const char *name = unpack_path_name(path);
        UnpackNode *parent;
        bool is_new;
        int r;

        if (path->n_components == 0)
                return root_entry(tree, meta, error);

        r = apply_whiteout(tree, path, &meta->mtime, error);
        if (r != 0)
                return r < 0 ? r : 0;

        r = unpack_tree_resolve(tree, path, &meta->mtime, &parent, error);
        if (r < 0)
                return r;

        r = place(tree, parent, name, meta, ret, error);
        is_new = r == 0 && meta->type != UNPACK_DIRECTORY;
        if (r == -EEXIST || r == 1) {
                const bool left_out = r == 1;

                r = unpack_tree_remove(tree, parent, name, error);
                if (r >= 0 && !left_out)
                        r = place(tree, parent, name, meta, ret, error);
                if (r == -EEXIST)
                        return error_set(
                                error, EEXIST, ERROR_FAILED,
                                "It was created by someone else in the meantime");
                if (r >= 0 && left_out)
                        return note_name(tree, parent, name, error);
        }
        if (r < 0)
                return r;

        tree->n_made += is_new;
        r = note_name(tree, parent, name, error);
        if (meta->type != UNPACK_REGULAR)
                return r;
        if (r < 0)
                unpack_target_discard(tree->target, *ret);
        return r < 0 ? r : 1;
}

/* The directory of the target of a hard link. */
static int find_link_target(
        UnpackTree *tree, const UnpackPath *from, UnpackNode **ret, Error *error) {
        UnpackInfo info = { 0 };
        UnpackNode *node;
        int r;

        r = unpack_tree_resolve(tree, from, NULL, &node, error);
        if (r < 0)
                return r;
        if (r > 0 && from->n_components > 0) {
                r = tree->target->ops->look(
                        tree->target, node->dir, unpack_path_name(from), &info, error);
                if (r < 0 && r != -ENOENT)
                        return r;
        } else
                r = -ENOENT;

        if (r == -ENOENT)
                return error_set(
                        error, ENOENT, ERROR_CORRUPT_ARCHIVE,
                        "It is a hard link to \"%s\", which does not exist", from->text);
        if (info.type == UNPACK_DIRECTORY)
                return error_set(
                        error, EPERM, ERROR_UNSAFE_ARCHIVE,
                        "It is a hard link to \"%s\", which is a directory", from->text);

        *ret = node;
        return 0;
}

/* Answer: -EEXIST, and *@ret is its intended directory. */
static int try_link(
        UnpackTree *tree,
        const UnpackPath *path,
        const UnpackPath *from,
        const struct timespec *mtime,
        UnpackNode **ret,
        Error *error) {
        const char *name = unpack_path_name(path), *from_name = unpack_path_name(from);
        UnpackNode *parent = NULL, *from_parent = NULL;
        int r;

        r = find_link_target(tree, from, &from_parent, error);
        if (r < 0)
                return r;

        unpack_nodes_hold(tree->nodes, from_parent);
        r = unpack_tree_resolve(tree, path, mtime, &parent, error);
        unpack_nodes_release(tree->nodes, from_parent);
        if (r < 0)
                return r;

        *ret = parent;
        if (parent == from_parent && strcmp(name, from_name) == 0)
                return 0;

        r = tree->target->ops->link(
                tree->target, from_parent->dir, from_name, parent->dir, name, error);
        if (r == -ENOENT)
                return error_set(
                        error, ENOENT, ERROR_CORRUPT_ARCHIVE,
                        "It is a hard link to \"%s\", which does not exist", from->text);
        return r;
}

int unpack_tree_link(
        UnpackTree *tree,
        const UnpackPath *path,
        const UnpackPath *from,
        const struct timespec *mtime,
        Error *error) {
        const char *name = unpack_path_name(path);
        UnpackNode *parent = NULL;
        bool is_new;
        int r;

        if (path->n_components == 0)
                return error_set(
                        error, EINVAL, ERROR_UNSAFE_ARCHIVE,
                        "An entry would replace the root directory");

        r = apply_whiteout(tree, path, mtime, error);
        if (r != 0)
                return r < 0 ? r : 0;

        r = try_link(tree, path, from, mtime, &parent, error);
        is_new = r == 0;
        if (r == -EEXIST) {
                r = unpack_tree_remove(tree, parent, name, error);
                if (r >= 0)
                        r = try_link(tree, path, from, mtime, &parent, error);
                if (r == -EEXIST)
                        return error_set(
                                error, EEXIST, ERROR_FAILED,
                                "It was created by someone else in the meantime");
        }

        if (r < 0)
                return r;

        tree->n_made += is_new;
        return note_name(tree, parent, name, error);
}

uint64_t unpack_tree_n_made(const UnpackTree *tree) {
        return tree->n_made;
}
