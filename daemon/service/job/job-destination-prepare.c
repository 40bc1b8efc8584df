/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The staging directory, and what is to be filled. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"

#define UTF8_BYTES_MAX 4U /* of one character */

/* How much of a name fits, without cutting a UTF-8 character. */
static size_t cut_name(const char *name, size_t room) {
        size_t n = strnlen(name, room);

        for (unsigned i = 1;
             i < UTF8_BYTES_MAX && n > 0 && ((unsigned char) name[n] & 0xc0) == 0x80; i++)
                n--;
        return n;
}

static int name_staging(JobDestination *destination, Error *error) {
        StoreJournalEntry *entry = &destination->entry;

        if (asprintf(
                    &entry->staging, STAGING_PREFIX "%.*s-%s",
                    (int) cut_name(
                            destination->name,
                            NAME_MAX - strlen(STAGING_PREFIX) - 1 - strlen(entry->id)),
                    destination->name, entry->id) < 0) {
                entry->staging = NULL;
                return error_oom(error);
        }

        (void) snprintf(
                destination->clone_target, sizeof(destination->clone_target),
                "%s/" DESTINATION_STAGING_ROOT, entry->staging);
        return 0;
}

/* Records that a job is about to work here, unless another one does. */
static int note(JobDestination *destination, Error *error) {
        StoreJournalEntry *entry = &destination->entry;
        int r;

        r = store_journal_new_id(entry->id, error);
        if (r >= 0)
                r = name_staging(destination, error);
        if (r < 0)
                return r;
        entry->path = strdup(destination->path);
        if (!entry->path)
                return error_oom(error);
        entry->existing = destination->existing;

        r = store_journal_begin(destination->store, error);
        if (r < 0)
                return r;
        r = store_journal_check(destination->store, destination->path, error);
        if (r >= 0)
                r = store_journal_write(destination->store, entry, error);
        store_journal_end(destination->store);
        return r;
}

/* Creates the staging directory, marks it, and records its identity. */
static int make_staging(JobDestination *destination, Error *error) {
        StoreJournalEntry *entry = &destination->entry;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (mkdirat(destination->parent_fd, entry->staging, 0700) < 0)
                return -errno;

        fd = job_destination_open_below(destination->parent_fd, entry->staging, O_RDONLY);
        /* Without the setgid bit, which the tree would inherit. */
        if (fd < 0 || !job_destination_is_staging(fd) || fchmod(fd, 0700) < 0) {
                (void) unlinkat(destination->parent_fd, entry->staging, AT_REMOVEDIR);
                return error_set(
                        error, ESTALE, ERROR_FAILED, "Cannot open the new staging directory %s",
                        entry->staging);
        }

        destination->staging_fd = TAKE_FD(fd);
        r = job_destination_make_mark(destination, destination->staging_fd, error);
        if (r >= 0)
                r = job_destination_identify(destination->staging_fd, entry, error);
        if (r < 0)
                return r;

        r = job_destination_sync(destination, destination->parent_fd);
        if (r < 0)
                return error_set_errno(
                        error, -r, "Cannot write to the directory of %s", destination->path);
        return store_journal_write(destination->store, entry, error);
}

