/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-program.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool is_program(const char *path) {
        struct stat st;

        return path[0] == '/' && stat(path, &st) >= 0 && S_ISREG(st.st_mode) &&
               faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) >= 0;
}

int program_find(const char *name, char **ret, Error *error) {
        const char *directories = getenv("PATH");

        if (name[0] == '/')
                directories = "";
        else if (!directories || directories[0] == '\0')
                directories = PATH_DEFAULT;

        for (const char *p = directories;;) {
                size_t length = strcspn(p, ":");
                _cleanup_(freep) char *path = NULL;

                if (asprintf(&path, "%.*s%s%s", (int) length, p, length > 0 ? "/" : "", name) < 0) {
                        path = NULL;
                        return error_oom(error);
                }
                if (is_program(path)) {
                        *ret = TAKE_PTR(path);
                        return 0;
                }
                if (p[length] == '\0')
                        return -ENOENT;
                p += length + 1;
        }
}
