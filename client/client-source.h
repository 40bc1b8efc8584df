/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The source to bootstrap. Files are opened here and passed to the daemon, which needs no access to them. */

#include <errno.h>
#include <stdbool.h>

#include "base-error.h"

typedef struct ClientSource {
        char *text; /* owned; UTF-8; as passed to the daemon, which runs in another directory */
        int fd;     /* owned; the file or directory; negative if the source is neither */
} ClientSource;

#define SOURCE_NULL ((ClientSource){ NULL, -EBADF })

/**
 * client_source_read() - read a source of the command line
 * @directory:  the base of a relative path; absolute
 * @text:       a PATH, alone or after file://, oci:, oci-archive:, docker-archive: or dir:, is opened;
 *              after oci: and those of archives it ends at the first ':', as in containers-transports(5).
 *              All other sources are only copied. The case of the schemes does not matter. A file: URI
 *              may name localhost, but has no %-escapes.
 * @ret:        to be released with client_source_done()
 *
 * "-" and /dev/stdin stand for standard input. Opening a named pipe waits until another process writes to it.
 *
 * On failure, @error names the path and, if possible, what may have been meant: ERROR_NOT_FOUND, …
 */
int client_source_read(const char *directory, const char *text, ClientSource *ret, Error *error);

/** client_source_is_file() - whether client_source_read() opens something for @text */
bool client_source_is_file(const char *text);

/** client_source_done() - release what @source owns; usable with _cleanup_() */
void client_source_done(ClientSource *source);
