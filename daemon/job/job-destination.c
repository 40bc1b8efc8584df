/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"

Destination *destination_free(Destination *destination) {
        if (!destination)
                return NULL;

        closep(&destination->parent_fd);
        closep(&destination->staging_fd);
        closep(&destination->root_fd);
        free(destination->staging);
        free(destination->path);
        free(destination);
        return NULL;
}

const char *destination_path(const Destination *destination) {
        return destination->path;
}

static void remove_made_parents(Destination *destination) {
        for (char *p = destination->name - 1; p > destination->path + destination->parents_length;
             p--)
                if (*p == '/') {
                        *p = '\0';
                        (void) rmdir(destination->path);
                        *p = '/';
                }
}

static int make_parents(Destination *destination, Error *error) {
        char *path = destination->path, *last = destination->name - 1;

        if (destination->exists)
                return 0;

        for (char *p = strchr(path + destination->parents_length + 1, '/'); p && p <= last;
             p = strchr(p + 1, '/')) {
                int r = 0;

                *p = '\0';
                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        r = error_set_errno(error, errno, "Cannot make %s", path);
                *p = '/';
                if (r < 0)
                        return r;
        }

        return 0;
}

int destination_open_parent(Destination *destination, Error *error) {
        char *last = destination->name - 1;

        if (last == destination->path) {
                destination->parent_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        } else {
                *last = '\0';
                destination->parent_fd =
                        open(destination->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                *last = '/';
        }

        if (destination->parent_fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the directory of the destination %s",
                        destination->path);
        return 0;
}

static int note_in_journal(Destination *destination, Error *error) {
        _cleanup_(freep) char *path = NULL;
        char id[SD_ID128_STRING_MAX];
        sd_id128_t random;
        int r;

        if (destination->journal_id[0] != '\0')
                return 0;

        r = sd_id128_randomize(&random);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot make an id");

        if (destination->is_in_place)
                r = asprintf(&path, "%s%c", destination->path, IN_PLACE_SUFFIX);
        else
                r = asprintf(
                        &path, "%.*s%s", (int) (destination->name - destination->path),
                        destination->path, destination->staging);
        if (r < 0) {
                path = NULL;
                return error_oom(error);
        }

        sd_id128_to_string(random, id);
        r = store_journal_add(destination->store, id, path, error);
        if (r < 0)
                return r;

        strcpy(destination->journal_id, id);
        return 0;
}

static void forget_in_journal(Destination *destination) {
        if (destination->journal_id[0] != '\0')
                store_journal_remove(destination->store, destination->journal_id);
        destination->journal_id[0] = '\0';
}

static int busy(const Destination *destination, Error *error) {
        return error_set(
                error, EBUSY, ERROR_DESTINATION_BUSY, "Another job works on the destination %s",
                destination->path);
}

/* Whether it is a directory that a daemon of this user made for staging, still in its place. */
bool destination_is_staging(int fd) {
        struct stat st;

        return fstat(fd, &st) >= 0 && st.st_uid == geteuid() && (st.st_mode & 07777) == 0700 &&
               st.st_nlink > 0;
}

/* Makes the staging directory, or takes over the one that a killed daemon left: what is in it goes. */
static int make_staging(Destination *destination, Error *error) {
        _cleanup_(closep) int fd = -EBADF;

        if (mkdirat(destination->parent_fd, destination->staging, 0700) < 0 && errno != EEXIST)
                return -errno;

        fd =
                openat(destination->parent_fd, destination->staging,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the staging directory %s", destination->staging);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return busy(destination, error);
        if (!destination_is_staging(fd))
                return error_set(
                        error, EBUSY, ERROR_DESTINATION_BUSY,
                        "%s is in the way: remove it, it is not a staging directory of this user",
                        destination->staging);

        /* Only now it is ours to remove. */
        destination->staging_fd = TAKE_FD(fd);
        return 0;
}

/* The root of the new tree looks like the directory that it replaces, until the image says otherwise. */
static int make_root(Destination *destination, Error *error) {
        struct stat st = { .st_mode = 0755, .st_uid = geteuid(), .st_gid = getegid() };

        if (destination->exists &&
            fstatat(destination->parent_fd, destination->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set_errno(
                        error, errno, "Cannot stat the destination %s", destination->path);

        if (mkdirat(destination->staging_fd, DESTINATION_STAGING_ROOT, 0700) < 0) {
                if (errno == EEXIST)
                        return 1;
                return error_set_errno(error, errno, "Cannot make a directory for the new tree");
        }

        destination->root_fd =
                openat(destination->staging_fd, DESTINATION_STAGING_ROOT,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (destination->root_fd < 0 || fchmod(destination->root_fd, st.st_mode & 07777) < 0)
                return error_set_errno(error, errno, "Cannot open the directory for the new tree");
        /* Who may not keep the owner becomes the owner. */
        (void) !fchown(destination->root_fd, st.st_uid, st.st_gid);
        return 0;
}

/* Somebody may have filled it since it was looked at. */
static int lock_in_place(Destination *destination, Error *error) {
        int r;

        if (flock(destination->root_fd, LOCK_EX | LOCK_NB) < 0)
                return busy(destination, error);

        r = destination_check_content(destination, destination->root_fd, error);
        if (r >= 0)
                destination->is_locked = true;
        return r;
}

static int use_in_place(Destination *destination, Error *error) {
        int r;

        destination->is_in_place = true;
        destination->root_fd =
                openat(destination->parent_fd, destination->name,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (destination->root_fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the destination %s", destination->path);

        forget_in_journal(destination);
        r = lock_in_place(destination, error);
        /* With content, nobody could tell later what is new. */
        return r < 0 || destination->overwrite ? r : note_in_journal(destination, error);
}

/* Makes, locks and notes the staging directory with the root in it. */
static int stage(Destination *destination, Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        int r;

        r = note_in_journal(destination, error);
        if (r < 0)
                return r;

        r = make_staging(destination, &why);
        if (r >= 0)
                return make_root(destination, error);

        if (why.code == 0 && destination->exists && (r == -EACCES || r == -EPERM || r == -EROFS))
                return use_in_place(destination, error);

        if (why.code == 0)
                return error_set_errno(
                        error, -r, "Cannot make a staging directory beside %s", destination->path);
        error_move(error, &why);
        return r;
}

int destination_prepare(Destination *destination, Store *store, Error *error) {
        int r;

        destination->store = store;
        closep(&destination->parent_fd);
        closep(&destination->staging_fd);
        destination->parent_fd = destination->staging_fd = -EBADF;
        if (destination->is_in_place)
                return lock_in_place(destination, error);

        r = make_parents(destination, error);
        if (r >= 0)
                r = destination_open_parent(destination, error);
        if (r < 0)
                return r;

        if (destination->exists &&
            destination_is_mount_root(destination->parent_fd, destination->name))
                return use_in_place(destination, error);

        r = destination_check_mounts(destination, error);
        return r < 0 ? r : stage(destination, error);
}

int destination_root_fd(const Destination *destination) {
        return destination->root_fd;
}

bool destination_clone_step(const Destination *destination, DestinationStep *ret) {
        if (!destination->exists || destination->is_in_place || !destination->overwrite)
                return false;

        *ret = (DestinationStep){
                .directory_fd = destination->parent_fd,
                .name = destination->name,
                .target = destination->clone_target,
        };
        return true;
}

static bool exchanges(const Destination *destination) {
        return destination->overwrite && destination->exists;
}

static void set_committed(Destination *destination) {
        /* From now on it is not to be emptied again. */
        if (destination->is_in_place)
                forget_in_journal(destination);
        destination->is_committed = true;

        /* There is nothing left in it, unless what was there before is. */
        if (!destination->is_in_place && !exchanges(destination) &&
            unlinkat(destination->parent_fd, destination->staging, AT_REMOVEDIR) >= 0) {
                closep(&destination->staging_fd);
                destination->staging_fd = -EBADF;
        }
}

int destination_commit(Destination *destination, Error *error) {
        int r;

        r = destination->is_in_place ? 0 : destination_check_mounts(destination, error);
        if (r < 0)
                return r;

        if (!destination->is_in_place &&
            renameat2(
                    destination->staging_fd, DESTINATION_STAGING_ROOT, destination->parent_fd,
                    destination->name, exchanges(destination) ? RENAME_EXCHANGE : 0) < 0) {
                if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
                        return error_set(
                                error, ENOTEMPTY, ERROR_DESTINATION_NOT_EMPTY,
                                "The destination %s was filled meanwhile", destination->path);
                return error_set_errno(
                        error, errno, "Cannot rename the new tree to %s", destination->path);
        }

        set_committed(destination);
        return 0;
}

int destination_commit_step(const Destination *destination, DestinationStep *ret, Error *error) {
        struct stat st;
        int r;

        if (destination->is_in_place || geteuid() == 0 || fstat(destination->root_fd, &st) < 0 ||
            st.st_uid == geteuid())
                return 0;

        r = destination_check_mounts(destination, error);
        if (r < 0)
                return r;

        *ret = (DestinationStep){
                .directory_fd = destination->parent_fd,
                .name = destination->name,
                .target = destination->clone_target,
                .moves = true,
                .exchanges = exchanges(destination),
        };
        return 1;
}

bool destination_has_committed(Destination *destination) {
        struct stat now, root;

        if (fstatat(destination->parent_fd, destination->name, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
            fstat(destination->root_fd, &root) < 0 || now.st_dev != root.st_dev ||
            now.st_ino != root.st_ino)
                return false;

        set_committed(destination);
        return true;
}

bool destination_cleanup_step(const Destination *destination, DestinationStep *ret) {
        if (destination->is_in_place) {
                /* With "overwrite", what was there and what is new cannot be told apart. */
                if (destination->is_committed || destination->overwrite || !destination->is_locked)
                        return false;

                *ret = (DestinationStep){ .directory_fd = destination->root_fd };
                return true;
        }

        if (destination->staging_fd < 0)
                return false;

        *ret = (DestinationStep){ .directory_fd = destination->staging_fd };
        return true;
}

/* The directory that was emptied, and not what somebody put in its place. */
static int remove_staging(const Destination *destination, Error *error) {
        struct stat mine, there;
        char link[FD_PATH_MAX], path[PATH_MAX];
        ssize_t n;

        if (fstat(destination->staging_fd, &mine) < 0)
                return error_set_errno(error, errno, "Cannot stat the staging directory");
        if (mine.st_nlink == 0)
                return 0;

        if (fstatat(destination->parent_fd, destination->staging, &there, AT_SYMLINK_NOFOLLOW) >=
                    0 &&
            there.st_dev == mine.st_dev && there.st_ino == mine.st_ino) {
                if (unlinkat(destination->parent_fd, destination->staging, AT_REMOVEDIR) < 0)
                        return error_set_errno(
                                error, errno, "Cannot remove the staging directory %s of %s",
                                destination->staging, destination->path);
                return 0;
        }

        n = readlink(fd_path(destination->staging_fd, link), path, sizeof(path) - 1);
        path[n < 0 ? 0 : n] = '\0';
        return error_set(
                error, ESTALE, ERROR_FAILED,
                "The staging directory %s was moved, and stays empty: it is %s now",
                destination->staging, path);
}

int destination_cleaned(Destination *destination, Error *error) {
        int r = destination->staging_fd >= 0 ? remove_staging(destination, error) : 0;

        /* Of one that was moved there is nothing left to remove, and nothing by which to find it. */
        if (r < 0 && r != -ESTALE)
                return r;

        forget_in_journal(destination);
        if (!destination->is_committed && destination->parent_fd >= 0)
                remove_made_parents(destination);
        return r;
}
