/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client-outcome.h"
#include "client-verbs.h"
#include "dbus-names.h"

static int cancel(ClientConnection *connection, const char *id, Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(
                client_connection_bus(connection), client_connection_peer_name(connection),
                BUS_PATH, BUS_MANAGER, "Cancel", &bus_error, NULL, "s", id);
        return r < 0 ? client_error_set_bus(error, r, &bus_error) : 0;
}

int client_verb_cancel(ClientConnection *connection, const ClientOptions *options, Error *error) {
        for (size_t i = 0; i < options->n_arguments; i++) {
                int r = cancel(connection, options->arguments[i], error);

                if (r < 0)
                        return r;
        }

        return STATUS_DONE;
}
