/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-fd.h"
#include "base-home.h"
#include "registries-toml.h"
#include "registries.h"

#define SYSTEM_PLACE "/etc/containers"
#define FILE_NAME    "registries.conf"
#define DROPINS_NAME FILE_NAME ".d"

typedef struct FileNames {
        char *names[REGISTRIES_FILES_MAX]; /* owned */
        size_t n;
} FileNames;

static FileNames *names_free(FileNames *names) {
        if (!names)
                return NULL;

        for (size_t i = 0; i < names->n; i++)
                free(names->names[i]);
        free(names);
        return NULL;
}
DEFINE_CLEANUP(FileNames, names_free);

int registries_add_file(Registries *registries, const char *path, Error *error) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open %s", path);

        r = fd_read_all(fd, REGISTRIES_TOML_BYTES_MAX, &text, &size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read %s", path);

        r = registries_add(registries, path, text, size, error);
        return r < 0 ? r : 1;
}

static bool is_dropin(const char *name) {
        const size_t length = strlen(name), suffix = strlen(".conf");

        return length > suffix && strcmp(name + length - suffix, ".conf") == 0;
}

static int list_dropins(DIR *dir, const char *path, FileNames *names, Error *error) {
        const struct dirent *entry;

        while ((errno = 0, entry = readdir(dir))) {
                if (!is_dropin(entry->d_name) || entry->d_type == DT_DIR)
                        continue;
                if (names->n == REGISTRIES_FILES_MAX)
                        return error_set(
                                error, E2BIG, ERROR_FAILED, "%s has more than %zu files", path,
                                REGISTRIES_FILES_MAX);

                names->names[names->n] = strdup(entry->d_name);
                if (!names->names[names->n])
                        return error_oom(error);
                names->n++;
        }

        return errno > 0 ? error_set_errno(error, errno, "Cannot list %s", path) : 0;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int registries_add_directory(Registries *registries, const char *path, Error *error) {
        _cleanup_(names_freep) FileNames *names = calloc(1, sizeof(*names));
        _cleanup_(closedirp) DIR *dir = opendir(path);
        int r;

        if (!names)
                return error_oom(error);
        if (!dir && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (!dir)
                return error_set_errno(error, errno, "Cannot open %s", path);

        r = list_dropins(dir, path, names, error);
        if (names->n > 0)
                qsort(names->names, names->n, sizeof(names->names[0]), compare_names);
        for (size_t i = 0; r >= 0 && i < names->n; i++) {
                _cleanup_(freep) char *file = NULL;

                if (asprintf(&file, "%s/%s", path, names->names[i]) < 0) {
                        file = NULL;
                        return error_oom(error);
                }
                r = registries_add_file(registries, file, error);
        }

        return r < 0 ? r : 0;
}

static int add_in(
        Registries *registries,
        const char *place,
        const char *name,
        int (*add)(Registries *registries, const char *path, Error *error),
        Error *error) {
        _cleanup_(freep) char *path = NULL;

        if (asprintf(&path, "%s/%s", place, name) < 0) {
                path = NULL;
                return error_oom(error);
        }
        return add(registries, path, error);
}

/* An ordinary user's own directory; NULL if there is none. */
static int find_user_place(char **ret, Error *error) {
        _cleanup_(freep) char *home = NULL;
        int r;

        r = home_find_config(&home);
        if (r >= 0 && home)
                r = asprintf(ret, "%s/containers", home);
        if (r >= 0)
                return 0;

        *ret = NULL;
        return error_oom(error);
}

static int add_all(Registries *registries, Error *error) {
        _cleanup_(freep) char *user = NULL;
        int r;

        r = find_user_place(&user, error);
        if (r >= 0 && user)
                r = add_in(registries, user, FILE_NAME, registries_add_file, error);
        if (r == 0) {
                r = add_in(registries, SYSTEM_PLACE, FILE_NAME, registries_add_file, error);
                if (r >= 0)
                        r =
                                add_in(registries, SYSTEM_PLACE, DROPINS_NAME,
                                       registries_add_directory, error);
        }
        if (r >= 0 && user)
                r = add_in(registries, user, DROPINS_NAME, registries_add_directory, error);
        return r < 0 ? r : 0;
}

int registries_load(const char *file, Registries **ret, Error *error) {
        _cleanup_(registries_freep) Registries *registries = registries_new();
        int r;

        if (!registries)
                return error_oom(error);

        r = file ? registries_add_file(registries, file, error) : add_all(registries, error);
        if (r < 0)
                return r;
        if (file && r == 0)
                return error_set(error, ENOENT, ERROR_FAILED, "%s does not exist", file);

        *ret = TAKE_PTR(registries);
        return 0;
}
