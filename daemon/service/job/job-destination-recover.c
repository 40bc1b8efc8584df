/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The leftovers of a killed daemon. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"

/* It is not what the entry refers to, and will not be. */
static int disagrees(const JobDestination *destination, const char *why, Error *error) {
        return error_set(
                error, ESTALE, ERROR_FAILED, "%s%s%s is left as it is: %s", destination->path,
                destination->is_in_place ? "" : " or its staging directory ",
                destination->is_in_place ? "" : destination->entry.staging, why);
}

/* What the entry refers to is absent, but may return. */
static int is_away(const JobDestination *destination, const char *why, Error *error) {
        return error_set(
                error, EXDEV, ERROR_FAILED,
                "%s is left as it is: %s; entry %s of the journal stays until it is back",
                destination->path, why, destination->entry.id);
}

/* Whether @fd is the directory of the entry. */
static int check_identity(JobDestination *destination, int fd, Error *error) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at %s", destination->path);
        if (!job_destination_is_file_system(fd, &destination->entry))
                return is_away(
                        destination,
                        "the file system on which the job worked is not there any more", error);
        if (st.st_ino != destination->entry.inode)
                return disagrees(
                        destination, "it is not the directory in which the job worked", error);
        if (!job_destination_has_mark(fd, destination->mark))
                return disagrees(
                        destination, "the job's mark in it is missing, or belongs to another user",
                        error);
        return 0;
}

/* Nothing is left except, maybe, the directories above it. */
static int finish(JobDestination *destination) {
        job_destination_remove_parents(destination);
        if (destination->parent_fd >= 0)
                (void) fd_sync(destination->parent_fd);
        return 0;
}

static int open_parent(JobDestination *destination, Error *error) {
        const size_t length = (size_t) (destination->name - 1 - destination->path);

        destination->base_length = destination->existing = destination->entry.existing;
        destination->base_fd =
                job_destination_open_path(destination->path, destination->base_length, O_PATH);
        destination->parent_fd = job_destination_open_path(destination->path, length, O_RDONLY);
        if (destination->parent_fd == -ELOOP)
                return disagrees(
                        destination, "a directory on its path has been replaced by a link", error);
        if (destination->parent_fd == -ENOENT || destination->parent_fd == -ENOTDIR)
                return destination->entry.inode == 0
                               ? 0
                               : is_away(destination, "its parent directory does not exist", error);
        if (destination->parent_fd < 0)
                return error_set_errno(
                        error, -destination->parent_fd, "Cannot open the directory of %s",
                        destination->path);
        return 1;
}

/* Killed after the old and the new tree were exchanged: somebody may have changed the old one since it was cloned. The
 * exchange must be on the disk before anything is removed. If the exchange itself changes times, as on XFS, the whole
 * old tree counts as changed: the times before it are unknown. After a power failure, the entry of a job without sync may
 * be older than the state of the directory: then only the new tree may be removed. */
static int look_for_exchange(JobDestination *destination, Error *error) {
        const StoreJournalEntry *entry = &destination->entry;
        struct stat st;
        int r;

        if (entry->root == 0 && !entry->is_from_before)
                return 1;
        if (fstatat(destination->staging_fd, DESTINATION_STAGING_ROOT, &st, AT_SYMLINK_NOFOLLOW) <
            0)
                return errno == ENOENT ? 1
                                       : error_set_errno(
                                                 error, errno, "Cannot look at the remains of %s",
                                                 destination->path);
        if (st.st_ino == entry->root)
                return 1;
        if (entry->is_from_before)
                return job_destination_leave_staging(
                        destination, "What may be the tree that was at",
                        "is kept, since the system ended while a job without sync worked there",
                        error);

        if (entry->cloned == 0 && st.st_ino != entry->modified)
                return job_destination_leave_staging(
                        destination, "What was found at",
                        "instead of the tree that was to be replaced is kept", error);

        destination->exists = destination->is_committed = true;
        destination->overwrite = entry->cloned != 0;
        destination->replaces = !destination->overwrite;
        destination->cloned = entry->cloned;
        destination->modified = entry->modified;
        if (entry->keep && job_destination_keep_old(destination, NULL) < 0)
                return job_destination_leave_staging(
                        destination, "The tree that was at",
                        "could not get the name under which it was to be kept", error);
        r = job_destination_sync_names(destination);
        return r < 0 ? error_set_errno(
                               error, -r, "Cannot write the name %s of the new tree to the disk",
                               destination->path)
                     : 1;
}

