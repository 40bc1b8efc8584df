/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the files about a running job. Each calls only those below it:
 *
 *     job-run.c            the plan: which step follows which
 *     job-run-work.c       the step in which workers work: the source's half
 *     job-run-unpack.c     the same: the tree's half
 *     job-run-watch.c      ends a job early, and abandons what hangs
 */

#include "job-builder.h"
#include "job-progress.h"
#include "job-run.h"
#include "job-spares.h"
#include "job-step.h"
#include "job-tree.h"
#include "job-unpack.h"
#include "job-verdict.h"

/* The step of a job. It runs in a thread (job-step.h), unless the comment says otherwise. */
typedef enum JobRunStep {
        RUN_BEGIN,   /* nothing is done yet */
        RUN_PREPARE, /* create the staging directory */
        RUN_CLONE,   /* a tree worker clones the existing tree into it */
        RUN_WORK,    /* workers fetch, build and unpack; all later steps are short, or clean up */
        RUN_COMMIT,  /* the tree gets its name */
        RUN_MOVE,    /* a tree worker renames it, since the daemon may not */
        RUN_SEE_COMMIT, /* the daemon checks whether it did */
        RUN_CHECK,      /* a tree worker checks whether the old tree was changed meanwhile */
        RUN_REVERT,     /* the two are exchanged back */
        RUN_MOVE_BACK,  /* a tree worker renames them, as RUN_MOVE */
        RUN_SEE_REVERT, /* the daemon checks whether it did */
        RUN_CLEAN,      /* the job's result, good or bad, is final from now on */
        RUN_REMOVE,     /* a tree worker empties the leftovers */
        RUN_CLEANED,    /* remove the journal's entry */
        RUN_ENDED,      /* the end is reported */
} JobRunStep;

struct JobRun {
        JobContext
                context; /* a copy of the shared one, with the job's id; borrows what that owns */
        /* Borrowed, as the next two. */
        Job *job;
        const JobRunEvents *events;
        void *userdata;
        JobRunStep step;
        sd_event_source
                *wake;     /* owned, as all that follow; continues the plan, from the event loop */
        JobStepData *data; /* owned by @task if there is one */
        JobTask *task;     /* of a step, or of a disk image during RUN_WORK */
        JobTree *tree;     /* of a step; NULL if none, or no longer one */
        int result;        /* of the step that has ended: 0 or more, or a negative errno, with */
        Error result_error;
        Error error; /* why the job ends; empty if it has not failed */

        /* RUN_WORK. */
        JobParts parts; /* the workers, in the same order: */
        JobFetch *fetch;
        JobProcess *builder; /* NULL after it has ended */
        JobUnpack *unpack;
        int pipe_fd; /* the builder's output; until the unpack worker has it, or -EBADF */
        JobCounts counts;
        uint64_t n_with_rights; /* files with setuid, setgid or capabilities */
        char *with_rights;      /* such a file, or NULL */
        bool warned_open;       /* about a worker without a wall around the file system */
        unsigned n_warnings;    /* of all workers */

        /* What ends it early. */
        uint64_t seen;             /* job_counts_moved() at the last progress */
        uint64_t wait_end;         /* CLOCK_MONOTONIC; progress is not required before that */
        uint64_t told_wait_end;    /* the same, as the caller knows it */
        sd_event_source *stall;    /* armed while progress is required */
        sd_event_source *deadline; /* armed up to the end of RUN_WORK */
        sd_event_source *patience; /* armed while there is @task, and during RUN_REMOVE */
        uint64_t tree_idle_usec;   /* how long the worker that empties a tree has done nothing */
        bool is_impatient;         /* @task must end soon */
        bool is_stopped;           /* by job_run_stop() */
};

/* job_run_watch_new() - create the timers of @run, which call job_run_wake() */
int job_run_watch_new(JobRun *run, Error *error);

/* job_run_wake() - continue the plan if nothing runs any more; before any other event */
void job_run_wake(JobRun *run);

/* job_run_note_error() - record @error (may be empty) unless there is an earlier one */
void job_run_note_error(JobRun *run, const Error *error);

/* job_run_report_progress() - measure and report progress, and record whether there was any */
void job_run_report_progress(JobRun *run);

/* job_run_begin_part() - a worker of RUN_WORK has started */
void job_run_begin_part(JobRun *run, JobPart *part);

/* job_run_end_part() - a worker has ended with @state, which may end the job */
void job_run_end_part(JobRun *run, JobPart *part, JobPartState state, const Error *error);

/* job_run_judge() - end the job if its workers' results require it */
void job_run_judge(JobRun *run);

/* job_run_start_task() - pass the run's data to the thread until that has ended; then @operation calls
 * job_run_end_task() first */
void job_run_start_task(JobRun *run, const JobTaskOperation *operation);
void job_run_end_task(JobRun *run);

/* job_run_watch_tree() - require progress of the tree worker that empties a tree, until job_run_end_tree() */
void job_run_watch_tree(JobRun *run);
void job_run_end_tree(JobRun *run);

/* job_run_end_work() - RUN_WORK is over, or will not start: progress is no longer required */
void job_run_end_work(JobRun *run);

/* job_run_on_warning() - forward a worker's warning to the caller, unless there are too many; @userdata is the run */
void job_run_on_warning(void *userdata, const char *text);

/* job_run_on_wait() - tell the caller that the fetch worker waits (JobFetchEvents); progress is not required meanwhile */
void job_run_on_wait(void *userdata, const ProtoFetchWait *wait, uint64_t usec);

/* job_run_unpack() - start unpacking the fetched layers, the data from @pipe_fd, or the caller's tarball */
void job_run_unpack(JobRun *run);

/* job_run_work() - start the workers that the source needs; job_run_wake() follows when they have ended */
void job_run_work(JobRun *run);
