/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Unpacks layers from memory into a temporary directory, and writes down what is there. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "test-unpack-tar.h"
#include "unpack-directory.h"
#include "unpack-run.h"

#define LAYERS_MAX 8
#define NOBODY     65534u

typedef struct Fixture {
        char path[64];
        int fd;
        Bytes layers[LAYERS_MAX]; /* tar or compressed; tar_end() is added to none */
        InflateLayer infos[LAYERS_MAX];
        size_t n_layers, at, offset;
        size_t read_bytes; /* most at a time; 0: all */
        bool unprivileged;
        UnpackOptions options;
        IdMap uids, gids;
        Error error;
        char warnings[1024];
        unsigned n_warnings, n_progress;
        UnpackProgress progress;
        char text[16384]; /* from list() */
} Fixture;

static inline int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        strcpy(f->path, "/tmp/test-unpack-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        assert_int_equal(chmod(f->path, 0755), 0);
        f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fd >= 0);
        f->options.limits = LIMITS_DEFAULT;
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        Fixture *f = *state;
        char command[256];
        int r;

        /* A user cannot look into a directory of mode 000. */
        (void) snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", f->path, f->path);
        r = system(command);
        close(f->fd);
        for (size_t i = 0; i < LAYERS_MAX; i++)
                bytes_done(&f->layers[i]);
        error_clear(&f->error);
        free(f);
        return r;
}

static inline int on_next(void *userdata, InflateLayer *ret, Error *error) {
        Fixture *f = userdata;

        if (f->at == f->n_layers)
                return 0;
        *ret = f->infos[f->at++];
        f->offset = 0;
        return 1;
}

static inline ssize_t on_read(void *userdata, void *buffer, size_t size, Error *error) {
        Fixture *f = userdata;
        const Bytes *layer = &f->layers[f->at - 1];
        size_t n = layer->size - f->offset;

        if (n > size)
                n = size;
        if (f->read_bytes > 0 && n > f->read_bytes)
                n = f->read_bytes;
        if (n > 0)
                memcpy(buffer, layer->data + f->offset, n);
        f->offset += n;
        return (ssize_t) n;
}

static inline void on_warning(void *userdata, const char *text) {
        Fixture *f = userdata;

        f->n_warnings++;
        (void) snprintf(f->warnings, sizeof(f->warnings), "%s", text);
}

static inline void on_progress(void *userdata, const UnpackProgress *progress) {
        Fixture *f = userdata;

        f->n_progress++;
        assert_true(progress->consumed >= f->progress.consumed);
        f->progress = *progress;
}

/* A new layer of an image; add entries to it. */
static inline Bytes *layer_add(Fixture *f) {
        assert_true(f->n_layers < LAYERS_MAX);
        f->infos[f->n_layers].has_digest = true;
        return &f->layers[f->n_layers++];
}

/* The only layer, which is none of an image. */
static inline Bytes *tarball_add(Fixture *f) {
        assert_int_equal(f->n_layers, 0);
        f->infos[0] = (InflateLayer){ 0 };
        return &f->layers[f->n_layers++];
}

static inline UnpackTarget *open_target(Fixture *f) {
        const bool privileged = geteuid() == 0 && !f->unprivileged;
        UnpackTarget *target = NULL;

        assert_int_equal(unpack_directory_new(f->fd, privileged, &target, NULL), 0);
        return target;
}

static inline int run_into(Fixture *f, UnpackTarget *target) {
        const InflateInput input = { .next = on_next, .read = on_read, .userdata = f };
        const UnpackEvents events = {
                .progress = on_progress,
                .warning = on_warning,
                .userdata = f,
        };

        f->at = 0;
        f->progress = (UnpackProgress){ 0 };
        return unpack_run(&input, target, &f->options, &events, &f->error);
}

#ifdef TEST_UNPACK_DISK
#include "test-unpack-disk.h"
#else
static inline int run(Fixture *f) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = open_target(f);

        return run_into(f, target);
}
#endif

static inline void run_well(Fixture *f) {
        const int r = run(f);

        if (r < 0)
                fail_msg("%s: %s", error_kind_to_bus_name(f->error.kind), error_text(&f->error));
}

static inline void run_badly(Fixture *f, ErrorKind kind) {
        assert_true(run(f) < 0);
        assert_true(f->error.code > 0);
        if (f->error.kind != kind)
                fail_msg("%s: %s", error_kind_to_bus_name(f->error.kind), error_text(&f->error));
}

