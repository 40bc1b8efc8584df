/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The destination of a root file system: it gets all of it, or nothing.
 *
 * The tree is built in PARENT/.virt-bootstrap-NAME-ID/root and renamed to PARENT/NAME when it is complete. The
 * directory .virt-bootstrap-NAME-ID has mode 0700, so that nobody uses an incomplete tree, and is recorded in the
 * store's journal, so that a killed daemon's leftovers are removed. It contains a file .virt-bootstrap-ID, the
 * mark, without which nothing is removed. With "overwrite", the existing tree is first cloned with hard links,
 * and then the two are exchanged; with "replace" they are exchanged without that, and the old tree is removed, or
 * kept under another name. Both are refused while something is mounted below it.
 *
 * A mount point cannot be renamed: it is filled in place, with a mark in it until it is complete, and emptied
 * again on failure; its new owner and mode stay. The same applies to a directory if nothing can be created in
 * its parent, or if the caller wants it to stay the same directory ("in-place").
 *
 * If the result is a file, "root" is that file. It gets its name only if nothing has that, unless it replaces a file.
 * Nothing is filled in place then, and nothing merged.
 *
 * Each of these is on the disk before the next one: the entry of the journal; the directory with the mark; the
 * tree; its name. Then the job's success is reported, and the entry is removed. A job without sync keeps this order,
 * which is what counts if a process is killed; but after a power failure, any of them may be missing. Its entry says so:
 * in a later boot, only what is certain to be its new tree is removed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "job-place.h"
#include "store-journal.h"

#define DESTINATION_STAGING_ROOT "root"

/* All of this accesses the file systems of others, and may take forever: it is for the threads of job-step.h. Only
 * job_destination_give_up(), _path(), _root_fd(), _take_place() and _free() are for the event loop. */
typedef struct JobDestination JobDestination;

typedef struct JobDestinationRequest {
        const char *path; /* absolute; borrowed for the call */
        int directory_fd; /* the directory itself, borrowed; or negative */
        bool is_file;     /* it becomes a file; neither @overwrite nor @in_place */
        bool overwrite;
        bool replaces;
        const char *
                keep_old; /* with @replaces: the name that the old tree gets, beside the new one; or NULL */
        bool in_place;    /* an existing directory is filled itself */
        bool maps_owners; /* to ids that this user may give to files, whose files it may then change */
        bool no_sync;     /* sync nothing */
} JobDestinationRequest;

/**
 * job_destination_new() - make the early checks, and hold the directory open; creates nothing
 *
 * Return: 0; -EINVAL, -ENOTDIR, -ELOOP, -ENAMETOOLONG or -ESTALE (ERROR_INVALID_DESTINATION) for "/", a relative
 * path, or if it is not a directory (or, with @is_file, not a regular file); -EPERM (ERROR_INVALID_DESTINATION) if root would fill a directory that
 * others may write to or may have created; -EBUSY (ERROR_INVALID_DESTINATION) if something is mounted below a
 * tree to overwrite or replace, or on it if it is to be replaced; -EEXIST (ERROR_INVALID_DESTINATION) if the name for
 * the old tree is in use; -ENOTEMPTY (ERROR_DESTINATION_NOT_EMPTY); -EACCES (ERROR_ACCESS_DENIED) if it is not
 * writable.
 */
int job_destination_new(const JobDestinationRequest *request, JobDestination **ret, Error *error);

/** job_destination_free() - release @destination; removes nothing */
JobDestination *job_destination_free(JobDestination *destination);

/** job_destination_path() - the absolute path without links in it */
const char *job_destination_path(const JobDestination *destination);

/** job_destination_take_place() - what shows whether two jobs collide; only once, owned by the caller */
JobPlace *job_destination_take_place(JobDestination *destination);

/**
 * job_destination_prepare() - create the staging directory
 * @store:      has the journal; borrowed as long as @destination
 *
 * Return: 0; -EBUSY (ERROR_DESTINATION_BUSY) if a job of another daemon works there, above it or below it;
 * -ESTALE (ERROR_INVALID_DESTINATION) if the path leads elsewhere by now; -ENOTEMPTY if a directory to fill in
 * place was filled in the meantime. Whatever the outcome, the cleanup step is required at the end.
 */
int job_destination_prepare(JobDestination *destination, Store *store, Error *error);

/** job_destination_root_fd() - the directory to fill, or the empty file, open read-only; borrowed */
int job_destination_root_fd(const JobDestination *destination);

