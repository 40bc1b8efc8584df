/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-space.h"
#include "hash.h"
#include "sandbox.h"
#include "step.h"

#define BUFFER_SIZE  ((size_t) 1 << 20)   /* bytes */
#define WRITE_BYTES  ((uint64_t) 8 << 20) /* between two starts of writing to the disk */
#define REPORT_BYTES ((uint64_t) 1 << 19) /* between reports, unless the pipe is empty */
#define END_MSEC     1000 /* a complete blob's pipe may stay open this long, in case of excess bytes */

/* A blob that is being hashed. */
typedef struct Verify {
        int socket_fd; /* borrowed */
        int file_fd;   /* borrowed */
        int pipe_fd;   /* borrowed; or negative */
        ProtoVerifyBlob blob;
        char name[DIGEST_STRING_MAX]; /* of the blob, for messages */
        Hash *hash;                   /* owned */
        uint8_t *buffer;              /* borrowed; BUFFER_SIZE bytes */
        uint64_t size;                /* bytes hashed and written to the file */
        uint64_t reported;            /* bytes reported to the daemon */
        uint64_t started;             /* bytes whose writing to the disk has been started */
        bool is_short;                /* the pipe ended early */
} Verify;

static void verify_done(Verify *verify) {
        hash_free(verify->hash);
}

static int report(Verify *verify, ProtoType type, Error *error) {
        ProtoMessage message = { .type = type };

        if (type == PROTO_VERIFY_READY)
                message.verify_ready.offset = verify->size;
        else
                message.verify_grown.size = verify->size;

        verify->reported = verify->size;
        return step_send(verify->socket_fd, &message, error);
}

static int hash_file(Verify *verify, Error *error) {
        if (lseek(verify->file_fd, 0, SEEK_SET) < 0)
                return error_set_errno(error, errno, "Cannot read %s", verify->name);

        for (;;) {
                ssize_t n = fd_read_full(verify->file_fd, verify->buffer, BUFFER_SIZE);

                if (n < 0)
                        return error_set_errno(error, (int) -n, "Cannot read %s", verify->name);
                if (n == 0)
                        return 0;

                hash_update(verify->hash, verify->buffer, (size_t) n);
                verify->size += (uint64_t) n;
        }
}

/* Also at its end. */
static bool pipe_has_more(const Verify *verify, int msec) {
        struct pollfd p = { .fd = verify->pipe_fd, .events = POLLIN };

        return poll(&p, 1, msec) > 0;
}

/* Do not wait for a sender that has sent everything, but does not close the pipe. */
static bool is_complete(const Verify *verify) {
        return verify->blob.size != PROTO_SIZE_UNKNOWN && verify->size == verify->blob.size &&
               !pipe_has_more(verify, END_MSEC);
}

/* Asks the daemon to make room: returns 1 if it did, 0, or a negative errno. */
static int ask_for_room(const Verify *verify, uint64_t size, Error *error) {
        ProtoMessage message = { .type = PROTO_VERIFY_FULL, .verify_full.size = size };
        int r;

        r = step_send(verify->socket_fd, &message, error);
        if (r >= 0)
                r = step_receive(verify->socket_fd, PROTO_VERIFY_ROOM, &message, NULL, error);
        return r < 0 ? r : message.verify_room.is_made;
}

/* Waits until @size bytes can be written without using space that must stay free. */
static int make_room(const Verify *verify, size_t size, Error *error) {
        for (;;) {
                Space space;
                int r;

                /* If the space is unknown, writing will show. */
                if (space_look(verify->file_fd, verify->blob.keep_free, &space) < 0 ||
                    space_lacks(&space, size) == 0)
                        return 0;

                r = ask_for_room(verify, space_lacks(&space, size), error);
                if (r < 0)
                        return r;
                if (r == 0)
                        return error_set(
                                error, ENOSPC, ERROR_NO_SPACE,
                                "There is no room for %s: %zu more bytes are needed, and %" PRIu64
                                " are free, of which %" PRIu64
                                " must stay free" LIMIT_KEY("CacheKeepFree"),
                                verify->name, size, space.free, space.kept);
        }
}

/* Retries writes that did not fit after room was made. */
static int write_out(const Verify *verify, const uint8_t *data, size_t size, Error *error) {
        for (;;) {
                int r = fd_write_full(verify->file_fd, data, size), q;

                if (r >= 0)
                        return 0;

                q = r == -ENOSPC || r == -EDQUOT ? ask_for_room(verify, size, error) : 0;
                if (q < 0)
                        return q;
                if (q == 0)
                        return error_set_errno(
                                error, -r, "Cannot write %s to the cache", verify->name);
                if (lseek(verify->file_fd, (off_t) verify->size, SEEK_SET) < 0)
                        return error_set_errno(
                                error, errno, "Cannot write %s to the cache", verify->name);
        }
}

/* Leaves little for flush() to wait for. When the disk is busy, this waits instead, and the sender with it. */
static void start_writing(Verify *verify) {
        const uint64_t size = verify->size - verify->started;

        if (verify->blob.no_sync || size < WRITE_BYTES)
                return;

        (void) sync_file_range(
                verify->file_fd, (off_t) verify->started, (off_t) size, SYNC_FILE_RANGE_WRITE);
        verify->started = verify->size;
}

