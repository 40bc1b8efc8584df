/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "sandbox-landlock.h"

/* Rights added after the first version of the ABI. */
#define RIGHT_TRUNCATE  (UINT64_C(1) << 14)
#define RIGHT_IOCTL_DEV (UINT64_C(1) << 15)

#define RIGHTS_FILE                                                                                \
        (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE)
#define RIGHTS_1                                                                                   \
        (RIGHTS_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |               \
         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                           \
         LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                               \
         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
         LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define RIGHTS_READ                                                                                \
        (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* The kernel's structure, with fields that older headers lack. */
typedef struct Attributes {
        uint64_t handled_access_fs;
        uint64_t handled_access_net;
        uint64_t scoped;
} Attributes;

static int landlock_version(void) {
        return (int) syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* All rights that the running kernel knows about. */
static uint64_t all_rights(int version) {
        return RIGHTS_1 | (version >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
               (version >= 3 ? RIGHT_TRUNCATE : 0) | (version >= 5 ? RIGHT_IOCTL_DEV : 0);
}

int sandbox_landlock_missing(void) {
        return landlock_version() < 0 ? errno : 0;
}

int sandbox_landlock_start(uint64_t scopes, int *ret_fd, int *ret_missing, Error *error) {
        const int version = landlock_version(), code = version < 0 ? errno : 0;
        const Attributes attributes = {
                .handled_access_fs = all_rights(version),
                .scoped = version >= 6 ? scopes : 0,
        };
        int fd;

        *ret_missing = code;
        /* The system call filters of containers return EPERM. */
        if (code == ENOSYS || code == EOPNOTSUPP || code == EPERM)
                return 0;
        if (code != 0)
                return error_set_errno(error, code, "Cannot query Landlock");

        fd = (int) syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot set up Landlock");

        *ret_fd = fd;
        return 1;
}

static int allow(int ruleset_fd, int fd, uint64_t rights, Error *error) {
        struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };

        if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
                return error_set_errno(error, errno, "Cannot set up Landlock");
        return 0;
}

int sandbox_landlock_allow_reading(int ruleset_fd, const char *path, Error *error) {
        _cleanup_(closep) int fd = open(path, O_PATH | O_CLOEXEC);
        struct stat st;

        if (fd < 0 && (errno == ENOENT || errno == EACCES || errno == ENOTDIR))
                return 0;
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot open %s", path);

        return allow(
                ruleset_fd, fd, S_ISDIR(st.st_mode) ? RIGHTS_READ : RIGHTS_READ & RIGHTS_FILE,
                error);
}

int sandbox_landlock_allow_reading_below(int ruleset_fd, int dir_fd, Error *error) {
        return allow(
                ruleset_fd, dir_fd, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
                error);
}

int sandbox_landlock_allow_file(int ruleset_fd, int fd, Error *error) {
        int flags = fcntl(fd, F_GETFL), version = landlock_version();
        uint64_t rights = LANDLOCK_ACCESS_FS_READ_FILE;

        if (flags < 0)
                return error_set_errno(error, errno, "Cannot set up Landlock");
        if ((flags & O_ACCMODE) != O_RDONLY)
                rights |= LANDLOCK_ACCESS_FS_WRITE_FILE | (version >= 3 ? RIGHT_TRUNCATE : 0);
        return allow(ruleset_fd, fd, rights, error);
}

int sandbox_landlock_allow_all(int ruleset_fd, int dir_fd, Error *error) {
        return allow(ruleset_fd, dir_fd, all_rights(landlock_version()), error);
}

int sandbox_landlock_apply(int ruleset_fd, Error *error) {
        if (syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0)
                return error_set_errno(error, errno, "Cannot apply Landlock");
        return 0;
}
