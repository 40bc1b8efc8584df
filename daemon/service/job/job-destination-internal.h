/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the files about destinations. */

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

#include "job-destination.h"
#include "proto-message.h"

#define STAGING_PREFIX PROTO_MARK_PREFIX
#define MARK_NAME_MAX  (sizeof(STAGING_PREFIX) - 1 + STORE_JOURNAL_ID_MAX)
#define STAGING_CLONE_PATH                                                                         \
        (sizeof(STAGING_PREFIX) + NAME_MAX + sizeof("/" DESTINATION_STAGING_ROOT))

struct JobDestination {
        char *path;      /* owned; absolute, without links */
        char *name;      /* borrowed from @path: the last component */
        JobPlace *place; /* owned */
        int base_fd; /* owned; O_PATH: its directory, or the deepest existing one above it, when the job was accepted */
        size_t base_length; /* of @path: the name of that directory */
        size_t existing;    /* of @path: what existed before parents were created */
        int found_fd; /* owned; O_PATH: the destination, if it existed; keeps its inode in use */
        struct stat found;         /* the same */
        uint64_t cloned, modified; /* the clock and the time of @found before it is cloned, in ns */
        uint64_t root_before, found_before; /* the times of the two before they are exchanged */
        char clone_target[STAGING_CLONE_PATH];
        char mark[MARK_NAME_MAX]; /* name of the mark; empty if none */
        int parent_fd;            /* owned; -EBADF until prepared */
        int staging_fd;           /* owned; -EBADF if in place */
        int root_fd;              /* owned; also passed to a worker */
        int lock_fd; /* owned; if in place: the root with a lock, which ends with the daemon */
        bool is_file;
        bool exists; /* the destination did, when checked */
        bool overwrite;
        bool replaces;
        bool wants_in_place;
        bool maps_owners;
        bool is_in_place;
        bool is_locked; /* if in place: nobody else works there, and it had no content */
        bool is_committed;
        bool is_kept;            /* the old tree has its new name, entry.keep */
        atomic_bool is_given_up; /* by the event loop, while a thread works on it */
        Store *store;            /* borrowed */
        StoreJournalEntry entry; /* owned; without a lock if it is not in the journal */
};

/* job_destination_is_mapped() - whether @fd belongs to an id that the user may map to */
bool job_destination_is_mapped(const JobDestination *destination, int fd);

/* job_destination_alloc() - an empty one; NULL when out of memory */
JobDestination *job_destination_alloc(void);

/* job_destination_thing() - what it becomes, for messages: "tree" or "disk image" */
const char *job_destination_thing(const JobDestination *destination);

/* job_destination_changes_places() - whether it is exchanged with what exists */
bool job_destination_changes_places(const JobDestination *destination);

/* job_destination_nsec() - @time in ns */
uint64_t job_destination_nsec(const struct timespec *time);

/* job_destination_resolve() - find the existing part of @path, and hold it open */
int job_destination_resolve(JobDestination *destination, const char *path, Error *error);

/* job_destination_read_path() - the path of the directory @fd, owned by the caller */
int job_destination_read_path(int fd, char **ret, Error *error);

/* job_destination_is_root() - whether the directory @st is the root of this system */
bool job_destination_is_root(const struct stat *st);

/* job_destination_is_same() - whether both are the same directory */
bool job_destination_is_same(const struct stat *a, const struct stat *b);

/* job_destination_open_below() - open the directory @path, of one or more names, below @dir_fd: no links, no
 * "..". Empty: @dir_fd itself. Returns a descriptor or a negative errno. */
int job_destination_open_below(int dir_fd, const char *path, int flags);

/* job_destination_open_path() - open the directory named by the first @length bytes of @path, from the root:
 * no links; as above */
int job_destination_open_path(const char *path, size_t length, int flags);

/* job_destination_find_parents() - determine which of the missing parents still are; creates nothing */
int job_destination_find_parents(JobDestination *destination, Error *error);

/* job_destination_make_parents() - create those, and open the directory of the destination as parent_fd */
int job_destination_make_parents(JobDestination *destination, Error *error);

/* job_destination_remove_parents() - remove the created ones, if they are empty */
void job_destination_remove_parents(const JobDestination *destination);

/* job_destination_check_parent() - check that the path still leads to the held directory */
int job_destination_check_parent(const JobDestination *destination, Error *error);

/* job_destination_check_existing() - check that the directory @fd may be filled: its content, and who may write */
int job_destination_check_existing(const JobDestination *destination, int fd, Error *error);

/* job_destination_check_file() - check that nothing is at the destination of a file, or that it may be replaced */
int job_destination_check_file(const JobDestination *destination, Error *error);

/* job_destination_check_mounts() - check that nothing is mounted below an overwritten tree; -EBUSY
 * (ERROR_INVALID_DESTINATION) with the mounts' names */
int job_destination_check_mounts(const JobDestination *destination, Error *error);

/* job_destination_check_owner() - the second half of job_destination_check_existing() */
int job_destination_check_owner(const JobDestination *destination, int fd, Error *error);

/* job_destination_is_mount_root() - whether @name in @dir_fd (@dir_fd itself when empty) is mounted on */
bool job_destination_is_mount_root(int dir_fd, const char *name);

/* job_destination_is_empty() - whether the directory @dir_fd is empty, except for what mkfs creates */
bool job_destination_is_empty(int dir_fd);

/* job_destination_is_staging() - whether the directory @fd looks like a staging directory of this user */
bool job_destination_is_staging(int fd);

/* job_destination_identify() - record the identity of the directory @fd in @entry */
int job_destination_identify(int fd, StoreJournalEntry *entry, Error *error);

/* job_destination_is_file_system() - whether the directory @fd is on the file system of @entry */
bool job_destination_is_file_system(int fd, const StoreJournalEntry *entry);

/* job_destination_sync() - write the file or directory @fd to the disk, unless the job is without sync */
int job_destination_sync(const JobDestination *destination, int fd);

/* job_destination_leave_staging() - keep the staging directory, without its mark and its entry: returns -ESTALE with
 * @error set, "WHAT PATH WHY: it is STAGING/root" */
int job_destination_leave_staging(
        JobDestination *destination, const char *what, const char *why, Error *error);

/* job_destination_sync_names() - write renames to the disk */
int job_destination_sync_names(const JobDestination *destination);

/* job_destination_keep_old() - give the exchanged old tree its new name beside the destination */
int job_destination_keep_old(JobDestination *destination, Error *error);

/* job_destination_lock() - lock a tree that is filled in place; -EBUSY (ERROR_DESTINATION_BUSY) if it is locked */
int job_destination_lock(JobDestination *destination, Error *error);

/* job_destination_name_mark() - the name of the mark of @id */
char *job_destination_name_mark(const char *id, char ret[static MARK_NAME_MAX]);

/* job_destination_make_mark() - create the mark in the directory @fd, and sync it */
int job_destination_make_mark(JobDestination *destination, int fd, Error *error);

/* job_destination_has_mark() - whether the file @name in the directory @fd is a mark of this user */
bool job_destination_has_mark(int fd, const char *name);

/* job_destination_remove_mark() - remove it, after syncing all earlier removals */
int job_destination_remove_mark(JobDestination *destination, int fd, Error *error);
