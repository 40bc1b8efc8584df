/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One worker process: started, spoken to, ended and reaped without blocking.
 *
 *     job_process_start() ─▶ message()* ─▶ ended() ─▶ job_process_free()
 *
 * ended() is called exactly once, as the last thing, whatever happens: also after job_process_stop(), and also when
 * it hangs in a system call and does not even end when it is killed.
 */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base-cleanup.h"
#include "job-context.h"
#include "job-user.h"
#include "proto-channel.h"

typedef enum JobWorkerKind {
        WORKER_FETCH, /* of a registry */
        WORKER_FETCH_ARCHIVE,
        WORKER_FETCH_DIRECTORY,
        WORKER_RESOLVE,
        WORKER_VERIFY,
        WORKER_UNPACK,
        WORKER_DISK,
        WORKER_BUILDER,
        WORKER_TREE,
        WORKER_TRUST,
        _WORKER_KIND_MAX,
} JobWorkerKind;

/* From one look at a worker that has ended to the next, while it is traced: its tracer hears first. */
#define PROCESS_TRACED_USEC UINT64_C(100000)

typedef struct JobProcess JobProcess;

typedef struct JobProcessEvents {
        /* A message of a type that this kind of worker may send, but for PROTO_RESULT. @fds may be
         * taken out. The process must not be freed here. */
        void (*message)(void *userdata, const ProtoMessage *message, ProtoFds *fds);

        /* It is gone. @error is empty when it reported success; else what it reported, or how it
         * died; -ETIMEDOUT when it was killed and does not end. The process may be freed here. */
        void (*ended)(void *userdata, const Error *error);
} JobProcessEvents;

/**
 * job_process_start() - start a worker, whose output goes into the log (job-output.h)
 * @events:     borrowed, as is @userdata, until the process is freed
 *
 * Return: 0, or a negative errno with @error set (ERROR_WORKER_FAILED when it cannot be started, whatever is
 * lacking); ended() is not called then.
 */
int job_process_start(
        const JobContext *context,
        JobWorkerKind kind,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error);

/**
 * job_process_start_spare() - likewise a worker that nobody needs yet
 *
 * Its messages stay unread, and whom it becomes is not known, until job_process_adopt(): to find an id takes as long as it
 * takes the worker to load its libraries.
 */
int job_process_start_spare(
        const JobContext *context,
        JobWorkerKind kind,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error);

/**
 * job_process_adopt() - report what a spare does to @events from now on; borrowed as above, as is @userdata
 *
 * Return: 0, or a negative errno with @error set: then it is a spare as before.
 */
int job_process_adopt(
        JobProcess *process, const JobProcessEvents *events, void *userdata, Error *error);

/** job_process_user() - whom it becomes in its sandbox, for its start message; borrowed; NULL: who it is */
JobUser *job_process_user(const JobProcess *process);

/** job_process_cpu_nsec() - what it has used of a processor so far, or 0 when it is gone: what hangs uses no more */
uint64_t job_process_cpu_nsec(const JobProcess *process);

/**
 * job_process_free() - release @process (may be NULL); kills and reaps what still runs
 *
 * What is not gone within PROCESS_REAP_MSEC, or was given up before, is reaped when it is.
 */
#define PROCESS_REAP_MSEC 1000
JobProcess *job_process_free(JobProcess *process);

/**
 * job_process_send() - send a message, or queue it until there is room
 * @fds:        borrowed
 *
 * A queued PROTO_UNPACK_GROWN gives way to a later one of the same layer. Failing is not reported
 * here: a worker that cannot be spoken to ends, and that is.
 */
void job_process_send(
        JobProcess *process, const ProtoMessage *message, const int *fds, size_t n_fds);

/** job_process_outcome() - what became of it; from ended() on */
ProtoOutcome job_process_outcome(const JobProcess *process);

/** job_process_stop() - ask it to end, and kill it if it does not within PROCESS_STOP_USEC */
#define PROCESS_STOP_USEC UINT64_C(5000000)
#define PROCESS_KILL_USEC UINT64_C(5000000) /* from then until it is given up */
void job_process_stop(JobProcess *process);

/** job_worker_kind_to_string() - "fetch", …; also the end of its program's name */
const char *job_worker_kind_to_string(JobWorkerKind kind);

DEFINE_CLEANUP(JobProcess, job_process_free);
