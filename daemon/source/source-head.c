/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base-fd.h"
#include "source-head.h"

#define MAGIC_OFFSET ((size_t) 257) /* of "ustar" in a header: pax, "ustar Interchange Format" */

int source_head_read(int fd, const SourceExtent *extent, SourceHead *ret, Error *error) {
        SourceHead head = { .size = 0 };
        size_t want = extent->size < SOURCE_HEAD_BYTES ? (size_t) extent->size : SOURCE_HEAD_BYTES;
        ssize_t n;

        n = fd_pread_full(fd, head.bytes, want, extent->offset);
        if (n < 0)
                return error_set_errno(error, (int) -n, "Cannot read the image");

        head.size = (size_t) n;
        *ret = head;
        return 0;
}

static bool is_zero(const SourceHead *head) {
        for (size_t i = 0; i < head->size; i++)
                if (head->bytes[i] != 0)
                        return false;
        return true;
}

bool source_head_is_tar(const SourceHead *head) {
        static const char magic[] = "ustar";

        return is_zero(head) || (head->size == SOURCE_HEAD_BYTES &&
                                 memcmp(head->bytes + MAGIC_OFFSET, magic, strlen(magic)) == 0);
}

static bool begins_with(const SourceHead *head, const char *magic, size_t size) {
        return head->size >= size && memcmp(head->bytes, magic, size) == 0;
}

MediaType source_head_media_type(const SourceHead *head) {
        if (begins_with(head, "\x1f\x8b", 2))
                return MEDIA_TYPE_DOCKER_LAYER_TAR_GZIP;
        if (begins_with(head, "\x28\xb5\x2f\xfd", 4))
                return MEDIA_TYPE_DOCKER_LAYER_TAR_ZSTD;
        return MEDIA_TYPE_DOCKER_LAYER_TAR;
}
