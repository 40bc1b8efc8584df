/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "proto-message.h"
#include "worker-builder-place.h"
#include "worker-privileges.h"
#include "worker-remove.h"

#define PARENT_DEFAULT  "/var/tmp"
#define CACHE_DEFAULT   "/var/cache/virt-bootstrap"
#define CACHE_SUFFIX    "-builder"
#define ATTEMPTS_MAX    10
#define VARIABLES_MAX   ((size_t) 64)
#define BYTES_PER_BLOCK 512
#define SOCKETS_MAX     ((size_t) 70) /* bytes of a path below which libguestfs can have sockets */

#define N(list) (sizeof(list) / sizeof((list)[0]))

/* Of the worker's environment: whole names, or with a '_' at the end what they begin with. */
static const char *const passed_variables[] = {
        "ALL_PROXY",     "CURL_CA_BUNDLE",  "HTTPS_PROXY",   "LIBGUESTFS_",     "NO_PROXY",
        "PATH",          "SSL_CERT_DIR",    "SSL_CERT_FILE", "SUPERMIN_KERNEL", "SUPERMIN_MODULES",
        "XDG_DATA_DIRS", "all_proxy",       "ftp_proxy",     "http_proxy",      "https_proxy",
        "no_proxy",      "XDG_CONFIG_DIRS",
};

/* What would make the output another one, or is set below. */
static const char *const withheld_variables[] = {
        "LIBGUESTFS_BACKEND", "LIBGUESTFS_CACHEDIR", "LIBGUESTFS_DEBUG",
        "LIBGUESTFS_TMPDIR",  "LIBGUESTFS_TRACE",
};

static const char *absolute_path(const char *variable) {
        const char *path = getenv(variable);

        return path && path[0] == '/' ? path : NULL;
}

static const char *or_else(const char *text, const char *otherwise) {
        return text ? text : otherwise;
}

/* Whether nobody works in the directory @name, whose descriptor is @fd, and nothing else took its place. */
static bool lock(const char *path, int fd) {
        struct stat mine, there;

        return flock(fd, LOCK_EX | LOCK_NB) >= 0 && fstat(fd, &mine) >= 0 &&
               lstat(path, &there) >= 0 && mine.st_dev == there.st_dev &&
               mine.st_ino == there.st_ino;
}

static bool may_be_removed(const struct stat *st) {
        return S_ISDIR(st->st_mode) &&
               (st->st_uid == geteuid() || (geteuid() == 0 && st->st_uid == PROTO_WORKER_USER));
}

static void sweep_one(const char *parent, int parent_fd, const char *name) {
        _cleanup_(closep) int fd =
                openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        char path[PATH_MAX];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !may_be_removed(&st))
                return;
        if (snprintf(path, sizeof(path), "%s/%s", parent, name) < (int) sizeof(path) &&
            lock(path, fd))
                (void) worker_remove_tree(parent_fd, name, NULL);
}

/* What cannot be removed is no reason to fail. */
static void sweep(const char *parent) {
        DIR *dir = opendir(parent);
        struct dirent *entry;

        if (!dir)
                return;

        while ((entry = readdir(dir)))
                if (strncmp(entry->d_name, BUILDER_PLACE_PREFIX, strlen(BUILDER_PLACE_PREFIX)) == 0)
                        sweep_one(parent, dirfd(dir), entry->d_name);
        (void) closedir(dir);
}

/* Returns 1; 0 when somebody who swept took it for a left one in the meantime; or a negative errno. */
static int try_make(BuilderPlace *place) {
        if (snprintf(
                    place->path, sizeof(place->path), "%s/" BUILDER_PLACE_PREFIX "XXXXXX",
                    place->parent) >= (int) sizeof(place->path))
                return -ENAMETOOLONG;
        if (!mkdtemp(place->path))
                return -errno;

        place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (place->fd >= 0 && lock(place->path, place->fd))
                return 1;
        if (place->fd < 0 && errno != ENOENT)
                return -errno;

        closep(&place->fd);
        place->fd = -EBADF;
        return 0;
}

static int hand_over(int fd, const char *path, Error *error) {
        if (fchown(fd, PROTO_WORKER_USER, PROTO_WORKER_USER) < 0)
                return error_set_errno(error, errno, "Cannot give %s to an ordinary user", path);
        return 0;
}

static int make_directory(BuilderPlace *place, Error *error) {
        int r = 0;

        if (snprintf(
                    place->parent, sizeof(place->parent), "%s",
                    or_else(absolute_path("VIRTBOOTSTRAP_TMPDIR"), PARENT_DEFAULT)) >=
            (int) sizeof(place->parent))
                r = -ENAMETOOLONG;
        else
                sweep(place->parent);
        for (int i = 0; r == 0 && i < ATTEMPTS_MAX; i++)
                r = try_make(place);
        if (r <= 0)
                return error_set_errno(
                        error, r < 0 ? -r : EBUSY, "Cannot create a temporary directory in %s",
                        place->parent);

        return place->is_nobodys ? hand_over(place->fd, place->path, error) : 0;
}

