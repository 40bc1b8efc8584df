/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What comes from a program on the other end of a connection. */

#include <errno.h>
#include <stddef.h>

/* Returned, with @error set, when the other side has gone. */
#define DISK_GONE (-ECONNRESET)

#define DISK_WORDS_MAX                                                                             \
        ((size_t) 512) /* bytes of what another program says in an error, with the NUL */

/**
 * qemu_words() - what another program said, for a message
 * @ret:        the last line that is not empty, cut, with what cannot be printed replaced
 */
void qemu_words(const char *text, size_t size, char ret[static DISK_WORDS_MAX]);
