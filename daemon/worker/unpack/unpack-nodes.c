/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "unpack-nodes.h"

#define BUCKETS ((size_t) 512) /* a power of two */

struct UnpackNodes {
        UnpackTarget *target; /* borrowed */
        UnpackNode *root;     /* owned, with all below it */
        UnpackNode *newest, *oldest;
        size_t n_nodes;
        UnpackNode *buckets[BUCKETS];
};

static size_t node_bucket(const UnpackNode *parent, const char *name) {
        uint64_t hash = (uint64_t) (uintptr_t) parent >> 4;

        for (; *name != '\0'; name++)
                hash = (hash ^ (uint8_t) *name) * UINT64_C(0x100000001b3);
        return (size_t) (hash ^ hash >> 32) & (BUCKETS - 1);
}

static bool may_go(const UnpackNode *node) {
        return node->n_children == 0 && node->n_holds == 0 && node->depth > 0;
}

static void use_unlink(UnpackNodes *nodes, UnpackNode *node) {
        if (node->newer)
                node->newer->older = node->older;
        else if (nodes->newest == node)
                nodes->newest = node->older;
        if (node->older)
                node->older->newer = node->newer;
        else if (nodes->oldest == node)
                nodes->oldest = node->newer;
        node->newer = node->older = NULL;
}

static void use_link(UnpackNodes *nodes, UnpackNode *node) {
        node->older = nodes->newest;
        if (nodes->newest)
                nodes->newest->newer = node;
        nodes->newest = node;
        if (!nodes->oldest)
                nodes->oldest = node;
}

/* Call this after changing anything that may_go() checks, and on use. */
static void use_update(UnpackNodes *nodes, UnpackNode *node) {
        use_unlink(nodes, node);
        if (may_go(node))
                use_link(nodes, node);
}

static void family_link(UnpackNodes *nodes, UnpackNode *node, UnpackNode *parent) {
        UnpackNode **bucket = &nodes->buckets[node_bucket(parent, node->name)];

        node->parent = parent;
        node->next = parent->first_child;
        if (node->next)
                node->next->previous = node;
        parent->first_child = node;
        parent->n_children++;
        use_update(nodes, parent);

        node->chain = *bucket;
        *bucket = node;
}

static void family_unlink(UnpackNodes *nodes, UnpackNode *node) {
        UnpackNode **link = &nodes->buckets[node_bucket(node->parent, node->name)];

        while (*link != node)
                link = &(*link)->chain;
        *link = node->chain;

        if (node->previous)
                node->previous->next = node->next;
        else
                node->parent->first_child = node->next;
        if (node->next)
                node->next->previous = node->previous;
        node->parent->n_children--;
        use_update(nodes, node->parent);
}

/* Closes and frees a node without children. */
static int node_close(UnpackNodes *nodes, UnpackNode *node, bool flush, Error *error) {
        const UnpackTargetOps *ops = nodes->target->ops;
        int r;

        assert(node->n_children == 0);

        if (node->list)
                ops->list_close(nodes->target, node->list);
        use_unlink(nodes, node);
        if (node->parent)
                family_unlink(nodes, node);
        r = ops->close_dir(nodes->target, node->dir, &node->info, flush && node->touched, error);
        nodes->n_nodes--;
        free(node);
        return r;
}

int unpack_nodes_new(UnpackTarget *target, UnpackNodes **ret, Error *error) {
        _cleanup_(unpack_nodes_freep) UnpackNodes *nodes = NULL;
        UnpackNode *root;
        int r;

        nodes = calloc(1, sizeof(*nodes));
        root = calloc(1, sizeof(*root) + 1);
        if (!nodes || !root) {
                free(root);
                return error_oom(error);
        }

        r = target->ops->open_root(target, &root->dir, &root->info, error);
        if (r < 0) {
                free(root);
                return r;
        }

        nodes->target = target;
        nodes->root = root;
        nodes->n_nodes = 1;
        *ret = TAKE_PTR(nodes);
        return 0;
}

