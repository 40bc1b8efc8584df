/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is bootstrapped. Files are opened here and handed over, so that the daemon needs no access to them.
 */

#include <errno.h>
#include <stdbool.h>

#include "base-error.h"

typedef struct ClientSource {
        char *text; /* owned; UTF-8; as the daemon gets it: it does not run where the user stands */
        int fd;     /* owned; the file or directory; negative when the source is none */
} ClientSource;

#define SOURCE_NULL ((ClientSource){ NULL, -EBADF })

/**
 * client_source_read() - read a source of the command line
 * @directory:  what a relative path starts from; absolute
 * @text:       a PATH alone, or behind file://, oci:, oci-archive:, docker-archive: and dir: is opened;
 *              of oci: and the archives it ends at the first ':', as containers-transports(5) has it.
 *              All other sources are only copied. The case of the schemes does not matter, and a file:
 *              URI may name localhost, but has no %-escapes.
 * @ret:        to be released with client_source_done(); untouched on failure
 *
 * Instead of a file "-" is standard input, as /dev/stdin is. Waits until somebody writes to a named pipe.
 *
 * Return: 0, or a negative errno with @error set, which names the path, and what may have been meant:
 * ERROR_NOT_FOUND, …
 */
int client_source_read(const char *directory, const char *text, ClientSource *ret, Error *error);

/** client_source_is_file() - whether client_source_read() opens something for @text */
bool client_source_is_file(const char *text);

/** client_source_done() - release what @source owns; usable with _cleanup_() */
void client_source_done(ClientSource *source);
