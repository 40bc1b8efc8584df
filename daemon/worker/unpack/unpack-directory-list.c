/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "unpack-directory-internal.h"

#define LIST_BYTES ((size_t) 8192)

typedef struct DirectoryList {
        UnpackList list;    /* first */
        const char *spared; /* borrowed; a name that is not listed, or NULL */
        size_t start, end;
        _Alignas(struct dirent64) char buffer[LIST_BYTES];
} DirectoryList;

UnpackType unpack_directory_type(mode_t mode) {
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return UNPACK_DIRECTORY;
        case S_IFLNK:
                return UNPACK_SYMLINK;
        case S_IFCHR:
                return UNPACK_CHARACTER_DEVICE;
        case S_IFBLK:
                return UNPACK_BLOCK_DEVICE;
        case S_IFIFO:
                return UNPACK_FIFO;
        case S_IFSOCK:
                return UNPACK_SOCKET;
        default:
                return UNPACK_REGULAR;
        }
}

static bool is_root(const UnpackDirectory *directory, int fd) {
        struct stat root, st;

        return fstat(directory->root_fd, &root) >= 0 && fstat(fd, &st) >= 0 &&
               root.st_dev == st.st_dev && root.st_ino == st.st_ino;
}

int unpack_directory_list_open(
        UnpackTarget *target, UnpackDir dir, UnpackList **ret, Error *error) {
        const UnpackDirectory *directory = unpack_directory(target);
        DirectoryList *own;

        if (lseek(DIR_FD(dir), 0, SEEK_SET) < 0)
                return error_set_errno(error, errno, "Cannot list a directory");

        own = malloc(sizeof(*own));
        if (!own)
                return error_oom(error);

        own->list.dir = dir;
        own->spared =
                directory->spared && is_root(directory, DIR_FD(dir)) ? directory->spared : NULL;
        own->start = own->end = 0;
        *ret = &own->list;
        return 0;
}

void unpack_directory_list_close(UnpackTarget *target, UnpackList *list) {
        free(list);
}

static int entry_type(UnpackDir dir, const struct dirent64 *entry, UnpackType *ret) {
        struct stat st;

        if (entry->d_type != DT_UNKNOWN) {
                *ret = unpack_directory_type(DTTOIF(entry->d_type));
                return 0;
        }

        if (fstatat(DIR_FD(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        *ret = unpack_directory_type(st.st_mode);
        return 0;
}

int unpack_directory_list_next(
        UnpackTarget *target,
        UnpackList *list,
        const char **ret_name,
        UnpackType *ret_type,
        Error *error) {
        DirectoryList *own = (DirectoryList *) list;

        for (;;) {
                const struct dirent64 *entry;
                int r;

                if (own->start == own->end) {
                        ssize_t n = getdents64(DIR_FD(list->dir), own->buffer, sizeof(own->buffer));

                        if (n < 0)
                                return error_set_errno(error, errno, "Cannot list a directory");
                        if (n == 0)
                                return 0;
                        own->start = 0;
                        own->end = (size_t) n;
                }

                entry = (const struct dirent64 *) (const void *) (own->buffer + own->start);
                own->start += entry->d_reclen;
                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                    (own->spared && strcmp(entry->d_name, own->spared) == 0))
                        continue;

                r = entry_type(list->dir, entry, ret_type);
                if (r < 0)
                        return error_set_errno(error, -r, "Cannot stat \"%s\"", entry->d_name);
                *ret_name = entry->d_name;
                return 1;
        }
}
