/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * While a tree is removed, the owners of its directories may rename them, and swap them for links. Three
 * things keep the walk inside. It opens each directory by one name in a directory that it has open. It takes
 * over each directory that it enters, so that nobody else can move its entries. And when it returns by ".." it
 * checks that this is where it came from.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "tree-remove.h"

#define LEVELS_STEP ((size_t) 64) /* initial capacity, doubled as needed */

/* Identifies a directory, even if another one has reused its inode number. */
typedef struct Identity {
        uint64_t inode, mount;
        uint32_t major, minor; /* of the device */
        int64_t born_sec;
        uint32_t born_nsec;
} Identity;

typedef struct RemoveWalk {
        int top_fd;       /* borrowed */
        int fd;           /* owned; the directory that is being emptied */
        Identity top;     /* of @top_fd */
        Identity emptied; /* of the directory that was left last */
        Identity *levels; /* owned; from the one below the top to that of @fd */
        size_t depth;     /* of them; 0 at the top */
        size_t n_allocated;
        unsigned n_changes; /* made by others */
        bool is_jailed;     /* the top is this process's root: nothing leads out of it */
} RemoveWalk;

static void walk_done(RemoveWalk *walk) {
        closep(&walk->fd);
        free(walk->levels);
}

static int look(int dir_fd, const char *name, struct statx *ret) {
        return statx(dir_fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                     STATX_TYPE | STATX_MODE | STATX_UID | STATX_INO | STATX_BTIME | STATX_MNT_ID,
                     ret) < 0
                       ? -errno
                       : 0;
}

static Identity identity_of(const struct statx *sx) {
        return (Identity){
                .inode = sx->stx_ino,
                .mount = sx->stx_mask & STATX_MNT_ID ? sx->stx_mnt_id : 0,
                .major = sx->stx_dev_major,
                .minor = sx->stx_dev_minor,
                .born_sec = sx->stx_mask & STATX_BTIME ? sx->stx_btime.tv_sec : 0,
                .born_nsec = sx->stx_mask & STATX_BTIME ? sx->stx_btime.tv_nsec : 0,
        };
}

static bool is_same(const Identity *a, const Identity *b) {
        return a->inode == b->inode && a->mount == b->mount && a->major == b->major &&
               a->minor == b->minor && a->born_sec == b->born_sec && a->born_nsec == b->born_nsec;
}

static bool is_there(int dir_fd, const char *name, const Identity *wanted) {
        struct statx sx;
        Identity found;

        if (look(dir_fd, name, &sx) < 0)
                return false;
        found = identity_of(&sx);
        return is_same(&found, wanted);
}

