/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base-macro.h"
#include "client-outcome.h"
#include "dbus-names.h"

/* Errors of the message bus itself. */
static const struct {
        const char *name;
        ErrorKind kind;
} bus_kinds[] = {
        { SD_BUS_ERROR_ACCESS_DENIED, ERROR_ACCESS_DENIED },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, ERROR_ACCESS_DENIED },
        { SD_BUS_ERROR_AUTH_FAILED, ERROR_ACCESS_DENIED },
        { SD_BUS_ERROR_NO_REPLY, ERROR_INTERRUPTED },
        { SD_BUS_ERROR_DISCONNECTED, ERROR_INTERRUPTED },
        { SD_BUS_ERROR_UNKNOWN_OBJECT, ERROR_NO_SUCH_JOB },
        { SD_BUS_ERROR_INVALID_ARGS, ERROR_INVALID_OPTION },
        { SD_BUS_ERROR_LIMITS_EXCEEDED, ERROR_LIMIT_EXCEEDED },
};

/* How the library reports a lost connection. */
static bool is_disconnect(int code) {
        return code == ECONNRESET || code == EPIPE || code == ENOTCONN || code == ESHUTDOWN;
}

static ErrorKind find_kind(const sd_bus_error *bus_error) {
        const char *name = bus_error->name;

        for (ErrorKind kind = 0; kind < _ERROR_KIND_MAX; kind++)
                if (strcmp(error_kind_to_bus_name(kind), name) == 0)
                        return kind;

        for (size_t i = 0; i < N_ELEMENTS(bus_kinds); i++)
                if (strcmp(bus_kinds[i].name, name) == 0)
                        return bus_kinds[i].kind;

        return is_disconnect(sd_bus_error_get_errno(bus_error)) ? ERROR_INTERRUPTED : ERROR_FAILED;
}

static bool is_ours(const sd_bus_error *bus_error) {
        return strncmp(bus_error->name, BUS_ERROR(""), strlen(BUS_ERROR(""))) == 0;
}

static const char *find_message(const sd_bus_error *bus_error) {
        /* The library's text for a lost connection does not help a user, nor does the bus's policy. */
        if (find_kind(bus_error) == ERROR_INTERRUPTED && !is_ours(bus_error))
                return "The daemon exited without answering";
        if (sd_bus_error_has_name(bus_error, SD_BUS_ERROR_ACCESS_DENIED))
                return "The message bus does not allow this user to call the daemon; try --user or "
                       "--embedded";

        return bus_error->message ? bus_error->message : bus_error->name;
}

static int duplicate(const char *text, char **ret) {
        char *copy = NULL;

        if (text && *text) {
                copy = strdup(text);
                if (!copy)
                        return -ENOMEM;
        }

        *ret = copy;
        return 0;
}

int client_outcome_set(
        ClientOutcome *outcome, const char *result, const char *error, const char *message) {
        _cleanup_(client_outcome_done) ClientOutcome made = OUTCOME_NULL;

        if (duplicate(result, &made.result) < 0 || duplicate(error, &made.error) < 0 ||
            duplicate(message, &made.message) < 0)
                return -ENOMEM;

        client_outcome_done(outcome);
        *outcome = (ClientOutcome){
                .result = TAKE_PTR(made.result),
                .error = TAKE_PTR(made.error),
                .message = TAKE_PTR(made.message),
        };
        return 0;
}

int client_outcome_set_error(ClientOutcome *outcome, const Error *error) {
        return client_outcome_set(
                outcome, error->kind == ERROR_CANCELLED ? "cancelled" : "failed",
                error_kind_to_bus_name(error->kind), error_text(error));
}

int client_outcome_set_bus_error(ClientOutcome *outcome, const sd_bus_error *bus_error) {
        /* Names from a newer daemon are kept; those from the bus are mapped to ours. */
        const char *name =
                is_ours(bus_error) ? bus_error->name : error_kind_to_bus_name(find_kind(bus_error));

        return client_outcome_set(outcome, "failed", name, find_message(bus_error));
}

static bool is_wrong_usage(const ClientOutcome *outcome) {
        return outcome->error &&
               (strcmp(outcome->error, error_kind_to_bus_name(ERROR_INVALID_OPTION)) == 0 ||
                strcmp(outcome->error, error_kind_to_bus_name(ERROR_INVALID_REFERENCE)) == 0);
}

int client_outcome_status(const ClientOutcome *outcome, bool is_of_job) {
        if (!outcome->result)
                return STATUS_FAILED;
        if (!is_of_job && is_wrong_usage(outcome))
                return STATUS_USAGE;
        if (strcmp(outcome->result, "done") == 0)
                return STATUS_DONE;

        return strcmp(outcome->result, "cancelled") == 0 ? STATUS_CANCELLED : STATUS_FAILED;
}

void client_outcome_done(ClientOutcome *outcome) {
        free(outcome->result);
        free(outcome->error);
        free(outcome->message);
        *outcome = OUTCOME_NULL;
}

int client_error_set_bus(Error *error, int r, const sd_bus_error *bus_error) {
        int code;

        if (!sd_bus_error_is_set(bus_error))
                return error_set_errno(error, -r, "Cannot communicate with the daemon");

        code = sd_bus_error_get_errno(bus_error);
        return error_set(
                error, code > 0 ? code : EIO, find_kind(bus_error), "%s", find_message(bus_error));
}

int client_error_set_message(Error *error, int r) {
        return error_set_errno(error, -r, "Cannot read or write a D-Bus message");
}
