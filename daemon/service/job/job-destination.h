/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a root file system goes: all of it, or nothing of it.
 *
 * It is built in PARENT/.virt-bootstrap-NAME-ID/root and renamed to PARENT/NAME when it is complete. The
 * directory .virt-bootstrap-NAME-ID has mode 0700, so that nobody uses a half-done tree, and is noted in the
 * store's journal, so that what a killed daemon left is removed. In it is a file .virt-bootstrap-ID, the mark,
 * without which nothing is removed. With "overwrite", the tree that is there is cloned with hard links first,
 * and the two change places. It is refused as long as something is mounted below it.
 *
 * A mount point cannot be renamed: it is filled in place, with a mark in it until it is complete, and emptied
 * again when that fails; the owner and the mode that it got stay. So is a directory in whose parent nothing
 * may be created.
 *
 * In the order of what has to be on the disk before the next thing is done: the entry of the journal; the
 * directory with the mark; the tree; its name; that the job has finished is told; the entry is removed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "job-place.h"
#include "store-journal.h"

#define DESTINATION_STAGING_ROOT "root"

/* All of this touches the file systems of others, and may take for ever: it is for the threads of job-step.h. Only
 * job_destination_give_up(), _path(), _root_fd(), _take_place() and _free() are for the event loop. */
typedef struct JobDestination JobDestination;

typedef struct JobDestinationRequest {
        const char *path; /* absolute; borrowed for the call */
        int directory_fd; /* the directory itself, borrowed; or negative */
        bool overwrite;
        bool maps_owners; /* to ids that this user may give to files: what has them may be written to */
} JobDestinationRequest;

/**
 * job_destination_new() - check what can be checked at once, and hold the directory; nothing is made
 *
 * Return: 0; with @error set: -EINVAL, -ENOTDIR, -ELOOP, -ENAMETOOLONG or -ESTALE (ERROR_INVALID_DESTINATION)
 * for "/", a relative path, or what is no directory; -EPERM (ERROR_INVALID_DESTINATION) when root is to fill a
 * directory that others may write to, or one that somebody else may have made; -EBUSY
 * (ERROR_INVALID_DESTINATION) when something is mounted below what is to be overwritten; -ENOTEMPTY
 * (ERROR_DESTINATION_NOT_EMPTY); -EACCES (ERROR_ACCESS_DENIED) when it cannot be written to; or another
 * negative errno.
 */
int job_destination_new(const JobDestinationRequest *request, JobDestination **ret, Error *error);

/** job_destination_free() - release @destination (may be NULL); removes nothing */
JobDestination *job_destination_free(JobDestination *destination);

/** job_destination_path() - the absolute path without links in it */
const char *job_destination_path(const JobDestination *destination);

/** job_destination_take_place() - what tells whether two jobs collide; once, owned by the caller */
JobPlace *job_destination_take_place(JobDestination *destination);

/**
 * job_destination_prepare() - make the staging directory
 * @store:      has the journal; borrowed as long as @destination
 *
 * Return: 0; with @error set: -EBUSY (ERROR_DESTINATION_BUSY) when a job of another daemon works there, above
 * it or below it; -ESTALE (ERROR_INVALID_DESTINATION) when the path leads elsewhere by now; -ENOTEMPTY when
 * what is to be filled in place was filled meanwhile; or another negative errno. Whatever the outcome, the
 * cleanup step has to be done in the end.
 */
int job_destination_prepare(JobDestination *destination, Store *store, Error *error);

/** job_destination_root_fd() - the directory to fill; borrowed */
int job_destination_root_fd(const JobDestination *destination);

/* What a tree worker is to do in a directory; names are relative to it. */
typedef struct JobDestinationStep {
        int directory_fd;   /* borrowed from the destination */
        const char *name;   /* what to clone or to check; else what stays of all that is there */
        const char *target; /* where to clone it to, or NULL: the directory is emptied, */
        bool is_check;      /* unless it is only looked whether what was cloned has changed since */
        uint64_t cloned;    /* when that began, in ns; for a check */
        uint64_t modified;  /* when it had last been modified then, in ns; the same */
        bool moves;         /* rather it is @target that is to get @name */
        bool exchanges;     /* and the other way round */
} JobDestinationStep;

/** job_destination_check_step() - whether nothing is mounted in a directory that is to be emptied; -EBUSY, which
 * names it */
