/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree worker: empties, clones or checks a tree, which takes too long for the daemon itself. */

#include "job-destination.h"
#include "job-process.h"

typedef struct Tree Tree;

typedef struct TreeEvents {
        /* The worker is gone; as the last thing. The tree may be freed here. */
        void (*ended)(void *userdata, const Error *error);
} TreeEvents;

/**
 * tree_start() - start; a worker that is killed while it empties a directory is followed by another one
 * @step:       borrowed for the call: with a target it is cloned, else emptied, as destination_check_step() has
 *              allowed
 * @events:     borrowed, as is @userdata, as long as the tree
 *
 * Return: 0, or a negative errno with @error set.
 */
int tree_start(
        const ProcessContext *context,
        const DestinationStep *step,
        const TreeEvents *events,
        void *userdata,
        Tree **ret,
        Error *error);

/** tree_free() - release @tree (may be NULL) */
Tree *tree_free(Tree *tree);

/** tree_stop() - end it; ended() follows */
void tree_stop(Tree *tree);

DEFINE_CLEANUP(Tree, tree_free);