/* From the leaves up, without recursion: a path may be long. */
static int close_below(UnpackNodes *nodes, UnpackNode *top, bool flush, Error *error) {
        UnpackNode *node = top;
        int r;

        for (;;) {
                UnpackNode *parent;

                while (node->first_child)
                        node = node->first_child;
                if (node == top)
                        return 0;

                parent = node->parent;
                r = node_close(nodes, node, flush, error);
                if (r < 0)
                        return r;
                node = parent;
        }
}

UnpackNodes *unpack_nodes_free(UnpackNodes *nodes) {
        if (!nodes)
                return NULL;

        if (nodes->root) {
                (void) close_below(nodes, nodes->root, false, NULL);
                (void) node_close(nodes, nodes->root, false, NULL);
        }
        free(nodes);
        return NULL;
}

int unpack_nodes_close(UnpackNodes *nodes, Error *error) {
        return close_below(nodes, nodes->root, true, error);
}

int unpack_nodes_flush(UnpackNodes *nodes, Error *error) {
        UnpackNode *root = nodes->root;
        int r;

        r = unpack_nodes_close(nodes, error);
        if (r < 0)
                return r;

        r = nodes->target->ops->close_dir(
                nodes->target, root->dir, &root->info, root->touched, error);
        root->touched = false;
        return r;
}

UnpackNode *unpack_nodes_root(UnpackNodes *nodes) {
        return nodes->root;
}

UnpackNode *unpack_nodes_find(UnpackNodes *nodes, UnpackNode *parent, const char *name) {
        UnpackNode *node = nodes->buckets[node_bucket(parent, name)];

        while (node && (node->parent != parent || strcmp(node->name, name) != 0))
                node = node->chain;
        if (node)
                use_update(nodes, node);
        return node;
}

int unpack_nodes_add(
        UnpackNodes *nodes,
        UnpackNode *parent,
        const char *name,
        UnpackDir dir,
        const UnpackInfo *info,
        UnpackNode **ret,
        Error *error) {
        const size_t size = strlen(name) + 1;
        UnpackNode *node;
        int r;

        node = calloc(1, sizeof(*node) + size);
        if (!node) {
                (void) nodes->target->ops->close_dir(nodes->target, dir, info, false, NULL);
                return error_oom(error);
        }

        node->dir = dir;
        node->info = *info;
        node->depth = parent->depth + 1;
        memcpy(node->name, name, size);
        family_link(nodes, node, parent);
        nodes->n_nodes++;

        /* The new node is not a candidate yet. */
        while (nodes->n_nodes > NODES_MAX && nodes->oldest) {
                r = node_close(nodes, nodes->oldest, true, error);
                if (r < 0) {
                        (void) node_close(nodes, node, false, NULL);
                        return r;
                }
        }

        use_update(nodes, node);
        *ret = node;
        return 0;
}

int unpack_nodes_open(
        UnpackNodes *nodes, UnpackNode *parent, const char *name, UnpackNode **ret, Error *error) {
        UnpackInfo info = { 0 };
        UnpackDir dir;
        UnpackNode *node;
        int r;

        node = unpack_nodes_find(nodes, parent, name);
        if (node) {
                *ret = node;
                return 0;
        }

        r = nodes->target->ops->open_dir(nodes->target, parent->dir, name, &dir, &info, error);
        if (r < 0)
                return r;

        return unpack_nodes_add(nodes, parent, name, dir, &info, ret, error);
}

void unpack_nodes_drop(UnpackNodes *nodes, UnpackNode *parent, const char *name) {
        UnpackNode *node = unpack_nodes_find(nodes, parent, name);

        if (!node)
                return;

        (void) close_below(nodes, node, false, NULL);
        (void) node_close(nodes, node, false, NULL);
}

void unpack_nodes_hold(UnpackNodes *nodes, UnpackNode *node) {
        node->n_holds++;
        use_update(nodes, node);
}

void unpack_nodes_release(UnpackNodes *nodes, UnpackNode *node) {
        assert(node->n_holds > 0);
        node->n_holds--;
        use_update(nodes, node);
}
