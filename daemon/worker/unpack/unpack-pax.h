/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The records of a pax header that give the names and the size of an entry (pax, "pax Extended
 * Header"; tar(5)). A pure function of the bytes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "unpack-sparse.h"
#include "unpack-text.h"

typedef struct UnpackPax {
        UnpackText path; /* texts point into the records; NULL: no record, or an empty one */
        UnpackText link;
        bool has_size;
        uint64_t size; /* of the content as it is in the archive, bytes */

        bool is_sparse; /* GNU tar's records exist; their values: */
        UnpackText sparse_name;
        UnpackText list;       /* the format 0.1 */
        UnpackSparseMap parts; /* the format 0.0 */
        bool offset_only;      /* its next part has begun */
        bool has_blocks, has_real_size, has_major, has_minor;
        uint64_t blocks, real_size, major, minor;

        const char *doubt; /* why readers may disagree on the records; NULL if they do not */
} UnpackPax;

/**
 * unpack_pax_scan() - read the records
 * @xattr_limit: bytes of an extended attribute, at most
 *
 * Return: 0; -EBADMSG for a malformed record; -E2BIG for a larger extended attribute.
 */
int unpack_pax_scan(const char *records, size_t size, uint64_t xattr_limit, UnpackPax *ret);
