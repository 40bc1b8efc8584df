/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <unistd.h>

#include "bus-access.h"

static void creds_unrefp(sd_bus_creds **creds) {
        sd_bus_creds_unref(*creds);
}

static const BusConnection *find_connection(const BusServer *server, sd_bus *bus) {
        for (const BusConnection *c = server->connections; c; c = c->next)
                if (c->bus == bus)
                        return c;

        return NULL;
}

int bus_access_caller(BusServer *server, sd_bus_message *call, uid_t *ret, Error *error) {
        const BusConnection *connection = find_connection(server, sd_bus_message_get_bus(call));
        _cleanup_(creds_unrefp) sd_bus_creds *creds = NULL;
        int r;

        if (connection && connection->is_peer) {
                *ret = connection->peer_uid;
                return 0;
        }

        r = sd_bus_query_sender_creds(call, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot determine who is calling");
        return 0;
}

bool bus_access_permits(uid_t uid) {
        return uid == 0 || uid == geteuid();
}

int bus_access_check(BusServer *server, sd_bus_message *call, uid_t *ret, Error *error) {
        uid_t uid;
        int r;

        r = bus_access_caller(server, call, &uid, error);
        if (r < 0)
                return r;
        if (!bus_access_permits(uid))
                return error_set(
                        error, EACCES, ERROR_ACCESS_DENIED,
                        "Only root and the user running this daemon may use it");

        if (ret)
                *ret = uid;
        return 0;
}

int bus_access_track(
        sd_bus_message *call,
        sd_bus_track_handler_t on_gone,
        void *userdata,
        sd_bus_track **ret,
        Error *error) {
        sd_bus_track *track;
        int r;

        *ret = NULL;
        if (sd_bus_is_bus_client(sd_bus_message_get_bus(call)) <= 0)
                return 0;

        r = sd_bus_track_new(sd_bus_message_get_bus(call), &track, on_gone, userdata);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot watch the caller");

        r = sd_bus_track_add_sender(track, call);
        if (r < 0) {
                sd_bus_track_unref(track);
                return error_set_errno(error, -r, "Cannot watch the caller");
        }

        *ret = track;
        return 0;
}
