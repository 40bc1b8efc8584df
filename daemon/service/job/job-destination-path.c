/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From a path to a descriptor, once: when the job is accepted. Everything later, maybe hours later, is done below
 * that descriptor and follows no links: the owner of a directory on the path may replace it with a link meanwhile.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"

#define OPEN_TRIES 16 /* attempts of openat2(2), while somebody renames something */

/* Removes "//", "/./" and anything after the last name. ".." is left to the kernel, since a link could change its
 * meaning. */
static void tidy_path(char *path) {
        char *to = path;

        for (const char *from = path; *from;) {
                if (from[0] == '/' && (from[1] == '/' || from[1] == '\0'))
                        from++;
                else if (from[0] == '/' && from[1] == '.' && (from[2] == '/' || from[2] == '\0'))
                        from += 2;
                else
                        *to++ = *from++;
        }

        *to = '\0';
}

/* Whether one of the names in @path, which begins with a slash or is empty, is "..". */
static bool goes_up(const char *path) {
        for (const char *p = path; *p; p += 1 + strcspn(p + 1, "/"))
                if (strcspn(p + 1, "/") == 2 && strncmp(p + 1, "..", 2) == 0)
                        return true;

        return false;
}

static int unusable(const char *path, int code, Error *error) {
        if (code == ELOOP || code == ENAMETOOLONG)
                return error_set(
                        error, code, ERROR_INVALID_DESTINATION, "Cannot use the destination %s: %s",
                        path, strerror(code));
        return error_set_errno(error, code, "Cannot use the destination %s", path);
}

static int replaced(const JobDestination *destination, Error *error) {
        return error_set(
                error, ESTALE, ERROR_INVALID_DESTINATION,
                "The path to the destination %s has changed since the job was accepted: somebody has "
                "renamed a directory on it, or put a link or a mount in its place",
                destination->path);
}