/* A task for a tree worker in a directory; names are relative to it. */
typedef struct JobDestinationStep {
        int directory_fd;   /* borrowed from the destination */
        const char *name;   /* what to clone or to check; otherwise the entry that is kept */
        const char *target; /* the clone's name, or NULL: the directory is emptied, */
        bool is_check; /* unless this is set: check whether @name has changed since it was cloned */
        uint64_t cloned;   /* for a check: when cloning began, in ns */
        uint64_t modified; /* for a check: when @name had last been modified then, in ns */
        bool moves;        /* instead, rename @target to @name */
        bool exchanges;    /* and @name to @target, in one step */
} JobDestinationStep;

/** job_destination_check_step() - check that nothing is mounted in a directory to be emptied; -EBUSY with the
 * mounts' names */
int job_destination_check_step(const JobDestinationStep *step, Error *error);

/** job_destination_clone_step() - whether the existing tree must be cloned first, and how */
bool job_destination_clone_step(const JobDestination *destination, JobDestinationStep *ret);

/**
 * job_destination_commit() - make the tree visible, in one step
 *
 * On failure the destination is as it was, unless @error says otherwise: the new tree stays if it replaced
 * nothing, and so does anything that could not be put back.
 */
int job_destination_commit(JobDestination *destination, Error *error);

/**
 * job_destination_commit_step() - whether the commit requires a tree worker, and how
 *
 * It does if the new root directory belongs to one of the user's subordinate ids, since renaming a directory
 * writes into it. Return: 1 if so, 0 if not; failures as of job_destination_commit().
 */
int job_destination_commit_step(JobDestination *destination, JobDestinationStep *ret, Error *error);

/**
 * job_destination_end_commit() - check whether the worker has done so, whatever it reported
 *
 * Return: 1 if the commit is done; 0 if not; failures as of job_destination_commit(), except that
 * job_destination_has_exchanged() shows whether it must be reverted.
 */
int job_destination_end_commit(JobDestination *destination, Error *error);

/** job_destination_has_exchanged() - whether the tree was exchanged with an existing one */
bool job_destination_has_exchanged(const JobDestination *destination);

/**
 * job_destination_lends_rights() - whether the host's users can run the tree's programs with their special rights
 *
 * They can if others may search all directories from the tree's root up to "/", and its file system is not
 * mounted with nosuid.
 */
bool job_destination_lends_rights(const JobDestination *destination);

/** job_destination_give_up() - abandon it, even while a thread uses it: nothing becomes visible any more */
void job_destination_give_up(JobDestination *destination);

/** job_destination_check_clone_step() - whether the exchanged old tree must be checked, and how */
bool job_destination_check_clone_step(const JobDestination *destination, JobDestinationStep *ret);

/**
 * job_destination_revert() - revert the commit, since the old tree was changed after it was cloned
 *
 * Return: 0; -ESTALE if the old tree stays in the staging directory, which @error names and the journal no longer
 * contains. The new tree stays there, too, if it is uncertain which of the two a power failure would leave.
 */
int job_destination_revert(JobDestination *destination, Error *error);

/** job_destination_revert_step() - whether the revert requires a tree worker, and how */
bool job_destination_revert_step(const JobDestination *destination, JobDestinationStep *ret);

/** job_destination_end_revert() - check whether the worker has done so; returns as job_destination_revert() */
int job_destination_end_revert(JobDestination *destination, Error *error);

/** job_destination_leave() - leave the old tree where it is now; returns -ESTALE, as above */
int job_destination_leave(JobDestination *destination, Error *error);

/** job_destination_accept() - record that the old tree may be removed, by any daemon */
void job_destination_accept(JobDestination *destination);

/** job_destination_cleanup_step() - whether something must be removed, with or without a commit */
bool job_destination_cleanup_step(const JobDestination *destination, JobDestinationStep *ret);

/**
 * job_destination_cleaned() - finish, after the cleanup step, if any
 *
 * The staging directory and its journal entry are removed; without a commit, so are the created parents.
 *
 * Return: 0; -ESTALE if somebody has moved the directory, which then remains, empty. After any other failure, the
 * next daemon tries again.
 */
int job_destination_cleaned(JobDestination *destination, Error *error);

/**
 * job_destination_recover() - open the staging directory of a killed daemon
 * @entry:      of the journal, locked; taken over, unless this fails with -ENOMEM
 * @ret:        do job_destination_check_clone_step(), if there is one, and job_destination_accept() or
 *              job_destination_leave(); then job_destination_cleanup_step()
 *
 * Return: 1; 0 if there is nothing to remove; -ESTALE if the directory is not the one in the entry. In the last two
 * cases the entry is removed; after any other failure it stays.
 */
int job_destination_recover(
        Store *store, StoreJournalEntry *entry, JobDestination **ret, Error *error);

DEFINE_CLEANUP(JobDestination, job_destination_free);
