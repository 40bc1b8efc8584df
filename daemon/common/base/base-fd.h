/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Descriptors: whole reads and writes, small files. */

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base-cleanup.h"

/** fd_write_full() - write all of @data */
int fd_write_full(int fd, const void *data, size_t size);

/**
 * fd_read_full() - read until @size bytes or the end of the file
 *
 * Return: bytes read, less than @size only at the end of the file.
 */
ssize_t fd_read_full(int fd, void *data, size_t size);

/** fd_pwrite_full() - fd_write_full() at @offset */
int fd_pwrite_full(int fd, const void *data, size_t size, uint64_t offset);

/** fd_pread_full() - fd_read_full() from @offset */
ssize_t fd_pread_full(int fd, void *data, size_t size, uint64_t offset);

/**
 * fd_read_all() - read a small file or pipe to its end
 * @limit:      maximum number of bytes
 * @ret:        content, NUL-terminated, owned by the caller
 * @ret_size:   bytes without the NUL; may be NULL
 *
 * Return: 0; -EFBIG if there are more than @limit bytes.
 */
int fd_read_all(int fd, size_t limit, char **ret, size_t *ret_size);

/**
 * file_read() - fd_read_all() on the file @name in the directory @dir_fd
 *
 * Refuses links (-ELOOP) and does not block on other files than regular ones (-EINVAL).
 */
int file_read(int dir_fd, const char *name, size_t limit, char **ret, size_t *ret_size);

/**
 * file_write_atomic() - make @name in @dir_fd hold @data, or leave it as it was
 * @mode:       permissions of a new file
 *
 * The data is written under a temporary name in the same directory, which is removed on failure. On success,
 * the file is on the disk, under its name.
 */
int file_write_atomic(int dir_fd, const char *name, const void *data, size_t size, mode_t mode);

/**
 * file_write_locked() - file_write_atomic(), with an exclusive flock(2) taken before it gets its name
 * @ret_fd:     holds the lock; owned by the caller
 */
int file_write_locked(
        int dir_fd, const char *name, const void *data, size_t size, mode_t mode, int *ret_fd);

/** file_write_unsynced() - file_write_locked(), but a power failure may leave anything in the file */
int file_write_unsynced(
        int dir_fd, const char *name, const void *data, size_t size, mode_t mode, int *ret_fd);

/** fd_sync() - fsync(2), for directories too, if the file system supports it */
int fd_sync(int fd);

/** dir_open() - list the directory @dir_fd from its start; @dir_fd stays open */
int dir_open(int dir_fd, DIR **ret);

DEFINE_CLEANUP(DIR, closedir);

/** fd_path() - "/proc/self/fd/N" of @fd in @ret; returns @ret */
#define FD_PATH_MAX (sizeof("/proc/self/fd/") + 3 * sizeof(int))
char *fd_path(int fd, char ret[static FD_PATH_MAX]);

/**
 * fd_find_path() - where the directory @fd is now
 * @ret:        room for @size bytes
 *
 * Return: @ret; NULL if unknown, for example in another mount namespace.
 */
const char *fd_find_path(int fd, char *ret, size_t size);

/** fd_raise_limit() - raise the soft limit of open files to the hard one */
int fd_raise_limit(void);
