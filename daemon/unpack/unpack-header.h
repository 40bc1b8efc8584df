/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A second look at the headers in front of an entry: libarchive converts the names in pax records
 * to the locale's character set, and normalises them, while a file's name is bytes. A pure function
 * of the bytes (pax, "pax Extended Header"; tar(5)).
 */

#include <stddef.h>
#include <stdint.h>

/* Borrowed from the bytes, without a NUL. */
typedef struct HeaderText {
        const char *text; /* NULL: there is none */
        size_t size;      /* bytes */
} HeaderText;

typedef struct HeaderNames {
        HeaderText path; /* as pax records have it, "GNU.sparse.name" before "path" */
        HeaderText link; /* "linkpath" */
        char type;       /* of the entry itself: '0', '1' a hard link, '2' a symbolic one, … */
} HeaderNames;

/**
 * header_scan() - find the names that pax records give an entry
 * @bytes:      all header blocks of the entry, as far as there are
 * @limit:      most bytes of one header's content
 *
 * Return: 0; -EBADMSG when a record is malformed; -EFBIG when a header announces more than @limit;
 * -ENODATA when the bytes end before the entry's own header. @ret is only set for 0.
 */
int header_scan(const uint8_t *bytes, size_t size, size_t limit, HeaderNames *ret);
