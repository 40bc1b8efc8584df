/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unpack-xattr.h"

static bool in_name_space(const char *name, const char *prefix) {
        return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool wants_privileges(const char *name) {
        return in_name_space(name, "trusted.") || in_name_space(name, "security.");
}

bool unpack_xattr_is_acl(const char *name) {
        return strcmp(name, XATTR_ACL_ACCESS) == 0 || strcmp(name, XATTR_ACL_DEFAULT) == 0;
}

static int write_one(const UnpackXattrFile *file, const UnpackXattr *xattr) {
        int r;

        if (file->fd >= 0)
                r = fsetxattr(file->fd, xattr->name, xattr->value, xattr->size, 0);
        else
                r = lsetxattr(file->path, xattr->name, xattr->value, xattr->size, 0);
        return r < 0 ? -errno : 0;
}

static void warn_once(const UnpackTarget *target, atomic_bool *warned, const char *text) {
        if (!atomic_exchange(warned, true))
                unpack_target_warn(target, text);
}

static int write_those(
        const UnpackTarget *target,
        UnpackXattrWarnings *warnings,
        bool privileged,
        const UnpackXattrFile *file,
        const UnpackMeta *meta,
        bool acls,
        Error *error) {
        for (size_t i = 0; i < meta->n_xattrs; i++) {
                const UnpackXattr *xattr = &meta->xattrs[i];
                int r = -EPERM;

                if (unpack_xattr_is_acl(xattr->name) != acls ||
                    (meta->loses_rights && strcmp(xattr->name, XATTR_CAPABILITY) == 0))
                        continue;
                if (privileged || !wants_privileges(xattr->name))
                        r = write_one(file, xattr);

                /* user.* is refused on everything except files and directories. ENOENT: no
                 * /proc. */
                if (r == -EOPNOTSUPP || r == -ENOENT || (r == -EPERM && file->fd < 0))
                        warn_once(
                                target, &warnings->unsupported,
                                "The file system cannot store all extended attributes of the image; "
                                "some are left out");
                /* EINVAL: an ACL names an id that the user namespace lacks, even if we have all privileges
                 * in it. */
                else if (
                        r == -EPERM || (r == -EACCES && !privileged) ||
                        (r == -EINVAL && (!privileged || geteuid() != 0)))
                        atomic_store(&warnings->unprivileged, true);
                else if (r < 0)
                        return error_set_errno(
                                error, -r, "Cannot write the extended attribute \"%s\"",
                                xattr->name);
        }

        return 0;
}

int unpack_xattr_write_all(
        const UnpackTarget *target,
        UnpackXattrWarnings *warnings,
        bool privileged,
        const UnpackXattrFile *file,
        const UnpackMeta *meta,
        Error *error) {
        return write_those(target, warnings, privileged, file, meta, false, error);
}

int unpack_xattr_write_acls(
        const UnpackTarget *target,
        UnpackXattrWarnings *warnings,
        bool privileged,
        const UnpackXattrFile *file,
        const UnpackMeta *meta,
        Error *error) {
        return write_those(target, warnings, privileged, file, meta, true, error);
}

/* Lists the names, one after another; returns their bytes. */
static ssize_t list_names(const UnpackXattrFile *file, char **ret, Error *error) {
        _cleanup_(freep) char *names = malloc(XATTR_LIST_MAX);
        ssize_t size;

        if (!names)
                return error_oom(error);

        size = file->fd >= 0 ? flistxattr(file->fd, names, XATTR_LIST_MAX)
                             : llistxattr(file->path, names, XATTR_LIST_MAX);
        if (size < 0 && errno != EOPNOTSUPP)
                return error_set_errno(error, errno, "Cannot list extended attributes");

        *ret = TAKE_PTR(names);
        return size < 0 ? 0 : size;
}

static ssize_t read_value(const UnpackXattrFile *file, const char *name, void *value) {
        if (file->fd >= 0)
                return fgetxattr(file->fd, name, value, XATTR_SIZE_MAX);
        return lgetxattr(file->path, name, value, XATTR_SIZE_MAX);
}

static int read_one(
        const UnpackXattrFile *file,
        const char *name,
        void *value,
        UnpackXattr *ret,
        Error *error) {
        const ssize_t n = read_value(file, name, value);

        if (n < 0)
                return error_set_errno(
                        error, errno, "Cannot read the extended attribute \"%s\"", name);

        *ret = (UnpackXattr){ strdup(name), malloc((size_t) n + 1), (size_t) n };
        if (!ret->name || !ret->value)
                return error_oom(error);
        memcpy(ret->value, value, (size_t) n);
        return 0;
}

int unpack_xattr_read_all(const UnpackXattrFile *file, UnpackMeta *ret, Error *error) {
        _cleanup_(freep) char *names = NULL;
        _cleanup_(freep) void *value = NULL;
        UnpackXattr *xattrs;
        size_t n_names = 0;
        ssize_t size;
        int r;

        size = list_names(file, &names, error);
        if (size <= 0)
                return (int) size;

        for (const char *name = names; name < names + size; name += strlen(name) + 1)
                n_names++;
        value = malloc(XATTR_SIZE_MAX);
        ret->xattrs = xattrs = calloc(n_names, sizeof(*xattrs));
        if (!value || !xattrs)
                return error_oom(error);

        for (const char *name = names; name < names + size; name += strlen(name) + 1) {
                if (strcmp(name, "security.selinux") == 0)
                        continue;
                r = read_one(file, name, value, &xattrs[ret->n_xattrs++], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_clearable(const char *name, bool privileged) {
        if (strcmp(name, "security.selinux") == 0)
                return false;
        return in_name_space(name, "user.") || unpack_xattr_is_acl(name) ||
               (privileged && wants_privileges(name));
}

int unpack_xattr_clear(int fd, bool privileged, Error *error) {
        _cleanup_(freep) char *names = NULL;
        ssize_t size;

        size = flistxattr(fd, NULL, 0);
        if (size == 0 || (size < 0 && errno == EOPNOTSUPP))
                return 0;
        if (size > XATTR_LIST_MAX)
                return error_set(error, E2BIG, ERROR_FAILED, "Too many extended attributes");
        if (size > 0) {
                names = malloc((size_t) size);
                if (!names)
                        return error_oom(error);
                size = flistxattr(fd, names, (size_t) size);
        }
        if (size < 0)
                return error_set_errno(error, errno, "Cannot list extended attributes");

        for (const char *name = names; name < names + size; name += strlen(name) + 1) {
                if (!is_clearable(name, privileged) || fremovexattr(fd, name) == 0)
                        continue;
                /* Security modules prevent the removal of their own. */
                if (errno != ENODATA && !(errno == EPERM && wants_privileges(name)))
                        return error_set_errno(
                                error, errno, "Cannot remove the extended attribute \"%s\"", name);
        }
        return 0;
}

int unpack_xattr_clear_acls(const UnpackXattrFile *file, bool is_dir, Error *error) {
        static const char *const names[] = { XATTR_ACL_ACCESS, XATTR_ACL_DEFAULT };

        for (size_t i = 0; i < (is_dir ? 2u : 1u); i++) {
                int r;

                if (file->fd >= 0)
                        r = fremovexattr(file->fd, names[i]);
                else
                        r = lremovexattr(file->path, names[i]);
                if (r < 0 && errno != ENODATA && errno != EOPNOTSUPP)
                        return error_set_errno(error, errno, "Cannot remove an inherited ACL");
        }

        return 0;
}

bool unpack_xattr_has(int fd, const char *name) {
        return fgetxattr(fd, name, NULL, 0) >= 0;
}
