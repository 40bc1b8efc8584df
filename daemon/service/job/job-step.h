/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is done with a destination, each for a thread of job-task.h: all of it may take for ever, since it touches
 * the file systems of others. In between, tree workers do what takes long.
 */

#include "job-destination.h"
#include "job-disk.h"
#include "job-task.h"

/* From when a job is to end until a step of it is given up. */
#define JOB_STEP_PATIENCE_USEC UINT64_C(10000000)

/* What a step works on: the thread's alone as long as there is one. */
typedef struct JobStepData {
        Store *store;                  /* borrowed */
        char id[STORE_JOURNAL_ID_MAX]; /* of the entry in the journal, for job_step_recover() */
        JobDestination *destination;   /* owned; NULL before job_step_recover() */
        JobDisk *disk;                 /* owned; images below @destination, or NULL */
        bool has_next;                 /* whether a tree worker is to do something now, */
        JobDestinationStep next;       /* and what; borrowed from @destination */
        bool is_exchanged; /* job_destination_has_exchanged(): when something fails, it is to be taken back */
        bool lends_rights; /* job_destination_lends_rights(), once it is being cleaned up */
} JobStepData;

/**
 * job_step_data_new() - what a job's steps work on
 * @destination: taken over on success
 *
 * Return: NULL without memory.
 */
JobStepData *job_step_data_new(Store *store, JobDestination *destination);

/** job_step_data_free() - release @data (may be NULL) */
JobStepData *job_step_data_free(JobStepData *data);

/** job_step_give_up() - end @task, which has @data, and make nothing visible any more; what is at the destination is
 * left to the next daemon */
JobTask *job_step_give_up(JobTask *task, JobStepData *data);

/* For a JobTaskOperation, whose data is a JobStepData. */
void job_step_release(void *data);

/* job_step_prepare() - job_destination_prepare(); next, a clone may be to be made */
int job_step_prepare(JobTask *task, void *data, Error *error);

/* job_step_make_disk() - job_disk_make() */
int job_step_make_disk(JobTask *task, void *data, Error *error);

/* job_step_close_disk_layer() - job_disk_close_layer() */
int job_step_close_disk_layer(JobTask *task, void *data, Error *error);

/* job_step_commit() - job_disk_finish(), and job_destination_commit(); next, what was there may be to be looked at, or the worker has to do it:
 * then job_step_see_commit() follows. When something else fails than that look, there is nothing to be taken back. */
int job_step_commit(JobTask *task, void *data, Error *error);

/* job_step_see_commit() - job_destination_end_commit(); next, as above */
int job_step_see_commit(JobTask *task, void *data, Error *error);

/* job_step_revert() - job_destination_revert(); next, the worker has to do it: then job_step_see_revert() follows */
int job_step_revert(JobTask *task, void *data, Error *error);

/* job_step_see_revert() - job_destination_end_revert() */
int job_step_see_revert(JobTask *task, void *data, Error *error);

/* job_step_clean() - let go of disk images, job_destination_accept(), and look who can run what is in the tree; next,
 * something may be to be removed */
int job_step_clean(JobTask *task, void *data, Error *error);

/* job_step_cleaned() - job_destination_cleaned() */
int job_step_cleaned(JobTask *task, void *data, Error *error);

/* job_step_recover() - find what a killed daemon left, and forget it when that is nothing; returns 1 with a
 * destination, or 0; next, something may be to be removed; or looked at first: then job_step_clean() or job_step_leave()
 * follows */
int job_step_recover(JobTask *task, void *data, Error *error);

/* job_step_leave() - job_destination_leave() */
int job_step_leave(JobTask *task, void *data, Error *error);

DEFINE_CLEANUP(JobStepData, job_step_data_free);
