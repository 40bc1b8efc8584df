/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The operations on a destination, each for a thread of job-task.h: all of them may take forever, since they access
 * the file systems of others. In between, tree workers do the lengthy work.
 */

#include "job-destination.h"
#include "job-disk.h"
#include "job-room.h"
#include "job-task.h"

/* How long a step may hang after its job should end, before it is abandoned. */
#define JOB_STEP_PATIENCE_USEC UINT64_C(10000000)

/* A step's data: used by the thread alone while there is one. */
typedef struct JobStepData {
        Store *store;                  /* borrowed */
        char id[STORE_JOURNAL_ID_MAX]; /* of the entry in the journal, for job_step_recover() */
        JobDestination *destination;   /* owned; NULL before job_step_recover() */
        JobDisk *disk;                 /* owned; images below @destination, or NULL */
        bool has_next;                 /* whether a tree worker has a task now, */
        JobDestinationStep next;       /* and which; borrowed from @destination */
        bool is_exchanged;             /* job_destination_has_exchanged(): revert on failure */
        JobRoomPlace place;            /* of the result, from job_step_prepare() on */
        bool lends_rights; /* job_destination_lends_rights(), from job_step_clean() on */
} JobStepData;

/**
 * job_step_data_new() - the data of a job's steps
 * @destination: taken over on success
 *
 * Return: NULL when out of memory.
 */
JobStepData *job_step_data_new(Store *store, JobDestination *destination);

/** job_step_data_free() - release @data */
JobStepData *job_step_data_free(JobStepData *data);

/** job_step_give_up() - abandon @task, which has @data: nothing becomes visible any more, and the next daemon
 * cleans up the destination */
JobTask *job_step_give_up(JobTask *task, JobStepData *data);

/* For a JobTaskOperation, whose data is a JobStepData. */
void job_step_release(void *data);

/* job_step_prepare() - job_destination_prepare(); next, maybe a clone */
int job_step_prepare(JobTask *task, void *data, Error *error);

/* job_step_make_disk() - job_disk_make() */
int job_step_make_disk(JobTask *task, void *data, Error *error);

/* job_step_close_disk_layer() - job_disk_close_layer() */
int job_step_close_disk_layer(JobTask *task, void *data, Error *error);

/* job_step_commit() - job_disk_finish(), and job_destination_commit(); next, maybe a check of the old tree; or
 * the worker commits, then job_step_see_commit() follows. Only after a failure of that check is there something to
 * revert. */
int job_step_commit(JobTask *task, void *data, Error *error);

/* job_step_see_commit() - job_destination_end_commit(); next, as above */
int job_step_see_commit(JobTask *task, void *data, Error *error);

/* job_step_revert() - job_destination_revert(); next, maybe the worker does it: then job_step_see_revert() follows */
int job_step_revert(JobTask *task, void *data, Error *error);

/* job_step_see_revert() - job_destination_end_revert() */
int job_step_see_revert(JobTask *task, void *data, Error *error);

/* job_step_clean() - release disk images, job_destination_accept(), and check who can run the tree's programs; next,
 * maybe a removal */
int job_step_clean(JobTask *task, void *data, Error *error);

/* job_step_cleaned() - job_destination_cleaned() */
int job_step_cleaned(JobTask *task, void *data, Error *error);

/* job_step_recover() - find what a killed daemon left, and drop the entry if that is nothing; returns 1 with a
 * destination, or 0; next, maybe a removal, or a check: then job_step_clean() or job_step_leave() follows */
int job_step_recover(JobTask *task, void *data, Error *error);

/* job_step_leave() - job_destination_leave() */
int job_step_leave(JobTask *task, void *data, Error *error);

DEFINE_CLEANUP(JobStepData, job_step_data_free);
