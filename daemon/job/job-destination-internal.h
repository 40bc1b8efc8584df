/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files about destinations share. */

#include <limits.h>
#include <stddef.h>

#include "job-destination.h"

#define STAGING_PREFIX ".virt-bootstrap-"
#define STAGING_CLONE_PATH                                                                         \
        (sizeof(STAGING_PREFIX) + NAME_MAX + sizeof("/" DESTINATION_STAGING_ROOT))

struct Destination {
        char *path;    /* owned; absolute, the parent's part without links */
        char *name;    /* borrowed from @path: the last component */
        char *staging; /* owned; name of the staging directory */
        char clone_target[STAGING_CLONE_PATH];
        int parent_fd;  /* owned; -EBADF until prepared */
        int staging_fd; /* owned, with a lock; -EBADF when in place */
        int root_fd;    /* owned */
        bool exists;    /* the destination did, when we looked */
        bool overwrite;
        bool maps_owners;
        bool is_in_place;
        bool is_locked; /* in place: nobody else works there, and it had no content */
        bool is_committed;
        size_t parents_length; /* of @path: what existed already, when parents are to be made */
        Store *store;          /* borrowed */
        char journal_id[STORE_JOURNAL_ID_MAX]; /* empty: not noted */
};

/* destination_check_content() - whether the directory @fd may be filled */
int destination_check_content(const Destination *destination, int fd, Error *error);

/* destination_check_mounts() - whether nothing is mounted below what is to be overwritten; -EBUSY
 * (ERROR_INVALID_DESTINATION), which names it */
int destination_check_mounts(const Destination *destination, Error *error);

/* destination_open_parent() - open the directory of the destination as parent_fd */
int destination_open_parent(Destination *destination, Error *error);

/* destination_is_mount_root() - whether @name in @dir_fd (@dir_fd itself when empty) is mounted on */
bool destination_is_mount_root(int dir_fd, const char *name);

/* What the journal notes of a destination that is filled in place ends in. */
#define IN_PLACE_SUFFIX '/'

/* destination_is_staging() - whether the directory @fd looks like a staging directory of this user */
bool destination_is_staging(int fd);
