/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An image of a registry. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base-fd.h"
#include "base-macro.h"
#include "base-secret.h"
#include "sandbox.h"
#include "step-fetch-image.h"
#include "step-registry.h"

#define PASSWORD_MAX ((size_t) 4096) /* bytes */

static_assert(PROTO_PARALLEL_MAX <= REGISTRY_CLIENT_CONNECTIONS_MAX, "connections are kept");
static_assert(REGISTRY_RETRY_AFTER_MAX < PROTO_WAIT_MAX, "each wait is a valid message");

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

/* If the daemon has exited, the next answer shows it. */
static void on_wait(void *userdata, const RegistryWait *wait) {
        const uint64_t seconds = (wait->usec + USEC_PER_SEC / 2) / USEC_PER_SEC;
        const ProtoMessage message = {
                .type = PROTO_FETCH_WAIT,
                .fetch_wait = { .seconds = (uint32_t) seconds, .is_asked = wait->is_asked },
        };

        if (seconds > 0)
                (void) proto_send((int) (intptr_t) userdata, &message, NULL, 0);
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
                .waiter = { .on_wait = on_wait,
                            .userdata = (void *) (intptr_t) channel->socket_fd },
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
        ret->pin = start->has_digest ? &start->digest : NULL;
        ret->prefix_errors = true;
        return 0;
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
        r = open_registry(&channel, start, fds.fds[0], &wanted, error);
        if (r < 0)
                return r;

        /* Never released, since threads may use the source until the process exits. */
        return step_fetch_image(&channel, start, &wanted, error);
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
