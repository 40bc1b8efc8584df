/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An image of a registry. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base-fd.h"
#include "base-macro.h"
#include "base-secret.h"
#include "credentials.h"
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
                (void) proto_send(PROTO_WORKER_FD, &message, NULL, 0);
}

static void on_request(void *userdata, const char *text) {
        ProtoMessage message = { .type = PROTO_TRACE };

        (void) proto_text_set(message.trace.text, sizeof(message.trace.text), text);
        (void) proto_send(PROTO_WORKER_FD, &message, NULL, 0);
}

/* What logging in to an endpoint takes. The caller's user name and password are for the host that the caller named. */
static void set_login(
        const ProtoFetchStart *start,
        const ProtoFetchEndpoint *endpoint,
        const char *password,
        RegistryOptions *options) {
        if (!endpoint->is_own || start->username[0] == '\0')
                return;

        options->username = start->username;
        options->password = password;
}

static int receive_endpoint(
        int socket_fd,
        const ProtoFetchStart *start,
        const char *password,
        StepEndpoint *ret,
        Error *error) {
        const ProtoFetchEndpoint *endpoint;
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_FETCH_ENDPOINT, &message, NULL, error);
        if (r < 0)
                return r;

        endpoint = &message.fetch_endpoint;
        ret->options = (RegistryOptions){
                .insecure = endpoint->not_secure,
                .private_hosts = start->private_hosts,
                .token_servers = start->token_servers,
                .certs_dir = getenv("VIRTBOOTSTRAP_CERTS_DIR"),
                .waiter.on_wait = on_wait,
                .trace.on_line = start->trace ? on_request : NULL,
        };
        ret->is_own = endpoint->is_own;
        set_login(start, endpoint, password, &ret->options);
        return reference_parse(endpoint->reference, &ret->reference, error);
}

static int connect_registry(
        StepChannel *channel, const ProtoFetchStart *start, int password_fd, Error *error) {
        _cleanup_(freep) StepEndpoint *all = calloc(start->n_endpoints + 1, sizeof(*all));
        StepEndpoints endpoints = {
                .all = all,
                .n = start->n_endpoints,
                .digest = start->has_digest ? &start->digest : NULL,
                .socket_fd = channel->socket_fd,
        };
        _cleanup_(secret_freep) char *password = NULL;
        int r = 0;

        if (!all)
                return error_oom(error);
        if (endpoints.n == 0)
                return error_set(
                        error, EBADMSG, ERROR_WORKER_FAILED,
                        "The registry's endpoints are missing");

        if (password_fd >= 0)
                r = read_password(password_fd, &password, error);
        for (uint32_t i = 0; r >= 0 && i < start->n_endpoints; i++)
                r = receive_endpoint(channel->socket_fd, start, password, &all[i], error);
        return r < 0 ? r : step_registry_source_new(&endpoints, &channel->source, error);
}

/* In the sandbox, since whoever wrote the file is not the daemon's user. */
static int log_in(Source *source, const ProtoFetchStart *start, int auth_fd, Error *error) {
        const char *name =
                start->auth_file[0] != '\0' ? start->auth_file : "The file with credentials";
        _cleanup_(credentials_freep) Credentials *credentials = NULL;
        _cleanup_(secret_freep) char *text = NULL;
        size_t size;
        int r;

        r = fd_read_all(auth_fd, CREDENTIALS_FILE_MAX, &text, &size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the credentials for the registry");

        r = credentials_parse(name, text, size, &credentials, error);
        return r < 0 ? r : step_registry_log_in(source, credentials, error);
}

/* The client reads the keys and the password, which only root may read, before it enters the sandbox. */
static int open_registry(
        StepChannel *channel,
        const ProtoFetchStart *start,
        const ProtoFds *fds,
        StepWantedImage *ret,
        Error *error) {
        const int password_fd = start->has_password ? fds->fds[0] : -EBADF;
        Reference reference;
        int r;

        r = reference_parse(start->source, &reference, error);
        if (r >= 0)
                r = connect_registry(channel, start, password_fd, error);
        if (r >= 0 && start->sandbox != SANDBOX_NO)
                r = step_tell_open(
                        channel->socket_fd,
                        sandbox_enter_network((SandboxMode) start->sandbox, start->user, error),
                        error);
        if (r >= 0 && start->has_auth)
                r = log_in(channel->source, start, fds->fds[start->has_password], error);
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

static_assert(OCI_TAGS_MAX == PROTO_TAGS_MAX, "the daemon takes as many tags as there can be");

static int list_tags(StepChannel *channel, Error *error) {
        _cleanup_(oci_tags_freep) OciTags *tags = oci_tags_new();
        int r;

        if (!tags)
                return error_oom(error);

        r = step_registry_list_tags(channel->source, tags, error);
        for (const char *tag = NULL; r >= 0 && (tag = oci_tags_next(tags, tag));) {
                ProtoMessage message = { .type = PROTO_TAG };

                (void) proto_text_set(message.tag.name, sizeof(message.tag.name), tag);
                r = step_send(channel->socket_fd, &message, error);
        }
        return r;
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
        r = open_registry(&channel, start, &fds, &wanted, error);
        if (r < 0)
                return r;
        if (start->list_tags)
                return list_tags(&channel, error);

        /* Never released, since threads may use the source until the process exits. */
        return step_fetch_image(&channel, start, &wanted, error);
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