int job_destination_check_step(const JobDestinationStep *step, Error *error);

/** job_destination_clone_step() - whether the tree that is there is to be cloned first, and how */
bool job_destination_clone_step(const JobDestination *destination, JobDestinationStep *ret);

/**
 * job_destination_commit() - make the tree visible, in one step
 *
 * Return: 0, or a negative errno with @error set and the destination as it was, unless that says otherwise: of a
 * new tree that nothing had to give way to, and of what could not be put back.
 */
int job_destination_commit(JobDestination *destination, Error *error);

/**
 * job_destination_commit_step() - whether it takes a tree worker to do so, and how
 *
 * The new root directory belongs to one of the user's subordinate ids, and renaming a directory writes into
 * it. Return: 1, 0, or a negative errno with @error set, as of job_destination_commit().
 */
int job_destination_commit_step(JobDestination *destination, JobDestinationStep *ret, Error *error);

/**
 * job_destination_end_commit() - look whether the worker has, whatever it said
 *
 * Return: 1 when the commit is done; 0 when it is not; or a negative errno with @error set, as of
 * job_destination_commit(), but that job_destination_has_exchanged() tells whether it is to be taken back.
 */
int job_destination_end_commit(JobDestination *destination, Error *error);

/** job_destination_has_exchanged() - whether the tree has changed places with one that was there */
bool job_destination_has_exchanged(const JobDestination *destination);

/**
 * job_destination_lends_rights() - whether the host's users can run what is in the tree with the rights it has
 *
 * There is no directory from the tree's root up to "/" which others may not search, and its file system is
 * not mounted with nosuid.
 */
bool job_destination_lends_rights(const JobDestination *destination);

/** job_destination_give_up() - whatever a thread is doing with it: nothing becomes visible any more */
void job_destination_give_up(JobDestination *destination);

/** job_destination_check_clone_step() - whether what the tree has changed places with is to be looked at, and how */
bool job_destination_check_clone_step(const JobDestination *destination, JobDestinationStep *ret);

/**
 * job_destination_revert() - take the commit back, since what was there was changed after it was cloned
 *
 * Return: 0; or -ESTALE with @error set, which says where what was there is: it stays in the staging directory,
 * which is no longer noted. So does the new tree when nobody knows which of the two a power failure would leave.
 */
int job_destination_revert(JobDestination *destination, Error *error);

/** job_destination_revert_step() - whether it takes a tree worker to do so, and how */
bool job_destination_revert_step(const JobDestination *destination, JobDestinationStep *ret);

/** job_destination_end_revert() - look whether the worker has, whatever it said; returns as job_destination_revert() */
int job_destination_end_revert(JobDestination *destination, Error *error);

/** job_destination_leave() - rather leave what was there where it is now; returns -ESTALE with @error set, as above */
int job_destination_leave(JobDestination *destination, Error *error);

/** job_destination_accept() - note that what the tree has changed places with may be removed, whoever does so */
void job_destination_accept(JobDestination *destination);

/** job_destination_cleanup_step() - whether something is to be removed, after a commit or without one */
bool job_destination_cleanup_step(const JobDestination *destination, JobDestinationStep *ret);

/**
 * job_destination_cleaned() - there is no cleanup step, or it is done
 *
 * The staging directory goes, the journal forgets it; parents that were made are removed unless there was a
 * commit.
 *
 * Return: 0; with @error set: -ESTALE when somebody has moved the directory, which stays then, empty; or another
 * negative errno when it could not be removed: the next daemon tries again.
 */
int job_destination_cleaned(JobDestination *destination, Error *error);

/**
 * job_destination_recover() - the staging directory of a daemon that was killed
 * @entry:      of the journal, locked; taken over, unless that fails with -ENOMEM
 * @ret:        with job_destination_check_clone_step() to do, if that is one, and job_destination_accept() or
 *              job_destination_leave(); then with job_destination_cleanup_step()
 *
 * Return: 1; 0 when there is nothing to remove, and the entry is forgotten; or with @error set: -ESTALE when
 * what is there is not what the entry speaks of, which is forgotten; or another negative errno, and it is not.
 */
int job_destination_recover(
        Store *store, StoreJournalEntry *entry, JobDestination **ret, Error *error);

DEFINE_CLEANUP(JobDestination, job_destination_free);
