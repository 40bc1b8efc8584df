/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client-image.h"
#include "client-outcome.h"
#include "client-request.h"
#include "client-verbs.h"

int client_verb_inspect(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(client_image_done) ClientImage image = IMAGE_NULL;
        _cleanup_(freep) char *directory = get_current_dir_name();
        _cleanup_(client_source_done) ClientSource source = SOURCE_NULL;
        int r;

        if (!directory)
                return error_set_errno(error, errno, "Cannot determine the current directory");

        r = client_request_read_source(
                connection, directory, options->arguments[0], &source, error);
        if (r >= 0)
                r = client_request_new_inspect(connection, options, secrets, &source, &call, error);
        if (r < 0)
                return r;

        r = sd_bus_call(client_connection_bus(connection), call, UINT64_MAX, &bus_error, &reply);
        if (r < 0)
                return client_error_set_bus(error, r, &bus_error);

        r = client_image_read(reply, &image, error);
        if (r >= 0 && options->json)
                client_image_print_json(&image, stdout);
        else if (r >= 0)
                r = client_image_print(&image, stdout, error);

        return r < 0 ? r : STATUS_DONE;
}
