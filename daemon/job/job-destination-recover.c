/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a daemon that was killed has left. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "job-destination-internal.h"

/* Opens and locks what a killed daemon left: returns 0 when there is no such thing. */
static int open_left_over(Destination *destination, bool *ret_is_busy, Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = destination_open_parent(destination, &why);
        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r < 0) {
                error_move(error, &why);
                return r;
        }

        fd =
                openat(destination->parent_fd, destination->name,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || !destination_is_staging(fd))
                return 0;

        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                *ret_is_busy = true;
                return 0;
        }

        destination->staging_fd = TAKE_FD(fd);
        return 1;
}

/* What was being filled in place; the daemon forgot it before it was complete. */
static int open_in_place(Destination *destination, bool *ret_is_busy, Error *error) {
        _cleanup_(closep) int fd = -EBADF;

        fd = open(destination->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
                               ? 0
                               : error_set_errno(error, errno, "Cannot open %s", destination->path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                *ret_is_busy = true;
                return 0;
        }

        destination->is_in_place = destination->is_locked = true;
        destination->root_fd = TAKE_FD(fd);
        return 1;
}

static Destination *new_left_over(Store *store, const char *path) {
        _cleanup_(destination_freep) Destination *destination = malloc(sizeof(*destination));
        size_t length = strlen(path);

        if (!destination)
                return NULL;

        *destination = (Destination){
                .path = strndup(path, path[length - 1] == IN_PLACE_SUFFIX ? length - 1 : length),
                .parent_fd = -EBADF,
                .staging_fd = -EBADF,
                .root_fd = -EBADF,
                .store = store,
        };
        if (!destination->path)
                return NULL;

        destination->name = strrchr(destination->path, '/') + 1;
        destination->parents_length = (size_t) (destination->name - destination->path);
        destination->staging = strdup(destination->name);
        return destination->staging ? TAKE_PTR(destination) : NULL;
}

int destination_recover(
        Store *store,
        const StoreJournalEntry *entry,
        Destination **ret,
        bool *ret_is_busy,
        Error *error) {
        _cleanup_(destination_freep) Destination *destination = NULL;
        size_t length = strlen(entry->path);
        int r;

        *ret_is_busy = false;
        if (entry->path[0] != '/' || length < 2)
                return 0;

        destination = new_left_over(store, entry->path);
        if (!destination)
                return error_oom(error);

        if (entry->path[length - 1] == IN_PLACE_SUFFIX)
                r = open_in_place(destination, ret_is_busy, error);
        else if (strncmp(destination->name, STAGING_PREFIX, strlen(STAGING_PREFIX)) == 0)
                r = open_left_over(destination, ret_is_busy, error);
        else
                r = 0;
        if (r <= 0)
                return r;

        strcpy(destination->journal_id, entry->id);
        *ret = TAKE_PTR(destination);
        return 1;
}
