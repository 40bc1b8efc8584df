/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Our own parser of the headers in front of an entry. libarchive's result is compared with it: an entry
 * is in doubt where the two disagree, or where GNU tar and Go's archive/tar do. Names are taken from
 * here, since libarchive converts those in pax records to the locale's character set and normalises
 * them, while a file's name is bytes. A pure function of the bytes (pax, "ustar Interchange Format";
 * tar(5)).
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
        uint64_t size;   /* of the file, bytes, including holes; 0 for types without content */
        uint64_t device_major, device_minor;
        size_t end;        /* where the content begins in the bytes */
        const char *doubt; /* why the entry is ambiguous; NULL if it is not */
        char joined[HEADER_PREFIX_BYTES + 1 + HEADER_NAME_BYTES];
} UnpackHeader;

/**
 * unpack_header_scan() - read the headers of an entry
 * @bytes:      all header blocks of the entry, with the map of a sparse file, as far as available
 *
 * Return: 0, even for an ambiguous entry; -EBADMSG for a malformed header; -EFBIG if a header exceeds its
 * limit; -E2BIG if an extended attribute does; -ENODATA if the bytes end before the entry's content.
 */
int unpack_header_scan(
        const uint8_t *bytes, size_t size, const UnpackHeaderLimits *limits, UnpackHeader *ret);
