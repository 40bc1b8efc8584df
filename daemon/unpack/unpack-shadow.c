/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "unpack-password.h"
#include "unpack-shadow.h"

#define ROOT_PREFIX     "root:"
#define XATTR_VALUE_MAX ((size_t) 64 << 10)
#define XATTR_NAMES_MAX ((size_t) 64 << 10)
#define SECONDS_PER_DAY 86400

/* The first line of root's, without its newline. */
static const char *find_root(const char *text, const char *end, const char **ret_end) {
        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                const char *line_end = newline ? newline : end;

                if ((size_t) (line_end - text) >= strlen(ROOT_PREFIX) &&
                    memcmp(text, ROOT_PREFIX, strlen(ROOT_PREFIX)) == 0) {
                        *ret_end = line_end;
                        return text;
                }

                text = newline ? newline + 1 : end;
        }

        return NULL;
}

int unpack_shadow_edit(
        const char *text, size_t size, const char *hash, long day, char **ret, size_t *ret_size) {
        const char *const end = text + size;
        const char *line, *line_end = end, *hash_start, *hash_end, *day_end;
        char fields[32];
        size_t before, after, hash_size, fields_size;
        char *edited, *p;

        if (size > SHADOW_BYTES_MAX)
                return -EFBIG;
        if (strpbrk(hash, ":\n"))
                return -EINVAL;

        line = find_root(text, end, &line_end);
        if (!line)
                return -ENOENT;

        hash_start = line + strlen(ROOT_PREFIX);
        hash_end = memchr(hash_start, ':', (size_t) (line_end - hash_start));
        if (!hash_end)
                return -EINVAL;
        day_end = memchr(hash_end + 1, ':', (size_t) (line_end - hash_end - 1));
        if (!day_end)
                day_end = line_end;

        (void) snprintf(fields, sizeof(fields), ":%ld", day);
        fields_size = strlen(fields);
        hash_size = strlen(hash);
        before = (size_t) (hash_start - text);
        after = (size_t) (end - day_end);

        edited = malloc(before + hash_size + fields_size + after + 1);
        if (!edited)
                return -ENOMEM;

        p = mempcpy(edited, text, before);
        p = mempcpy(p, hash, hash_size);
        p = mempcpy(p, fields, fields_size);
        p = mempcpy(p, day_end, after);
        *p = '\0';

        *ret = edited;
        *ret_size = (size_t) (p - edited);
        return 0;
}

