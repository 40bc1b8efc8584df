/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "base-clock.h"
#include "base-macro.h"
#include "bus-access.h"
#include "bus-internal.h"
#include "bus-park.h"
#include "bus-pending.h"
#include "dbus-names.h"

/* The unique name of a peer that sends Hello: its connection has no others. */
#define PEER_NAME ":1.0"

/* A peer that has called nothing for so long only listens. */
#define PEER_SILENCE_MSEC 1000

static void drop_waiters(BusJob *job, sd_bus *bus) {
        BusWaiter **p = &job->waiters;

        while (*p) {
                BusWaiter *waiter = *p;

                if (bus && sd_bus_message_get_bus(waiter->call) != bus) {
                        p = &waiter->next;
                        continue;
                }

                *p = waiter->next;
                bus_waiter_free(waiter);
        }
}

static uint64_t now_msec(void) {
        return clock_usec(CLOCK_MONOTONIC) / 1000;
}

void bus_server_drop_calls(BusServer *server, sd_bus *bus) {
        for (BusJob *job = server->jobs; job; job = job->next)
                drop_waiters(job, bus);
        bus_pending_drop(server, bus);
}

static void bus_job_free(BusJob *job) {
        drop_waiters(job, NULL);
        free(job->path);
        free(job);
}

static BusConnection *connection_free(BusConnection *connection) {
        if (!connection)
                return NULL;

        bus_server_drop_calls(connection->server, connection->bus);
        sd_event_source_disable_unref(connection->catch_up);
        (void) sd_bus_detach_event(connection->bus);
        sd_bus_close_unref(connection->bus);
        free(connection);
        return NULL;
}
DEFINE_CLEANUP(BusConnection, connection_free);

/* The queue's events, for all connections. */

/* Messages that wait for the other side to read. */
static uint64_t n_unread(sd_bus *bus) {
        uint64_t n = 0;

        (void) sd_bus_get_n_queued_write(bus, &n);
        return n;
}

/* The client of sd-bus gives up a connection on which anything arrives before the answer to its Hello. So a peer
 * gets no signals before it has called something, unless it is silent. */
static bool peer_listens(const BusConnection *peer) {
        return bus_access_permits(peer->peer_uid) &&
               (peer->has_called || now_msec() - peer->connected_msec >= PEER_SILENCE_MSEC);
}

/* Who hears signals on a bus, that decides. */
static bool listens(const BusConnection *connection) {
        return sd_bus_is_ready(connection->bus) > 0 &&
               (!connection->is_peer || peer_listens(connection));
}

#define FOR_EACH_BUS(server, c)                                                                    \
        for (BusConnection *c = (server)->connections; c; c = c->next)                             \
                if (listens(c))

static void on_job_added(void *userdata, Job *job) {
        BusServer *server = userdata;
        BusJob *object = malloc(sizeof(*object));

        /* Without its object, nobody could use the job: better none. */
        if (!object)
                abort();
        *object = (BusJob){ .server = server, .job = job, .path = bus_job_path(job) };
        if (!object->path)
                abort();

        object->next = server->jobs;
        server->jobs = object;
        FOR_EACH_BUS(server, c)
        bus_job_emit_added(object, c->bus);
}

static void on_job_state_changed(void *userdata, Job *job) {
        BusServer *server = userdata;
        BusJob *object = bus_job_find(server, job_id(job));

        FOR_EACH_BUS(server, c)
        bus_job_emit_state(object, c->bus);
        if (job_has_ended(job))
                bus_job_answer_waiters(object);
}

static void on_job_progress(void *userdata, Job *job) {
        BusServer *server = userdata;

        /* A peer that lags gets the latest state once it has caught up. */
        FOR_EACH_BUS(server, c)
        if (n_unread(c->bus) < BUS_UNREAD_PROGRESS_MAX)
                bus_job_emit_progress(bus_job_find(server, job_id(job)), c->bus);
}

static void on_job_details(void *userdata, Job *job, unsigned which) {
        BusServer *server = userdata;

        FOR_EACH_BUS(server, c)
        if (n_unread(c->bus) < BUS_UNREAD_DETAILS_MAX)
                bus_job_emit_details(bus_job_find(server, job_id(job)), c->bus, which);
}

