/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client-follow.h"
#include "client-path.h"
#include "client-request.h"
#include "client-verbs.h"

static int read_arguments(
        Connection *connection,
        const Options *options,
        Source *ret_source,
        char **ret_destination,
        Error *error) {
        _cleanup_(freep) char *directory = get_current_dir_name();
        int r;

        if (!directory)
                return error_set_errno(error, errno, "Cannot tell the current directory");

        r = path_make_absolute(directory, options->arguments[1], ret_destination, error);
        if (r < 0)
                return r;

        return request_read_source(connection, directory, options->arguments[0], ret_source, error);
}

static int detach(
        Connection *connection,
        const Options *options,
        sd_bus_message *call,
        JobHeader *header,
        Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (connection_is_embedded(connection))
                return error_set(
                        error, EOPNOTSUPP, ERROR_INVALID_OPTION,
                        "There is no daemon on a bus that would go on with the job after --detach");

        r = sd_bus_call(connection_bus(connection), call, UINT64_MAX, &bus_error, &reply);
        if (r < 0)
                return error_set_bus(error, r, &bus_error);

        r = sd_bus_message_read(reply, "so", &header->id, &header->path);
        if (r < 0)
                return error_set_message(error, r);

        if (options->json)
                event_write_job(stdout, header);
        else
                (void) printf("%s\n", header->id);
        return STATUS_DONE;
}

static int follow(
        Connection *connection,
        const Options *options,
        sd_bus_message *call,
        const JobHeader *header,
        Error *error) {
        _cleanup_(display_done) Display display = { 0 };
        _cleanup_(follow_freep) Follow *followed = NULL;
        _cleanup_(outcome_done) Outcome outcome = OUTCOME_NULL;
        _cleanup_(freep) char *digest = NULL;
        int r;

        display_init(&display, options);
        r = follow_new(connection, &display, &followed, error);
        if (r >= 0)
                r = follow_bootstrap(followed, call, header, &outcome, error);
        if (r < 0)
                return r;

        digest = follow_read_digest(followed);
        display_finished(&display, follow_id(followed), &outcome, digest, header->destination);
        return outcome_status(&outcome);
}

int verb_bootstrap(
        Connection *connection, const Options *options, const Secrets *secrets, Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(source_done) Source source = SOURCE_NULL;
        _cleanup_(freep) char *destination = NULL;
        JobHeader header;
        int r;

        r = read_arguments(connection, options, &source, &destination, error);
        if (r >= 0)
                r = request_new_bootstrap(
                        connection, options, secrets, &source, destination, &call, error);
        if (r < 0)
                return r;

        header = (JobHeader){ .source = source.text, .destination = destination };
        return options->detach ? detach(connection, options, call, &header, error)
                               : follow(connection, options, call, &header, error);
}
