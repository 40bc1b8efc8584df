/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "inflate-kind.h"
#include "inflate.h"
#include "source-head.h"
#include "source-spool.h"

#define BUFFER_BYTES ((size_t) 1 << 20)

/* The archive as the one "layer" of the inflating code. */
typedef struct Feed {
        const SourceInput *input; /* borrowed */
        bool is_pipe;
        bool has_begun;
        uint64_t offset; /* bytes; in a file */
} Feed;

static int feed_next(void *userdata, InflateLayer *ret, Error *error) {
        Feed *feed = userdata;

        if (feed->has_begun)
                return 0;

        feed->has_begun = true;
        *ret = (InflateLayer){ 0 };
        return 1;
}

static ssize_t feed_read(void *userdata, void *buffer, size_t size, Error *error) {
        Feed *feed = userdata;
        ssize_t n;

        do {
                n = feed->is_pipe ? read(feed->input->fd, buffer, size)
                                  : pread(feed->input->fd, buffer, size, (off_t) feed->offset);
                /* Its owner may not want to block; we do. */
                if (n < 0 && errno == EAGAIN)
                        (void) poll(
                                &(struct pollfd){ .fd = feed->input->fd, .events = POLLIN }, 1, -1);
        } while (n < 0 && (errno == EINTR || errno == EAGAIN));
        if (n < 0)
                return error_set_errno(error, errno, "Cannot read the archive");

        feed->offset += (uint64_t) n;
        if (n > 0 && feed->input->on_read)
                feed->input->on_read(feed->input->userdata, (uint64_t) n);
        return n;
}

static int keep(
        const SourceInput *input, const void *data, size_t size, uint64_t *done, Error *error) {
        int r;

        if (size > input->scratch_bytes_max - *done)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "The archive has more than %ju bytes uncompressed" LIMIT_KEY(
                                "UnpackedSize"),
                        (uintmax_t) input->scratch_bytes_max);

        r = fd_write_full(input->scratch_fd, data, size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot spool the archive");

        *done += size;
        return 0;
}

/* Before all of it is kept: it may be very long, or have no end. */
static int check_head(const SourceHead *head, Error *error) {
        const char *kind = inflate_kind_of(head->bytes, head->size);

        if (source_head_is_zero(head))
                return error_set(error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "The archive is empty");
        if (!source_head_is_tar(head))
                return error_set(
                        error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "This is not a tar archive%s%s",
                        kind ? " but " : ", nor a compressed one", kind ? kind : "");
        return 0;
}

static int copy(Inflate *inflate, const SourceInput *input, Error *error) {
        _cleanup_(freep) void *buffer = malloc(BUFFER_BYTES);
        SourceHead head = { .size = 0 };
        uint64_t done = 0;
        ssize_t n;
        int r;

        if (!buffer)
                return error_oom(error);

        n = inflate_read(inflate, head.bytes, SOURCE_HEAD_BYTES, error);
        if (n < 0)
                return (int) n;
        head.size = (size_t) n;
        r = check_head(&head, error);
        if (r >= 0)
                r = keep(input, head.bytes, head.size, &done, error);

        while (r >= 0 && (n = inflate_read(inflate, buffer, BUFFER_BYTES, error)) > 0)
                r = keep(input, buffer, (size_t) n, &done, error);
        if (r < 0 || n < 0)
                return r < 0 ? r : (int) n;

        do
                r = inflate_pass_rest(inflate, error);
        while (r > 0);
        return r;
}

/* From where a file's offset is, or to the end of a pipe. */
static int spool(const SourceInput *input, bool is_pipe, uint64_t offset, Error *error) {
        _cleanup_(inflate_freep) Inflate *inflate = NULL;
        Limits limits = LIMITS_DEFAULT;
        Feed feed = { .input = input, .is_pipe = is_pipe, .offset = offset };
        const InflateInput unpack_input = {
                .next = feed_next,
                .read = feed_read,
                .userdata = &feed,
        };
        InflateLayer layer;
        int r;

        if (input->scratch_fd < 0)
                return error_set(
                        error, EOPNOTSUPP, ERROR_UNSUPPORTED_IMAGE,
                        is_pipe      ? "The archive comes from a pipe, which can be read only once"
                        : offset > 0 ? "The archive does not begin at the file's first byte"
                                     : "The archive is compressed as a whole");

        limits.unpacked_bytes = UINT64_MAX; /* the scratch file's own ceiling is below */
        r = inflate_new(&unpack_input, &limits, &inflate, error);
        if (r >= 0)
                r = inflate_next(inflate, &layer, error);
        if (r >= 0)
                r = copy(inflate, input, error);
        return r < 0 ? r : input->scratch_fd;
}

int source_spool(const SourceInput *input, Error *error) {
        SourceHead head;
        struct stat st;
        off_t offset;
        int r;

        if (fstat(input->fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at the archive");
        if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
                return spool(input, true, 0, error);
        if (!S_ISREG(st.st_mode))
                return error_set(
                        error, S_ISDIR(st.st_mode) ? EISDIR : EINVAL, ERROR_UNSUPPORTED_IMAGE,
                        "The archive is %s, not a file or a pipe",
                        S_ISDIR(st.st_mode) ? "a directory" : "a device");

        /* Somebody has read what is before it, and means the rest. */
        offset = lseek(input->fd, 0, SEEK_CUR);
        if (offset < 0)
                return error_set_errno(error, errno, "Cannot look at the archive");
        if (offset > 0)
                return spool(input, false, (uint64_t) offset, error);

        r = source_head_read(
                input->fd, &(SourceExtent){ .size = (uint64_t) st.st_size }, &head, error);
        if (r < 0)
                return r;
        return source_head_is_tar(&head) ? input->fd : spool(input, false, 0, error);
}