static int open_file(const JobDestination *destination) {
        const int fd =
                openat(destination->parent_fd, destination->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* Opens the destination, which must be the same as when the job was accepted. */
static int open_found(const JobDestination *destination, int flags, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;

        fd = destination->is_file
                     ? open_file(destination)
                     : job_destination_open_below(destination->parent_fd, destination->name, flags);
        if (fd < 0 && fd != -ENOENT && fd != -ELOOP && fd != -ENOTDIR)
                return error_set_errno(
                        error, -fd, "Cannot open the destination %s", destination->path);
        if (fd < 0 || fstat(fd, &st) < 0 || !job_destination_is_same(&st, &destination->found))
                return error_set(
                        error, ESTALE, ERROR_INVALID_DESTINATION,
                        "The destination %s has changed since the job was accepted: somebody has "
                        "removed it, or put something else in its place",
                        destination->path);
        return TAKE_FD(fd);
}

/* Also for the next daemon, if this one is killed after the exchange, and to recognize the new tree of a job without sync
 * after a power failure. */
static int note_root(JobDestination *destination, Error *error) {
        StoreJournalEntry *entry = &destination->entry;
        struct stat root;

        if (fstat(destination->root_fd, &root) < 0)
                return error_set_errno(
                        error, errno, "Cannot look at the directory for the new tree");

        entry->root = root.st_ino;
        entry->cloned = destination->cloned;
        entry->modified = destination->modified;
        return store_journal_write(destination->store, entry, error);
}

static void remember_times(JobDestination *destination, const struct stat *st) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        destination->cloned = job_destination_nsec(&now);
        destination->modified = job_destination_nsec(&st->st_mtim);
}

/* The new root has the attributes of the directory that it replaces, unless the image sets others. */
static int make_root(JobDestination *destination, Error *error) {
        struct stat st = { .st_mode = 0755, .st_uid = geteuid(), .st_gid = getegid() };

        if (destination->exists) {
                /* A user may have no access to a directory of a subordinate id. */
                _cleanup_(closep) int fd =
                        open_found(destination, geteuid() == 0 ? O_RDONLY : O_PATH, error);
                int r = fd;

                if (r >= 0)
                        r = job_destination_check_owner(destination, fd, error);
                if (r >= 0 && fstat(fd, &st) < 0)
                        r = error_set_errno(
                                error, errno, "Cannot look at the destination %s",
                                destination->path);
                if (r < 0)
                        return r;
                if (destination->overwrite)
                        remember_times(destination, &st);
                else if (destination->replaces)
                        destination->modified = st.st_ino; /* for the next daemon */
        }

        if (mkdirat(destination->staging_fd, DESTINATION_STAGING_ROOT, 0700) < 0)
                return error_set_errno(error, errno, "Cannot create a directory for the new tree");

        destination->root_fd = job_destination_open_below(
                destination->staging_fd, DESTINATION_STAGING_ROOT, O_RDONLY);
        if (destination->root_fd < 0 || fchmod(destination->root_fd, st.st_mode & 07777) < 0)
                return error_set_errno(error, errno, "Cannot open the directory for the new tree");
        /* If the owner cannot be kept, this user becomes the owner. */
        (void) !fchown(destination->root_fd, st.st_uid, st.st_gid);
        return job_destination_changes_places(destination) || destination->entry.no_sync
                       ? note_root(destination, error)
                       : 0;
}

/* Open read-only, so that the lease on the complete image shows whether others can write to it. */
static int make_file(JobDestination *destination, Error *error) {
        if (destination->exists) {
                _cleanup_(closep) int fd = open_found(destination, O_PATH, error);

                if (fd < 0)
                        return fd;
                destination->modified = destination->found.st_ino; /* for the next daemon */
        }

        destination->root_fd =
                openat(destination->staging_fd, DESTINATION_STAGING_ROOT,
                       O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (destination->root_fd < 0)
                return error_set_errno(error, errno, "Cannot create a file for the new disk image");
        return job_destination_changes_places(destination) || destination->entry.no_sync
                       ? note_root(destination, error)
                       : 0;
}

/* A dying worker may still have the root open after the daemon has ended, so the lock is separate. */
int job_destination_lock(JobDestination *destination, Error *error) {
        destination->lock_fd =
                openat(destination->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (destination->lock_fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the destination %s", destination->path);
        if (flock(destination->lock_fd, LOCK_EX | LOCK_NB) < 0)
                return error_set(
                        error, EBUSY, ERROR_DESTINATION_BUSY,
                        "Another job works on the destination %s", destination->path);
        return 0;
}

/* Somebody may have filled it since it was checked. */
static int lock_in_place(JobDestination *destination, Error *error) {
        int r = job_destination_lock(destination, error);

        if (r >= 0)
                r = job_destination_check_existing(destination, destination->root_fd, error);
        if (r >= 0)
                destination->is_locked = true;
        return r;
}

static int use_in_place(JobDestination *destination, Error *error) {
        StoreJournalEntry *entry = &destination->entry;
        int r;

        destination->is_in_place = true;
        destination->root_fd = open_found(destination, O_RDONLY, error);
        if (destination->root_fd < 0)
                return destination->root_fd;

        r = lock_in_place(destination, error);
        if (r < 0)
                return r;

        entry->staging[0] = '\0';
        /* With content, old and new could not be told apart later: do not empty it. */
        if (!destination->overwrite)
                r = job_destination_identify(destination->root_fd, entry, error);
        if (r >= 0)
                r = store_journal_write(destination->store, entry, error);
        if (r >= 0 && !destination->overwrite)
                r = job_destination_make_mark(destination, destination->root_fd, error);
        return r;
}

/* Creates the staging directory with the root in it. */
static int stage(JobDestination *destination, Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        int r;

        r = make_staging(destination, &why);
        if (r >= 0)
                return destination->is_file ? make_file(destination, error)
                                            : make_root(destination, error);

        if (why.code == 0 && destination->exists && !destination->is_file &&
            (r == -EACCES || r == -EPERM || r == -EROFS))
                return use_in_place(destination, error);

        if (why.code == 0)
                return error_set_errno(
                        error, -r, "Cannot create a staging directory beside %s",
                        destination->path);
        error_move(error, &why);
        return r;
}

int job_destination_prepare(JobDestination *destination, Store *store, Error *error) {
        int r;

        destination->store = store;
        if (destination->is_in_place)
                return lock_in_place(destination, error);

        r = job_destination_check_parent(destination, error);
        if (r >= 0)
                r = job_destination_find_parents(destination, error);
        if (r >= 0)
                r = note(destination, error);
        if (r >= 0)
                r = job_destination_make_parents(destination, error);
        if (r < 0)
                return r;

        if (destination->exists && !destination->is_file &&
            (destination->wants_in_place ||
             job_destination_is_mount_root(destination->parent_fd, destination->name)))
                return use_in_place(destination, error);

        r = job_destination_check_mounts(destination, error);
        return r < 0 ? r : stage(destination, error);
}