static int append(Verify *verify, const uint8_t *data, size_t size, Error *error) {
        int r;

        if (verify->blob.size != PROTO_SIZE_UNKNOWN && size > verify->blob.size - verify->size)
                return error_set(
                        error, EFBIG, ERROR_DIGEST_MISMATCH,
                        "%s is larger than its %" PRIu64 " bytes", verify->name, verify->blob.size);
        if (size > verify->blob.size_max || verify->size > verify->blob.size_max - size)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "%s has more than %" PRIu64 " bytes" LIMIT_KEY("BlobSize"), verify->name,
                        verify->blob.size_max);

        r = make_room(verify, size, error);
        if (r >= 0)
                r = write_out(verify, data, size, error);
        if (r < 0)
                return r;

        hash_update(verify->hash, data, size);
        verify->size += size;
        start_writing(verify);
        return 0;
}

static int fill_from_pipe(Verify *verify, Error *error) {
        int r;

        verify->started = verify->size;
        r = report(verify, PROTO_VERIFY_READY, error);

        while (r >= 0 && !is_complete(verify)) {
                ssize_t n = read(verify->pipe_fd, verify->buffer, BUFFER_SIZE);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return error_set_errno(error, errno, "Cannot receive %s", verify->name);
                if (n == 0)
                        break;

                r = append(verify, verify->buffer, (size_t) n, error);
                if (r >= 0 &&
                    (verify->size - verify->reported >= REPORT_BYTES || !pipe_has_more(verify, 0)))
                        r = report(verify, PROTO_VERIFY_GROWN, error);
        }

        if (r >= 0 && verify->size != verify->reported)
                r = report(verify, PROTO_VERIFY_GROWN, error);
        return r;
}

static int check(Verify *verify, Error *error) {
        Digest digest;

        verify->is_short = verify->pipe_fd >= 0 && verify->blob.size != PROTO_SIZE_UNKNOWN &&
                           verify->size < verify->blob.size;
        if (verify->is_short)
                return error_set(
                        error, EPROTO, ERROR_REGISTRY_ERROR,
                        "The transfer of %s ended after %" PRIu64 " of %" PRIu64 " bytes",
                        verify->name, verify->size, verify->blob.size);

        hash_final(verify->hash, &digest);
        if (!digest_equal(&digest, &verify->blob.digest))
                return error_set(
                        error, EBADMSG, ERROR_DIGEST_MISMATCH,
                        "The content of %s does not match its digest", verify->name);
        return 0;
}

/* Flush before the blob gets its name; useless for one that will not get any. One that already has a name may come from a
 * job that did not flush it. */
static int flush(Verify *verify, Error *error) {
        struct stat st;

        if (verify->blob.no_sync || fstat(verify->file_fd, &st) < 0 || st.st_nlink == 0)
                return 0;
        if (fdatasync(verify->file_fd) < 0)
                return error_set_errno(error, errno, "Cannot write %s to the cache", verify->name);
        return 0;
}

static int prepare(Verify *verify, Error *error) {
        struct stat st;
        int r;

        r = hash_new(verify->blob.digest.algorithm, &verify->hash, error);
        if (r < 0 || verify->pipe_fd < 0)
                return r;

        /* Another daemon may be using it. */
        if (flock(verify->file_fd, LOCK_EX) < 0)
                return error_set_errno(error, errno, "Cannot lock %s", verify->name);
        if (fstat(verify->file_fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat %s", verify->name);
        if ((uint64_t) st.st_size > verify->blob.size && ftruncate(verify->file_fd, 0) < 0)
                return error_set_errno(error, errno, "Cannot empty %s", verify->name);
        return 0;
}

static int verify_blob(Verify *verify, Error *error) {
        int r;

        digest_format(&verify->blob.digest, verify->name);
        r = prepare(verify, error);
        if (r >= 0)
                r = hash_file(verify, error);
        if (r >= 0 && verify->pipe_fd >= 0)
                r = fill_from_pipe(verify, error);
        if (r >= 0)
                r = check(verify, error);
        return r < 0 ? r : flush(verify, error);
}

/* Returns whether another blob may follow, or a negative errno with @error set. After a failure, the descriptors stay open,
 * so that the daemon learns of it before the writer of the pipe does. */
static int next_blob(int socket_fd, uint8_t *buffer, ProtoOutcome *failure, Error *error) {
        static const ProtoMessage done = { .type = PROTO_VERIFY_DONE };
        _cleanup_(verify_done) Verify verify = { .socket_fd = socket_fd, .buffer = buffer };
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_VERIFY_BLOB, &message, &fds, error);
        if (r < 0)
                return r;

        verify.blob = message.verify_blob;
        verify.file_fd = fds.fds[0];
        verify.pipe_fd = fds.fds[1];
        r = verify_blob(&verify, error);
        if (verify.is_short)
                *failure = PROTO_OUTCOME_INPUT_SHORT;
        if (r < 0 || verify.blob.is_last)
                return r;

        proto_fds_close(&fds);
        r = step_send(socket_fd, &done, error);
        return r < 0 ? r : 1;
}

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
        _cleanup_(freep) uint8_t *buffer = NULL;
        ProtoVerifyStart start;
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_VERIFY_START, &message, NULL, error);
        if (r < 0)
                return r;

        start = message.verify_start;
        if (start.sandbox != SANDBOX_NO)
                r = sandbox_enter_blob((SandboxMode) start.sandbox, start.user, error);
        if (r < 0)
                return r;

        buffer = malloc(BUFFER_SIZE);
        if (!buffer)
                return error_oom(error);

        do
                r = next_blob(socket_fd, buffer, failure, error);
        while (r > 0);
        return r;
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
