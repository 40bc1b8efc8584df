/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base-macro.h"
#include "client-follow.h"
#include "dbus-names.h"

#define NO_TIMEOUT UINT64_MAX /* neither a job nor a question by polkit has a time limit */

struct ClientFollow {
        ClientConnection *connection;                          /* borrowed */
        ClientDisplay *display;                                /* borrowed */
        sd_event *event;                                       /* owned */
        sd_bus_slot *on_progress, *on_message, *on_properties; /* owned */
        sd_bus_slot *bootstrap, *wait, *cancel, *read;         /* owned; pending calls */
        char *id, *path;                  /* owned; NULL until the job is known */
        const char *source, *destination; /* borrowed, during client_follow_bootstrap() */
        bool lets_go;                     /* a signal does not cancel the job */
        bool is_detached;                 /* a signal has arrived, and the job goes on */
        bool is_cancelling;               /* a signal has arrived */
        bool is_lost;                     /* the daemon exited in the meantime */
        ClientDetails details;
        ClientOutcome outcome;
};

static int finish(ClientFollow *follow, int r) {
        return sd_event_exit(follow->event, r < 0 ? r : 0);
}

static bool is_daemon_gone(const sd_bus_error *error) {
        static const char *const names[] = {
                SD_BUS_ERROR_NO_REPLY,        SD_BUS_ERROR_DISCONNECTED,
                SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                SD_BUS_ERROR_TIMEOUT,
        };

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (sd_bus_error_has_name(error, names[i]))
                        return true;

        return false;
}

static int fail(ClientFollow *follow, const sd_bus_error *bus_error) {
        follow->is_lost = is_daemon_gone(bus_error);
        return finish(follow, client_outcome_set_bus_error(&follow->outcome, bus_error));
}

static bool is_ours(const ClientFollow *follow, sd_bus_message *signal_message) {
        const char *path = sd_bus_message_get_path(signal_message);

        return follow->path && path && strcmp(follow->path, path) == 0;
}

static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        ClientFollow *follow = userdata;
        ClientProgress progress;

        (void) ret_error;
        if (is_ours(follow, m) && sd_bus_message_read(
                                          m, "sttd", &progress.phase, &progress.done,
                                          &progress.total, &progress.fraction) >= 0)
                client_display_progress(follow->display, follow->id, &progress);

        return 0;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        ClientFollow *follow = userdata;
        uint32_t priority;
        const char *text;

        (void) ret_error;
        if (is_ours(follow, m) && sd_bus_message_read(m, "us", &priority, &text) >= 0)
                client_display_message(follow->display, follow->id, priority, text);

        return 0;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        ClientFollow *follow = userdata;
        const char *interface;

        (void) ret_error;
        if (is_ours(follow, m) && sd_bus_message_read(m, "s", &interface) >= 0 &&
            strcmp(interface, BUS_JOB) == 0 && client_details_update(&follow->details, m) >= 0)
                client_display_refresh(follow->display);

        return 0;
}

/* Of a job that began earlier; without an answer, it has no details. */
static int on_read(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        ClientFollow *follow = userdata;

        (void) ret_error;
        if (!sd_bus_message_is_method_error(reply, NULL) &&
            client_details_update(&follow->details, reply) >= 0)
                client_display_refresh(follow->display);

        return 0;
}

static int on_cancelled(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *bus_error = sd_bus_message_get_error(reply);
        ClientFollow *follow = userdata;

        (void) ret_error;
        /* All other failures show in the answer to Wait. */
        if (bus_error && sd_bus_error_has_name(bus_error, BUS_ERROR("AccessDenied")))
                return fail(follow, bus_error);

        return 0;
}

static int send_cancel(ClientFollow *follow) {
        return sd_bus_call_method_async(
                client_connection_bus(follow->connection), &follow->cancel,
                client_connection_peer_name(follow->connection), follow->path, BUS_JOB, "Cancel",
                on_cancelled, follow, "");
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        ClientFollow *follow = userdata;
        bool is_first = !follow->is_cancelling;

        (void) source;
        (void) info;
        if (follow->lets_go) {
                follow->is_detached = true;
                return finish(follow, 0);
        }

        follow->is_cancelling = true;
        if (is_first)
                return follow->path ? send_cancel(follow) : 0;
        if (follow->path)
                return 0;

        /* No job was created yet: the daemon waits for polkit, or hangs. */
        return finish(
                follow, client_outcome_set(
                                &follow->outcome, "cancelled", BUS_ERROR("Cancelled"),
                                "Interrupted before the job was created"));
}