/* Some distributions have it at mode 000, which only root can read. */
static int open_shadow(int etc_fd, struct stat *ret, Error *error) {
        const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;

        if (fstatat(etc_fd, "shadow", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return error_set_errno(error, errno, "Cannot look at etc/shadow");
        if (!S_ISREG(st.st_mode))
                return error_set(
                        error, EINVAL, ERROR_UNSUPPORTED_IMAGE, "etc/shadow is no regular file");
        if (st.st_size > (off_t) SHADOW_BYTES_MAX)
                return error_set(
                        error, EFBIG, ERROR_UNSUPPORTED_IMAGE,
                        "etc/shadow is larger than %zu bytes", SHADOW_BYTES_MAX);

        fd = openat(etc_fd, "shadow", flags);
        if (fd < 0 && errno == EACCES &&
            fchmodat(etc_fd, "shadow", (st.st_mode & ALLPERMS) | S_IRUSR, 0) == 0) {
                fd = openat(etc_fd, "shadow", flags);
                if (fchmod(fd, st.st_mode & ALLPERMS) < 0)
                        return error_set_errno(error, errno, "Cannot open etc/shadow");
        }
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open etc/shadow");

        *ret = st;
        return TAKE_FD(fd);
}

static int copy_xattrs(int from_fd, int to_fd, Error *error) {
        _cleanup_(freep) char *names = malloc(XATTR_NAMES_MAX), *value = malloc(XATTR_VALUE_MAX);
        ssize_t size;

        if (!names || !value)
                return error_oom(error);

        size = flistxattr(from_fd, names, XATTR_NAMES_MAX);
        if (size < 0 && errno != EOPNOTSUPP)
                return error_set_errno(error, errno, "Cannot list the xattrs of etc/shadow");

        for (const char *name = names; name < names + size; name += strlen(name) + 1) {
                ssize_t n = fgetxattr(from_fd, name, value, XATTR_VALUE_MAX);

                if (n < 0 || (fsetxattr(to_fd, name, value, (size_t) n, 0) < 0 && errno != EPERM))
                        return error_set_errno(
                                error, errno, "Cannot copy the xattr \"%s\" of etc/shadow", name);
        }
        return 0;
}

static int write_like(
        int fd, int old_fd, const struct stat *old, const char *text, size_t size, Error *error) {
        struct stat st;
        int r;

        r = fd_write_full(fd, text, size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot write etc/shadow");
        if (fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at the new etc/shadow");
        if ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
            fchown(fd, old->st_uid, old->st_gid) < 0)
                return error_set_errno(error, errno, "Cannot set the owner of etc/shadow");

        r = copy_xattrs(old_fd, fd, error);
        if (r < 0)
                return r;
        if (fchmod(fd, old->st_mode & ALLPERMS) < 0)
                return error_set_errno(error, errno, "Cannot set the mode of etc/shadow");
        return 0;
}

static int replace_shadow(
        int etc_fd,
        int old_fd,
        const struct stat *old,
        const char *text,
        size_t size,
        Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        char name[64];
        int r;

        (void) snprintf(name, sizeof(name), ".shadow.%ld.new", (long) getpid());
        if (unlinkat(etc_fd, name, 0) < 0 && errno != ENOENT)
                return error_set_errno(error, errno, "Cannot remove etc/%s", name);
        fd = openat(etc_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot create etc/%s", name);

        r = write_like(fd, old_fd, old, text, size, error);
        if (r >= 0 && renameat(etc_fd, name, etc_fd, "shadow") < 0)
                r = error_set_errno(error, errno, "Cannot replace etc/shadow");
        if (r < 0)
                (void) unlinkat(etc_fd, name, 0);
        return r;
}

static int edit(
        const char *text,
        size_t size,
        const char *hash,
        char **ret,
        size_t *ret_size,
        Error *error) {
        const long day = (long) (time(NULL) / SECONDS_PER_DAY);
        int r;

        r = unpack_shadow_edit(text, size, hash, day, ret, ret_size);
        if (r == -ENOENT)
                return error_set(
                        error, ENOENT, ERROR_UNSUPPORTED_IMAGE, "etc/shadow has no line for root");
        if (r == -EINVAL)
                return error_set(
                        error, EINVAL, ERROR_UNSUPPORTED_IMAGE,
                        "The line for root in etc/shadow is malformed");
        return r < 0 ? error_set_errno(error, -r, "Cannot edit etc/shadow") : 0;
}

int unpack_root_password(int root_fd, const char *password, Error *error) {
        _cleanup_(freep) char *hash = NULL, *text = NULL, *edited = NULL;
        _cleanup_(closep) int etc_fd = -EBADF, fd = -EBADF;
        size_t size = 0, edited_size = 0;
        struct stat st = { 0 };
        int r;

        etc_fd = password_open(root_fd, "etc", O_RDONLY | O_DIRECTORY);
        if (etc_fd < 0)
                return error_set_errno(error, errno, "Cannot open etc");
        fd = open_shadow(etc_fd, &st, error);
        if (fd < 0)
                return fd;
        r = fd_read_all(fd, SHADOW_BYTES_MAX, &text, &size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read etc/shadow");

        r = password_hash(password, password_wants_yescrypt(root_fd), &hash, error);
        if (r < 0)
                return r;
        r = edit(text, size, hash, &edited, &edited_size, error);
        if (r < 0)
                return r;
        return replace_shadow(etc_fd, fd, &st, edited, edited_size, error);
}
