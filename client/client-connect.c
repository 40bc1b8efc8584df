/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client-agent.h"
#include "client-connect.h"
#include "client-embedded.h"
#include "client-outcome.h"
#include "client-remote.h"
#include "dbus-names.h"

struct ClientConnection {
        sd_bus *bus;             /* owned */
        const char *peer;        /* static; BUS_NAME on a message bus, else NULL */
        ClientEmbedded embedded; /* owned; empty if the daemon is not embedded */
        pid_t agent;             /* owned; 0 if there is none */
        pid_t remote;            /* owned; ssh, if the daemon is on another host; else 0 */
};

ClientConnection *client_connection_close(ClientConnection *connection) {
        if (!connection)
                return NULL;

        (void) sd_bus_flush_close_unref(connection->bus);
        client_embedded_stop(&connection->embedded);
        client_agent_stop(connection->agent);
        client_remote_stop(connection->remote);
        free(connection);
        return NULL;
}

sd_bus *client_connection_bus(const ClientConnection *connection) {
        return connection->bus;
}

const char *client_connection_peer_name(const ClientConnection *connection) {
        return connection->peer;
}

bool client_connection_is_embedded(const ClientConnection *connection) {
        return connection->embedded.pidfd >= 0 || connection->embedded.pid > 0;
}

bool client_connection_is_remote(const ClientConnection *connection) {
        return connection->remote > 0;
}

/* Both ends of a connection by ssh may agree to pass descriptors, but ssh cannot carry them. */
bool client_connection_carries_descriptors(const ClientConnection *connection) {
        return !client_connection_is_remote(connection) &&
               sd_bus_can_send(connection->bus, 'h') > 0;
}

int client_connection_find_user(const ClientConnection *connection, uid_t *ret) {
        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        int r;

        r = connection->peer ? sd_bus_get_name_creds(
                                       connection->bus, connection->peer, SD_BUS_CREDS_EUID, &creds)
                             : sd_bus_get_owner_creds(connection->bus, SD_BUS_CREDS_EUID, &creds);
        return r < 0 ? r : sd_bus_creds_get_euid(creds, ret);
}

/* Takes @bus and @embedded, even on failure. */
static int connection_new(
        sd_bus *bus,
        const char *peer,
        ClientEmbedded *embedded,
        ClientConnection **ret,
        Error *error) {
        ClientConnection *connection = malloc(sizeof(*connection));

        if (!connection) {
                (void) sd_bus_close_unref(bus);
                if (embedded)
                        client_embedded_stop(embedded);
                return error_oom(error);
        }

        *connection = (ClientConnection){
                .bus = bus,
                .peer = peer,
                .embedded = embedded ? *embedded : EMBEDDED_NULL,
        };
        *ret = connection;
        return 0;
}

static int ping(sd_bus *bus, const char *name, sd_bus_error *ret_error) {
        return sd_bus_call_method(
                bus, name, BUS_PATH, "org.freedesktop.DBus.Peer", "Ping", ret_error, NULL, "");
}

static int call_driver(sd_bus *bus, const char *member, sd_bus_message **ret, const char *name) {
        return sd_bus_call_method(
                bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                member, NULL, ret, name ? "s" : "", name);
}

/* Whether the daemon is on the bus or can be started there; a negative errno if the bus cannot be used. */
static int has_daemon(sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *owned = NULL, *names = NULL;
        const char *name;
        int has_owner, r;

        r = call_driver(bus, "NameHasOwner", &owned, BUS_NAME);
        if (r >= 0)
                r = sd_bus_message_read(owned, "b", &has_owner);
        if (r < 0)
                return r;
        if (has_owner)
                return 1;

        r = call_driver(bus, "ListActivatableNames", &names, NULL);
        if (r >= 0)
                r = sd_bus_message_enter_container(names, 'a', "s");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read(names, "s", &name)) > 0)
                if (strcmp(name, BUS_NAME) == 0)
                        return 1;

        return r;
}

