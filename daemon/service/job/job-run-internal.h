/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files about a running job share. */

#include "job-builder.h"
#include "job-run.h"
#include "job-step.h"
#include "job-tree.h"
#include "job-unpack.h"

struct JobRun {
        JobProcessContext process;      /* that of all, with the job's id */
        JobFetchContext own_context;    /* that of all, with @process */
        const JobFetchContext *context; /* @own_context */
        /* Borrowed, as the next two. */
        Job *job;
        const JobRunEvents *events;
        void *userdata;
        JobStepData *data;      /* owned, as all that follow; but by @task when there is one */
        JobTask *task;          /* a step, in its thread */
        sd_event_source *begin; /* the first step, from the event loop */
        JobFetch *fetch;
        JobBuilder *builder;
        JobUnpack *unpack;
        JobTree *tree;
        int pipe_fd; /* owned; what is built comes out of it; until the unpack worker has it, or -EBADF */
        bool is_fetching, is_building, is_unpacking, is_at_tree; /* that worker is there */
        bool is_committing; /* the tree worker is, which takes but a moment, and is waited for */
        bool is_unpacked;   /* the unpack worker is gone, and the tree is complete */
        bool warned_open;   /* of a step without a wall around the file system */
        uint64_t consumed, unpacked; /* bytes, as the unpack worker says */
        uint64_t tarball_bytes;      /* 0 when nobody knows */
        uint64_t archive_read;       /* bytes, as the fetch worker says */
        uint32_t built;              /* permille, as the builder says */
        uint64_t n_with_rights;      /* files with setuid, setgid or capabilities */
        char *with_rights;           /* owned; such a file, or NULL */
        uint64_t seen;               /* all that moved when there was progress last */
        sd_event_source *stall;      /* armed while there has to be progress */
        sd_event_source *deadline;   /* armed until nothing is left to do but to clean up */
        sd_event_source *patience;   /* armed while there is @task, or a tree is emptied */
        uint64_t tree_idle_usec;     /* for so long who empties a tree has done nothing */
        bool is_impatient;           /* @task has to end soon */
        bool is_cleaning;            /* all that was to be done is done, or has failed */
        bool is_stopped;             /* by job_run_stop() */
        Error error;                 /* why the job ends; empty as long as all is well */
        Error unpack_error; /* of an unpack worker whose input, which may be to blame, is not verified */
        Error builder_error; /* of a builder from which the unpack worker, still there, does not read */
};

/* job_run_measure() - how far it is; returns a number that grows with whatever moves */
uint64_t job_run_measure(const JobRun *run, JobProgress *ret);

/* job_run_report_progress() - measure, tell, and note when something has moved */
void job_run_report_progress(JobRun *run);

/* job_run_push_stall() - from now on there has to be progress again */
void job_run_push_stall(JobRun *run);

/* job_run_on_warning() - a worker's, for the caller; the run is @userdata */
void job_run_on_warning(void *userdata, const char *text);

/* job_run_start_step() - the run's data is the thread's until that has ended; then @operation calls
 * job_run_end_step() first */
void job_run_start_step(JobRun *run, const JobTaskOperation *operation);
void job_run_end_step(JobRun *run);

/* job_run_settle() - go on when neither a worker nor a step is left: all went well, or it has to be undone */
void job_run_settle(JobRun *run);

/* job_run_unpack() - start to unpack what is fetched, comes out of @pipe_fd, or is the caller's tarball */
void job_run_unpack(JobRun *run);
