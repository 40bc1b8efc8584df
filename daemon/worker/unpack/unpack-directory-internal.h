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
typedef enum DirectoryLoss {
        DIRECTORY_LOSS_OWNER,    /* it could not be set */
        DIRECTORY_LOSS_UNMAPPED, /* it is set, but some user of the host: rights went */
        DIRECTORY_LOSS_RIGHTS,   /* setuid, setgid, capabilities */
        DIRECTORY_LOSS_NODE,     /* it was left out */
        DIRECTORY_LOSS_OPENNESS, /* a node that only root may open now */
        _DIRECTORY_LOSS_MAX,
} DirectoryLoss;

typedef struct DirectoryCount {
        uint64_t n;
        char *example; /* owned; the first entry's name, NULL when there is none */
} DirectoryCount;

typedef struct Directory {
        UnpackTarget target; /* first */
        int root_fd;         /* borrowed */
        bool privileged;
        uint32_t new_uid, new_gid; /* what new files get, see learn_owner() */
        bool knows_owner;
        int file_fd;         /* owned; the file being written, or < 0 */
        UnpackDir file_dir;  /* borrowed; where it is */
        uint32_t file_mode;  /* what it was created with */
        uint64_t file_end;   /* bytes */
        bool closes_devices; /* for whom: */
        uint32_t device_uid, device_gid;
        DirectoryCount losses[_DIRECTORY_LOSS_MAX];
        DirectoryCount rights; /* files that have some */
        XattrWarnings xattr_warnings;
} Directory;

/** directory_type() - from struct stat's st_mode */
UnpackType directory_type(mode_t mode);

/** directory_lose() - count what the entry whose turn it is goes without */
void directory_lose(Directory *directory, DirectoryLoss loss);

/**
 * directory_set_owner() - make the owner of @name in @fd, of @fd itself when empty, what @meta says
 *
 * Return: 1; 0 when this process or the file system cannot; or a negative errno with @error set.
 */
int directory_set_owner(int fd, const char *name, const UnpackMeta *meta, Error *error);

/** directory_is_owned() - whether what this process makes belongs to whom @meta says, or can be given */
bool directory_is_owned(const Directory *directory, const UnpackMeta *meta);

/**
 * directory_keep() - what an entry keeps of @meta
 * @is_owned:   its owner is the one that @meta says
 *
 * Who is somebody else may not lend its rights: setuid, setgid and capabilities go, and are counted.
 */
UnpackMeta directory_keep(Directory *directory, const UnpackMeta *meta, bool is_owned);

/** directory_closes() - whether it is a device node that is made as directory_close() says instead */
bool directory_closes(const Directory *directory, const UnpackMeta *meta);
UnpackMeta directory_close(const Directory *directory, const UnpackMeta *meta);

/** directory_sum_up() - see UnpackTargetOps */
void directory_sum_up(void *self);

/** directory_rights_done() - release what the counts own */
void directory_rights_done(Directory *directory);

/** directory_list_open() … - see UnpackTargetOps */
int directory_list_open(void *self, UnpackDir dir, UnpackList **ret, Error *error);
int directory_list_next(
        void *self, UnpackList *list, const char **ret_name, UnpackType *ret_type, Error *error);
void directory_list_close(void *self, UnpackList *list);

/** directory_create_file() … - see UnpackTargetOps */
int directory_create_file(
        void *self, UnpackDir dir, const char *name, const UnpackMeta *meta, Error *error);
int directory_write_file(void *self, uint64_t offset, const void *data, size_t size, Error *error);
int directory_finish_file(void *self, const UnpackMeta *meta, Error *error);
int directory_make(
        void *self, UnpackDir dir, const char *name, const UnpackMeta *meta, Error *error);

/** directory_get_meta() … - see UnpackTargetOps */
int directory_get_meta(void *self, UnpackDir dir, const char *name, UnpackMeta *ret, Error *error);
ssize_t directory_read_file(
        void *self, UnpackDir dir, const char *name, void *buffer, size_t size, Error *error);
