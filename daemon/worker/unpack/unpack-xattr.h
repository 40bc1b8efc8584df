/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* xattr(7) of the directory target. What a file system or the caller cannot keep is told once a
 * name space. */

#include <stdbool.h>

#include "base-error.h"
#include "unpack-target.h"

#define XATTR_ACL_ACCESS  "system.posix_acl_access"
#define XATTR_ACL_DEFAULT "system.posix_acl_default"
#define XATTR_CAPABILITY  "security.capability"

/* What has been warned of. */
typedef struct UnpackXattrWarnings {
        bool unsupported;
        bool unprivileged;
} UnpackXattrWarnings;

/* Whose xattrs: the open file @fd, or, when @fd is negative, what is at @path, itself when it is a
 * link. */
typedef struct UnpackXattrFile {
        int fd;
        const char *path;
} UnpackXattrFile;

/**
 * unpack_xattr_write_all(), unpack_xattr_write_acls() - write the xattrs of @meta but ACLs, or ACLs alone, except those
 * that cannot be kept
 *
 * ACLs come after the mode, which would change their mask, and change the mode themselves.
 *
 * Return: 0 or a negative errno with @error set.
 */
int unpack_xattr_write_all(
        const UnpackTarget *target,
        UnpackXattrWarnings *warnings,
        bool privileged,
        const UnpackXattrFile *file,
        const UnpackMeta *meta,
        Error *error);

int unpack_xattr_write_acls(
        const UnpackTarget *target,
        UnpackXattrWarnings *warnings,
        bool privileged,
        const UnpackXattrFile *file,
        const UnpackMeta *meta,
        Error *error);

/** unpack_xattr_is_acl() - whether an xattr of this name is an ACL */
bool unpack_xattr_is_acl(const char *name);

/**
 * unpack_xattr_read_all() - read the xattrs of @file, except SELinux's label
 *
 * @ret->xattrs and n_xattrs are to be released with unpack_meta_done(), in each case.
 *
 * Return: 0 or a negative errno with @error set.
 */
int unpack_xattr_read_all(const UnpackXattrFile *file, UnpackMeta *ret, Error *error);

/** unpack_xattr_clear() - remove what an image can have set; returns 0 or -errno with @error set */
int unpack_xattr_clear(int fd, bool privileged, Error *error);

/** unpack_xattr_clear_acls() - remove the ACLs that a new file or directory got from its parent; 0 or
 * -errno with @error set */
int unpack_xattr_clear_acls(const UnpackXattrFile *file, bool is_dir, Error *error);

/** unpack_xattr_has() - whether @fd has the xattr @name */
bool unpack_xattr_has(int fd, const char *name);