static inline int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static inline void text_add(Fixture *f, const char *format, ...)
        __attribute__((__format__(__printf__, 2, 3)));
static inline void text_add(Fixture *f, const char *format, ...) {
        const size_t size = strlen(f->text);
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(f->text + size, sizeof(f->text) - size, format, ap);
        va_end(ap);
}

static inline void list_one(Fixture *f, int dir_fd, const char *name, const char *path) {
        char content[256] = { 0 };
        struct stat st;
        int fd;

        assert_int_equal(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
        text_add(f, "%04o ", st.st_mode & 07777);
        if (st.st_uid != geteuid() || st.st_gid != getegid())
                text_add(f, "%u:%u ", st.st_uid, st.st_gid);
        text_add(f, "%s%s", path, S_ISDIR(st.st_mode) ? "/" : "");

        if (S_ISREG(st.st_mode)) {
                fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
                if (fd >= 0)
                        assert_true(read(fd, content, sizeof(content) - 1) >= 0);
                closep(&fd);
                text_add(f, " = %s", content);
        } else if (S_ISLNK(st.st_mode)) {
                assert_true(readlinkat(dir_fd, name, content, sizeof(content) - 1) > 0);
                text_add(f, " -> %s", content);
        } else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
                text_add(
                        f, " %c %u:%u", S_ISCHR(st.st_mode) ? 'c' : 'b', major(st.st_rdev),
                        minor(st.st_rdev));
        else if (S_ISFIFO(st.st_mode))
                text_add(f, " p");
        text_add(f, "\n");
}

static inline void list_dir(Fixture *f, int dir_fd, const char *prefix) {
        DIR *dir = fdopendir(dir_fd);
        char *names[64];
        size_t n = 0;

        assert_non_null(dir);
        for (struct dirent *entry; (entry = readdir(dir));)
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
                        assert_true(n < 64);
                        names[n++] = strdup(entry->d_name);
                }
        qsort(names, n, sizeof(names[0]), compare_names);

        for (size_t i = 0; i < n; i++) {
                char path[1024];
                int fd;

                (void) snprintf(path, sizeof(path), "%s%s", prefix, names[i]);
                list_one(f, dirfd(dir), names[i], path);
                fd = openat(dirfd(dir), names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                (void) snprintf(path, sizeof(path), "%s%s/", prefix, names[i]);
                if (fd >= 0)
                        list_dir(f, fd, path);
                free(names[i]);
        }

        closedir(dir);
}

/* A line for each name: mode, owner unless it is the caller, path, content. */
static inline const char *list(Fixture *f) {
        f->text[0] = '\0';
        list_dir(f, openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "");
        return f->text;
}

static inline struct stat stat_of(Fixture *f, const char *path) {
        struct stat st;

        if (fstatat(f->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
                fail_msg("%s: %s", path, strerror(errno));
        return st;
}

/* The size of an xattr, whose value goes to @value; -1 when it is not there. */
static inline ssize_t xattr_of(
        Fixture *f, const char *path, const char *name, void *value, size_t size) {
        char full[256];

        (void) snprintf(full, sizeof(full), "%s/%s", f->path, path);
        return lgetxattr(full, name, value, size);
}

static inline void skip_unless_root(void) {
        if (geteuid() != 0)
                skip();
}

/* For other layers. */
static inline void reset(Fixture *f) {
        for (size_t i = 0; i < f->n_layers; i++)
                bytes_done(&f->layers[i]);
        f->n_layers = 0;
        error_clear(&f->error);
}

/* Runs @fn as an ordinary user, to whom the root belongs. */
static inline void as_user(Fixture *f, void (*fn)(Fixture *f)) {
        const bool is_root = geteuid() == 0;

        f->unprivileged = true;
        if (is_root) {
                assert_int_equal(fchown(f->fd, NOBODY, NOBODY), 0);
                assert_int_equal(setegid(NOBODY), 0);
                assert_int_equal(seteuid(NOBODY), 0);
        }
        fn(f);
        if (is_root) {
                assert_int_equal(seteuid(0), 0);
                assert_int_equal(setegid(0), 0);
        }
}

#define UNPACK_TEST(name) TEST_WITH(name, set_up, tear_down)
