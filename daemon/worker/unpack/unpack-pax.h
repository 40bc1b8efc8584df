/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The records of a pax header, as far as they say what an entry is called and how long it is (pax,
 * "pax Extended Header"; tar(5)). A pure function of the bytes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "unpack-sparse.h"
#include "unpack-text.h"

typedef struct UnpackPax {
        UnpackText path; /* texts are within the records; NULL: no record, or an empty one */
        UnpackText link;
        bool has_size;
        uint64_t size; /* of the content as it is in the archive, bytes */

        bool is_sparse; /* there are records of GNU tar about that, and these are what they say: */
        UnpackText sparse_name;
        UnpackText list;       /* the format 0.1 */
        UnpackSparseMap parts; /* the format 0.0 */
        bool offset_only;      /* its next part has begun */
        bool has_blocks, has_real_size, has_major, has_minor;
        uint64_t blocks, real_size, major, minor;

        const char
                *doubt; /* why readers may understand the records differently; NULL: they do not */
} UnpackPax;

/**
 * unpack_pax_scan() - read the records
 * @xattr_limit: most bytes of an extended attribute
 *
 * Return: 0; -EBADMSG when a record is malformed; -E2BIG when an extended attribute is larger than it may
 * be. @ret is untouched on failure.
 */
int unpack_pax_scan(const char *records, size_t size, uint64_t xattr_limit, UnpackPax *ret);
