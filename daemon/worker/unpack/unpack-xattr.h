/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* xattr(7) of the directory target. Attributes that the file system or the caller cannot store are
 * reported once. */

#include <stdatomic.h>
#include <stdbool.h>

#include "base-error.h"
#include "unpack-target.h"

#define XATTR_ACL_ACCESS  "system.posix_acl_access"
#define XATTR_ACL_DEFAULT "system.posix_acl_default"
#define XATTR_CAPABILITY  "security.capability"

/* What could not be stored, by any thread. */
typedef struct UnpackXattrWarnings {
        atomic_bool unsupported;  /* by the file system; the warning has been given */
        atomic_bool unprivileged; /* without privileges; the directory warns of it at its end */
} UnpackXattrWarnings;

/* The owner of xattrs: the open file @fd or, if @fd is negative, the file at @path, not following a
 * link. */
typedef struct UnpackXattrFile {
        int fd;
        const char *path;
} UnpackXattrFile;

/**
 * unpack_xattr_write_all(), unpack_xattr_write_acls() - write the xattrs of @meta except ACLs, or ACLs
 * alone, and skip those that cannot be stored
 *
 * Write ACLs after the mode, which would change their mask; they change the mode themselves.
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
 * Release @ret->xattrs and n_xattrs with unpack_meta_done(), in every case.
 */
int unpack_xattr_read_all(const UnpackXattrFile *file, UnpackMeta *ret, Error *error);

/** unpack_xattr_clear() - remove xattrs that an image can set */
int unpack_xattr_clear(int fd, bool privileged, Error *error);

/** unpack_xattr_clear_acls() - remove the ACLs that a new file or directory got from its parent */
int unpack_xattr_clear_acls(const UnpackXattrFile *file, bool is_dir, Error *error);

/** unpack_xattr_has() - whether @fd has the xattr @name */
bool unpack_xattr_has(int fd, const char *name);