/* For nobody a place of its own, which is made here: it cannot do that. */
static int make_cache_of_nobody(BuilderPlace *place, Error *error) {
        _cleanup_(closep) int fd = -EBADF;

        if (asprintf(
                    &place->cache, "%s" CACHE_SUFFIX,
                    or_else(absolute_path("VIRTBOOTSTRAP_CACHE"), CACHE_DEFAULT)) < 0) {
                place->cache = NULL;
                return error_oom(error);
        }

        if (mkdir(place->cache, 0700) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Cannot create %s", place->cache);
        fd = open(place->cache, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open %s", place->cache);
        return hand_over(fd, place->cache, error);
}

static int find_cache(BuilderPlace *place, Error *error) {
        const char *xdg = absolute_path("XDG_CACHE_HOME"), *home = absolute_path("HOME");

        if (asprintf(
                    &place->cache, "%s%s", xdg ? xdg : or_else(home, place->path),
                    xdg ? "" : "/.cache") < 0) {
                place->cache = NULL;
                return error_oom(error);
        }
        return 0;
}

int builder_place_make(bool as_nobody, BuilderPlace *ret, Error *error) {
        int r;

        ret->is_nobodys = as_nobody;
        r = make_directory(ret, error);
        if (r < 0)
                return r;

        return as_nobody ? make_cache_of_nobody(ret, error) : find_cache(ret, error);
}

void builder_place_remove(BuilderPlace *place) {
        if (place->fd >= 0) {
                _cleanup_(closep) int parent_fd =
                        open(place->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                if (parent_fd >= 0)
                        (void) worker_remove_tree(parent_fd, strrchr(place->path, '/') + 1, NULL);
        }
        closep(&place->fd);
        free(place->cache);
        *place = BUILDER_PLACE_NULL;
}

int builder_place_put(const BuilderPlace *place, const char *name, const char *text, Error *error) {
        _cleanup_(closep) int fd =
                openat(place->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : fd_write_full(fd, text, strlen(text));

        if (r < 0)
                return error_set_errno(error, -r, "Cannot write %s/%s", place->path, name);
        return place->is_nobodys ? hand_over(fd, place->path, error) : 0;
}

static uint64_t files_usage(DIR *dir) {
        uint64_t bytes = 0;
        struct dirent *entry;
        struct stat st;

        while ((entry = readdir(dir)))
                if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
                    S_ISREG(st.st_mode))
                        bytes += (uint64_t) st.st_blocks * BYTES_PER_BLOCK;

        (void) closedir(dir);
        return bytes;
}

uint64_t builder_place_usage(const BuilderPlace *place) {
        _cleanup_(freep) char *templates = NULL;
        DIR *dir = opendir(place->path);
        uint64_t bytes = dir ? files_usage(dir) : 0;

        if (asprintf(&templates, "%s/virt-builder", place->cache) < 0) {
                templates = NULL;
                return bytes;
        }

        dir = opendir(templates);
        return bytes + (dir ? files_usage(dir) : 0);
}

uint64_t builder_place_disk_bytes(const BuilderPlace *place) {
        struct stat st;

        return fstatat(place->fd, BUILDER_DISK_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0
                       ? 0
                       : (uint64_t) st.st_blocks * BYTES_PER_BLOCK;
}

void environment_freep(char ***environment) {
        for (char **one = *environment; one && *one; one++)
                free(*one);
        free(*environment);
}

static bool is_in(const char *variable, const char *const *names, size_t n_names) {
        size_t length = strcspn(variable, "=");

        for (size_t i = 0; i < n_names; i++) {
                size_t n = strlen(names[i]);

                if (strncmp(variable, names[i], n) == 0 && (length == n || names[i][n - 1] == '_'))
                        return true;
        }

        return false;
}

static int add_text(char **environment, size_t *n, const char *name, const char *value) {
        if (!value || *n == VARIABLES_MAX)
                return 0;
        if (asprintf(&environment[*n], "%s%s%s", name, name[0] != '\0' ? "=" : "", value) < 0) {
                environment[*n] = NULL;
                return -ENOMEM;
        }
        (*n)++;
        return 0;
}

static int add_passed(char **environment, size_t *n) {
        int r = 0;

        for (char **one = environ; r >= 0 && one && *one; one++)
                if (is_in(*one, passed_variables, N(passed_variables)) &&
                    !is_in(*one, withheld_variables, N(withheld_variables)))
                        r = add_text(environment, n, "", *one);
        return r;
}

int builder_place_environment(const BuilderPlace *place, char ***ret, Error *error) {
        const char *appliance = place->is_nobodys ? place->cache : place->parent;
        const struct {
                const char *name, *value;
        } own[] = {
                { "HOME",
                  place->is_nobodys ? place->path : or_else(absolute_path("HOME"), place->path) },
                { "LC_ALL", "C" },
                { "LIBGUESTFS_BACKEND", or_else(getenv("LIBGUESTFS_BACKEND"), "direct") },
                { "LIBGUESTFS_CACHEDIR", or_else(absolute_path("LIBGUESTFS_CACHEDIR"), appliance) },
                { "TMPDIR", place->path },
                { "XDG_CACHE_HOME", place->cache },
                { "XDG_CONFIG_HOME", place->is_nobodys ? NULL : absolute_path("XDG_CONFIG_HOME") },
                /* Else they are in /tmp, and stay there when libguestfs is killed. */
                { "XDG_RUNTIME_DIR", strlen(place->path) <= SOCKETS_MAX ? place->path : NULL },
        };
        _cleanup_(environment_freep) char **environment = NULL;
        size_t n = 0;
        int r = 0;

        environment = calloc(VARIABLES_MAX + 1, sizeof(environment[0]));
        if (!environment)
                return error_oom(error);

        for (size_t i = 0; r >= 0 && i < N(own); i++)
                r = add_text(environment, &n, own[i].name, own[i].value);
        if (r >= 0)
                r = add_passed(environment, &n);
        if (r < 0)
                return error_oom(error);

        *ret = TAKE_PTR(environment);
        return 0;
}