static void on_job_image(void *userdata, Job *job) {
        BusServer *server = userdata;

        FOR_EACH_BUS(server, c)
        bus_job_emit_image(bus_job_find(server, job_id(job)), c->bus);
}

static void on_job_message(void *userdata, Job *job, int priority, const char *text) {
        BusServer *server = userdata;

        FOR_EACH_BUS(server, c)
        bus_job_emit_message(bus_job_find(server, job_id(job)), c->bus, priority, text);
}

static void on_job_removed(void *userdata, Job *job) {
        BusServer *server = userdata;
        BusJob **p = &server->jobs, *object;

        while ((*p)->job != job)
                p = &(*p)->next;
        object = *p;

        FOR_EACH_BUS(server, c)
        bus_job_emit_removed(object, c->bus);
        *p = object->next;
        bus_job_free(object);
}

static int on_reap(sd_event_source *source, void *userdata) {
        BusServer *server = userdata;
        BusConnection **p = &server->connections;
        bool is_gone = false;

        while (*p) {
                BusConnection *connection = *p;

                if (!connection->is_peer ||
                    (sd_bus_is_open(connection->bus) > 0 && !connection->is_deaf)) {
                        p = &connection->next;
                        continue;
                }
                *p = connection->next;
                connection_free(connection);
                is_gone = true;
        }

        if (is_gone)
                server->events->peer_gone(server->userdata);
        return 0;
}

/* After every event. The bus limits the backlog of its clients; that of a peer is ours to limit. */
static int on_post(sd_event_source *source, void *userdata) {
        BusServer *server = userdata;

        for (BusConnection *c = server->connections; c; c = c->next) {
                if (!c->is_peer || c->is_deaf || n_unread(c->bus) <= BUS_UNREAD_MAX)
                        continue;

                log_print(
                        server->log, LOG_WARNING,
                        "A peer of user %u has not read %u messages, closing its connection",
                        (unsigned) c->peer_uid, BUS_UNREAD_MAX);
                c->is_deaf = true;
                (void) sd_event_source_set_enabled(server->reap, SD_EVENT_ONESHOT);
        }
        return 0;
}

/* Connections with queued messages. */
static bool is_behind(const BusConnection *connection) {
        return !connection->is_deaf && sd_bus_is_open(connection->bus) > 0 &&
               n_unread(connection->bus) > 0;
}

/* Waits until somebody reads, with one of @room for each connection. Returns whether to continue. */
static bool flush_some(BusServer *server, struct pollfd *room, int msec) {
        bool is_one_behind = false;
        nfds_t n = 0;

        for (const BusConnection *c = server->connections; c; c = c->next) {
                const bool is_due = is_behind(c);

                room[n++] = (struct pollfd){ is_due ? sd_bus_get_fd(c->bus) : -1, POLLOUT, 0 };
                is_one_behind = is_one_behind || is_due;
        }
        if (!is_one_behind || poll(room, n, msec) <= 0)
                return false;

        n = 0;
        for (BusConnection *c = server->connections; c; c = c->next)
                if (room[n++].revents != 0 && sd_bus_process(c->bus, NULL) < 0)
                        c->is_deaf = true;
        return true;
}

/* Sends queued messages to all at the same time, so that a peer that does not read takes no time of others. */
static void flush(BusServer *server) {
        const uint64_t end = now_msec() + BUS_FLUSH_MSEC;
        _cleanup_(freep) struct pollfd *room = NULL;
        nfds_t n = 0;
        uint64_t now;

        for (const BusConnection *c = server->connections; c; c = c->next)
                n++;
        room = calloc(n > 0 ? n : 1, sizeof(*room));
        while (room && (now = now_msec()) < end && flush_some(server, room, (int) (end - now)))
                ;
}

/* Before sd-bus's own exit handlers, which would wait for every peer. */
static int on_end(sd_event_source *source, void *userdata) {
        BusServer *server = userdata;

        server->is_closing = true;
        for (BusConnection *c = server->connections; c; c = c->next)
                (void) sd_bus_detach_event(c->bus);
        flush(server);
        return 0;
}

