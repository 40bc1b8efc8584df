/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "unpack-path.h"

#define WHITEOUT_PREFIX ".wh."
#define AUFS_PREFIX     ".wh..wh."
#define OPAQUE_NAME     ".wh..wh..opq"

static void path_drop_component(UnpackPath *path) {
        if (path->n_components == 0)
                return;

        while (path->size > 0 && path->text[path->size - 1] != '/')
                path->size--;
        if (path->size > 0)
                path->size--;
        path->n_components--;
}

static void path_add_component(UnpackPath *path, const char *name, size_t size) {
        if (path->n_components > 0)
                path->text[path->size++] = '/';
        memcpy(path->text + path->size, name, size);
        path->size += size;
        path->n_components++;
}

static int check_component(
        const UnpackPath *path, size_t size, const Limits *limits, Error *error) {
        if (size > NAME_BYTES_MAX || size > limits->name_bytes)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "A name has %zu bytes; at most %zu are allowed" LIMIT_KEY("NameLength"),
                        size, limits->name_bytes);
        if (path->n_components >= limits->depth)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "A path is more than %zu directories deep" LIMIT_KEY("PathDepth"),
                        limits->depth);
        return 0;
}

int unpack_path_init(
        UnpackPath *path, const char *text, size_t size, const Limits *limits, Error *error) {
        const char *const end = text + size;
        int r;

        if (size > PATH_BYTES_MAX || size > limits->path_bytes)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "A path has %zu bytes; at most %zu are allowed" LIMIT_KEY("PathLength"),
                        size, limits->path_bytes);
        if (memchr(text, '\0', size))
                return error_set(error, EINVAL, ERROR_UNSAFE_ARCHIVE, "A path contains a NUL byte");

        path->size = path->n_components = 0;
        for (const char *p = text; p < end;) {
                const char *slash = memchr(p, '/', (size_t) (end - p));
                const size_t length = (size_t) ((slash ? slash : end) - p);

                if (length == 2 && memcmp(p, "..", 2) == 0)
                        path_drop_component(path);
                else if (length > 0 && !(length == 1 && *p == '.')) {
                        r = check_component(path, length, limits, error);
                        if (r < 0)
                                return r;
                        path_add_component(path, p, length);
                }

                p += slash ? length + 1 : length;
        }

        path->text[path->size] = '\0';
        return 0;
}

const char *unpack_path_name(const UnpackPath *path) {
        const char *slash = strrchr(path->text, '/');

        return slash ? slash + 1 : path->text;
}

UnpackWhiteout unpack_whiteout_parse(const UnpackPath *path, const char **ret_name) {
        const char *name = unpack_path_name(path), *removed;

        /* Internal files of aufs in the root may be directories with content. */
        if (strncmp(path->text, AUFS_PREFIX, strlen(AUFS_PREFIX)) == 0 &&
            strcmp(path->text, OPAQUE_NAME) != 0)
                return WHITEOUT_SKIP;
        if (strcmp(name, OPAQUE_NAME) == 0)
                return WHITEOUT_OPAQUE;
        if (strncmp(name, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) != 0)
                return WHITEOUT_NONE;

        removed = name + strlen(WHITEOUT_PREFIX);
        if (strcmp(removed, "") == 0 || strcmp(removed, ".") == 0 || strcmp(removed, "..") == 0)
                return WHITEOUT_INVALID;

        *ret_name = removed;
        return WHITEOUT_NAME;
}
