/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-macro.h"
#include "builder-cache.h"
#include "builder-place.h"
#include "builder-remove.h"
#include "proto-message.h"

#define CACHE_SYSTEM "/var/cache/virt-bootstrap"
#define PARENT_NAME  "builder" /* in the cache */
#define PARENT_IN_TMP                                                                              \
        "virt-bootstrap-builder" /* in $VIRTBOOTSTRAP_TMPDIR, which has other files, too */
#define MODE_CLOSED     0700     /* of that */
#define MODE_OPENED     0711     /* while a builder needs it */
#define ATTEMPTS_MAX    10
#define VARIABLES_MAX   ((size_t) 64)
#define BYTES_PER_BLOCK 512
#define SOCKETS_MAX     ((size_t) 70) /* bytes of a path below which libguestfs can create sockets */

/* Variables of the worker's environment: whole names, or prefixes with a '_' at the end. */
static const char *const passed_variables[] = {
        "ALL_PROXY",     "CURL_CA_BUNDLE",  "HTTPS_PROXY",   "LIBGUESTFS_",     "NO_PROXY",
        "PATH",          "SSL_CERT_DIR",    "SSL_CERT_FILE", "SUPERMIN_KERNEL", "SUPERMIN_MODULES",
        "XDG_DATA_DIRS", "all_proxy",       "ftp_proxy",     "http_proxy",      "https_proxy",
        "no_proxy",      "XDG_CONFIG_DIRS",
};

/* Variables that would change the output, or are set below. */
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

bool builder_place_is_others(const BuilderPlace *place) {
        return place->user != 0;
}

int builder_place_hand_over(const BuilderPlace *place, int fd, Error *error) {
        if (builder_place_is_others(place) && fchown(fd, place->user, place->group) < 0)
                return error_set_errno(
                        error, errno, "Cannot give the files in %s to an unprivileged user",
                        place->path);
        return 0;
}

static const char *name_of(const BuilderPlace *place) {
        return strrchr(place->path, '/') + 1;
}

static bool is_place(const char *name) {
        return strncmp(name, BUILDER_PLACE_PREFIX, strlen(BUILDER_PLACE_PREFIX)) == 0;
}

