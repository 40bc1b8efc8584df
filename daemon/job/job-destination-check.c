/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can be said about a destination before anything is made. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"
#include "job-owners.h"

bool destination_is_mount_root(int dir_fd, const char *name) {
        struct statx sx;

        return statx(dir_fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                     STATX_TYPE, &sx) == 0 &&
               (sx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
               (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static bool is_empty(int dir_fd) {
        bool is_mount = destination_is_mount_root(dir_fd, "");
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        bool empty = true;

        if (dir_open(dir_fd, &dir) < 0)
                return false;

        /* A file system of its own is empty, too, with what mkfs puts there. */
        errno = 0;
        while (empty && (entry = readdir(dir)))
                empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                        (is_mount && strcmp(entry->d_name, "lost+found") == 0);
        return empty && errno == 0;
}

/* Removes "//", "/./" and what is after the last name. "..", which a link could lead elsewhere, is left
 * to realpath(). */
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

/* Resolves what exists of the path: the destination itself may be a link to a directory. */
static int resolve(Destination *destination, const char *path, Error *error) {
        _cleanup_(freep) char *copy = strdup(path), *real = NULL;
        size_t existing;

        if (!copy)
                return error_oom(error);

        tidy_path(copy);
        existing = strlen(copy);
        while (existing > 0 && !real) {
                char end = copy[existing];

                copy[existing] = '\0';
                real = realpath(copy, NULL);
                copy[existing] = end;
                if (real)
                        break;
                if (errno != ENOENT && errno != ENOTDIR)
                        return unusable(path, errno, error);
                while (existing > 0 && copy[--existing] != '/')
                        ;
        }

        if (goes_up(copy + existing))
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination %s goes up from a directory that does not exist", path);

        destination->exists = existing > 0 && copy[existing] == '\0';
        destination->parents_length = real && strcmp(real, "/") != 0 ? strlen(real) : 0;
        if (asprintf(
                    &destination->path, "%s%s", destination->parents_length > 0 ? real : "",
                    copy + existing) < 0) {
                destination->path = NULL;
                return error_oom(error);
        }

        if (destination->path[0] == '\0')
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination / is the root of this system: want a directory of its own");

        destination->name = strrchr(destination->path, '/') + 1;
        if (strlen(destination->name) > NAME_MAX)
                return error_set(
                        error, ENAMETOOLONG, ERROR_INVALID_DESTINATION,
                        "The name of the destination %s is too long", path);
        return 0;
}

/* A name that is too long for a prefix is cut; two that then have the same staging directory are told
 * apart by its lock. */
static int name_staging(Destination *destination, Error *error) {
        if (asprintf(
                    &destination->staging, STAGING_PREFIX "%.*s",
                    (int) (NAME_MAX - strlen(STAGING_PREFIX)), destination->name) < 0) {
                destination->staging = NULL;
                return error_oom(error);
        }

        (void) snprintf(
                destination->clone_target, sizeof(destination->clone_target),
                "%s/" DESTINATION_STAGING_ROOT, destination->staging);
        return 0;
}

/* Whether it belongs to one of the ids of a user's own, as who maps owners writes. */
static bool is_mapped(const Destination *destination, int fd) {
        struct stat st;

        return destination->maps_owners && fstat(fd, &st) >= 0 && owners_has(st.st_uid);
}

int destination_check_content(const Destination *destination, int fd, Error *error) {
        if (!destination->overwrite && !is_empty(fd))
                return error_set(
                        error, ENOTEMPTY, ERROR_DESTINATION_NOT_EMPTY,
                        "The destination %s is not empty: want a new or empty directory, or --overwrite",
                        destination->path);
        if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0 &&
            (errno != EACCES || !is_mapped(destination, fd)))
                return error_set_errno(
                        error, errno, "Cannot write to the destination %s", destination->path);
        return destination_check_mounts(destination, error);
}

static int check_existing(const Destination *destination, Error *error) {
        _cleanup_(closep) int fd = -EBADF, path_fd = -EBADF;

        fd = open(destination->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == ENOTDIR)
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The destination %s is not a directory", destination->path);
        if (fd < 0 && errno == EACCES && destination->overwrite) {
                path_fd = open(destination->path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (path_fd >= 0 && is_mapped(destination, path_fd))
                        return 0;
                errno = EACCES;
        }
        if (fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the destination %s", destination->path);

        return destination_check_content(destination, fd, error);
}

/* Whether the first part that does not exist is there after all: as a link to what does not. */
static bool leads_nowhere(const Destination *destination) {
        const char *first = destination->path + destination->parents_length + 1;
        _cleanup_(freep) char *path = NULL;
        struct stat st;

        path = strndup(
                destination->path, (size_t) (first - destination->path) + strcspn(first, "/"));
        return path && lstat(path, &st) >= 0 && S_ISLNK(st.st_mode);
}

/* Whether the directory in which the destination's first missing part is to be made can be written. */
static int check_parent(const Destination *destination, Error *error) {
        _cleanup_(freep) char *parent = strndup(destination->path, destination->parents_length);
        struct stat st;

        if (!parent)
                return error_oom(error);
        if (parent[0] == '\0') {
                free(parent);
                parent = strdup("/");
                if (!parent)
                        return error_oom(error);
        }

        if (stat(parent, &st) >= 0 && !S_ISDIR(st.st_mode))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be made: %s is not a directory",
                        destination->path, parent);
        if (leads_nowhere(destination))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be made: a link in it leads nowhere",
                        destination->path);
        if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) < 0)
                return error_set_errno(
                        error, errno, "Cannot make the destination %s in %s", destination->path,
                        parent);
        return 0;
}

static int use_directory(Destination *destination, int directory_fd, Error *error) {
        struct stat st;

        if (fstat(directory_fd, &st) < 0 || !S_ISDIR(st.st_mode))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The descriptor of the destination is not a directory");

        destination->root_fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (destination->root_fd < 0)
                return error_set_errno(error, errno, "Cannot open the destination");

        destination->exists = destination->is_in_place = true;
        return destination_check_content(destination, destination->root_fd, error);
}

int destination_new(const DestinationRequest *request, Destination **ret, Error *error) {
        _cleanup_(destination_freep) Destination *destination = NULL;
        int r;

        if (request->path[0] != '/')
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination \"%s\" is not an absolute path", request->path);

        destination = malloc(sizeof(*destination));
        if (!destination)
                return error_oom(error);

        *destination = (Destination){
                .parent_fd = -EBADF,
                .staging_fd = -EBADF,
                .root_fd = -EBADF,
                .overwrite = request->overwrite,
                .maps_owners = request->maps_owners,
        };

        r = resolve(destination, request->path, error);
        if (r >= 0)
                r = name_staging(destination, error);
        if (r < 0)
                return r;

        if (request->directory_fd >= 0)
                r = use_directory(destination, request->directory_fd, error);
        else if (destination->exists)
                r = check_existing(destination, error);
        else
                r = check_parent(destination, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(destination);
        return 0;
}
