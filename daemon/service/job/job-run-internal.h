/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files about a running job share. Each calls those below it only:
 *
 *     job-run.c            the plan: which step follows which
 *     job-run-work.c       the step in which workers work: the source's half
 *     job-run-unpack.c     the same: the tree's half
 *     job-run-watch.c      what ends a job early, and what is given up
 */

#include "job-builder.h"
#include "job-progress.h"
#include "job-run.h"
#include "job-step.h"
#include "job-tree.h"
#include "job-unpack.h"
#include "job-verdict.h"

/* Where a job is. In a thread (job-step.h), but for those that say otherwise. */
typedef enum JobRunStep {
        RUN_BEGIN,   /* nothing has been done yet */
        RUN_PREPARE, /* the staging directory is made */
        RUN_CLONE,   /* a tree worker clones what is there into it */
        RUN_WORK, /* workers fetch, build and unpack; all that follows takes but a moment, or cleans up */
        RUN_COMMIT,     /* the tree gets its name */
        RUN_MOVE,       /* a tree worker renames it, which the daemon may not */
        RUN_SEE_COMMIT, /* the daemon looks whether it has */
        RUN_CHECK, /* a tree worker looks whether what it has changed places with was changed meanwhile */
        RUN_REVERT,     /* the two change places again */
        RUN_MOVE_BACK,  /* a tree worker renames them, as RUN_MOVE */
        RUN_SEE_REVERT, /* the daemon looks whether it has */
        RUN_CLEAN, /* the job has come to its end, good or bad, and from now on nothing changes it */
        RUN_REMOVE,  /* a tree worker empties what is left over */
        RUN_CLEANED, /* the journal forgets the job */
        RUN_ENDED,   /* the end is told */
} JobRunStep;

struct JobRun {
        JobContext context; /* that of all, with the job's id; borrows what that owns */
        /* Borrowed, as the next two. */
        Job *job;
        const JobRunEvents *events;
        void *userdata;
        JobRunStep step;
        sd_event_source
                *wake; /* owned, as all that follow; goes on with the plan, from the event loop */
        JobStepData *data; /* but by @task when there is one */
        JobTask *task;     /* of a step, or of a disk image during RUN_WORK */
        JobTree *tree;     /* of a step; NULL when there is none, or none any more */
        int result;        /* of the step that has ended: 0 or more, or a negative errno with */
        Error result_error;
        Error error; /* why the job ends; empty as long as all is well */

        /* RUN_WORK. */
        JobParts parts; /* the workers, in the same order: */
        JobFetch *fetch;
        JobProcess *builder; /* NULL when it is gone */
        JobUnpack *unpack;
        int pipe_fd; /* what is built comes out of it; until the unpack worker has it, or -EBADF */
        JobCounts counts;
        uint64_t n_with_rights; /* files with setuid, setgid or capabilities */
        char *with_rights;      /* such a file, or NULL */
        bool warned_open;       /* of a worker without a wall around the file system */

        /* What ends it early. */
        uint64_t seen;             /* job_counts_moved() when there was progress last */
        sd_event_source *stall;    /* armed while there has to be progress */
        sd_event_source *deadline; /* armed up to the end of RUN_WORK */
        sd_event_source *patience; /* armed while there is @task, and during RUN_REMOVE */
        uint64_t tree_idle_usec;   /* for so long who empties a tree has done nothing */
        bool is_impatient;         /* @task has to end soon */
        bool is_stopped;           /* by job_run_stop() */
};

/* job_run_watch_new() - what watches over @run, which is told by job_run_wake() then */
int job_run_watch_new(JobRun *run, Error *error);

/* job_run_wake() - go on with the plan when what runs has ended; before anything else happens */
void job_run_wake(JobRun *run);

/* job_run_note_error() - the first reason is the one that is told; @error may be empty */
void job_run_note_error(JobRun *run, const Error *error);

/* job_run_report_progress() - measure, tell, and note when something has moved */
void job_run_report_progress(JobRun *run);

/* job_run_begin_part() - a worker of RUN_WORK is there */
void job_run_begin_part(JobRun *run, JobPart *part);

/* job_run_end_part() - it is gone, and the job may have failed with it; @state as it has ended */
void job_run_end_part(JobRun *run, JobPart *part, JobPartState state, const Error *error);

/* job_run_judge() - end the job if its workers give a reason to */
void job_run_judge(JobRun *run);

/* job_run_start_task() - the run's data is the thread's until that has ended; then @operation calls
 * job_run_end_task() first */
void job_run_start_task(JobRun *run, const JobTaskOperation *operation);
void job_run_end_task(JobRun *run);

/* job_run_watch_tree() - from now on the tree worker, which empties a tree, has to move; until job_run_end_tree() */
void job_run_watch_tree(JobRun *run);
void job_run_end_tree(JobRun *run);

/* job_run_end_work() - RUN_WORK is over, or will never come: nobody asks for progress any more */
void job_run_end_work(JobRun *run);

/* job_run_on_warning() - a worker's, for the caller; the run is @userdata */
void job_run_on_warning(void *userdata, const char *text);

/* job_run_unpack() - start to unpack what is fetched, comes out of @pipe_fd, or is the caller's tarball */
void job_run_unpack(JobRun *run);

/* job_run_work() - start the workers that the source needs; job_run_wake() follows when they are gone */
void job_run_work(JobRun *run);