static bool may_have_a_long_answer(sd_bus_message *message) {
        static const char *const members[] = {
                "Get",       "GetAll",    "GetManagedObjects", "Inspect",  "Introspect",
                "ListBlobs", "ListDisks", "ListImages",        "ListJobs", "Prune",
                "Remove",    "Verify",
        };

        for (size_t i = 0; i < N_ELEMENTS(members); i++)
                if (sd_bus_message_is_method_call(message, NULL, members[i]) > 0)
                        return true;

        return false;
}

/* Whether it is a call that only permitted callers get an answer to, and that has no handler of the daemon's own, which
 * checks the caller: sd-bus itself answers those of properties and objects. */
static bool needs_check(sd_bus_message *message) {
        static const char own[] = BUS_NAME ".";
        const char *interface = sd_bus_message_get_interface(message);

        if (sd_bus_message_is_method_call(message, NULL, NULL) <= 0)
                return false;
        return !interface || (strncmp(interface, own, strlen(own)) != 0 &&
                              strcmp(interface, "org.freedesktop.DBus.Introspectable") != 0 &&
                              strcmp(interface, "org.freedesktop.DBus.Peer") != 0);
}

/* Sees every message first. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        sd_bus *bus = sd_bus_message_get_bus(message);

        if (!server->is_closing && needs_check(message) &&
            bus_access_check(server, message, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);
        if (server->is_closing || sd_bus_is_bus_client(bus) > 0 ||
            n_unread(bus) < BUS_UNREAD_LONG_MAX || !may_have_a_long_answer(message))
                return server->is_closing;

        return sd_bus_reply_method_errorf(
                message, SD_BUS_ERROR_LIMITS_EXCEEDED, "%u messages have not been read yet",
                BUS_UNREAD_LONG_MAX);
}

int bus_server_new(
        sd_event *event,
        Log *log,
        const BusServerEvents *events,
        void *userdata,
        BusServer **ret,
        Error *error) {
        _cleanup_(bus_server_freep) BusServer *server = NULL;
        int r;

        server = calloc(1, sizeof(*server));
        if (!server)
                return error_oom(error);

        server->event = event;
        server->log = log;
        server->events = events;
        server->userdata = userdata;
        server->listener = (JobListener){
                .added = on_job_added,
                .state_changed = on_job_state_changed,
                .progress_changed = on_job_progress,
                .details_changed = on_job_details,
                .image_known = on_job_image,
                .message = on_job_message,
                .removed = on_job_removed,
                .userdata = server,
        };

        r = sd_event_add_defer(event, &server->reap, on_reap, server);
        if (r >= 0)
                r = sd_event_add_post(event, &server->post, on_post, server);
        if (r >= 0)
                r = sd_event_add_exit(event, &server->exit, on_end, server);
        if (r >= 0)
                r = sd_event_source_set_priority(server->exit, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot set up the bus server");

        *ret = TAKE_PTR(server);
        return 0;
}

BusServer *bus_server_free(BusServer *server) {
        if (!server)
                return NULL;

        bus_pending_drop(server, NULL);
        bus_park_free_all(server);
        while (server->jobs) {
                BusJob *job = server->jobs;

                server->jobs = job->next;
                bus_job_free(job);
        }
        while (server->connections) {
                BusConnection *connection = server->connections;

                server->connections = connection->next;
                connection_free(connection);
        }
        sd_event_source_disable_unref(server->reap);
        sd_event_source_disable_unref(server->post);
        sd_event_source_disable_unref(server->exit);
        free(server);
        return NULL;
}

const JobListener *bus_server_listener(BusServer *server) {
        return &server->listener;
}

void bus_server_set_queue(BusServer *server, const JobContext *context, JobQueue *queue) {
        server->context = context;
        server->queue = queue;
}

static int find_job(
        sd_bus *bus,
        const char *path,
        const char *interface,
        void *userdata,
        void **ret_found,
        sd_bus_error *ret_error) {
        const BusServer *server = userdata;
        const char *id = path + strlen(BUS_JOB_PATH "/");

        if (strncmp(path, BUS_JOB_PATH "/", strlen(BUS_JOB_PATH "/")) != 0)
                return 0;

        *ret_found = bus_job_find(server, id);
        return *ret_found != NULL;
}

static int enumerate_jobs(
        sd_bus *bus,
        const char *prefix,
        void *userdata,
        char ***ret_nodes,
        sd_bus_error *ret_error) {
        const BusServer *server = userdata;
        char **nodes;
        size_t n = 0;

        for (const BusJob *job = server->jobs; job; job = job->next)
                n++;
        nodes = calloc(n + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;

        n = 0;
        for (const BusJob *job = server->jobs; job; job = job->next) {
                nodes[n] = strdup(job->path);
                if (!nodes[n++])
                        break;
        }

        *ret_nodes = nodes;
        return 1;
}

static int add_objects(BusServer *server, sd_bus *bus) {
        int r;

        r = sd_bus_add_filter(bus, NULL, on_message, server);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus, NULL, BUS_PATH);
        if (r >= 0)
                r = sd_bus_add_object_vtable(
                        bus, NULL, BUS_PATH, BUS_MANAGER, bus_manager_vtable, server);
        if (r >= 0)
                r = sd_bus_add_object_vtable(
                        bus, NULL, BUS_PATH, BUS_CACHE, bus_cache_vtable, server);
        if (r >= 0)
                r = sd_bus_add_object_vtable(
                        bus, NULL, BUS_LOG_PATH, BUS_LOG_CONTROL, bus_log_vtable, server);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(
                        bus, NULL, BUS_JOB_PATH, BUS_JOB, bus_job_vtable, find_job, server);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(bus, NULL, BUS_PATH, enumerate_jobs, server);
        return r;
}

static int on_disconnected(sd_bus_message *signal, void *userdata, sd_bus_error *ret_error) {
        BusConnection *connection = userdata;

        (void) sd_event_source_set_enabled(connection->server->reap, SD_EVENT_ONESHOT);
        return 0;
}

/* A peer may send calls together with the end of its authentication. sd-bus (252) has then read them, but does
 * not process them before something else arrives. Handlers for backlogs run first. */
