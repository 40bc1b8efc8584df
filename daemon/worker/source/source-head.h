/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the first bytes of a file say of it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "oci-media-type.h"
#include "source-archive.h"

#define SOURCE_HEAD_BYTES ((size_t) 512)

typedef struct SourceHead {
        uint8_t bytes[SOURCE_HEAD_BYTES];
        size_t size; /* less than SOURCE_HEAD_BYTES only if the file is shorter */
} SourceHead;

/** source_head_read() - the first bytes of a part of @fd; returns 0 or -errno with @error set */
int source_head_read(int fd, const SourceExtent *extent, SourceHead *ret, Error *error);

/**
 * source_head_is_tar() - whether it is a tar archive that is not compressed
 *
 * Also for an empty one, and one that only has an end. Archives of before 1988, without the word
 * "ustar", are told by the checksum of their first header.
 */
bool source_head_is_tar(const SourceHead *head);

/** source_head_is_zero() - whether there is nothing in it: the archive is empty, or only has an end */
bool source_head_is_zero(const SourceHead *head);

/** source_head_media_type() - Docker's media type for such a layer; compressed as others: like none */
OciMediaType source_head_media_type(const SourceHead *head);
