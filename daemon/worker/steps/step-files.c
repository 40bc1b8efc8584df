/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/stat.h>

#include "base-clock.h"
#include "base-macro.h"
#include "proto-channel.h"
#include "sandbox.h"
#include "step-fetch-image.h"
#include "step-files.h"

#define READ_USEC UINT64_C(100000) /* minimum interval of progress reports */

static int enter_sandbox_of_files(SandboxMode mode, ProtoUser user, int *fd, Error *error) {
        struct stat st;

        if (fstat(*fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot stat the image's files");
        return S_ISDIR(st.st_mode) ? sandbox_enter_directory(mode, user, fd, error)
                                   : sandbox_enter_blob(mode, user, error);
}

/* Progress of reading an archive before its image is known. */
typedef struct FileReading {
        int socket_fd; /* borrowed */
        uint64_t size;
        uint64_t told_usec; /* CLOCK_MONOTONIC */
} FileReading;

/* Without reports the daemon considers the job stuck. If it has exited, the next answer shows it. */
static void on_read(void *userdata, uint64_t size) {
        FileReading *reading = userdata;
        ProtoMessage message = { .type = PROTO_FETCH_READ };
        const uint64_t usec = clock_usec(CLOCK_MONOTONIC);

        reading->size += size;
        if (usec - reading->told_usec < READ_USEC)
                return;

        reading->told_usec = usec;
        message.fetch_read.size = reading->size;
        (void) proto_send(reading->socket_fd, &message, NULL, 0);
}

static int open_files(
        StepChannel *channel,
        const ProtoFetchStart *start,
        ProtoFds *fds,
        StepFilesOpen open,
        StepWantedImage *ret,
        Error *error) {
        FileReading reading = { .socket_fd = channel->socket_fd };
        SourceInput input = {
                .on_read = on_read,
                .userdata = &reading,
                .scratch_bytes_max = start->limits.unpacked_bytes,
                .limits = &start->limits,
        };
        ReferenceSource reference;
        int r;

        if (fds->fds[0] < 0)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED, "The image's files are missing");

        r = reference_source_parse(start->source, &reference, error);
        if (r >= 0 && start->sandbox != SANDBOX_NO)
                r = step_tell_open(
                        channel->socket_fd,
                        enter_sandbox_of_files(
                                (SandboxMode) start->sandbox, start->user, &fds->fds[0], error),
                        error);
        if (r < 0)
                return r;

        /* Never closed, since threads may read them until the process exits. */
        input.fd = TAKE_FD(fds->fds[0]);
        input.scratch_fd = TAKE_FD(fds->fds[1]);
        r = open(&reference, &input, &channel->source, error);
        if (r < 0)
                return r;

        ret->is_made = reference.kind == SOURCE_DOCKER_ARCHIVE;
        return 0;
}

int step_files_run(int socket_fd, StepFilesOpen open, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        StepChannel channel = { .socket_fd = socket_fd };
        StepWantedImage wanted = { 0 };
        ProtoFetchStart *start;
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_FETCH_START, &message, &fds, error);
        if (r < 0)
                return r;

        start = &message.fetch_start;
        if (start->has_digest)
                wanted.algorithm = start->digest.algorithm;
        r = open_files(&channel, start, &fds, open, &wanted, error);
        if (r < 0)
                return r;

        /* Never released, since threads may use the source until the process exits. */
        return step_fetch_image(&channel, start, &wanted, error);
}