static int on_catch_up(sd_event_source *source, void *userdata) {
        BusConnection *connection = userdata;

        if (sd_bus_process(connection->bus, NULL) > 0)
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static int on_connected(sd_bus_message *signal, void *userdata, sd_bus_error *ret_error) {
        BusConnection *connection = userdata;

        connection->connected_msec = now_msec();
        return sd_event_source_set_enabled(connection->catch_up, SD_EVENT_ONESHOT);
}

static int on_any_message(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        BusConnection *connection = userdata;

        if (sd_bus_message_is_method_call(message, NULL, NULL) > 0)
                connection->has_called = true;
        return 0;
}

/* busctl and others always send Hello. */
static int on_hello(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return sd_bus_reply_method_return(call, "s", PEER_NAME);
}

static const sd_bus_vtable hello_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD(
                "Hello", NULL, "s", on_hello, SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_HIDDEN),
        SD_BUS_VTABLE_END,
};

static int serve_peer(BusConnection *connection, int *fd) {
        sd_bus *bus = connection->bus;
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_fd(bus, *fd, *fd);
        if (r < 0)
                return r;
        (void) TAKE_FD(*fd);

        r = sd_bus_set_server(bus, 1, id);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, 1);
        if (r >= 0)
                r = sd_bus_negotiate_creds(bus, 0, SD_BUS_CREDS_EUID);
        if (r >= 0)
                r = sd_bus_add_filter(bus, NULL, on_any_message, connection);
        if (r >= 0)
                r = add_objects(connection->server, bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(
                        bus, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus", hello_vtable,
                        NULL);
        if (r >= 0)
                r = sd_bus_match_signal(
                        bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                        "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, connection);
        if (r >= 0)
                r = sd_bus_match_signal(
                        bus, NULL, NULL, "/org/freedesktop/DBus/Local",
                        "org.freedesktop.DBus.Local", "Connected", on_connected, connection);
        if (r >= 0)
                r = sd_bus_set_connected_signal(bus, 1);
        if (r >= 0)
                r = sd_event_add_defer(
                        connection->server->event, &connection->catch_up, on_catch_up, connection);
        if (r >= 0)
                r = sd_event_source_set_priority(connection->catch_up, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_source_set_enabled(connection->catch_up, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, connection->server->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static BusConnection *connection_new(BusServer *server) {
        _cleanup_(freep) BusConnection *connection = malloc(sizeof(*connection));

        if (!connection)
                return NULL;

        *connection = (BusConnection){ .server = server };
        if (sd_bus_new(&connection->bus) < 0)
                return NULL;
        return TAKE_PTR(connection);
}

static void keep_connection(BusServer *server, BusConnection *connection) {
        connection->next = server->connections;
        server->connections = connection;
}

int bus_server_add_peer(BusServer *server, int fd, Error *error) {
        _cleanup_(connection_freep) BusConnection *connection = NULL;
        _cleanup_(closep) int owned = fd;
        struct ucred peer;
        socklen_t size = sizeof(peer);
        int r;

        if (bus_server_n_peers(server) >= BUS_PEERS_MAX)
                return error_set(
                        error, EUSERS, ERROR_QUEUE_FULL, "More than %u connections", BUS_PEERS_MAX);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return error_set_errno(error, errno, "Cannot determine who is connecting");

        connection = connection_new(server);
        if (!connection)
                return error_oom(error);

        connection->is_peer = true;
        connection->peer_uid = peer.uid;
        connection->connected_msec = now_msec();
        r = serve_peer(connection, &owned);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot serve a connection");

        keep_connection(server, TAKE_PTR(connection));
        return 0;
}

static int on_name_requested(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusConnection *connection = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(reply);
        uint32_t code = 0;

        if (!e)
                (void) sd_bus_message_read_basic(reply, 'u', &code);
        /* Primary owner, or owner already: dbus-specification, RequestName. */
        if (code == 1 || code == 4)
                return 0;

        error_set(
                &error, EEXIST, ERROR_ACCESS_DENIED,
                "Cannot acquire the name " BUS_NAME " on the bus: %s",
                e ? e->message : "it is already taken");
        connection->server->events->name_lost(connection->server->userdata, &error);
        return 0;
}

/* 4: DBUS_NAME_FLAG_DO_NOT_QUEUE, which is what sd-bus asks for without flags. */
static int request_name(BusConnection *connection) {
        return sd_bus_request_name_async(
                connection->bus, NULL, BUS_NAME, 0, on_name_requested, connection);
}

int bus_server_add_bus(BusServer *server, const char *address, Error *error) {
        _cleanup_(connection_freep) BusConnection *connection = connection_new(server);
        int r;

        if (!connection)
                return error_oom(error);

        r = sd_bus_set_address(connection->bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(connection->bus, 1);
        if (r >= 0)
                r = sd_bus_negotiate_fds(connection->bus, 1);
        if (r >= 0)
                r = sd_bus_set_watch_bind(connection->bus, 1);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(connection->bus, 1);
        if (r >= 0)
                r = add_objects(server, connection->bus);
        if (r >= 0)
                r = sd_bus_start(connection->bus);
        if (r >= 0)
                r = request_name(connection);
        if (r >= 0)
                r = sd_bus_attach_event(connection->bus, server->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot connect to the bus %s", address);

        keep_connection(server, TAKE_PTR(connection));
        return 0;
}

unsigned bus_server_n_peers(const BusServer *server) {
        unsigned n = 0;

        for (const BusConnection *c = server->connections; c; c = c->next)
                n += c->is_peer;
        return n;
}

void bus_server_release_names(BusServer *server) {
        for (BusConnection *c = server->connections; c; c = c->next)
                if (!c->is_peer && sd_bus_is_ready(c->bus) > 0)
                        (void) sd_bus_release_name(c->bus, BUS_NAME);
}

void bus_server_request_names(BusServer *server) {
        for (BusConnection *c = server->connections; c; c = c->next)
                if (!c->is_peer)
                        (void) request_name(c);
}
