/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A tree worker: empties, clones or checks a tree, which takes too long for the daemon itself. */

#include "job-destination.h"
#include "job-process.h"

typedef struct JobTree JobTree;

typedef struct JobTreeEvents {
        /* The worker has ended; the last event. The tree may be freed here. */
        void (*ended)(void *userdata, const Error *error);
} JobTreeEvents;

/**
 * job_tree_start() - start; if the worker is killed while it empties a directory, another one is started
 * @step:       borrowed for the call; job_destination_check_step() must have succeeded for one that empties
 * @events:     borrowed, as is @userdata, as long as the tree
 */
int job_tree_start(
        const JobContext *context,
        const JobDestinationStep *step,
        const JobTreeEvents *events,
        void *userdata,
        JobTree **ret,
        Error *error);

/** job_tree_free() - release @tree */
JobTree *job_tree_free(JobTree *tree);

/** job_tree_has_moved() - whether the worker has done anything since the last call; one that hangs has not */
bool job_tree_has_moved(JobTree *tree);

/** job_tree_stop() - stop it; ended() follows */
void job_tree_stop(JobTree *tree);

DEFINE_CLEANUP(JobTree, job_tree_free);