bool job_destination_is_same(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool job_destination_is_root(const struct stat *st) {
        struct stat root;

        return stat("/", &root) >= 0 && job_destination_is_same(st, &root);
}

int job_destination_read_path(int fd, char **ret, Error *error) {
        char link[FD_PATH_MAX], path[PATH_MAX];
        struct stat st;
        ssize_t n;

        n = readlink(fd_path(fd, link), path, sizeof(path));
        if (n < 0)
                return error_set_errno(error, errno, "Cannot read the path of the destination");
        if (n == sizeof(path))
                return unusable("of this name", ENAMETOOLONG, error);
        path[n] = '\0';
        if (path[0] != '/' || fstat(fd, &st) < 0 || st.st_nlink == 0)
                return error_set(
                        error, ENOENT, ERROR_INVALID_DESTINATION,
                        "The destination %s was removed, or cannot be reached", path);

        *ret = strdup(path);
        return *ret ? 0 : error_oom(error);
}

int job_destination_open_below(int dir_fd, const char *path, int flags) {
        struct open_how how = {
                .flags = (unsigned) (flags | O_DIRECTORY | O_CLOEXEC),
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        int fd;

        for (unsigned tries = 0; tries < OPEN_TRIES; tries++) {
                fd = (int) syscall(
                        SYS_openat2, dir_fd, path[0] == '\0' ? "." : path, &how, sizeof(how));
                if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
                        break;
        }

        return fd < 0 ? -errno : fd;
}

int job_destination_open_path(const char *path, size_t length, int flags) {
        _cleanup_(freep) char *names = strndup(path + 1, length > 0 ? length - 1 : 0);
        _cleanup_(closep) int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (!names)
                return -ENOMEM;
        if (root_fd < 0)
                return -errno;
        return job_destination_open_below(root_fd, names, flags);
}

/* Length of the path of the destination's directory, bytes. */
static size_t parent_length(const JobDestination *destination) {
        return (size_t) (destination->name - 1 - destination->path);
}

/* Opens the longest existing part of @path, through links. */
static int open_existing(char *path, size_t *ret_length, Error *error) {
        size_t length = strlen(path);

        for (;;) {
                char end = path[length];
                int fd;

                path[length] = '\0';
                fd = open(length > 0 ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                path[length] = end;
                if (fd >= 0) {
                        *ret_length = length;
                        return fd;
                }
                if (length == 0 || (errno != ENOENT && errno != ENOTDIR))
                        return unusable(path, errno, error);
                while (length > 0 && path[--length] != '/')
                        ;
        }
}

/* Copies the name at @from, up to the next slash; returns the slash's position. */
static const char *next_name(const char *from, char ret[static NAME_MAX + 1]) {
        size_t n = strcspn(from, "/");

        (void) snprintf(ret, NAME_MAX + 1, "%.*s", (int) n, from);
        return from + n;
}

/* The first missing part cannot be created: something other than a directory is in its place. */
static int check_first_missing(int fd, const char *path, const char *missing, Error *error) {
        char name[NAME_MAX + 1];
        struct stat st;

        (void) next_name(missing + 1, name);
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (S_ISLNK(st.st_mode))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be created: the link %s does not lead to a directory",
                        path, name);
        if (strchr(missing + 1, '/'))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be created: %s is not a directory", path, name);
        return error_set(
                error, ENOTDIR, ERROR_INVALID_DESTINATION, "The destination %s is not a directory",
                path);
}

/* Sets the path as the kernel has resolved it, followed by the missing part. */
static int set_path(
        JobDestination *destination, const char *path, int fd, const char *missing, Error *error) {
        _cleanup_(freep) char *real = NULL;
        int r;

        r = job_destination_read_path(fd, &real, error);
        if (r < 0)
                return r;

        destination->existing = strcmp(real, "/") != 0 ? strlen(real) : 0;
        if (asprintf(&destination->path, "%s%s", destination->existing > 0 ? real : "", missing) <
            0) {
                destination->path = NULL;
                return error_oom(error);
        }

        if (destination->path[0] == '\0')
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination / is the root of this system; use a separate directory");
        for (const char *p = missing; *p; p += 1 + strcspn(p + 1, "/"))
                if (strcspn(p + 1, "/") > NAME_MAX)
                        return unusable(path, ENAMETOOLONG, error);
        destination->name = strrchr(destination->path, '/') + 1;
        return 0;
}

/* The destination exists: hold its parent directory. */
static int hold_parent(JobDestination *destination, Error *error) {
        struct stat st;

        destination->base_length = parent_length(destination);
        destination->base_fd =
                job_destination_open_path(destination->path, destination->base_length, O_PATH);
        if (destination->base_fd < 0)
                return error_set_errno(
                        error, -destination->base_fd,
                        "Cannot open the directory of the destination %s", destination->path);
        if (fstat(destination->found_fd, &destination->found) < 0 ||
            fstatat(destination->base_fd, destination->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !job_destination_is_same(&st, &destination->found))
                return replaced(destination, error);
        return 0;
}

static int is_no_file(
        const JobDestination *destination, const struct stat *st, int code, Error *error) {
        if (S_ISDIR(st->st_mode))
                return error_set(
                        error, code, ERROR_INVALID_DESTINATION,
                        "The destination %s is a directory; one disk image is a file: name one in it, or "
                        "beside it; for a directory, write \"%s/\" or use another format",
                        destination->path, destination->path);
        if (S_ISLNK(st->st_mode))
                return error_set(
                        error, code, ERROR_INVALID_DESTINATION,
                        "The destination %s is a link; use the path of the file",
                        destination->path);
        return error_set(
                error, code, ERROR_INVALID_DESTINATION, "The destination %s is not a regular file",
                destination->path);
}

/* Whether the file exists in the held directory. It may not be a link: root would follow the link of another user. */
static int find_file(JobDestination *destination, Error *error) {
        destination->found_fd =
                openat(destination->base_fd, destination->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (destination->found_fd < 0)
                return errno == ENOENT ? 0 : unusable(destination->path, errno, error);
        if (fstat(destination->found_fd, &destination->found) < 0)
                return unusable(destination->path, errno, error);
        if (!S_ISREG(destination->found.st_mode))
                return is_no_file(
                        destination, &destination->found,
                        S_ISDIR(destination->found.st_mode) ? EISDIR : EINVAL, error);

        destination->exists = true;
        return 0;
}

/* Opens the longest existing part of @copy. Of a file, that is at most its directory. */
static int open_part(
        const JobDestination *destination, char *copy, size_t *ret_length, Error *error) {
        char *name = destination->is_file ? strrchr(copy, '/') : NULL;
        int fd;

        if (!name)
                return open_existing(copy, ret_length, error);

        *name = '\0';
        fd = open_existing(copy, ret_length, error);
        *name = '/';
        return fd;
}

int job_destination_resolve(JobDestination *destination, const char *path, Error *error) {
        _cleanup_(freep) char *copy = strdup(path);
        _cleanup_(closep) int fd = -EBADF;
        size_t length = 0;
        int r;

        if (!copy)
                return error_oom(error);

        tidy_path(copy);
        fd = open_part(destination, copy, &length, error);
        if (fd < 0)
                return fd;
        if (goes_up(copy + length))
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination %s has \"..\" after a directory that does not exist",
                        path);

        destination->exists = copy[length] == '\0';
        r = set_path(destination, path, fd, copy + length, error);
        if (r >= 0)
                r = job_place_new(
                        fd, destination->path, destination->existing, &destination->place, error);
        if (r < 0)
                return r;
        if (destination->exists) {
                destination->found_fd = TAKE_FD(fd);
                return hold_parent(destination, error);
        }

        destination->base_length = destination->existing;
        destination->base_fd = TAKE_FD(fd);
        if (destination->is_file && !strchr(copy + length + 1, '/'))
                return find_file(destination, error);
        return check_first_missing(destination->base_fd, destination->path, copy + length, error);
}

int job_destination_check_parent(const JobDestination *destination, Error *error) {
        const bool has_parent = destination->parent_fd >= 0;
        const int held_fd = has_parent ? destination->parent_fd : destination->base_fd;
        _cleanup_(closep) int fd = -EBADF;
        struct stat held, found;

        fd = job_destination_open_path(
                destination->path,
                has_parent ? parent_length(destination) : destination->base_length, O_PATH);
        if (fd < 0 || fstat(fd, &found) < 0 || fstat(held_fd, &held) < 0 ||
            !job_destination_is_same(&found, &held))
                return replaced(destination, error);
        return 0;
}

int job_destination_find_parents(JobDestination *destination, Error *error) {
        const char *p = destination->path + destination->base_length;
        _cleanup_(closep) int fd = job_destination_open_below(destination->base_fd, "", O_PATH);

        /* The last of the names after slashes is the destination's own. */
        while (fd >= 0 && p + 1 < destination->name) {
                char name[NAME_MAX + 1];
                int next;

                destination->existing = (size_t) (p - destination->path);
                p = next_name(p + 1, name);
                next = job_destination_open_below(fd, name, O_PATH);
                if (next == -ENOENT)
                        return 0;
                (void) close(fd);
                fd = next;
        }

        if (fd < 0)
                return fd == -ELOOP || fd == -ENOTDIR
                               ? replaced(destination, error)
                               : error_set_errno(
                                         error, -fd, "Cannot open a directory above %s",
                                         destination->path);
        destination->existing = (size_t) (p - destination->path);
        return 0;
}

/* Creates the directory @name if it does not exist, and opens it. The owner of @dir_fd may have changed it meanwhile. */
static int make_parent(const JobDestination *destination, int dir_fd, const char *name) {
        _cleanup_(closep) int fd = -EBADF, sync_fd = -EBADF;
        struct stat st;
        bool is_new;

        is_new = mkdirat(dir_fd, name, 0755) >= 0;
        if (!is_new && errno != EEXIST)
                return -errno;
        fd = job_destination_open_below(dir_fd, name, O_PATH);
        if (fd < 0 || !is_new)
                return TAKE_FD(fd);
        if (fstat(fd, &st) < 0 || st.st_uid != geteuid())
                return -ESTALE;

        sync_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (sync_fd >= 0)
                (void) job_destination_sync(destination, sync_fd);
        return TAKE_FD(fd);
}

int job_destination_make_parents(JobDestination *destination, Error *error) {
        const char *p = destination->path + destination->base_length;
        _cleanup_(closep) int fd = job_destination_open_below(destination->base_fd, "", O_PATH);

        while (fd >= 0 && p + 1 < destination->name) {
                char name[NAME_MAX + 1];
                int next;

                p = next_name(p + 1, name);
                next = make_parent(destination, fd, name);
                if (next < 0)
                        return error_set_errno(
                                error, -next, "Cannot create %.*s", (int) (p - destination->path),
                                destination->path);
                (void) close(fd);
                fd = next;
        }

        if (fd >= 0)
                destination->parent_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || destination->parent_fd < 0)
                return error_set_errno(
                        error, fd < 0 ? -fd : errno,
                        "Cannot open the directory of the destination %s", destination->path);
        return 0;
}

void job_destination_remove_parents(const JobDestination *destination) {
        _cleanup_(freep) char *path = strdup(destination->path + destination->base_length);
        const size_t existing = destination->existing - destination->base_length;
        size_t length = parent_length(destination) - destination->base_length;

        while (path && length > existing) {
                _cleanup_(closep) int fd = -EBADF;
                char *name;

                path[length] = '\0';
                name = strrchr(path, '/');
                *name++ = '\0';
                fd = job_destination_open_below(
                        destination->base_fd, path[0] == '/' ? path + 1 : path, O_PATH);
                if (fd < 0 || unlinkat(fd, name, AT_REMOVEDIR) < 0)
                        return;
                length = (size_t) (name - 1 - path);
        }
}
