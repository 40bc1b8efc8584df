/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Maps of sparse files, in the formats of GNU tar (tar(5); GNU tar's manual, "Storing Sparse Files"):
 * their length, and the parts of the file that they list. libarchive reads the offsets of the parts.
 * Pure functions of bytes. They return 0, -EBADMSG for an invalid map, or -ENODATA if the bytes end
 * within the map.
 */

#include <stdint.h>

#include "unpack-text.h"

typedef struct UnpackSparseMap {
        uint64_t n_parts;
        uint64_t content; /* bytes in all parts */
        bool is_uneven; /* a part before the last ends within a block: GNU tar pads it, Go does not */
} UnpackSparseMap;

/** unpack_sparse_add() - count a part of @bytes */
int unpack_sparse_add(UnpackSparseMap *map, uint64_t bytes);

/** unpack_sparse_read_fields() - the old format: in a header block, and in blocks after it
 * @ret_end:    where the content begins, in @bytes */
int unpack_sparse_read_fields(
        const uint8_t *bytes, size_t size, UnpackSparseMap *ret, size_t *ret_end);

/** unpack_sparse_read_list() - the format 0.1: in a record, "offset,bytes,offset,bytes" */
int unpack_sparse_read_list(const UnpackText *text, UnpackSparseMap *ret);

/** unpack_sparse_read_lines() - the format 1.0: numbers in front of the content, one per line
 * @ret_end:    where the content begins, in @bytes */
int unpack_sparse_read_lines(
        const uint8_t *bytes, size_t size, UnpackSparseMap *ret, size_t *ret_end);
