/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "source-path.h"

typedef struct Path {
        char text[SOURCE_PATH_MAX + 1];
        size_t length;
} Path;

static bool path_pop(Path *path) {
        if (path->length == 0)
                return false;

        while (path->length > 0 && path->text[path->length - 1] != '/')
                path->length--;
        if (path->length > 0)
                path->length--;
        return true;
}

static bool path_push(Path *path, const char *name, size_t length) {
        if (path->length + 1 + length > SOURCE_PATH_MAX)
                return false;

        if (path->length > 0)
                path->text[path->length++] = '/';
        memcpy(path->text + path->length, name, length);
        path->length += length;
        return true;
}

static int path_append(Path *path, const char *text) {
        if (*text == '/')
                return -EXDEV;

        for (;;) {
                size_t length;

                text += strspn(text, "/");
                length = strcspn(text, "/");
                if (length == 0)
                        return 0;

                if (length == 2 && memcmp(text, "..", 2) == 0) {
                        if (!path_pop(path))
                                return -EXDEV;
                } else if (length != 1 || *text != '.') {
                        if (!path_push(path, text, length))
                                return -ENAMETOOLONG;
                }
                text += length;
        }
}

static int path_finish(const Path *path, char ret[static SOURCE_PATH_MAX + 1]) {
        if (path->length == 0)
                return -EINVAL;

        memcpy(ret, path->text, path->length);
        ret[path->length] = '\0';
        return 0;
}

int source_path_clean(const char *text, char ret[static SOURCE_PATH_MAX + 1]) {
        Path path = { .length = 0 };
        int r;

        r = path_append(&path, text);
        return r < 0 ? r : path_finish(&path, ret);
}

int source_path_follow(const char *from, const char *link, char ret[static SOURCE_PATH_MAX + 1]) {
        Path path = { .length = 0 };
        int r;

        if (*link == '\0')
                return -EINVAL;
        r = path_append(&path, from);
        if (r < 0)
                return r;

        (void) path_pop(&path);
        r = path_append(&path, link);
        return r < 0 ? r : path_finish(&path, ret);
}
