/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "unpack-tree-internal.h"

#define LINKS_MAX 40u /* on one path, as in the kernel */

/* The rest of a path, at the end of @buffer, so that the target of a link fits in front. */
typedef struct ResolveWalk {
        char buffer[4 * (PATH_BYTES_MAX + 1)];
        char *rest;
        unsigned n_links;
} ResolveWalk;

static int walk_push(ResolveWalk *walk, const char *text, size_t size, Error *error) {
        if ((size_t) (walk->rest - walk->buffer) < size + 1)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "Symbolic links make a path longer than %zu bytes", sizeof(walk->buffer));

        *--walk->rest = '/';
        walk->rest -= size;
        memcpy(walk->rest, text, size);
        return 0;
}

/* The next component: 1; 0 at the end. */
static int walk_pop(ResolveWalk *walk, char name[static NAME_BYTES_MAX + 1], Error *error) {
        size_t size;

        walk->rest += strspn(walk->rest, "/");
        size = strcspn(walk->rest, "/");
        if (size == 0)
                return 0;
        if (size > NAME_BYTES_MAX)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "A symbolic link contains a name of more than %zu bytes", NAME_BYTES_MAX);

        memcpy(name, walk->rest, size);
        name[size] = '\0';
        walk->rest += size;
        return 1;
}

static int walk_follow(
        UnpackTree *tree, ResolveWalk *walk, UnpackNode **node, const char *name, Error *error) {
        char link[PATH_BYTES_MAX + 1];
        int r;

        if (++walk->n_links > LINKS_MAX)
                return error_set(
                        error, ELOOP, ERROR_UNSAFE_ARCHIVE,
                        "A path goes through more than %u symbolic links", LINKS_MAX);

        r = tree->target->ops->read_link(
                tree->target, (*node)->dir, name, link, sizeof(link), error);
        if (r < 0)
                return r;

        if (link[0] == '/')
                *node = unpack_nodes_root(tree->nodes);
        return walk_push(walk, link, strlen(link), error);
}

/* A non-directory is in the way: 1 if it was a link and is followed, 0 if it was removed, or stays since
 * nothing is to be created. */
static int walk_around(
        UnpackTree *tree,
        ResolveWalk *walk,
        UnpackNode **node,
        const char *name,
        bool make,
        Error *error) {
        UnpackInfo info = { 0 };
        int r;

        r = tree->target->ops->look(tree->target, (*node)->dir, name, &info, error);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (info.type == UNPACK_SYMLINK) {
                r = walk_follow(tree, walk, node, name, error);
                return r < 0 ? r : 1;
        }

        return make ? unpack_tree_remove(tree, *node, name, error) : 0;
}

/* Enters @name from *@node: 1; 0 if it does not exist and is not to be created. */
static int walk_step(
        UnpackTree *tree,
        ResolveWalk *walk,
        UnpackNode **node,
        const char *name,
        const struct timespec *mtime,
        Error *error) {
        UnpackMeta meta;
        UnpackNode *child = NULL;
        int r;

        if (strcmp(name, ".") == 0)
                return 1;
        if (strcmp(name, "..") == 0) {
                if ((*node)->parent)
                        *node = (*node)->parent;
                return 1;
        }

        r = unpack_tree_open(tree, *node, name, &child, error);
        if (r == -ENOTDIR) {
                r = walk_around(tree, walk, node, name, mtime != NULL, error);
                if (r != 0)
                        return r;
        } else if (r < 0)
                return r;
        else if (r > 0) {
                *node = child;
                return 1;
        }

        if (!mtime)
                return 0;

        meta = unpack_tree_implied_meta(tree, mtime);
        r = unpack_tree_make_dir(tree, *node, name, &meta, &child, error);
        if (r == -EEXIST)
                return error_set(
                        error, EEXIST, ERROR_FAILED,
                        "\"%s\" was created by someone else in the meantime", name);
        if (r >= 0 && !(*node)->fresh)
                r = unpack_seen_add(tree->seen, (*node)->info.inode, name, error);
        if (r < 0)
                return r;

        *node = child;
        return 1;
}

static int walk_init(ResolveWalk *walk, const char *text, size_t size, Error *error) {
        walk->n_links = 0;
        walk->rest = walk->buffer + sizeof(walk->buffer) - 1;
        *walk->rest = '\0';
        return walk_push(walk, text, size, error);
}

int unpack_tree_resolve(
        UnpackTree *tree,
        const UnpackPath *path,
        const struct timespec *mtime,
        UnpackNode **ret,
        Error *error) {
        const char *last = unpack_path_name(path);
        char name[NAME_BYTES_MAX + 1];
        UnpackNode *node = unpack_nodes_root(tree->nodes);
        ResolveWalk walk;
        int r;

        r = walk_init(&walk, path->text, (size_t) (last - path->text), error);
        if (r < 0)
                return r;

        while ((r = walk_pop(&walk, name, error)) > 0) {
                r = walk_step(tree, &walk, &node, name, mtime, error);
                if (r <= 0)
                        return r;
        }
        if (r < 0)
                return r;

        *ret = node;
        return 1;
}

static bool walk_is_last(const ResolveWalk *walk) {
        return walk->rest[strspn(walk->rest, "/")] == '\0';
}

int unpack_tree_find(
        UnpackTree *tree,
        const char *path,
        UnpackNode **ret,
        char ret_name[static NAME_BYTES_MAX + 1],
        Error *error) {
        UnpackNode *node = unpack_nodes_root(tree->nodes);
        ResolveWalk walk;
        int r;

        r = walk_init(&walk, path, strlen(path), error);
        if (r < 0)
                return r;

        while ((r = walk_pop(&walk, ret_name, error)) > 0) {
                UnpackInfo info = { 0 };

                if (!walk_is_last(&walk) || strcmp(ret_name, ".") == 0 ||
                    strcmp(ret_name, "..") == 0) {
                        r = walk_step(tree, &walk, &node, ret_name, NULL, error);
                        if (r <= 0)
                                return r;
                        continue;
                }

                r = tree->target->ops->look(tree->target, node->dir, ret_name, &info, error);
                if (r < 0)
                        return r == -ENOENT ? 0 : r;
                if (info.type != UNPACK_SYMLINK) {
                        *ret = node;
                        return 1;
                }

                r = walk_follow(tree, &walk, &node, ret_name, error);
                if (r < 0)
                        return r;
        }

        return r;
}
