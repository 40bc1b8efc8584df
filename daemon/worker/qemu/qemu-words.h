/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text from a program at the other end of a connection. */

#include <errno.h>
#include <stddef.h>

/* Returned, with @error set, if the other side has closed the connection. */
#define DISK_GONE (-ECONNRESET)

#define DISK_WORDS_MAX                                                                             \
        ((size_t) 512) /* bytes of another program's text in an error, with the NUL */

/**
 * qemu_words() - prepare another program's text for a message
 * @ret:        the last line that is not empty, cut, with unprintable characters replaced
 */
void qemu_words(const char *text, size_t size, char ret[static DISK_WORDS_MAX]);
