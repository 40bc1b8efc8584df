/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base-fd.h"
#include "source-head.h"

#define CHECKSUM_OFFSET ((size_t) 148)
#define CHECKSUM_BYTES  ((size_t) 8)
#define MAGIC_OFFSET    ((size_t) 257) /* of "ustar" in a header: pax, "ustar Interchange Format" */

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

bool source_head_is_zero(const SourceHead *head) {
        for (size_t i = 0; i < head->size; i++)
                if (head->bytes[i] != 0)
                        return false;
        return true;
}

/* What the field has: octal digits, after blanks. */
static unsigned read_checksum(const uint8_t *field) {
        unsigned value = 0;
        size_t i = 0;

        while (i < CHECKSUM_BYTES && field[i] == ' ')
                i++;
        for (; i < CHECKSUM_BYTES && field[i] >= '0' && field[i] <= '7'; i++)
                value = 8 * value + (unsigned) (field[i] - '0');
        return value;
}

/* Of all bytes, with blanks in the place of the checksum itself: that is never 0. */
static unsigned make_checksum(const uint8_t *bytes) {
        unsigned sum = 0;

        for (size_t i = 0; i < SOURCE_HEAD_BYTES; i++)
                sum += i - CHECKSUM_OFFSET < CHECKSUM_BYTES ? ' ' : bytes[i];
        return sum;
}

bool source_head_is_tar(const SourceHead *head) {
        static const char magic[] = "ustar";

        if (source_head_is_zero(head))
                return true;
        return head->size == SOURCE_HEAD_BYTES &&
               (memcmp(head->bytes + MAGIC_OFFSET, magic, strlen(magic)) == 0 ||
                read_checksum(head->bytes + CHECKSUM_OFFSET) == make_checksum(head->bytes));
}

static bool begins_with(const SourceHead *head, const char *magic, size_t size) {
        return head->size >= size && memcmp(head->bytes, magic, size) == 0;
}

OciMediaType source_head_media_type(const SourceHead *head) {
        if (begins_with(head, "\x1f\x8b", 2))
                return MEDIA_TYPE_DOCKER_LAYER_TAR_GZIP;
        if (begins_with(head, "\x28\xb5\x2f\xfd", 4))
                return MEDIA_TYPE_DOCKER_LAYER_TAR_ZSTD;
        return MEDIA_TYPE_DOCKER_LAYER_TAR;
}
