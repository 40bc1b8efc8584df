/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"

#define NSEC_PER_SEC 1000000000U

JobDestination *job_destination_free(JobDestination *destination) {
        if (!destination)
                return NULL;

        closep(&destination->base_fd);
        closep(&destination->found_fd);
        closep(&destination->parent_fd);
        closep(&destination->staging_fd);
        closep(&destination->root_fd);
        closep(&destination->lock_fd);
        store_journal_entry_done(&destination->entry);
        job_place_free(destination->place);
        free(destination->path);
        free(destination);
        return NULL;
}

const char *job_destination_path(const JobDestination *destination) {
        return destination->path;
}

const char *job_destination_thing(const JobDestination *destination) {
        return destination->is_file ? "disk image" : "tree";
}

JobPlace *job_destination_take_place(JobDestination *destination) {
        return TAKE_PTR(destination->place);
}

uint64_t job_destination_nsec(const struct timespec *time) {
        return (uint64_t) time->tv_sec * NSEC_PER_SEC + (uint64_t) time->tv_nsec;
}

bool job_destination_changes_places(const JobDestination *destination) {
        return (destination->overwrite || destination->replaces) && destination->exists;
}

static bool is_noted(const JobDestination *destination) {
        return destination->entry.lock_fd >= 0;
}

static void forget(JobDestination *destination) {
        if (is_noted(destination))
                store_journal_remove(destination->store, &destination->entry);
}

int job_destination_root_fd(const JobDestination *destination) {
        return destination->root_fd;
}

bool job_destination_clone_step(const JobDestination *destination, JobDestinationStep *ret) {
        if (!destination->exists || destination->is_in_place || !destination->overwrite)
                return false;

        *ret = (JobDestinationStep){
                .directory_fd = destination->parent_fd,
                .name = destination->name,
                .target = destination->clone_target,
        };
        return true;
}

static int rename_root(const JobDestination *destination, unsigned flags) {
        return renameat2(
                       destination->staging_fd, DESTINATION_STAGING_ROOT, destination->parent_fd,
                       destination->name, flags) < 0
                       ? -errno
                       : 0;
}

/* Whether the new tree has its final name. */
static bool has_name(const JobDestination *destination) {
        struct stat named, held;

        return fstat(destination->root_fd, &held) >= 0 &&
               fstatat(destination->parent_fd, destination->name, &named, AT_SYMLINK_NOFOLLOW) >=
                       0 &&
               job_destination_is_same(&named, &held);
}

/* Gives a file its name if nothing has that. Network file systems cannot rename so, but link. They may say of a link that
 * was made that it exists, when they ask again after a lost answer. The other name is removed at the end if not here. */
static int rename_file(const JobDestination *destination) {
        int r = rename_root(destination, RENAME_NOREPLACE);

        if (r != -EINVAL)
                return r;
        if (linkat(destination->staging_fd, DESTINATION_STAGING_ROOT, destination->parent_fd,
                   destination->name, 0) < 0 &&
            (errno != EEXIST || !has_name(destination)))
                return -errno;
        (void) unlinkat(destination->staging_fd, DESTINATION_STAGING_ROOT, 0);
        return 0;
}

static bool is_in_staging(const JobDestination *destination, const struct stat *wanted) {
        struct stat st;

        return fstatat(destination->staging_fd, DESTINATION_STAGING_ROOT, &st,
                       AT_SYMLINK_NOFOLLOW) >= 0 &&
               job_destination_is_same(&st, wanted);
}

/* Some file systems, such as XFS, modify directories when they are exchanged: the new root shows this, since nobody
 * else could write to it. */
static int look_before(JobDestination *destination) {
        struct stat root, found;

        if (fstat(destination->root_fd, &root) < 0 || fstat(destination->found_fd, &found) < 0)
                return -errno;

        destination->root_before = job_destination_nsec(&root.st_mtim);
        destination->found_before = job_destination_nsec(&found.st_mtim);
        return 0;
}

static void look_after(JobDestination *destination) {
        struct stat root, found;

        if (fstat(destination->root_fd, &root) >= 0 && fstat(destination->found_fd, &found) >= 0 &&
            job_destination_nsec(&root.st_mtim) != destination->root_before &&
            destination->found_before == destination->modified)
                destination->modified = job_destination_nsec(&found.st_mtim);
}

int job_destination_sync_names(const JobDestination *destination) {
        int r = job_destination_sync(destination, destination->parent_fd);

        return r < 0 ? r : job_destination_sync(destination, destination->staging_fd);
}

