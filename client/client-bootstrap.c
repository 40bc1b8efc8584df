/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-text.h"
#include "client-follow.h"
#include "client-path.h"
#include "client-request.h"
#include "client-verbs.h"

static int read_arguments(
        ClientConnection *connection,
        const ClientOptions *options,
        ClientSource *ret_source,
        char **ret_destination,
        Error *error) {
        _cleanup_(freep) char *directory = get_current_dir_name();
        int r;

        if (!directory)
                return error_set_errno(error, errno, "Cannot determine the current directory");

        r = client_path_make_absolute(directory, options->arguments[1], ret_destination, error);
        if (r < 0)
                return r;

        return client_request_read_source(
                connection, directory, options->arguments[0], ret_source, error);
}

/* Whether it is where the caller is: a shell would remain in the old directory if that was replaced. */
static bool is_current_directory(const ClientOptions *options, const char *path) {
        struct stat here, there;

        return options->transport != TRANSPORT_HOST && stat(".", &here) >= 0 &&
               stat(path, &there) >= 0 && here.st_dev == there.st_dev &&
               here.st_ino == there.st_ino;
}

static int detach(
        ClientConnection *connection,
        const ClientOptions *options,
        sd_bus_message *call,
        ClientJobHeader *header,
        Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(freep) char *id = NULL;
        int r;

        if (client_connection_is_embedded(connection))
                return error_set(
                        error, EOPNOTSUPP, ERROR_INVALID_OPTION,
                        "--detach requires a daemon on a bus, which continues the job");

        r = sd_bus_call(client_connection_bus(connection), call, UINT64_MAX, &bus_error, &reply);
        if (r < 0)
                return client_error_set_bus(error, r, &bus_error);

        r = sd_bus_message_read(reply, "so", &header->id, &header->path);
        if (r < 0)
                return client_error_set_message(error, r);
        id = text_printable(header->id);
        if (!id)
                return error_oom(error);

        if (options->json)
                client_event_write_job(stdout, header);
        else
                (void) printf("%s\n", id);
        return STATUS_DONE;
}

static int follow(
        ClientConnection *connection,
        const ClientOptions *options,
        sd_bus_message *call,
        const ClientJobHeader *header,
        Error *error) {
        _cleanup_(client_display_done) ClientDisplay display = { 0 };
        _cleanup_(client_follow_freep) ClientFollow *followed = NULL;
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
        int r;

        client_display_init(&display, options);
        r = client_follow_new(connection, &display, &followed, error);
        if (r >= 0)
                r = client_follow_bootstrap(followed, call, header, &outcome, error);
        if (r < 0)
                return r;

        client_display_finished(
                &display, client_follow_id(followed), &outcome, header->destination);
        return client_outcome_status(&outcome, client_follow_id(followed) != NULL);
}

int client_verb_bootstrap(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(client_source_done) ClientSource source = SOURCE_NULL;
        _cleanup_(freep) char *destination = NULL;
        ClientOptions request = *options;
        ClientJobHeader header;
        int r;

        r = read_arguments(connection, options, &source, &destination, error);
        if (r >= 0 && !options->overwrite && !options->replace)
                request.in_place |= is_current_directory(options, destination);
        if (r >= 0)
                r = client_request_new_bootstrap(
                        connection, &request, secrets, &source, destination, &call, error);
        if (r < 0)
                return r;

        header = (ClientJobHeader){ .source = source.text, .destination = destination };
        return options->detach ? detach(connection, options, call, &header, error)
                               : follow(connection, options, call, &header, error);
}
