/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base-fd.h"
#include "base-macro.h"
#include "base-secret.h"
#include "proto-channel.h"
#include "reference-source.h"
#include "sandbox.h"
#include "step-image.h"
#include "step-registry.h"
#include "step-transfer.h"

#define PASSWORD_MAX ((size_t) 4096)  /* bytes */
#define READ_USEC    UINT64_C(100000) /* minimum interval of progress reports */

static int read_password(int fd, char **ret, Error *error) {
        size_t size;
        int r;

        r = fd_read_all(fd, PASSWORD_MAX, ret, &size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the registry's password");
        if (size > 0 && (*ret)[size - 1] == '\n')
                (*ret)[size - 1] = '\0';
        return 0;
}

static int connect_registry(
        StepChannel *channel,
        const ProtoFetchStart *start,
        const Reference *reference,
        int password_fd,
        Error *error) {
        RegistryOptions options = {
                .username = start->username[0] != '\0' ? start->username : NULL,
                .insecure = start->not_secure,
                .private_hosts = start->private_hosts,
                .certs_dir = getenv("VIRTBOOTSTRAP_CERTS_DIR"),
        };
        _cleanup_(secret_freep) char *password = NULL;
        int r = 0;

        if (password_fd >= 0)
                r = read_password(password_fd, &password, error);
        if (r < 0)
                return r;

        options.password = password;
        return step_registry_source_new(reference, &options, &channel->source, error);
}

/* The client reads the keys and the password, which only root may read, before it enters the sandbox. */
static int open_registry(
        StepChannel *channel,
        const ProtoFetchStart *start,
        int password_fd,
        StepWantedImage *ret,
        Error *error) {
        Reference reference;
        int r;

        r = reference_parse(start->source, &reference, error);
        if (r >= 0)
                r = connect_registry(channel, start, &reference, password_fd, error);
        if (r >= 0 && start->sandbox != SANDBOX_NO)
                r = step_tell_open(
                        channel->socket_fd,
                        sandbox_enter_network((SandboxMode) start->sandbox, start->user, error),
                        error);
        if (r < 0)
                return r;

        static_assert(sizeof(ret->name) > REFERENCE_MAX, "a reference is a name");
        (void) reference_format(&reference, ret->name);
        ret->has_digest = reference.has_digest;
        ret->digest = reference.digest;
        ret->prefix_errors = true;
        return 0;
}

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
        struct timespec ts;
        uint64_t usec;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        usec = (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
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
        r = source_open(&reference, &input, &channel->source, error);
        if (r < 0)
                return r;

        ret->is_made = reference.kind == SOURCE_DOCKER_ARCHIVE;
        return 0;
}

/* A caller with a digest from elsewhere cannot know which one is right. */
static int check_made_digest(const Digest *wanted, const Digest *made, Error *error) {
        char want[DIGEST_STRING_MAX], have[DIGEST_STRING_MAX];

        if (digest_equal(wanted, made))
                return 0;
        return error_set(
                error, EBADMSG, ERROR_DIGEST_MISMATCH,
                "A docker archive does not state its image's digest; the manifest made of its config "
                "and layers has the digest %s, not %s",
                digest_format(made, have), digest_format(wanted, want));
}

static int send_top(StepChannel *channel, const StepGatheredImage *image, Error *error) {
        ProtoMessage message = { .type = PROTO_TOP, .top.digest = image->digest };
        ProtoTop *top = &message.top;

        (void) proto_text_set(
                top->media_type, sizeof(top->media_type),
                oci_media_type_to_string(image->media_type));
        if (channel->source->name)
                (void) proto_text_set(top->name, sizeof(top->name), channel->source->name);
        return step_send(channel->socket_fd, &message, error);
}

static int fetch(
        StepChannel *channel,
        const ProtoFetchStart *start,
        const StepWantedImage *wanted,
        Error *error) {
        _cleanup_(step_gathered_image_done) StepGatheredImage image = { 0 };
        StepWantedPlatform platform;
        int r;

        r = step_resolve_platform(start->platform, &platform, error);
        if (r >= 0)
                r = step_gather_image(channel, &platform.platform, wanted, &image, error);
        if (r >= 0 && start->has_digest && wanted->is_made)
                r = check_made_digest(&start->digest, &image.digest, error);
        if (r >= 0)
                r = send_top(channel, &image, error);
        if (r < 0 || start->inspect)
                return r;

        return step_transfer_layers(channel, &image.manifest, error);
}

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
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
        r = reference_source_is_one(start->source)
                    ? open_files(&channel, start, &fds, &wanted, error)
                    : open_registry(&channel, start, fds.fds[0], &wanted, error);
        if (r < 0)
                return r;

        /* Never released, since threads may use the source until the process exits. */
        return fetch(&channel, start, &wanted, error);
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
