/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-path.h"

static const char *const path_schemes[] = { "oci:", "oci-archive:", "docker-archive:", "dir:" };

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

int path_make_absolute(const char *directory, const char *path, char **ret, Error *error) {
        char *absolute;

        if (asprintf(&absolute, "%s/%s", path[0] == '/' ? "" : directory, path) < 0)
                return error_oom(error);

        drop_empty_components(absolute);
        *ret = absolute;
        return 0;
}

/* Bytes of the scheme with its colon (RFC 3986, 3.1), 0 when there is none. */
static size_t scheme_length(const char *source) {
        const char *p = source;

        if (!isalpha((unsigned char) *p))
                return 0;
        while (isalnum((unsigned char) *p) || (*p && strchr("+-.", *p)))
                p++;

        return *p == ':' ? (size_t) (p - source) + 1 : 0;
}

static bool has_path(const char *source, size_t scheme) {
        for (size_t i = 0; i < sizeof(path_schemes) / sizeof(path_schemes[0]); i++)
                if (strlen(path_schemes[i]) == scheme &&
                    strncmp(path_schemes[i], source, scheme) == 0)
                        return true;

        return scheme == 0;
}

int source_make_absolute(const char *directory, const char *source, char **ret, Error *error) {
        _cleanup_(freep) char *path = NULL;
        size_t scheme = scheme_length(source);
        char *absolute;
        int r;

        if (!has_path(source, scheme)) {
                absolute = strdup(source);
                if (!absolute)
                        return error_oom(error);
                *ret = absolute;
                return 0;
        }

        r = path_make_absolute(directory, source + scheme, &path, error);
        if (r < 0)
                return r;
        if (asprintf(&absolute, "%.*s%s", (int) scheme, source, path) < 0)
                return error_oom(error);

        *ret = absolute;
        return 0;
}