/* The old tree gets its new name, which nothing else may have got in the meantime. */
int job_destination_keep_old(JobDestination *destination, Error *error) {
        const char *name = destination->entry.keep;

        if (renameat2(
                    destination->staging_fd, DESTINATION_STAGING_ROOT, destination->parent_fd, name,
                    RENAME_NOREPLACE) < 0)
                return error_set_errno(
                        error, errno, "Cannot keep the old %s of %s as \"%s\" beside it",
                        job_destination_thing(destination), destination->path, name);

        destination->is_kept = true;
        return 0;
}

/* The new tree has its name: check that the old one may be removed, and that the name survives a power failure. */
static int check_commit(JobDestination *destination, Error *error) {
        int r;

        destination->is_committed = true;
        if (job_destination_changes_places(destination) && destination->overwrite)
                look_after(destination);
        if (job_destination_changes_places(destination) &&
            !is_in_staging(destination, &destination->found))
                return error_set(
                        error, ESTALE, ERROR_INVALID_DESTINATION,
                        "The destination %s has changed since the job was accepted: somebody has "
                        "put something else in its place",
                        destination->path);

        r = job_destination_changes_places(destination) && destination->entry.keep
                    ? job_destination_keep_old(destination, error)
                    : 0;
        if (r < 0)
                return r;

        r = job_destination_sync_names(destination);
        if (r < 0 && job_destination_changes_places(destination))
                return error_set_errno(
                        error, -r, "Cannot write the name %s of the new %s to the disk",
                        destination->path, job_destination_thing(destination));
        if (r < 0)
                return error_set_errno(
                        error, -r, "The new %s is at %s, but may not survive a power failure",
                        job_destination_thing(destination), destination->path);
        return 0;
}

/* Whether the new root directory belongs to a subordinate id of the user: renaming a directory writes into it. */
static bool takes_worker(const JobDestination *destination) {
        struct stat st;

        return !destination->is_in_place && geteuid() != 0 &&
               fstat(destination->root_fd, &st) >= 0 && st.st_uid != geteuid();
}

static JobDestinationStep move_step(const JobDestination *destination) {
        return (JobDestinationStep){
                .directory_fd = destination->parent_fd,
                .name = destination->name,
                .target = destination->clone_target,
                .moves = true,
                .exchanges = job_destination_changes_places(destination),
        };
}

/* Keeps a tree that must not be removed, and says where. */
int job_destination_leave_staging(
        JobDestination *destination, const char *what, const char *why, Error *error) {
        _cleanup_(freep) char *path = NULL;
        const char *where = destination->entry.staging;

        if (job_destination_read_path(destination->staging_fd, &path, NULL) >= 0)
                where = path;
        (void) job_destination_remove_mark(destination, destination->staging_fd, NULL);
        forget(destination);
        closep(&destination->staging_fd);
        destination->staging_fd = -EBADF;
        return error_set(
                error, ESTALE, ERROR_FAILED, "%s %s %s; it is at %s/" DESTINATION_STAGING_ROOT,
                what, destination->path, why, where);
}

static int leave_found(JobDestination *destination, Error *error) {
        return job_destination_leave_staging(
                destination, "The tree that was at",
                has_name(destination) ? "could not be put back"
                                      : "cannot be put back, since something else is there now",
                error);
}

/* The old tree has its name again. Until that is on the disk, a power failure may leave either tree. */
static int end_revert(JobDestination *destination, Error *error) {
        destination->is_committed = false;
        if (job_destination_sync_names(destination) < 0)
                return job_destination_leave_staging(
                        destination, "The new tree for",
                        "is kept, since the old one might not survive a power failure", error);
        return 0;
}

/* The kept tree goes back to where it was after the exchange. */
static int take_kept(JobDestination *destination) {
        struct stat st;

        if (!destination->is_kept)
                return 0;
        if (fstatat(destination->parent_fd, destination->entry.keep, &st, AT_SYMLINK_NOFOLLOW) <
                    0 ||
            !job_destination_is_same(&st, &destination->found) ||
            renameat2(
                    destination->parent_fd, destination->entry.keep, destination->staging_fd,
                    DESTINATION_STAGING_ROOT, RENAME_NOREPLACE) < 0)
                return -ESTALE;

        destination->is_kept = false;
        return 0;
}

