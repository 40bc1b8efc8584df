/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whom root's workers become, so that no two of them reach each other's descriptors, memory or files:
 *
 *     sealed      the system user USER_WORKER, for all; they execute nothing and own nothing, and the kernel
 *                 lets nobody of the same user look into them
 *     files       an id that nobody else has, always: they own the images that they write, and start a
 *                 program into which others of the same user could look
 *     programs    the system user USER_BUILDER, for one at a time, since what it keeps for the next one has
 *                 to be its own; for others an id that nobody else has
 *
 * Where those system users do not exist (sysusers.d(5) makes them), all have an id that nobody else has. Such
 * ids are of a range that the configuration names. One is taken when no process, user or group has it, and
 * with a lock in the directory where systemd has those of its dynamic users, so that neither systemd nor
 * another daemon takes it, too. The lock goes with the daemon. Where that directory is
 * read-only, or cannot be made, the lock is in the store: then only daemons with the same store see it, and for
 * others and systemd an id is taken once a process has it. Users of a directory service are not looked
 * for: asking may take long, and the range is no place for them.
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
        const char *lock_directory;   /* is made, and the directory that it is in */
        const Store *store;           /* has the locks where that cannot be written to */
        const char *worker, *builder; /* names of system users */
} JobUserSettings;

/** job_user_table_new() - ask for the system users, and again when one is needed that nobody could tell of; the rest
 * when an id is needed */
int job_user_table_new(const JobUserSettings *settings, JobUserTable **ret, Error *error);

/** job_user_table_free() - release @table (may be NULL), which goes with its last user */
JobUserTable *job_user_table_free(JobUserTable *table);

/**
 * job_user_take() - have an id
 * @ret:        a reference, owned by the caller; NULL when workers stay who they are: not root's, or without
 *              a sandbox
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_user_take(JobUserTable *table, JobUserPurpose purpose, JobUser **ret, Error *error);

/** job_user_ref() - another reference to @user (may be NULL), which keeps the id from others */
JobUser *job_user_ref(JobUser *user);

/** job_user_unref() - release a reference to @user (may be NULL); the id is free with the last one */
JobUser *job_user_unref(JobUser *user);

/** job_user_id() - for a start message; zeros when @user is NULL */
ProtoUser job_user_id(const JobUser *user);

DEFINE_CLEANUP(JobUserTable, job_user_table_free);
DEFINE_CLEANUP(JobUser, job_user_unref);
