/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-secret.h"

int fd_write_full(int fd, const void *data, size_t size) {
        const uint8_t *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                p += n;
                size -= (size_t) n;
        }

        return 0;
}

ssize_t fd_read_full(int fd, void *data, size_t size) {
        uint8_t *p = data;
        size_t left = size;

        while (left > 0) {
                ssize_t n = read(fd, p, left);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;

                p += n;
                left -= (size_t) n;
        }

        return (ssize_t) (size - left);
}

int fd_pwrite_full(int fd, const void *data, size_t size, uint64_t offset) {
        const uint8_t *p = data;

        while (size > 0) {
                ssize_t n = pwrite(fd, p, size, (off_t) offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;

                p += n;
                offset += (uint64_t) n;
                size -= (size_t) n;
        }

        return 0;
}

ssize_t fd_pread_full(int fd, void *data, size_t size, uint64_t offset) {
        uint8_t *p = data;
        size_t done = 0;

        while (done < size) {
                ssize_t n = pread(fd, p + done, size - done, (off_t) (offset + done));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;

                done += (size_t) n;
        }

        return (ssize_t) done;
}

int dir_open(int dir_fd, DIR **ret) {
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

        if (!dir) {
                r = -errno;
                closep(&fd);
                return r;
        }

        *ret = dir;
        return 0;
}

int fd_read_all(int fd, size_t limit, char **ret, size_t *ret_size) {
        _cleanup_(secret_freep) char *content = NULL;
        size_t size = 0, room = 0;

        for (;;) {
                ssize_t n;

                if (size == room) {
                        char *bigger;

                        /* One byte past the limit distinguishes a file of that size from a larger one. */
                        room = room == 0 ? 4096 : room * 2;
                        if (room > limit + 1)
                                room = limit + 1;
                        bigger = secret_realloc(content, room + 1);
                        if (!bigger)
                                return -ENOMEM;
                        content = bigger;
                }

                n = fd_read_full(fd, content + size, room - size);
                if (n < 0)
                        return (int) n;

                size += (size_t) n;
                if (size > limit)
                        return -EFBIG;
                if (size < room)
                        break;
        }

        content[size] = '\0';
        *ret = TAKE_PTR(content);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int file_read(int dir_fd, const char *name, size_t limit, char **ret, size_t *ret_size) {
        _cleanup_(closep) int fd = -EBADF;
        struct stat st;

        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;

        return fd_read_all(fd, limit, ret, ret_size);
}

int fd_sync(int fd) {
        /* A file system that cannot sync has nothing to lose. */
        return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

/* What is written, and how. */
typedef struct FileContent {
        const void *data; /* borrowed */
        size_t size;
        mode_t mode;
        bool syncs; /* it is on the disk before it gets its name, and the name when that is done */
} FileContent;

/* Gives the file @fd its name. */
static int publish(int dir_fd, int fd, const char *temporary, const char *name, bool syncs) {
        int r = syncs ? fd_sync(fd) : 0;

        if (r >= 0 && renameat(dir_fd, temporary, dir_fd, name) < 0)
                r = -errno;
        return r >= 0 && syncs ? fd_sync(dir_fd) : r;
}

static int write_file(int dir_fd, const char *name, const FileContent *content, int *ret_fd) {
        _cleanup_(freep) char *temporary = NULL;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        /* The name contains the thread: others that share the directory use their own. */
        if (asprintf(&temporary, "%s.%ld.new", name, (long) gettid()) < 0) {
                temporary = NULL;
                return -ENOMEM;
        }

        if (unlinkat(dir_fd, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, content->mode);
        if (fd < 0)
                return -errno;

        r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno
                                             : fd_write_full(fd, content->data, content->size);
        if (r >= 0)
                r = publish(dir_fd, fd, temporary, name, content->syncs);
        if (r < 0) {
                (void) unlinkat(dir_fd, temporary, 0);
                return r;
        }

        *ret_fd = TAKE_FD(fd);
        return 0;
}

int file_write_locked(
        int dir_fd, const char *name, const void *data, size_t size, mode_t mode, int *ret_fd) {
        const FileContent content = { data, size, mode, true };

        return write_file(dir_fd, name, &content, ret_fd);
}

int file_write_unsynced(
        int dir_fd, const char *name, const void *data, size_t size, mode_t mode, int *ret_fd) {
        const FileContent content = { data, size, mode, false };

        return write_file(dir_fd, name, &content, ret_fd);
}

int file_write_atomic(int dir_fd, const char *name, const void *data, size_t size, mode_t mode) {
        _cleanup_(closep) int fd = -EBADF;

        return file_write_locked(dir_fd, name, data, size, mode, &fd);
}

char *fd_path(int fd, char ret[static FD_PATH_MAX]) {
        assert(fd >= 0);

        (void) snprintf(ret, FD_PATH_MAX, "/proc/self/fd/%d", fd);
        return ret;
}

const char *fd_find_path(int fd, char *ret, size_t size) {
        char link[FD_PATH_MAX];
        ssize_t n = readlink(fd_path(fd, link), ret, size - 1);
        struct stat mine, there;

        if (n <= 0)
                return NULL;

        ret[n] = '\0';
        return fstat(fd, &mine) >= 0 && lstat(ret, &there) >= 0 && mine.st_dev == there.st_dev &&
                               mine.st_ino == there.st_ino
                       ? ret
                       : NULL;
}

int fd_raise_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;

        limit.rlim_cur = limit.rlim_max;
        return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}
