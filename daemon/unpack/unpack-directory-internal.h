/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What unpack-directory.c (directories, names) shares with unpack-directory-file.c (files and other
 * things in them), unpack-directory-list.c (what is in them) and unpack-directory-read.c (what
 * those are). */

#include "unpack-directory.h"
#include "unpack-xattr.h"

/* An UnpackDir is a descriptor, and how new things in that directory differ from others. */
#define DIR_FD(dir)     ((int) ((dir) &INT32_MAX))
#define DIR_GIVES_ACL   (INT64_C(1) << 32) /* it has a default ACL */
#define DIR_GIVES_GROUP (INT64_C(1) << 33) /* it is setgid */

typedef struct Directory {
        UnpackTarget target; /* first */
        int root_fd;         /* borrowed */
        bool privileged;
        uint32_t new_uid, new_gid; /* what new files get, see learn_owner() */
        bool knows_owner;
        int file_fd;        /* owned; the file being written, or < 0 */
        UnpackDir file_dir; /* borrowed; where it is */
        uint32_t file_mode; /* what it was created with */
        uint64_t file_end;  /* bytes */
        bool warned_devices;
        XattrWarnings xattr_warnings;
} Directory;

/** directory_type() - from struct stat's st_mode */
UnpackType directory_type(mode_t mode);

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
