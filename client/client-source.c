/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "base-text.h"
#include "client-path.h"
#include "client-source.h"
#include "client-suggest.h"

#define FILE_SCHEME "file:"
#define LOCALHOST   "localhost"

static const struct Scheme {
        const char *name;
        bool is_directory;
        bool has_selector; /* a ':' after the path is followed by the selector of an image */
} schemes[] = {
        { "oci:", true, true },
        { "oci-archive:", false, true },
        { "docker-archive:", false, true },
        { "dir:", true, false },
};

/* A source in files: the text is the prefix, the path and the selector. */
typedef struct Parts {
        size_t prefix, path; /* bytes */
        bool is_directory;
        bool ends_at_colon;
        bool is_url; /* the text is kept as it is */
} Parts;

/* Bytes of the scheme with its colon (RFC 3986, 3.1); 0 if there is none. */
static size_t scheme_length(const char *text) {
        const char *p = text;

        if (!isalpha((unsigned char) *p))
                return 0;
        while (isalnum((unsigned char) *p) || (*p && strchr("+-.", *p)))
                p++;

        return *p == ':' ? (size_t) (p - text) + 1 : 0;
}

static const struct Scheme *find_scheme(const char *text) {
        for (size_t i = 0; i < N_ELEMENTS(schemes); i++)
                if (strncasecmp(text, schemes[i].name, strlen(schemes[i].name)) == 0)
                        return &schemes[i];

        return NULL;
}

/* Bytes between the scheme and the path of a file: URI. */
static size_t authority_length(const char *text) {
        if (strncmp(text, "//", 2) != 0)
                return 0;
        return strncasecmp(text + 2, LOCALHOST "/", strlen(LOCALHOST "/")) == 0
                       ? strlen("//" LOCALHOST)
                       : strlen("//");
}