/* Stops as if the signal had not been blocked. */
static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        ClientFollow *follow = userdata;
        sigset_t set;

        (void) source;
        (void) info;
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTSTP);

        client_display_pause(follow->display);
        (void) raise(SIGTSTP);
        (void) sigprocmask(SIG_UNBLOCK, &set, NULL);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        client_display_refresh(follow->display);
        return 0;
}

static int on_resize(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        ClientFollow *follow = userdata;

        (void) source;
        (void) info;
        client_display_refresh(follow->display);
        return 0;
}

static int on_ended(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *bus_error = sd_bus_message_get_error(reply);
        const char *result, *error, *message;
        ClientFollow *follow = userdata;
        int r;

        (void) ret_error;
        if (bus_error)
                return fail(follow, bus_error);

        r = sd_bus_message_read(reply, "sss", &result, &error, &message);
        if (r >= 0)
                r = client_outcome_set(&follow->outcome, result, error, message);
        return finish(follow, r);
}

/* The default timeout of a call is 25 s. */
static int call_without_timeout(
        ClientFollow *follow,
        sd_bus_message *call,
        sd_bus_slot **slot,
        sd_bus_message_handler_t handler) {
        return sd_bus_call_async(
                client_connection_bus(follow->connection), slot, call, handler, follow, NO_TIMEOUT);
}

static int ask_for_details(ClientFollow *follow) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_details_new_call(follow->connection, follow->path, &call);
        if (r >= 0)
                r = sd_bus_call_async(
                        client_connection_bus(follow->connection), &follow->read, call, on_read,
                        follow, 0);
        return r;
}

static int begin(ClientFollow *follow, const ClientJobHeader *header) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        follow->id = strdup(header->id);
        follow->path = strdup(header->path);
        if (!follow->id || !follow->path)
                return -ENOMEM;

        client_display_job(follow->display, header);
        r = sd_bus_message_new_method_call(
                client_connection_bus(follow->connection), &call,
                client_connection_peer_name(follow->connection), follow->path, BUS_JOB, "Wait");
        if (r >= 0)
                r = call_without_timeout(follow, call, &follow->wait, on_ended);
        if (r >= 0)
                r = ask_for_details(follow);
        if (r >= 0 && follow->is_cancelling)
                r = send_cancel(follow);
        return r;
}

static int on_queued(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *bus_error = sd_bus_message_get_error(reply);
        ClientFollow *follow = userdata;
        ClientJobHeader header = { .source = follow->source, .destination = follow->destination };
        int r;

        (void) ret_error;
        if (bus_error)
                return fail(follow, bus_error);

        r = sd_bus_message_read(reply, "so", &header.id, &header.path);
        if (r >= 0)
                r = begin(follow, &header);
        return r < 0 ? finish(follow, r) : 0;
}

static int catch_signals(sd_event *event, ClientFollow *follow) {
        static const struct {
                int signal_number;
                sd_event_signal_handler_t handler;
        } signals[] = {
                { SIGINT, on_signal }, { SIGTERM, on_signal },  { SIGHUP, on_signal },
                { SIGTSTP, on_stop },  { SIGWINCH, on_resize },
        };
        sigset_t set;
        int r;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < N_ELEMENTS(signals); i++)
                (void) sigaddset(&set, signals[i].signal_number);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;

        for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
                r = sd_event_add_signal(
                        event, NULL, signals[i].signal_number, signals[i].handler, follow);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int subscribe(ClientFollow *follow) {
        sd_bus *bus = client_connection_bus(follow->connection);
        const char *peer = client_connection_peer_name(follow->connection);
        int r;

        r = sd_bus_match_signal(
                bus, &follow->on_progress, peer, NULL, BUS_JOB, "ProgressChanged", on_progress,
                follow);
        if (r >= 0)
                r = sd_bus_match_signal(
                        bus, &follow->on_message, peer, NULL, BUS_JOB, "Message", on_message,
                        follow);
        if (r >= 0)
                r = sd_bus_match_signal(
                        bus, &follow->on_properties, peer, NULL, "org.freedesktop.DBus.Properties",
                        "PropertiesChanged", on_properties, follow);
        return r;
}

