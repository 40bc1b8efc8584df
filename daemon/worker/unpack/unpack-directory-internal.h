/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What unpack-directory.c (directories, names) shares with unpack-directory-file.c (files and other
 * things in them), unpack-directory-rights.c (whose they are, and what that allows),
 * unpack-directory-list.c (what is in them) and unpack-directory-read.c (what those are). */

#include "unpack-directory.h"
#include "unpack-xattr.h"

/* An UnpackDir is a descriptor, and how new things in that directory differ from others. */
#define DIR_FD(dir)     ((int) ((dir) &INT32_MAX))
#define DIR_GIVES_ACL   (INT64_C(1) << 32) /* it has a default ACL */
#define DIR_GIVES_GROUP (INT64_C(1) << 33) /* it is setgid */

/* What an entry may have to do without. */
typedef enum UnpackDirectoryLoss {
        DIRECTORY_LOSS_OWNER,    /* it could not be set */
        DIRECTORY_LOSS_UNMAPPED, /* it is set, but some user of the host: rights went */
        DIRECTORY_LOSS_RIGHTS,   /* setuid, setgid, capabilities */
        DIRECTORY_LOSS_NODE,     /* it was left out */
        DIRECTORY_LOSS_OPENNESS, /* a node that only root may open now */
        _DIRECTORY_LOSS_MAX,
} UnpackDirectoryLoss;

typedef struct UnpackDirectoryCount {
        uint64_t n;
        char *example; /* owned; the first entry's name, NULL when there is none */
} UnpackDirectoryCount;

typedef struct UnpackDirectory {
        UnpackTarget target; /* first */
        int root_fd;         /* borrowed */
        const char *spared;  /* borrowed; a name in the root that is none of the content, or NULL */
        bool privileged;
        uint32_t new_uid, new_gid; /* what new files get, see learn_owner() */
        bool knows_owner;
        int file_fd;         /* owned; the file being written, or < 0 */
        UnpackDir file_dir;  /* borrowed; where it is */
        uint32_t file_mode;  /* what it was created with */
        uint64_t file_end;   /* bytes */
        bool closes_devices; /* for whom: */
        uint32_t device_uid, device_gid;
        UnpackDirectoryCount losses[_DIRECTORY_LOSS_MAX];
        UnpackDirectoryCount rights; /* files that have some */
        UnpackXattrWarnings xattr_warnings;
} UnpackDirectory;

/** unpack_directory() - what unpack_directory_new() made */
static inline UnpackDirectory *unpack_directory(UnpackTarget *target) {
        return (UnpackDirectory *) target;
}

/** unpack_directory_type() - from struct stat's st_mode */
UnpackType unpack_directory_type(mode_t mode);

/** unpack_directory_lose() - count what the entry whose turn it is goes without */
void unpack_directory_lose(UnpackDirectory *directory, UnpackDirectoryLoss loss);

/**
 * unpack_directory_set_owner() - make the owner of @name in @fd, of @fd itself when empty, what @meta says
 *
 * Return: 1; 0 when this process or the file system cannot; or a negative errno with @error set.
 */
int unpack_directory_set_owner(int fd, const char *name, const UnpackMeta *meta, Error *error);

/** unpack_directory_is_owned() - whether what this process makes belongs to whom @meta says, or can be given */
bool unpack_directory_is_owned(const UnpackDirectory *directory, const UnpackMeta *meta);

/**
 * unpack_directory_keep() - what an entry keeps of @meta
 * @is_owned:   its owner is the one that @meta says
 *
 * Who is somebody else may not lend its rights: setuid, setgid and capabilities go, and are counted.
 */
UnpackMeta unpack_directory_keep(UnpackDirectory *directory, const UnpackMeta *meta, bool is_owned);

/** unpack_directory_closes() - whether it is a device node that is made as unpack_directory_close() says instead */
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
        Error *error);
int unpack_directory_write_file(
        UnpackTarget *target, uint64_t offset, const void *data, size_t size, Error *error);
int unpack_directory_finish_file(UnpackTarget *target, const UnpackMeta *meta, Error *error);
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
