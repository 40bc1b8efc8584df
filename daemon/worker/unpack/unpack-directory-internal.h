/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by unpack-directory.c (directories, names), unpack-directory-file.c (files and other entries),
 * unpack-directory-rights.c (owners, and the rights that they give), unpack-directory-list.c (listing a
 * directory) and unpack-directory-read.c (reading an entry). */

#include <pthread.h>

#include "unpack-directory.h"
#include "unpack-writeback.h"
#include "unpack-xattr.h"

/* An UnpackDir is a descriptor, with flags for what new entries inherit from that directory. */
#define DIR_FD(dir)     ((int) ((dir) &INT32_MAX))
#define DIR_GIVES_ACL   (INT64_C(1) << 32) /* it has a default ACL */
#define DIR_GIVES_GROUP (INT64_C(1) << 33) /* it is setgid */

/* What may be lost when an entry is written. */
typedef enum UnpackDirectoryLoss {
        DIRECTORY_LOSS_OWNER,    /* it could not be set */
        DIRECTORY_LOSS_UNMAPPED, /* it is some user of the host; rights are removed */
        DIRECTORY_LOSS_RIGHTS,   /* setuid, setgid, capabilities */
        DIRECTORY_LOSS_NODE,     /* the node was left out */
        DIRECTORY_LOSS_OPENNESS, /* the node can now be opened by root only */
        _DIRECTORY_LOSS_MAX,
} UnpackDirectoryLoss;

typedef struct UnpackDirectoryCount {
        uint64_t n;
        char *example;           /* owned; the first entry's name, NULL if there is none */
        uint64_t example_number; /* the number of that entry */
} UnpackDirectoryCount;

typedef struct UnpackDirectory {
        UnpackTarget target; /* first */
        int root_fd;         /* borrowed */
        const char *spared;  /* borrowed; a name in the root that is not content, or NULL */
        bool privileged;
        uint32_t new_uid, new_gid; /* the owner of new files, see learn_owner() */
        bool knows_owner;
        bool closes_devices; /* for this owner: */
        uint32_t device_uid, device_gid;
        pthread_mutex_t count_lock; /* of these: */
        UnpackDirectoryCount losses[_DIRECTORY_LOSS_MAX];
        UnpackDirectoryCount rights; /* files with such rights */
        UnpackXattrWarnings xattr_warnings;
        UnpackWriteback *writeback; /* owned; may be NULL */
} UnpackDirectory;

/** unpack_directory() - the target that unpack_directory_new() returned */
static inline UnpackDirectory *unpack_directory(UnpackTarget *target) {
        return (UnpackDirectory *) target;
}

/** unpack_directory_type() - from struct stat's st_mode */
UnpackType unpack_directory_type(mode_t mode);

/** unpack_directory_lose() - count a loss of @entry */
void unpack_directory_lose(
        UnpackDirectory *directory, const UnpackEntry *entry, UnpackDirectoryLoss loss);

/**
 * unpack_directory_set_owner() - give @name in @fd, or @fd itself if it is empty, the owner in @meta
 *
 * Return: 1, or 0 if this process or the file system cannot.
 */
int unpack_directory_set_owner(int fd, const char *name, const UnpackMeta *meta, Error *error);

/** unpack_directory_is_owned() - whether a new file has, or can be given, the owner in @meta */
bool unpack_directory_is_owned(const UnpackDirectory *directory, const UnpackMeta *meta);

/**
 * unpack_directory_keep() - the part of @meta that @entry keeps
 * @is_owned:   its owner is the one in @meta
 *
 * Another owner must not lend its rights: setuid, setgid and capabilities are removed, and counted.
 */
UnpackMeta unpack_directory_keep(
        UnpackDirectory *directory,
        const UnpackEntry *entry,
        const UnpackMeta *meta,
        bool is_owned);

/** unpack_directory_closes() - whether @meta is a device node to be created with unpack_directory_close() */
bool unpack_directory_closes(const UnpackDirectory *directory, const UnpackMeta *meta);
UnpackMeta unpack_directory_close(const UnpackDirectory *directory, const UnpackMeta *meta);

/** unpack_directory_sum_up() - see UnpackTargetOps */
void unpack_directory_sum_up(UnpackTarget *target);

/** unpack_directory_rights_done() - release what the counts own */
void unpack_directory_rights_done(UnpackDirectory *directory);

/** unpack_directory_list_open() … - see UnpackTargetOps */
int unpack_directory_list_open(UnpackTarget *target, UnpackDir dir, UnpackList **ret, Error *error);
int unpack_directory_list_next(
        UnpackTarget *target,
        UnpackList *list,
        const char **ret_name,
        UnpackType *ret_type,
        Error *error);
void unpack_directory_list_close(UnpackTarget *target, UnpackList *list);

/** unpack_directory_create_file() … - see UnpackTargetOps */
int unpack_directory_create_file(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        UnpackFile **ret,
        Error *error);
int unpack_directory_write_file(
        UnpackTarget *target,
        UnpackFile *file,
        uint64_t offset,
        const void *data,
        size_t size,
        Error *error);
int unpack_directory_finish_file(
        UnpackTarget *target,
        UnpackFile *file,
        const UnpackEntry *entry,
        const UnpackMeta *meta,
        Error *error);
void unpack_directory_discard_file(UnpackTarget *target, UnpackFile *file);
int unpack_directory_make(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        Error *error);

/** unpack_directory_get_meta() … - see UnpackTargetOps */
int unpack_directory_get_meta(
        UnpackTarget *target, UnpackDir dir, const char *name, UnpackMeta *ret, Error *error);
ssize_t unpack_directory_read_file(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        void *buffer,
        size_t size,
        Error *error);
