/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "builder-cache.h"

#define KEPT_NAME "templates" /* beside the places */

static int open_dir(int dir_fd, const char *name) {
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* virt-builder calls it TEMPLATE.ARCHITECTURE.REVISION. */
static bool is_of_template(const char *name, const char *template) {
        size_t n = strlen(template);

        return strncmp(name, template, n) == 0 && name[n] == '.';
}

static int open_kept(const BuilderPlace *place, Error *error) {
        int fd;

        if (mkdirat(place->parent_fd, KEPT_NAME, 0700) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Cannot create %s/" KEPT_NAME, place->parent);

        fd = open_dir(place->parent_fd, KEPT_NAME);
        return fd < 0 ? error_set_errno(error, -fd, "Cannot open %s/" KEPT_NAME, place->parent)
                      : fd;
}

static int make_directory(const BuilderPlace *place, int dir_fd, const char *name, Error *error) {
        _cleanup_(closep) int fd = -EBADF;
        int r;

        if (mkdirat(dir_fd, name, 0700) < 0)
                return error_set_errno(
                        error, errno, "Cannot create the directory %s in %s", name, place->path);
        fd = open_dir(dir_fd, name);
        r = fd < 0 ? error_set_errno(error, -fd, "Cannot open %s in %s", name, place->path)
                   : builder_place_hand_over(place, fd, error);
        return r < 0 ? r : TAKE_FD(fd);
}

int builder_cache_lend(const BuilderPlace *place, const char *template, Error *error) {
        _cleanup_(closep) int cache_fd = -EBADF, fd = -EBADF, kept_fd = -EBADF;
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        if (!builder_place_is_others(place))
                return 0;

        cache_fd = make_directory(place, place->fd, BUILDER_CACHE_NAME, error);
        if (cache_fd < 0)
                return cache_fd;
        fd = make_directory(place, cache_fd, BUILDER_TEMPLATES_NAME, error);
        if (fd < 0)
                return fd;
        kept_fd = open_kept(place, error);
        if (kept_fd < 0)
                return kept_fd;

        r = dir_open(kept_fd, &dir);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read %s/" KEPT_NAME, place->parent);
        while ((entry = readdir(dir)))
                if (is_of_template(entry->d_name, template) &&
                    linkat(kept_fd, entry->d_name, fd, entry->d_name, 0) < 0 && errno != ENOENT)
                        return error_set_errno(
                                error, errno,
                                "Cannot link the template %s into the cache of a build",
                                entry->d_name);
        return 0;
}

/* Keeps one file, which nobody has open any more and which has no other name. */
static int keep_one(const BuilderPlace *place, int dir_fd, int kept_fd, const char *name) {
        _cleanup_(closep) int fd =
                openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        char link[FD_PATH_MAX];
        struct stat st;

        /* Links and the like are not templates. */
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != place->user ||
            st.st_nlink != 1)
                return 0;

        if (fchown(fd, 0, 0) < 0 || fchmod(fd, 0444) < 0)
                return -errno;
        return linkat(AT_FDCWD, fd_path(fd, link), kept_fd, name, AT_SYMLINK_FOLLOW) < 0 &&
                               errno != EEXIST
                       ? -errno
                       : 0;
}

int builder_cache_keep(const BuilderPlace *place, const char *template, Error *error) {
        _cleanup_(closep) int cache_fd = -EBADF, fd = -EBADF, kept_fd = -EBADF;
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r = 0;

        if (!builder_place_is_others(place))
                return 0;

        cache_fd = open_dir(place->fd, BUILDER_CACHE_NAME);
        fd = cache_fd < 0 ? cache_fd : open_dir(cache_fd, BUILDER_TEMPLATES_NAME);
        if (fd < 0 || dir_open(fd, &dir) < 0)
                return 0; /* it has deleted its cache */
        kept_fd = open_kept(place, error);
        if (kept_fd < 0)
                return kept_fd;

        while (r >= 0 && (entry = readdir(dir)))
                if (is_of_template(entry->d_name, template))
                        r = keep_one(place, fd, kept_fd, entry->d_name);
        return r < 0 ? error_set_errno(error, -r, "Cannot keep the template %s", template) : 0;
}