int job_destination_revert(JobDestination *destination, Error *error) {
        struct stat root;

        if (take_kept(destination) < 0)
                return error_set(
                        error, ESTALE, ERROR_FAILED,
                        "The tree that was at %s could not be put back; it is at \"%s\" beside it",
                        destination->path, destination->entry.keep);
        if (!has_name(destination) || rename_root(destination, RENAME_EXCHANGE) < 0)
                return leave_found(destination, error);
        /* Only the new tree may be removed, and not what somebody has put in its place in between. */
        if (fstat(destination->root_fd, &root) < 0 || !is_in_staging(destination, &root))
                return job_destination_leave_staging(
                        destination, "What somebody has put at", "in the meantime is kept", error);
        return end_revert(destination, error);
}

bool job_destination_revert_step(const JobDestination *destination, JobDestinationStep *ret) {
        if (!takes_worker(destination) || !has_name(destination))
                return false;

        *ret = move_step(destination);
        return true;
}

int job_destination_end_revert(JobDestination *destination, Error *error) {
        struct stat root;

        return fstat(destination->root_fd, &root) >= 0 && is_in_staging(destination, &root)
                       ? end_revert(destination, error)
                       : leave_found(destination, error);
}

int job_destination_leave(JobDestination *destination, Error *error) {
        return job_destination_leave_staging(
                destination, "The tree that was at",
                "was changed while being overwritten by a daemon that was killed", error);
}

/* After a commit that failed because of @r. */
static int take_back(JobDestination *destination, int r, Error *error) {
        _cleanup_(error_clear) Error reason = ERROR_NULL, why = ERROR_NULL;

        if (job_destination_revert(destination, &why) >= 0 || !error)
                return r;

        error_move(&reason, error);
        return error_set(
                error, reason.code, reason.kind, "%s. %s", error_text(&reason), error_text(&why));
}

static int publish(JobDestination *destination, Error *error) {
        const unsigned flags = job_destination_changes_places(destination) ? RENAME_EXCHANGE : 0;
        int r;

        r = job_destination_check_parent(destination, error);
        if (r >= 0)
                r = job_destination_check_mounts(destination, error);
        if (r < 0)
                return r;

        /* A worker has synced its content, except what others fill. */
        r = job_destination_sync(destination, destination->root_fd);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot write the new %s of %s",
                        job_destination_thing(destination), destination->path);

        if (destination->is_given_up)
                return error_set(
                        error, ECANCELED, ERROR_CANCELLED, "The job has ended in the meantime");
        r = flags != 0 ? look_before(destination) : 0;
        if (r >= 0)
                r = destination->is_file && flags == 0 ? rename_file(destination)
                                                       : rename_root(destination, flags);
        if (destination->is_file && r == -EEXIST)
                return error_set(
                        error, EEXIST, ERROR_DESTINATION_NOT_EMPTY,
                        "Somebody has created the destination %s in the meantime",
                        destination->path);
        if (r == -ENOTEMPTY || r == -EEXIST || r == -ENOTDIR)
                return error_set(
                        error, ENOTEMPTY, ERROR_DESTINATION_NOT_EMPTY,
                        "The destination %s has been filled in the meantime", destination->path);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot rename the new %s to %s",
                        job_destination_thing(destination), destination->path);

        r = check_commit(destination, error);
        return r < 0 && flags != 0 ? take_back(destination, r, error) : r;
}

int job_destination_commit(JobDestination *destination, Error *error) {
        int r;

        if (!destination->is_in_place)
                return publish(destination, error);

        /* From now on it must not be emptied. */
        r = job_destination_remove_mark(destination, destination->root_fd, error);
        if (r < 0)
                return r;
        forget(destination);
        destination->is_committed = true;
        return 0;
}

void job_destination_give_up(JobDestination *destination) {
        destination->is_given_up = true;
}

bool job_destination_check_clone_step(const JobDestination *destination, JobDestinationStep *ret) {
        if (!job_destination_has_exchanged(destination) || !destination->overwrite)
                return false;

        *ret = (JobDestinationStep){
                .directory_fd = destination->staging_fd,
                .name = DESTINATION_STAGING_ROOT,
                .is_check = true,
                .cloned = destination->cloned,
                .modified = destination->modified,
        };
        return true;
}

int job_destination_commit_step(
        JobDestination *destination, JobDestinationStep *ret, Error *error) {
        int r;

        if (!takes_worker(destination))
                return 0;

        r = job_destination_check_parent(destination, error);
        if (r >= 0)
                r = job_destination_check_mounts(destination, error);
        if (r < 0)
                return r;

        r = job_destination_changes_places(destination) ? look_before(destination) : 0;
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot look at the destination %s", destination->path);
        *ret = move_step(destination);
        return 1;
}