static int open_dir(int dir_fd, const char *name) {
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* The owner of a directory can rename its entries, and refill it. If it cannot be taken over, as on file systems
 * without owners, the return is still checked. */
static void take_over(int fd, const struct statx *sx) {
        if (sx->stx_uid != geteuid()) {
                (void) !fchown(fd, geteuid(), (gid_t) -1);
                (void) fchmod(fd, 0700);
        } else if ((sx->stx_mode & 0722) != 0700)
                (void) fchmod(fd, 0700);
}

/* Makes a directory accessible whose mode denies access. Without /proc, a link swapped in for it leads only
 * to what is removed anyway. */
static int permit(int dir_fd, const char *name, bool is_jailed) {
        _cleanup_(closep) int fd = -EBADF;
        char link[FD_PATH_MAX];

        if (is_jailed)
                return fchmodat(dir_fd, name, 0700, 0) < 0 ? -errno : 0;

        fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 || fchmodat(AT_FDCWD, fd_path(fd, link), 0700, 0) < 0 ? -errno : 0;
}

/* Opens a directory of the file system @mount to empty it; -EBUSY if another one is mounted there. */
static int enter(
        int dir_fd, const char *name, uint64_t mount, bool is_jailed, int *ret_fd, Identity *ret) {
        _cleanup_(closep) int fd = open_dir(dir_fd, name);
        struct statx sx;
        int r;

        if (fd == -EACCES && permit(dir_fd, name, is_jailed) >= 0)
                fd = open_dir(dir_fd, name);
        if (fd < 0)
                return fd;

        r = look(fd, "", &sx);
        if (r < 0)
                return r;

        *ret = identity_of(&sx);
        if (ret->mount != mount)
                return -EBUSY;

        take_over(fd, &sx);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Removes an entry: returns 1 if it is a non-empty directory, and -ENOTDIR if it was one. */
static int remove_entry(int dir_fd, const struct dirent *entry) {
        if (entry->d_type != DT_DIR && unlinkat(dir_fd, entry->d_name, 0) >= 0)
                return 0;
        if (entry->d_type != DT_DIR && errno != EISDIR)
                return errno == ENOENT ? 0 : -errno;
        if (unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                return 0;
        return errno == ENOTEMPTY || errno == EEXIST ? 1 : -errno;
}

static int open_entries(int dir_fd, DIR **ret) {
        int r = dir_open(dir_fd, ret);

        /* The top was not taken over, and may be readable, but not enterable. */
        if (r == -EACCES && fchmod(dir_fd, 0700) >= 0)
                r = dir_open(dir_fd, ret);
        return r;
}

static bool is_dot(const char *name) {
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int fail(int code, const char *name, Error *error) {
        if (code == EBUSY)
                return error_set(
                        error, EBUSY, ERROR_FAILED, "Cannot remove %s: something is mounted on it",
                        name);
        return error_set_errno(error, code, "Cannot remove %s", name);
}

/* Removes entries: returns 1 and the name of the first non-empty directory; -ENOTDIR, without @error, if a
 * directory has become something else. */
static int remove_entries(
        int dir_fd, const char *spared, char ret_name[static NAME_MAX + 1], Error *error) {
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        bool has_retried = false;
        int r;

        r = open_entries(dir_fd, &dir);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot open a directory to empty it");

        for (;;) {
                errno = 0;
                entry = readdir(dir);
                if (!entry && errno != 0)
                        return error_set_errno(error, errno, "Cannot read a directory");
                if (!entry)
                        return 0;

                r = is_dot(entry->d_name) || strcmp(entry->d_name, spared) == 0
                            ? 0
                            : remove_entry(dir_fd, entry);
                /* It may not be writable either. */
                if (r == -EACCES && !has_retried && fchmod(dir_fd, 0700) >= 0) {
                        has_retried = true;
                        r = remove_entry(dir_fd, entry);
                }
                if (r == -ENOTDIR)
                        return r;
                if (r < 0)
                        return fail(-r, entry->d_name, error);
                if (r > 0) {
                        strcpy(ret_name, entry->d_name);
                        return 1;
                }
        }
}

static void go_to(RemoveWalk *walk, int fd) {
        closep(&walk->fd);
        walk->fd = fd;
}

static int go_to_top(RemoveWalk *walk, Error *error) {
        int fd = fcntl(walk->top_fd, F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open a tree to remove it");

        walk->depth = 0;
        go_to(walk, fd);
        return 1;
}

/* Restarts at the top, the only directory that cannot have moved. */
static int begin_again(RemoveWalk *walk, Error *error) {
        if (++walk->n_changes > REMOVE_CHANGES_MAX)
                return error_set(
                        error, ESTALE, ERROR_FAILED,
                        "Cannot remove a tree completely: others keep moving or refilling "
                        "directories in it");

        walk->emptied = (Identity){ 0 };
        return go_to_top(walk, error);
}

static int add_level(RemoveWalk *walk, const Identity *identity, Error *error) {
        if (walk->depth == REMOVE_DEPTH_MAX)
                return error_set(
                        error, ELOOP, ERROR_LIMIT_EXCEEDED,
                        "Cannot remove a tree of more than %zu nested directories",
                        REMOVE_DEPTH_MAX);

        if (walk->depth == walk->n_allocated) {
                size_t n = walk->n_allocated > 0 ? 2 * walk->n_allocated : LEVELS_STEP;
                Identity *levels = reallocarray(walk->levels, n, sizeof(levels[0]));

                if (!levels)
                        return error_oom(error);
                walk->levels = levels;
                walk->n_allocated = n;
        }

        walk->levels[walk->depth++] = *identity;
        return 0;
}

static int go_down(RemoveWalk *walk, const char *name, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        Identity identity;
        int r;

        r = enter(walk->fd, name, walk->top.mount, walk->is_jailed, &fd, &identity);
        if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
                return begin_again(walk, error);
        if (r < 0)
                return fail(-r, name, error);
        if (is_same(&identity, &walk->emptied))
                return begin_again(walk, error);

        r = add_level(walk, &identity, error);
        if (r < 0)
                return r;

        go_to(walk, TAKE_FD(fd));
        return 1;
}

static int go_up(RemoveWalk *walk, Error *error) {
        _cleanup_(closep) int fd = -EBADF;

        walk->emptied = walk->levels[--walk->depth];
        if (walk->depth == 0)
                return go_to_top(walk, error);

        fd = open_dir(walk->fd, "..");
        if (fd < 0 || !is_there(fd, "", &walk->levels[walk->depth - 1]))
                return begin_again(walk, error);

        go_to(walk, TAKE_FD(fd));
        return 1;
}

int tree_empty(int dir_fd, const char *spared, Error *error) {
        _cleanup_(walk_done) RemoveWalk walk = { .top_fd = dir_fd, .fd = -EBADF };
        char name[NAME_MAX + 1];
        struct statx sx;
        int r;

        r = look(dir_fd, "", &sx);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot stat a tree to remove it");
        walk.top = identity_of(&sx);
        walk.is_jailed = is_there(AT_FDCWD, "/", &walk.top);

        r = go_to_top(&walk, error);
        while (r > 0) {
                r = remove_entries(walk.fd, walk.depth == 0 ? spared : "", name, error);
                if (r > 0)
                        r = go_down(&walk, name, error);
                else if (r == -ENOTDIR)
                        r = begin_again(&walk, error);
                else if (r == 0 && walk.depth > 0)
                        r = go_up(&walk, error);
        }
        return r;
}