int client_follow_new(
        ClientConnection *connection, ClientDisplay *display, ClientFollow **ret, Error *error) {
        _cleanup_(client_follow_freep) ClientFollow *follow = malloc(sizeof(*follow));
        int r;

        if (!follow)
                return error_oom(error);
        *follow = (ClientFollow){ .connection = connection, .display = display };
        client_display_details(display, &follow->details);

        r = sd_event_new(&follow->event);
        if (r >= 0)
                r = catch_signals(follow->event, follow);
        if (r >= 0)
                r = subscribe(follow);
        if (r >= 0) /* the details are asked for after the loop */
                r = sd_bus_set_close_on_exit(client_connection_bus(connection), false);
        if (r >= 0)
                r = sd_bus_attach_event(
                        client_connection_bus(connection), follow->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot watch for the daemon's signals");

        *ret = TAKE_PTR(follow);
        return 0;
}

ClientFollow *client_follow_free(ClientFollow *follow) {
        if (!follow)
                return NULL;

        (void) sd_bus_slot_unref(follow->on_progress);
        (void) sd_bus_slot_unref(follow->on_message);
        (void) sd_bus_slot_unref(follow->on_properties);
        (void) sd_bus_slot_unref(follow->bootstrap);
        (void) sd_bus_slot_unref(follow->wait);
        (void) sd_bus_slot_unref(follow->cancel);
        (void) sd_bus_slot_unref(follow->read);
        (void) sd_bus_detach_event(client_connection_bus(follow->connection));
        (void) sd_event_unref(follow->event);
        client_display_details(follow->display, NULL);
        client_details_done(&follow->details);
        client_outcome_done(&follow->outcome);
        free(follow->id);
        free(follow->path);
        free(follow);
        return NULL;
}

/* Then the job may go on, but nothing more can be done from here. */
static bool is_connection_lost(const ClientFollow *follow) {
        return client_connection_is_remote(follow->connection) &&
               sd_bus_is_open(client_connection_bus(follow->connection)) <= 0;
}

static void recover(ClientFollow *follow) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (client_connection_recover(follow->connection, &error) < 0)
                client_display_message(follow->display, follow->id, 4, error_text(&error));
}

/* Runs until the outcome is known. */
static int run(ClientFollow *follow, ClientOutcome *ret, Error *error) {
        bool is_cut;
        int r;

        r = sd_event_loop(follow->event);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot follow the job");

        is_cut = follow->is_lost && is_connection_lost(follow);

        if (follow->is_lost && !is_cut)
                recover(follow);
        if (follow->is_lost && follow->path)
                r = client_outcome_set(
                        &follow->outcome, "failed", BUS_ERROR("Interrupted"),
                        is_cut ? "The connection to the host ended; the job may go on there"
                               : "The daemon exited while the job was running");
        if (r < 0)
                return error_oom(error);
        /* The last values, which a daemon need not have sent; without an answer, those from before remain. */
        if (!follow->is_lost && follow->path)
                (void) client_details_read(&follow->details, follow->connection, follow->path);

        *ret = follow->outcome;
        follow->outcome = OUTCOME_NULL;
        return 0;
}

int client_follow_bootstrap(
        ClientFollow *follow,
        sd_bus_message *call,
        const ClientJobHeader *header,
        ClientOutcome *ret,
        Error *error) {
        int r;

        follow->source = header->source;
        follow->destination = header->destination;
        r = call_without_timeout(follow, call, &follow->bootstrap, on_queued);
        return r < 0 ? client_error_set_bus(error, r, NULL) : run(follow, ret, error);
}

int client_follow_job(
        ClientFollow *follow, const ClientJobHeader *header, ClientOutcome *ret, Error *error) {
        int r;

        follow->lets_go = true;
        r = begin(follow, header);
        return r < 0 ? client_error_set_bus(error, r, NULL) : run(follow, ret, error);
}

bool client_follow_is_detached(const ClientFollow *follow) {
        return follow->is_detached;
}

const char *client_follow_id(const ClientFollow *follow) {
        return follow->id;
}
