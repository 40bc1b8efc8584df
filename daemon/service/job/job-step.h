/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is done with a destination, each for a thread of job-task.h: all of it may take for ever, since it touches
 * the file systems of others. In between, tree workers do what takes long.
 */

#include "job-destination.h"
#include "job-task.h"

/* From when a job is to end until a step of it is given up. */
#define JOB_STEP_PATIENCE_USEC UINT64_C(10000000)

/* What a step works on: the thread's alone as long as there is one. */
typedef struct StepData {
        Store *store;                  /* borrowed */
        char id[STORE_JOURNAL_ID_MAX]; /* of the entry in the journal, for step_recover() */
        Destination *destination;      /* owned; NULL before step_recover() */
        bool has_next;                 /* whether a tree worker is to do something now, */
        DestinationStep next;          /* and what; borrowed from @destination */
        bool lends_rights;             /* destination_lends_rights(), once it is being cleaned up */
} StepData;

/**
 * step_data_new() - what a job's steps work on
 * @destination: taken over on success
 *
 * Return: NULL without memory.
 */
StepData *step_data_new(Store *store, Destination *destination);

/** step_data_free() - release @data (may be NULL) */
StepData *step_data_free(StepData *data);

/** step_give_up() - end @task, which has @data, and make nothing visible any more; what is at the destination is
 * left to the next daemon */
Task *step_give_up(Task *task, StepData *data);

/* For a TaskOperation, whose data is a StepData. */
void step_release(void *data);

/* step_prepare() - destination_prepare(); next, a clone may be to be made */
int step_prepare(Task *task, void *data, Error *error);

/* step_commit() - destination_commit(); next, what was there may be to be looked at, or the worker has to do it:
 * then step_see_commit() follows. When something else fails than that look, there is nothing to be taken back. */
int step_commit(Task *task, void *data, Error *error);

/* step_see_commit() - destination_has_committed() */
int step_see_commit(Task *task, void *data, Error *error);

/* step_revert() - destination_revert() */
int step_revert(Task *task, void *data, Error *error);

/* step_clean() - look who can run what is in the tree; next, something may be to be removed */
int step_clean(Task *task, void *data, Error *error);

/* step_cleaned() - destination_cleaned() */
int step_cleaned(Task *task, void *data, Error *error);

/* step_recover() - find what a killed daemon left, and forget it when that is nothing; returns 1 with a
 * destination, or 0; next, something may be to be removed */
int step_recover(Task *task, void *data, Error *error);

DEFINE_CLEANUP(StepData, step_data_free);
