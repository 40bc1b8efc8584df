/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A requested destination: all checks before anything is created. */

#include <errno.h>
#include <fcntl.h>
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
        if (fd < 0 && errno == EACCES && destination->overwrite &&
            job_destination_is_mapped(destination, destination->found_fd))
                return 0;
        if (fd < 0)
                return error_set_errno(
                        error, errno, "Cannot open the destination %s", destination->path);
        return job_destination_check_existing(destination, fd, error);
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

        destination->overwrite = request->overwrite;
        destination->maps_owners = request->maps_owners;
        destination->entry.no_sync = request->no_sync;
        r = job_destination_resolve(destination, request->path, error);
        if (r < 0)
                return r;

        if (request->directory_fd >= 0)
                r = use_directory(destination, request->directory_fd, error);
        else if (destination->exists)
                r = check_existing(destination, error);
        else
                r = check_writable(destination, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(destination);
        return 0;
}