static int cannot_connect(int r, const char *where, Error *error) {
        /* What the library says if no variable tells the address of the session bus. */
        if (r == -ENOMEDIUM)
                return error_set(
                        error, ENOMEDIUM, ERROR_DAEMON_UNAVAILABLE,
                        "Cannot connect to %s: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set",
                        where);
        return error_set(
                error, -r,
                r == -EACCES || r == -EPERM ? ERROR_ACCESS_DENIED : ERROR_DAEMON_UNAVAILABLE,
                "Cannot connect to %s: %s", where, error_errno_text(-r));
}

static int no_daemon(const char *where, Error *error) {
        return error_set(
                error, ENXIO, ERROR_DAEMON_UNAVAILABLE, "virt-bootstrapd is not available on %s",
                where);
}

static int open_bus(ClientTransport transport, sd_bus **ret, Error *error) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        const char *what = transport == TRANSPORT_SYSTEM ? "the system bus" : "the session bus";
        int r;

        r = transport == TRANSPORT_SYSTEM ? sd_bus_open_system(&bus) : sd_bus_open_user(&bus);
        if (r >= 0)
                r = has_daemon(bus);
        if (r < 0)
                return cannot_connect(r, what, error);
        if (r == 0)
                return no_daemon(what, error);

        *ret = TAKE_PTR(bus);
        return 0;
}

static int new_bus(const char *address, int fd, bool is_message_bus, sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = address ? sd_bus_set_address(bus, address) : sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                if (fd >= 0)
                        (void) close(fd);
                return r;
        }

        r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, is_message_bus);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bus);
        return 0;
}

/* Whether the other end is the daemon itself. */
static bool is_daemon(sd_bus *bus) {
        _cleanup_(freep) char *version = NULL;

        return sd_bus_get_property_string(
                       bus, NULL, BUS_PATH, BUS_MANAGER, "Version", NULL, &version) >= 0;
}

static int open_address(const char *address, ClientConnection **ret, Error *error) {
        sd_bus *bus = NULL;
        int r;

        /* A message bus refuses this to a client that has not called Hello. */
        r = new_bus(address, -EBADF, false, &bus);
        if (r >= 0 && is_daemon(bus))
                return connection_new(bus, NULL, NULL, ret, error);
        if (r >= 0)
                bus = sd_bus_close_unref(bus);

        r = new_bus(address, -EBADF, true, &bus);
        if (r < 0)
                return cannot_connect(r, address, error);

        r = has_daemon(bus);
        if (r > 0)
                return connection_new(bus, BUS_NAME, NULL, ret, error);

        (void) sd_bus_close_unref(bus);
        return r < 0 ? cannot_connect(r, address, error) : no_daemon(address, error);
}

static int open_embedded(const ClientOptions *options, ClientConnection **ret, Error *error) {
        ClientEmbedded embedded = EMBEDDED_NULL;
        sd_bus *bus = NULL;
        int fd, r;

        r = client_embedded_start(options->debug ? "debug" : "err", &embedded, &fd, error);
        if (r < 0)
                return r;

        r = new_bus(NULL, fd, false, &bus);
        if (r >= 0)
                r = ping(bus, NULL, NULL);
        if (r >= 0)
                return connection_new(bus, NULL, &embedded, ret, error);

        /* One that cannot start answers all the same, and the first call of ours with the reason. */
        if (bus)
                (void) sd_bus_close_unref(bus);
        client_embedded_stop(&embedded);
        return error_set(
                error, -r, ERROR_DAEMON_UNAVAILABLE,
                "The embedded daemon exited without answering");
}

static int open_system(ClientConnection **ret, Error *error) {
        _cleanup_(error_clear) Error no_socket = ERROR_NULL;
        sd_bus *bus = NULL;
        int r;

        r = open_bus(TRANSPORT_SYSTEM, &bus, error);
        if (r >= 0)
                return connection_new(bus, BUS_NAME, NULL, ret, error);

        /* Early during boot and on a rescue system, no bus is running. */
        if (geteuid() != 0 || access(BUS_PRIVATE_SOCKET, W_OK) < 0 ||
            open_address("unix:path=" BUS_PRIVATE_SOCKET, ret, &no_socket) < 0)
                return r;

        error_clear(error);
        return 0;
}