/* Locks the directory @name, with the descriptor @fd: fails if it is in use, or has been removed. */
static bool lock(int parent_fd, const char *name, int fd) {
        struct stat mine, there;

        return flock(fd, LOCK_EX | LOCK_NB) >= 0 && fstat(fd, &mine) >= 0 &&
               fstatat(parent_fd, name, &there, AT_SYMLINK_NOFOLLOW) >= 0 &&
               mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

/* Finds it like the daemon finds its cache, which has room for many files. */
static int name_parent(char *path, size_t size, Error *error) {
        const char *temporary = absolute_path("VIRTBOOTSTRAP_TMPDIR"),
                   *cache = absolute_path("VIRTBOOTSTRAP_CACHE"),
                   *xdg = absolute_path("XDG_CACHE_HOME"), *home = absolute_path("HOME");
        int n;

        if (temporary)
                n = snprintf(path, size, "%s/" PARENT_IN_TMP, temporary);
        else if (cache || geteuid() == 0)
                n = snprintf(path, size, "%s/" PARENT_NAME, or_else(cache, CACHE_SYSTEM));
        else if (xdg)
                n = snprintf(path, size, "%s/virt-bootstrap/" PARENT_NAME, xdg);
        else if (home)
                n = snprintf(path, size, "%s/.cache/virt-bootstrap/" PARENT_NAME, home);
        else
                return error_set(
                        error, ENOENT, ERROR_FAILED,
                        "virt-builder has no directory to work in: none of VIRTBOOTSTRAP_CACHE, "
                        "XDG_CACHE_HOME and HOME is set");

        if (n >= (int) size)
                return error_set_errno(error, ENAMETOOLONG, "Cannot work in %s", path);
        return 0;
}

/* Denies others access, or limits it to @most. Returns 0 or a negative errno. */
static int limit_mode(int fd, mode_t most) {
        struct stat st;
        mode_t mode;

        if (fstat(fd, &st) < 0)
                return -errno;
        mode = st.st_mode & 07777;
        return mode == MODE_CLOSED || mode == most || fchmod(fd, most) >= 0 ? 0 : -errno;
}

/* Denies others access, unless a builder needs it. Returns 0 or a negative errno. */
static int close_parent(int parent_fd) {
        const bool is_unused = flock(parent_fd, LOCK_EX | LOCK_NB) >= 0;
        const int r = limit_mode(parent_fd, is_unused ? MODE_CLOSED : MODE_OPENED);

        if (is_unused)
                (void) flock(parent_fd, LOCK_UN);
        return r;
}

/* Nobody else may rename or create anything in it. */
static int open_parent(BuilderPlace *place, Error *error) {
        struct stat st;
        int r;

        r = name_parent(place->parent, sizeof(place->parent), error);
        if (r < 0)
                return r;

        if (mkdir(place->parent, MODE_CLOSED) < 0 && errno != EEXIST)
                return error_set_errno(error, errno, "Cannot create %s", place->parent);
        place->parent_fd = open(place->parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (place->parent_fd < 0 || fstat(place->parent_fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot open %s", place->parent);
        if (st.st_uid != geteuid())
                return error_set(
                        error, EPERM, ERROR_ACCESS_DENIED,
                        "%s belongs to another user: remove it, or set VIRTBOOTSTRAP_TMPDIR",
                        place->parent);

        r = close_parent(place->parent_fd);
        return r < 0 ? error_set_errno(error, -r, "Cannot deny others access to %s", place->parent)
                     : 0;
}

static void sweep_one(
        const BuilderPlace *place, const char *name, BuilderPlaceLeft on_left, void *userdata) {
        _cleanup_(closep) int fd =
                openat(place->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (fd < 0 || !lock(place->parent_fd, name, fd) ||
            builder_remove(place->mode, place->parent_fd, name, fd, &error) >= 0)
                return;

        (void) error_prefix(
                &error, "Cannot remove %s/%s, left by an earlier builder", place->parent, name);
        on_left(userdata, &error);
}

void builder_place_sweep(const BuilderPlace *place, BuilderPlaceLeft on_left, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        int r;

        r = dir_open(place->parent_fd, &dir);
        if (r < 0) {
                error_set_errno(
                        &error, -r, "Cannot remove what earlier builders left in %s",
                        place->parent);
                on_left(userdata, &error);
                return;
        }

        while ((entry = readdir(dir)))
                if (is_place(entry->d_name))
                        sweep_one(place, entry->d_name, on_left, userdata);
}

/* Returns 1; 0 if another process has meanwhile swept it as a leftover; or a negative errno. */
static int try_make(BuilderPlace *place) {
        uint64_t suffix;

        if (getrandom(&suffix, sizeof(suffix), 0) != sizeof(suffix))
                return -errno;
        if (snprintf(
                    place->path, sizeof(place->path), "%s/" BUILDER_PLACE_PREFIX "%016" PRIx64,
                    place->parent, suffix) >= (int) sizeof(place->path))
                return -ENAMETOOLONG;
        if (mkdirat(place->parent_fd, name_of(place), 0700) < 0)
                return -errno;

        place->fd = openat(
                place->parent_fd, name_of(place), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (place->fd >= 0 && lock(place->parent_fd, name_of(place), place->fd))
                return 1;
        if (place->fd < 0 && errno != ENOENT)
                return -errno;

        closep(&place->fd);
        place->fd = -EBADF;
        return 0;
}

int builder_place_make(ProtoUser user, SandboxMode mode, BuilderPlace *ret, Error *error) {
        int r;

        ret->mode = mode;
        ret->user = user.uid;
        ret->group = user.gid;
        r = open_parent(ret, error);
        if (r < 0)
                return r;

        r = 0;
        for (int i = 0; r == 0 && i < ATTEMPTS_MAX; i++)
                r = try_make(ret);
        if (r <= 0)
                return error_set_errno(
                        error, r < 0 ? -r : EBUSY, "Cannot create a directory in %s", ret->parent);

        return builder_place_hand_over(ret, ret->fd, error);
}

/* Without private mounts its user must reach it at its real path. */
static int open_to_its_user(const BuilderPlace *place, Error *error) {
        if (flock(place->parent_fd, LOCK_SH) < 0 || fchmod(place->parent_fd, MODE_OPENED) < 0)
                return error_set_errno(
                        error, errno, "Cannot give others access to %s", place->parent);
        return 0;
}

int builder_place_enter(BuilderPlace *place, Error *error) {
        struct stat mine, there;

        if (!builder_place_is_others(place))
                return 0;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
                return errno == EPERM || errno == EINVAL || errno == ENOSPC
                               ? open_to_its_user(place, error)
                               : error_set_errno(error, errno, "Cannot enter a new namespace");

        if (mount(place->path, place->parent, NULL, MS_BIND, NULL) < 0 ||
            mount(NULL, place->parent, NULL, MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID, NULL) <
                    0 ||
            stat(place->parent, &there) < 0 || fstat(place->fd, &mine) < 0)
                return error_set_errno(error, errno, "Cannot mount %s", place->path);
        if (mine.st_dev != there.st_dev || mine.st_ino != there.st_ino)
                return error_set(
                        error, ESTALE, ERROR_FAILED, "%s was moved from under the builder",
                        place->path);

        strcpy(place->path, place->parent);
        return 0;
}

int builder_place_check(const BuilderPlace *place, Error *error) {
        if (access(place->path, R_OK | W_OK | X_OK) < 0)
                return error_set_errno(
                        error, errno,
                        "virt-builder, as the user %u, cannot reach %s: the directories above it must "
                        "be accessible to others",
                        place->user, place->path);
        return 0;
}

int builder_place_remove(BuilderPlace *place, Error *error) {
        int r = 0;

        if (place->fd >= 0) {
                r = builder_remove(place->mode, place->parent_fd, name_of(place), place->fd, error);
                (void) close_parent(place->parent_fd);
        }
        closep(&place->fd);
        closep(&place->parent_fd);
        *place = BUILDER_PLACE_NULL;
        return r;
}

void builder_place_done(BuilderPlace *place) {
        (void) builder_place_remove(place, NULL);
}

int builder_place_put(const BuilderPlace *place, const char *name, const char *text, Error *error) {
        _cleanup_(closep) int fd =
                openat(place->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int r = fd < 0 ? -errno : fd_write_full(fd, text, strlen(text));

        if (r < 0)
                return error_set_errno(error, -r, "Cannot write %s/%s", place->path, name);
        return builder_place_hand_over(place, fd, error);
}

/* The path of virt-builder's user cache; owned by the caller; NULL if out of memory. */
static char *find_cache(const BuilderPlace *place) {
        const char *xdg = absolute_path("XDG_CACHE_HOME"), *home = absolute_path("HOME");
        char *path;
        int r;

        if (builder_place_is_others(place))
                r = asprintf(&path, "%s/" BUILDER_CACHE_NAME, place->path);
        else if (xdg)
                r = asprintf(&path, "%s", xdg);
        else
                r = asprintf(&path, "%s/.cache", or_else(home, place->path));
        return r < 0 ? NULL : path;
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
        _cleanup_(freep) char *cache = find_cache(place), *templates = NULL;
        DIR *dir = opendir(place->path);
        uint64_t bytes = dir ? files_usage(dir) : 0;

        if (!cache || asprintf(&templates, "%s/" BUILDER_TEMPLATES_NAME, cache) < 0) {
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

void builder_environment_freep(char ***environment) {
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
                if (is_in(*one, passed_variables, N_ELEMENTS(passed_variables)) &&
                    !is_in(*one, withheld_variables, N_ELEMENTS(withheld_variables)))
                        r = add_text(environment, n, "", *one);
        return r;
}

int builder_place_environment(const BuilderPlace *place, char ***ret, Error *error) {
        bool is_others = builder_place_is_others(place);
        _cleanup_(freep) char *cache = find_cache(place);
        const char *home = is_others ? NULL : absolute_path("HOME");
        /* What one build makes of the host's files must not be reused by the next one, possibly of another user. */
        const char *appliance = is_others ? place->path : place->parent;
        const struct {
                const char *name, *value;
        } own[] = {
                { "HOME", or_else(home, place->path) },
                { "LC_ALL", "C" },
                { "LIBGUESTFS_BACKEND", or_else(getenv("LIBGUESTFS_BACKEND"), "direct") },
                { "LIBGUESTFS_CACHEDIR", or_else(absolute_path("LIBGUESTFS_CACHEDIR"), appliance) },
                { "TMPDIR", place->path },
                { "XDG_CACHE_HOME", cache },
                { "XDG_CONFIG_HOME", is_others ? NULL : absolute_path("XDG_CONFIG_HOME") },
                /* Else they are in /tmp, and stay there if libguestfs is killed. */
                { "XDG_RUNTIME_DIR", strlen(place->path) <= SOCKETS_MAX ? place->path : NULL },
        };
        _cleanup_(builder_environment_freep) char **environment = NULL;
        size_t n = 0;
        int r = 0;

        environment = calloc(VARIABLES_MAX + 1, sizeof(environment[0]));
        if (!cache || !environment)
                return error_oom(error);

        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(own); i++)
                r = add_text(environment, &n, own[i].name, own[i].value);
        if (r >= 0)
                r = add_passed(environment, &n);
        if (r < 0)
                return error_oom(error);

        *ret = TAKE_PTR(environment);
        return 0;
}