/* Whether @text is a source in files; the daemon refuses texts that only look like one. */
static bool split(const char *text, Parts *ret) {
        const struct Scheme *scheme = find_scheme(text);
        Parts parts = { .prefix = scheme_length(text) };

        if (scheme) {
                parts.is_directory = scheme->is_directory;
                parts.ends_at_colon = scheme->has_selector;
        } else if (strncasecmp(text, FILE_SCHEME, strlen(FILE_SCHEME)) == 0) {
                parts.prefix += authority_length(text + parts.prefix);
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

bool client_source_is_file(const char *text) {
        Parts parts;

        return split(text, &parts);
}

static bool is_standard_input(const char *path, bool is_directory) {
        return !is_directory && (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0);
}

/* Standard input is already open, and cannot always be opened again: it may be a socket. */
static int open_path(const char *path, bool is_directory, int *ret_fd, Error *error) {
        int fd;

        if (is_standard_input(path, is_directory))
                fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        else
                fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC | (is_directory ? O_DIRECTORY : 0));
        if (fd < 0 && errno == ENOENT)
                return error_set(
                        error, errno, ERROR_NOT_FOUND, "Cannot open %s: %s", path,
                        error_errno_text(errno));
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open %s", path);

        *ret_fd = fd;
        return 0;
}

static int hex_value(char c) {
        return isdigit((unsigned char) c) ? c - '0' : tolower((unsigned char) c) - 'a' + 10;
}

/* Decodes %-escapes (RFC 3986, 2.1) in place; returns whether there were any. */
static bool unescape(char *text) {
        bool is_changed = false;
        char *out = text;

        for (const char *in = text; *in; out++)
                if (in[0] == '%' && isxdigit((unsigned char) in[1]) &&
                    isxdigit((unsigned char) in[2])) {
                        *out = (char) (16 * hex_value(in[1]) + hex_value(in[2]));
                        in += 3;
                        is_changed = true;
                } else
                        *out = *in++;
        *out = '\0';
        return is_changed;
}

static bool is_there(const char *directory, const char *path) {
        _cleanup_(freep) char *absolute = NULL;

        return client_path_make_absolute(directory, path, &absolute, NULL) >= 0 &&
               access(absolute, F_OK) == 0;
}

/* Looks for "a:b.tar" in "oci-archive:a:b.tar:latest": cuts @text after it if it exists. */
static bool find_with_colons(const char *directory, char *text, size_t path) {
        for (char *end = text + strlen(text); end > text + path; end--) {
                char c = *end;

                if (c != '\0' && c != ':')
                        continue;
                *end = '\0';
                if (is_there(directory, text))
                        return true;
                *end = c;
        }

        return false;
}

/* What may have been meant by a path that cannot be opened; owned by the caller; NULL if unknown. */
static char *find_hint(
        const char *directory, const char *text, const Parts *parts, const char *path, int code) {
        _cleanup_(freep) char *whole = strdup(text + parts->prefix), *decoded = strdup(path);
        struct stat st;
        char *hint;
        int n = -1;

        if (!whole || !decoded)
                return NULL;
        if (code == ENOENT &&
            (parts->prefix == 0 || strncmp(text, "oci://", strlen("oci://")) == 0))
                return client_suggest_source(text);

        if (code == ENOTDIR && parts->is_directory && stat(path, &st) == 0)
                n = asprintf(
                        &hint,
                        "for an image in one file, use oci-archive:PATH or docker-archive:PATH");
        else if (
                code == ENOENT && parts->ends_at_colon &&
                find_with_colons(directory, whole, parts->path))
                n = asprintf(
                        &hint,
                        "%s exists, but the path ends at the first ':'; use a link to it whose path has no colon",
                        whole);
        else if (code == ENOENT && parts->is_url && unescape(decoded) && access(decoded, F_OK) == 0)
                n = asprintf(
                        &hint, "%s exists; write the path literally, without %%-escapes", decoded);
        return n < 0 ? NULL : hint;
}

static void add_hint(
        const char *directory,
        const char *text,
        const Parts *parts,
        const char *path,
        Error *error) {
        _cleanup_(freep) char *hint = find_hint(directory, text, parts, path, error->code);
        _cleanup_(error_clear) Error plain = ERROR_NULL;

        if (!hint)
                return;

        error_move(&plain, error);
        error_set(error, plain.code, plain.kind, "%s; %s", error_text(&plain), hint);
}

/* The text for the daemon. A path that ends at the first colon cannot contain a directory with one in its
 * name; the daemon does not need that path, since it has the descriptor. */
static int make_text(
        const char *text, const Parts *parts, const char *path, const char *absolute, char **ret) {
        const char *shown = absolute;

        if (parts->is_url || is_standard_input(path, parts->is_directory) ||
            (parts->ends_at_colon && strchr(absolute, ':')))
                shown = path;
        if (parts->prefix == 0 && strcmp(shown, "-") == 0)
                shown = "/dev/stdin"; /* "-" alone is not a source */

        return asprintf(
                ret, "%.*s%s%s", (int) parts->prefix, text, shown,
                text + parts->prefix + parts->path);
}

/* A path may be any bytes, but the bus accepts only UTF-8; the daemon uses the path only in messages. */
static int make_utf8(char **text, Error *error) {
        char *printable;

        if (text_is_utf8(*text))
                return 0;

        printable = text_printable(*text);
        if (!printable)
                return error_oom(error);
        free(*text);
        *text = printable;
        return 0;
}

/* The schemes of sources that are not files; the daemon checks what follows. */
static bool is_scheme_of_daemon(const char *text) {
        return strncasecmp(text, "docker://", strlen("docker://")) == 0 ||
               strncasecmp(text, "virt-builder:", strlen("virt-builder:")) == 0;
}

/* What the daemon would call invalid, if something is known that was meant. */
static int check_scheme(const char *text, Error *error) {
        _cleanup_(freep) char *hint =
                is_scheme_of_daemon(text) ? NULL : client_suggest_source(text);

        return hint ? error_set(
                              error, EINVAL, ERROR_INVALID_REFERENCE,
                              "The source \"%s\" is invalid; %s", text, hint)
                    : 0;
}

int client_source_read(const char *directory, const char *text, ClientSource *ret, Error *error) {
        _cleanup_(client_source_done) ClientSource source = SOURCE_NULL;
        _cleanup_(freep) char *path = NULL, *absolute = NULL;
        Parts parts;
        int r;

        if (!split(text, &parts)) {
                r = check_scheme(text, error);
                if (r < 0)
                        return r;
                source.text = strdup(text);
                if (!source.text)
                        return error_oom(error);
                r = make_utf8(&source.text, error);
                if (r < 0)
                        return r;
                *ret = source;
                source = SOURCE_NULL;
                return 0;
        }

        path = strndup(text + parts.prefix, parts.path);
        if (!path)
                return error_oom(error);

        r = client_path_make_absolute(directory, path, &absolute, error);
        if (r >= 0)
                r = open_path(
                        is_standard_input(path, parts.is_directory) ? path : absolute,
                        parts.is_directory, &source.fd, error);
        if (r < 0) {
                if (absolute && error)
                        add_hint(directory, text, &parts, absolute, error);
                return r;
        }
        if (make_text(text, &parts, path, absolute, &source.text) < 0) {
                source.text = NULL;
                return error_oom(error);
        }
        r = make_utf8(&source.text, error);
        if (r < 0)
                return r;

        *ret = source;
        source = SOURCE_NULL;
        return 0;
}

void client_source_done(ClientSource *source) {
        free(source->text);
        closep(&source->fd);
        *source = SOURCE_NULL;
}