static int open_user(ClientConnection **ret, Error *error) {
        sd_bus *bus = NULL;
        int r;

        r = open_bus(TRANSPORT_USER, &bus, error);
        return r < 0 ? r : connection_new(bus, BUS_NAME, NULL, ret, error);
}

/* An embedded daemon would know nothing of the jobs of others. */
static bool is_about_others(ClientVerb verb) {
        return verb == VERB_LIST || verb == VERB_SHOW || verb == VERB_ATTACH ||
               verb == VERB_CANCEL || verb == VERB_MONITOR;
}

static int no_jobs_of_others(const Error *why, Error *error) {
        return error_set(
                error, ENXIO, ERROR_DAEMON_UNAVAILABLE,
                "There is no daemon%s%s%s; jobs of embedded daemons are seen only where they run",
                why->code != 0 ? " (" : "", why->code != 0 ? error_text(why) : "",
                why->code != 0 ? ")" : "");
}

static int open_default(const ClientOptions *options, ClientConnection **ret, Error *error) {
        _cleanup_(error_clear) Error no_bus = ERROR_NULL;
        int r;

        r = geteuid() == 0 ? open_system(ret, &no_bus) : open_user(ret, &no_bus);
        if (r >= 0)
                return r;
        return is_about_others(options->verb) ? no_jobs_of_others(&no_bus, error)
                                              : open_embedded(options, ret, error);
}

static int open_host(const ClientOptions *options, ClientConnection **ret, Error *error) {
        pid_t ssh = 0;
        sd_bus *bus = NULL;
        int fd, r;

        r = client_remote_start(&options->host, &ssh, &fd, error);
        if (r < 0)
                return r;

        r = new_bus(NULL, fd, true, &bus);
        if (r >= 0)
                r = has_daemon(bus);
        if (r > 0) {
                r = connection_new(bus, BUS_NAME, NULL, ret, error);
                if (r >= 0)
                        (*ret)->remote = ssh;
                else
                        client_remote_stop(ssh);
                return r;
        }

        (void) sd_bus_close_unref(bus);
        client_remote_stop(ssh);
        return r < 0 ? cannot_connect(r, options->address, error)
                     : no_daemon(options->address, error);
}

static int open_transport(const ClientOptions *options, ClientConnection **ret, Error *error) {
        static const Error none = ERROR_NULL;

        switch (options->transport) {
        case TRANSPORT_DEFAULT:
                return open_default(options, ret, error);
        case TRANSPORT_SYSTEM:
                return open_system(ret, error);
        case TRANSPORT_USER:
                return open_user(ret, error);
        case TRANSPORT_EMBEDDED:
                return is_about_others(options->verb) ? no_jobs_of_others(&none, error)
                                                      : open_embedded(options, ret, error);
        case TRANSPORT_ADDRESS:
                return open_address(options->address, ret, error);
        case TRANSPORT_HOST:
                return open_host(options, ret, error);
        case _TRANSPORT_MAX:
                break;
        }

        assert(0);
        return -EINVAL;
}

int client_connection_open(const ClientOptions *options, ClientConnection **ret, Error *error) {
        _cleanup_(client_connection_closep) ClientConnection *connection = NULL;
        int r;

        r = open_transport(options, &connection, error);
        if (r < 0)
                return r;

        assert(connection);
        r = sd_bus_set_allow_interactive_authorization(connection->bus, !options->no_ask_password);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot set up the connection");

        /* polkit asks only on the system bus, and never root. */
        if (options->transport == TRANSPORT_SYSTEM && geteuid() != 0 && !options->no_ask_password)
                connection->agent = client_agent_start();

        *ret = TAKE_PTR(connection);
        return 0;
}

int client_connection_recover(ClientConnection *connection, Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        int r;

        if (client_connection_is_embedded(connection)) {
                (void) sd_bus_close(connection->bus);
                client_embedded_stop(&connection->embedded);
                return client_embedded_recover(error);
        }
        if (!connection->peer)
                return 0; /* its socket starts the next one on the next connection */

        r = ping(connection->bus, connection->peer, &bus_error);
        return r < 0 ? client_error_set_bus(error, r, &bus_error) : 0;
}