/* Whether another tree than the new one is in the staging directory. */
static bool has_left(const JobDestination *destination) {
        struct stat left, root;

        return fstatat(destination->staging_fd, DESTINATION_STAGING_ROOT, &left,
                       AT_SYMLINK_NOFOLLOW) >= 0 &&
               fstat(destination->root_fd, &root) >= 0 && !job_destination_is_same(&left, &root);
}

int job_destination_end_commit(JobDestination *destination, Error *error) {
        int r;

        if (!has_name(destination) && has_left(destination))
                return job_destination_leave_staging(
                        destination, "The tree that was at",
                        "was exchanged for the new one, which somebody has moved away", error);
        if (!has_name(destination))
                return 0;

        r = check_commit(destination, error);
        if (r < 0)
                (void) take_kept(destination);
        return r < 0 ? r : 1;
}

bool job_destination_has_exchanged(const JobDestination *destination) {
        return destination->staging_fd >= 0 && destination->is_committed &&
               job_destination_changes_places(destination) && !destination->is_kept;
}

void job_destination_accept(JobDestination *destination) {
        StoreJournalEntry *entry = &destination->entry;

        if (!is_noted(destination) || !job_destination_has_exchanged(destination) ||
            entry->root == 0)
                return;
        entry->root = 0;
        (void) store_journal_write(destination->store, entry, NULL);
}

/* A new file whose name in the staging directory could not be removed. */
static bool has_two_names(const JobDestination *destination) {
        struct stat root;

        return destination->is_file && fstat(destination->root_fd, &root) >= 0 &&
               is_in_staging(destination, &root);
}

bool job_destination_cleanup_step(const JobDestination *destination, JobDestinationStep *ret) {
        /* With "overwrite", old and new content cannot be told apart in place. */
        if (destination->is_in_place &&
            (destination->is_committed || destination->overwrite || !destination->is_locked))
                return false;
        if (!destination->is_in_place && destination->staging_fd < 0)
                return false;
        /* Everything is in its final place. */
        if (!destination->is_in_place && destination->is_committed && !has_two_names(destination) &&
            (!job_destination_changes_places(destination) || destination->is_kept))
                return false;

        *ret = (JobDestinationStep){
                .directory_fd =
                        destination->is_in_place ? destination->root_fd : destination->staging_fd,
                .name = destination->mark,
        };
        return true;
}

/* Removes the staging directory, which contains only the mark. */
static int remove_staging(JobDestination *destination, Error *error) {
        const char *name = destination->entry.staging;
        _cleanup_(freep) char *path = NULL;
        struct stat named, held;
        int r;

        r = job_destination_remove_mark(destination, destination->staging_fd, error);
        if (r < 0)
                return r;
        if (fstat(destination->staging_fd, &held) < 0)
                return error_set_errno(error, errno, "Cannot look at the staging directory");
        if (held.st_nlink > 0 &&
            (fstatat(destination->parent_fd, name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
             !job_destination_is_same(&named, &held))) {
                r = job_destination_read_path(destination->staging_fd, &path, NULL);
                return error_set(
                        error, ESTALE, ERROR_FAILED,
                        "Somebody has moved the staging directory %s of %s away; it is empty, and remains%s%s",
                        name, destination->path, r < 0 ? "" : " at ", r < 0 ? "" : path);
        }

        /* If the entry remains without the directory, the next daemon must not conclude that somebody has
         * moved it. With a full disk, it may. */
        destination->entry.inode = 0;
        (void) store_journal_write(destination->store, &destination->entry, NULL);
        if (held.st_nlink > 0 && unlinkat(destination->parent_fd, name, AT_REMOVEDIR) < 0)
                return error_set_errno(
                        error, errno, "Cannot remove the staging directory %s of %s", name,
                        destination->path);
        return 0;
}

int job_destination_cleaned(JobDestination *destination, Error *error) {
        int r = 0;

        if (destination->staging_fd >= 0)
                r = remove_staging(destination, error);
        else if (destination->mark[0] != '\0')
                r = job_destination_remove_mark(destination, destination->root_fd, error);

        if (is_noted(destination) && !destination->is_committed)
                job_destination_remove_parents(destination);
        /* Remove the entry only after the removal is on the disk. */
        if (destination->parent_fd >= 0)
                (void) job_destination_sync(destination, destination->parent_fd);
        if (r >= 0 || r == -ESTALE)
                forget(destination);
        return r;
}
