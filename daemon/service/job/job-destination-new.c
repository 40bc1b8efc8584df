/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A requested destination: all checks before anything is created. */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-destination-internal.h"

static int check_existing(const JobDestination *destination, Error *error) {
        _cleanup_(closep) int fd = -EBADF;

        if (job_destination_is_root(&destination->found))
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination %s is the root of this system; use a separate directory",
                        destination->path);
        fd =
                openat(destination->base_fd, destination->name,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == EACCES && (destination->overwrite || destination->replaces) &&
            job_destination_is_mapped(destination, destination->found_fd))
                return 0;
        if (fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the destination %s", destination->path);
        return job_destination_check_existing(destination, fd, error);
}

/* Checks whether the old tree can get the name under which it is to be kept. */
static int check_keep_name(const JobDestination *destination, Error *error) {
        const char *name = destination->entry.keep;
        struct stat st;

        if (!name)
                return 0;
        if (name[0] == '\0' || strlen(name) > NAME_MAX || strchr(name, '/') ||
            strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" cannot be the name of the old %s; want a name beside the destination, "
                        "without \"/\"",
                        name, job_destination_thing(destination));
        if (!destination->exists)
                return 0;
        if (fstatat(destination->base_fd, name, &st, AT_SYMLINK_NOFOLLOW) >= 0)
                return error_set(
                        error, EEXIST, ERROR_INVALID_DESTINATION,
                        "The old %s of %s cannot be kept as \"%s\": that name exists beside it",
                        job_destination_thing(destination), destination->path, name);
        /* Renaming a directory writes into it. */
        if (!destination->is_file && geteuid() != 0 && destination->found.st_uid != geteuid())
                return error_set(
                        error, EPERM, ERROR_INVALID_DESTINATION,
                        "The old tree of %s cannot be kept: its directory belongs to user %u",
                        destination->path, destination->found.st_uid);
        return 0;
}

/* Whether the directory for the destination's first missing part is writable. */
static int check_writable(const JobDestination *destination, Error *error) {
        if (faccessat(destination->base_fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
                return error_set_errno(
                        error, errno, "Cannot create the destination %s in %.*s", destination->path,
                        destination->base_length > 0 ? (int) destination->base_length : 1,
                        destination->path);
        return 0;
}

static int use_directory(JobDestination *destination, int directory_fd, Error *error) {
        _cleanup_(freep) char *real = NULL;
        int r;

        if (fstat(directory_fd, &destination->found) < 0 || !S_ISDIR(destination->found.st_mode))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_DESTINATION,
                        "The descriptor of the destination is not a directory");
        if (job_destination_is_root(&destination->found))
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The descriptor of the destination is the root of this system; use a "
                        "separate directory");

        destination->root_fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (destination->root_fd < 0)
                return error_set_errno(error, errno, "Cannot open the destination");
        /* Its real path, whatever the caller wrote. */
        r = job_destination_read_path(destination->root_fd, &real, error);
        if (r < 0)
                return r;

        destination->place = job_place_free(destination->place);
        r = job_place_new(destination->root_fd, real, strlen(real), &destination->place, error);
        if (r < 0)
                return r;

        destination->exists = destination->is_in_place = true;
        return job_destination_check_existing(destination, destination->root_fd, error);
}

JobDestination *job_destination_alloc(void) {
        JobDestination *destination = malloc(sizeof(*destination));

        if (destination)
                *destination = (JobDestination){
                        .base_fd = -EBADF,
                        .found_fd = -EBADF,
                        .parent_fd = -EBADF,
                        .staging_fd = -EBADF,
                        .root_fd = -EBADF,
                        .lock_fd = -EBADF,
                        .entry = STORE_JOURNAL_ENTRY_NULL,
                };
        return destination;
}

int job_destination_new(const JobDestinationRequest *request, JobDestination **ret, Error *error) {
        _cleanup_(job_destination_freep) JobDestination *destination = NULL;
        int r;

        if (request->path[0] != '/')
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination \"%s\" is not an absolute path", request->path);

        destination = job_destination_alloc();
        if (!destination)
                return error_oom(error);

        assert(!request->is_file ||
               (!request->overwrite && !request->in_place && request->directory_fd < 0));
        destination->is_file = request->is_file;
        destination->overwrite = request->overwrite;
        destination->replaces = request->replaces;
        destination->wants_in_place = request->in_place;
        destination->entry.keep = request->keep_old ? strdup(request->keep_old) : NULL;
        if (request->keep_old && !destination->entry.keep)
                return error_oom(error);
        destination->maps_owners = request->maps_owners;
        destination->entry.no_sync = request->no_sync;
        r = job_destination_resolve(destination, request->path, error);
        if (r < 0)
                return r;

        if (request->directory_fd >= 0)
                r = use_directory(destination, request->directory_fd, error);
        else if (destination->exists && !destination->is_file)
                r = check_existing(destination, error);
        else
                r = check_writable(destination, error);
        if (r >= 0 && destination->is_file)
                r = job_destination_check_file(destination, error);
        if (r >= 0)
                r = check_keep_name(destination, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(destination);
        return 0;
}
