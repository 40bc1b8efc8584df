/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The users that root's workers become, so that no two of them reach each other's descriptors, memory or files:
 *
 *     sealed      the system user USER_WORKER, for all; they execute nothing and own nothing, and the kernel
 *                 lets no process of the same user access them
 *     files       always a unique id: they own the images that they write, and start a program that others of
 *                 the same user could access
 *     programs    the system user USER_BUILDER, for one at a time, since what it keeps for the next one must
 *                 belong to it; for others a unique id
 *
 * If those system users do not exist (sysusers.d(5) creates them), all get a unique id. Such ids are from a range
 * in the configuration. An id is free if no process, user or group has it. It is reserved with a lock in the
 * directory where systemd has those of its dynamic users, so that neither systemd nor another daemon takes it, too.
 * The lock ends with the daemon. Ids are locked some at a time, so that the processes need not be looked at for each
 * worker of a job; those that nobody needs within a second are not used any more. If that directory is read-only, or cannot be created, the lock is in the store:
 * then only daemons with the same store see it, and for others and systemd the id is in use only once a process
 * has it. Users of a directory service are not searched: that may take long, and should not have ids in the range.
 */

#include <stdbool.h>

#include "base-cleanup.h"
#include "config.h"
#include "proto-message.h"
#include "store.h"

#define USER_WORKER         "virt-bootstrap"
#define USER_BUILDER        "virt-bootstrap-builder"
#define USER_LOCK_DIRECTORY "/run/systemd/dynamic-uid"

typedef enum JobUserPurpose {
        USER_SEALED,
        USER_FILES,
        USER_PROGRAMS,
        _USER_PURPOSE_MAX,
} JobUserPurpose;

typedef struct JobUserTable JobUserTable;
typedef struct JobUser JobUser;

typedef struct JobUserSettings {
        const Config *config;         /* borrowed, as long as the table, as all that follow */
        const char *lock_directory;   /* created if necessary, and so is its parent */
        const Store *store;           /* has the locks if that is not writable */
        const char *worker, *builder; /* names of system users */
} JobUserSettings;

/** job_user_table_new() - look up the worker's system user; a failed lookup is repeated when it is needed, and the rest,
 * also the builder's, is done when an id is needed */
int job_user_table_new(const JobUserSettings *settings, JobUserTable **ret, Error *error);

/** job_user_table_free() - release @table, which is freed with its last user */
JobUserTable *job_user_table_free(JobUserTable *table);

/**
 * job_user_take() - reserve an id
 * @ret:        a reference, owned by the caller; NULL if workers keep their user: not root's, or without a
 *              sandbox
 */
int job_user_take(JobUserTable *table, JobUserPurpose purpose, JobUser **ret, Error *error);

/** job_user_ref() - another reference to @user (may be NULL), which keeps the id reserved */
JobUser *job_user_ref(JobUser *user);

/** job_user_unref() - release a reference to @user; the last one frees the id */
JobUser *job_user_unref(JobUser *user);

/** job_user_id() - for a start message; zeros if @user is NULL */
ProtoUser job_user_id(const JobUser *user);

DEFINE_CLEANUP(JobUserTable, job_user_table_free);
DEFINE_CLEANUP(JobUser, job_user_unref);
