/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-path.h"

/* Shortens @path in place. */
static void drop_empty_components(char *path) {
        const char *in = path;
        char *out = path;

        while (*in) {
                size_t n;

                in += strspn(in, "/");
                n = strcspn(in, "/");
                if (n > 0 && !(n == 1 && *in == '.')) {
                        *out++ = '/';
                        memmove(out, in, n);
                        out += n;
                }
                in += n;
        }

        if (out == path)
                *out++ = '/';
        *out = '\0';
}

int client_path_make_absolute(const char *directory, const char *path, char **ret, Error *error) {
        char *absolute;

        if (asprintf(&absolute, "%s/%s", path[0] == '/' ? "" : directory, path) < 0)
                return error_oom(error);

        drop_empty_components(absolute);
        *ret = absolute;
        return 0;
}