/* Opens what a killed daemon left: returns 0 if there is nothing. */
static int open_staging(JobDestination *destination, Error *error) {
        StoreJournalEntry *entry = &destination->entry;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = open_parent(destination, error);
        if (r <= 0)
                return r < 0 ? r : finish(destination);

        fd = job_destination_open_below(destination->parent_fd, entry->staging, O_RDONLY);
        if (fd == -ENOENT && entry->inode != 0)
                return disagrees(
                        destination, "it is not where it was created; was it moved or removed?",
                        error);
        if (fd == -ENOENT)
                return finish(destination);
        if (fd < 0 || !job_destination_is_staging(fd))
                return disagrees(
                        destination, "it is not a directory of this user with the mode 0700",
                        error);

        /* Killed before the directory's identity was recorded: the mark's name is unique. */
        if (entry->inode == 0)
                r = job_destination_identify(fd, entry, error);
        /* Without a mark it is removed only if it is empty: the mark is created first and removed last. */
        if (r >= 0 && !job_destination_has_mark(fd, destination->mark) &&
            unlinkat(destination->parent_fd, entry->staging, AT_REMOVEDIR) >= 0)
                return finish(destination);
        if (r >= 0)
                r = check_identity(destination, fd, error);
        if (r < 0)
                return r;

        destination->staging_fd = TAKE_FD(fd);
        return look_for_exchange(destination, error);
}

/* Opens a directory that was being filled in place. */
static int open_in_place(JobDestination *destination, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        int r;

        destination->is_in_place = true;
        if (destination->entry.inode == 0)
                return 0;

        fd = job_destination_open_path(destination->path, strlen(destination->path), O_RDONLY);
        if (fd == -ELOOP || fd == -ENOTDIR)
                return disagrees(
                        destination, "the directory has been replaced by a link or a file", error);
        if (fd == -ENOENT)
                return is_away(destination, "it does not exist", error);
        if (fd < 0)
                return error_set_errno(error, -fd, "Cannot open %s", destination->path);

        /* Killed before the mark was made, or after it was removed. */
        if (job_destination_is_file_system(fd, &destination->entry) && job_destination_is_empty(fd))
                return 0;
        r = check_identity(destination, fd, error);
        if (r < 0)
                return r;
        /* The job may have ended, and somebody may have used the tree since: the removal of the mark may be lost. */
        if (destination->entry.is_from_before)
                return disagrees(
                        destination, "the system ended while a job without sync worked there",
                        error);

        destination->root_fd = TAKE_FD(fd);
        r = job_destination_lock(destination, error);
        if (r < 0)
                return r;
        destination->is_locked = true;
        return 1;
}

int job_destination_recover(
        Store *store, StoreJournalEntry *entry, JobDestination **ret, Error *error) {
        _cleanup_(job_destination_freep) JobDestination *destination = job_destination_alloc();
        int r;

        if (!destination)
                return error_oom(error);

        destination->store = store;
        destination->path = strdup(entry->path);
        if (!destination->path)
                return error_oom(error);

        destination->name = strrchr(destination->path, '/') + 1;
        destination->entry = *entry;
        *entry = STORE_JOURNAL_ENTRY_NULL;
        /* From here on, this is not the work of a job without sync. */
        destination->entry.no_sync = false;
        (void) job_destination_name_mark(destination->entry.id, destination->mark);

        r = destination->entry.staging[0] == '\0' ? open_in_place(destination, error)
                                                  : open_staging(destination, error);
        if (r == 0 || r == -ESTALE)
                store_journal_remove(store, &destination->entry);
        if (r <= 0)
                return r;

        *ret = TAKE_PTR(destination);
        return 1;
}
