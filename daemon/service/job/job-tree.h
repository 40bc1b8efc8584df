/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree worker: empties, clones or checks a tree, which takes too long for the daemon itself. */

#include "job-destination.h"
#include "job-process.h"

typedef struct JobTree JobTree;

typedef struct JobTreeEvents {
        /* The worker is gone; as the last thing. The tree may be freed here. */
        void (*ended)(void *userdata, const Error *error);
} JobTreeEvents;

/**
 * job_tree_start() - start; a worker that is killed while it empties a directory is followed by another one
 * @step:       borrowed for the call: with a target it is cloned, else emptied, as job_destination_check_step() has
 *              allowed
 * @events:     borrowed, as is @userdata, as long as the tree
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_tree_start(
        const JobContext *context,
        const JobDestinationStep *step,
        const JobTreeEvents *events,
        void *userdata,
        JobTree **ret,
        Error *error);

/** job_tree_free() - release @tree (may be NULL) */
JobTree *job_tree_free(JobTree *tree);

/** job_tree_has_moved() - whether the worker has done anything since this was asked last: one that hangs has not */
bool job_tree_has_moved(JobTree *tree);

/** job_tree_stop() - end it; ended() follows */
void job_tree_stop(JobTree *tree);

DEFINE_CLEANUP(JobTree, job_tree_free);
