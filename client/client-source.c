/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "client-path.h"
#include "client-source.h"

#define FILE_SCHEME "file:"

static const struct Scheme {
        const char *name;
        bool is_directory;
        bool has_selector; /* which image it is follows a ':' behind the path */
} schemes[] = {
        { "oci:", true, true },
        { "oci-archive:", false, true },
        { "docker-archive:", false, true },
        { "dir:", true, false },
};

/* A source in files: @prefix and path are next to each other, and the rest is the selector. */
typedef struct Parts {
        size_t prefix, path; /* bytes */
        bool is_directory;
        bool ends_at_colon;
        bool is_url; /* the text stays as it is */
} Parts;

/* Bytes of the scheme with its colon (RFC 3986, 3.1), 0 when there is none. */
static size_t scheme_length(const char *text) {
        const char *p = text;

        if (!isalpha((unsigned char) *p))
                return 0;
        while (isalnum((unsigned char) *p) || (*p && strchr("+-.", *p)))
                p++;

        return *p == ':' ? (size_t) (p - text) + 1 : 0;
}

static const struct Scheme *find_scheme(const char *text) {
        for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
                if (strncmp(text, schemes[i].name, strlen(schemes[i].name)) == 0)
                        return &schemes[i];

        return NULL;
}

/* Whether @text is a source in files; what only looks like one is the daemon's to refuse. */
static bool split(const char *text, Parts *ret) {
        const struct Scheme *scheme = find_scheme(text);
        Parts parts = { .prefix = scheme_length(text) };

        if (scheme) {
                parts.is_directory = scheme->is_directory;
                parts.ends_at_colon = scheme->has_selector;
        } else if (strncmp(text, FILE_SCHEME, strlen(FILE_SCHEME)) == 0) {
                if (strncmp(text + parts.prefix, "//", 2) == 0)
                        parts.prefix += 2;
                parts.is_url = true;
                if (text[parts.prefix] != '/')
                        return false;
        } else if (parts.prefix > 0)
                return false;

        parts.path = parts.ends_at_colon ? strcspn(text + parts.prefix, ":")
                                         : strlen(text + parts.prefix);
        if (parts.path == 0)
                return false;

        *ret = parts;
        return true;
}

bool source_is_file(const char *text) {
        Parts parts;

        return split(text, &parts);
}

static bool is_standard_input(const char *path, bool is_directory) {
        return !is_directory && (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0);
}

/* Standard input may be a socket, or a file that could not be opened again: it is open already. */
static int open_path(const char *path, bool is_directory, int *ret_fd, Error *error) {
        int fd;

        if (is_standard_input(path, is_directory))
                fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        else
                fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC | (is_directory ? O_DIRECTORY : 0));
        if (fd < 0 && errno == ENOENT)
                return error_set(error, errno, ERROR_NOT_FOUND, "Cannot open %s: %m", path);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open %s", path);

        *ret_fd = fd;
        return 0;
}

/* The text for the daemon. A path that ends at a colon cannot go through a directory that has one in its
 * name; the daemon does not need it, since it has the descriptor. */
static int make_text(
        const char *text, const Parts *parts, const char *path, const char *absolute, char **ret) {
        const char *shown = absolute;

        if (parts->is_url || is_standard_input(path, parts->is_directory) ||
            (parts->ends_at_colon && strchr(absolute, ':')))
                shown = path;
        if (parts->prefix == 0 && strcmp(shown, "-") == 0)
                shown = "/dev/stdin"; /* alone "-" is no source */

        return asprintf(
                ret, "%.*s%s%s", (int) parts->prefix, text, shown,
                text + parts->prefix + parts->path);
}

int source_read(const char *directory, const char *text, Source *ret, Error *error) {
        _cleanup_(source_done) Source source = SOURCE_NULL;
        _cleanup_(freep) char *path = NULL, *absolute = NULL;
        Parts parts;
        int r;

        if (!split(text, &parts)) {
                source.text = strdup(text);
                if (!source.text)
                        return error_oom(error);
                *ret = source;
                source = SOURCE_NULL;
                return 0;
        }

        path = strndup(text + parts.prefix, parts.path);
        if (!path)
                return error_oom(error);

        r = path_make_absolute(directory, path, &absolute, error);
        if (r >= 0)
                r = open_path(
                        is_standard_input(path, parts.is_directory) ? path : absolute,
                        parts.is_directory, &source.fd, error);
        if (r < 0)
                return r;
        if (make_text(text, &parts, path, absolute, &source.text) < 0) {
                source.text = NULL;
                return error_oom(error);
        }

        *ret = source;
        source = SOURCE_NULL;
        return 0;
}

void source_done(Source *source) {
        free(source->text);
        closep(&source->fd);
        *source = SOURCE_NULL;
}
