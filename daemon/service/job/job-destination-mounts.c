/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Mounts below a tree to be overwritten or removed. If a directory is removed in a mount namespace without them, the
 * kernel silently unmounts them in others; and layers that overwrite a tree in place would go into or below them. Only
 * the daemon sees them: its workers have their own namespaces.
 */

#include <errno.h>
#include <limits.h>

#include "base-fd.h"
#include "base-mounts.h"
#include "job-destination-internal.h"

int job_destination_check_mounts(const JobDestination *destination, Error *error) {
        _cleanup_(freep) char *names = NULL;
        const char *path = destination->path;
        char buffer[PATH_MAX];
        int r;

        if ((!destination->overwrite && !destination->replaces) || !destination->exists)
                return 0;

        /* A directory that was passed may no longer be at its path. */
        if (destination->is_in_place && destination->root_fd >= 0)
                path = fd_find_path(destination->root_fd, buffer, sizeof(buffer));
        r = path ? mounts_find(path, &names, error) : 0;
        if (r > 0)
                return error_set(
                        error, EBUSY, ERROR_INVALID_DESTINATION,
                        "The destination %s cannot be %s: something is mounted in it, on %s",
                        destination->path, destination->replaces ? "replaced" : "overwritten",
                        names);
        return r;
}

int job_destination_check_step(const JobDestinationStep *step, Error *error) {
        _cleanup_(freep) char *names = NULL;
        char buffer[PATH_MAX];
        const char *path = fd_find_path(step->directory_fd, buffer, sizeof(buffer));
        int r;

        r = path && !step->target ? mounts_find(path, &names, error) : 0;
        if (r > 0)
                return error_set(
                        error, EBUSY, ERROR_FAILED, "Cannot empty %s: something is mounted on %s",
                        path, names);
        return r;
}
