/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A reading of the headers in front of an entry that is our own: libarchive's is compared with it, and
 * what the two do not agree on, or GNU tar and Go's archive/tar read differently, is in doubt. Names
 * are taken from here: libarchive converts those in pax records to the locale's character set, and
 * normalises them, while a file's name is bytes. A pure function of the bytes (pax, "ustar
 * Interchange Format"; tar(5)).
 */

#include <stddef.h>
#include <stdint.h>

#include "unpack-text.h"

#define HEADER_NAME_BYTES   ((size_t) 100) /* fields of a ustar header */
#define HEADER_PREFIX_BYTES ((size_t) 155)

typedef struct UnpackHeaderLimits {
        size_t header_bytes;  /* of one header's content */
        uint64_t xattr_bytes; /* of an extended attribute's value */
} UnpackHeaderLimits;

typedef struct UnpackHeader {
        char type;       /* of the entry: '0', '1' a hard link, '2' a symbolic one, … */
        UnpackText path; /* borrowed from the bytes, or in @joined */
        UnpackText link; /* of hard and symbolic links; borrowed from the bytes */
        uint64_t size;   /* of the file, bytes; holes count; 0 for what has no content */
        uint64_t device_major, device_minor;
        size_t end;        /* where the content begins in the bytes */
        const char *doubt; /* why it is ambiguous; NULL: it is not */
        char joined[HEADER_PREFIX_BYTES + 1 + HEADER_NAME_BYTES];
} UnpackHeader;

/**
 * unpack_header_scan() - read the headers of an entry
 * @bytes:      all header blocks of the entry, with the map of a sparse file, as far as there are
 *
 * Return: 0, also when something is in doubt; -EBADMSG when a header is malformed; -EFBIG when one
 * announces more than the limit; -E2BIG for an extended attribute over its limit; -ENODATA when the bytes
 * end before the entry's content would begin. @ret is only set for 0.
 */
int unpack_header_scan(
        const uint8_t *bytes, size_t size, const UnpackHeaderLimits *limits, UnpackHeader *ret);
