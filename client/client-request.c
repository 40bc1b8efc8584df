/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "base-macro.h"
#include "base-text.h"
#include "client-outcome.h"
#include "client-request.h"
#include "dbus-names.h"

static int append_string(sd_bus_message *call, const char *key, const char *value) {
        return value ? sd_bus_message_append(call, "{sv}", key, "s", value) : 0;
}

static int append_bool(sd_bus_message *call, const char *key, bool value) {
        return value ? sd_bus_message_append(call, "{sv}", key, "b", true) : 0;
}

static int append_size(sd_bus_message *call, const char *key, uint64_t value) {
        return value > 0 ? sd_bus_message_append(call, "{sv}", key, "t", value) : 0;
}

static int append_fd(sd_bus_message *call, const char *key, int fd) {
        return fd >= 0 ? sd_bus_message_append(call, "{sv}", key, "h", fd) : 0;
}

static int append_ranges(sd_bus_message *call, const IdMap *map) {
        int r;

        r = sd_bus_message_open_container(call, 'a', "(uuu)");
        for (size_t i = 0; r >= 0 && i < map->n_ranges; i++)
                r = sd_bus_message_append(
                        call, "(uuu)", map->ranges[i].start, map->ranges[i].target,
                        map->ranges[i].count);

        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int append_map(sd_bus_message *call, const char *key, const IdMap *map) {
        int r;

        if (map->n_ranges == 0)
                return 0;

        r = sd_bus_message_open_container(call, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "a(uuu)");
        if (r >= 0)
                r = append_ranges(call, map);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* How to reach a registry. */
static int append_access(
        ClientConnection *connection,
        sd_bus_message *call,
        const ClientOptions *options,
        const ClientSecrets *secrets) {
        int r;

        r = append_string(call, "username", options->username);
        if (r >= 0)
                r = append_fd(call, "password-fd", secrets->password_fd);
        /* Nobody asked for these, so the image may be one that everybody gets. */
        if (r >= 0 && client_connection_carries_descriptors(connection))
                r = append_fd(call, "auth-fd", secrets->auth_fd);
        return r < 0 ? r : append_bool(call, "not-secure", options->not_secure);
}

static int append_common(
        ClientConnection *connection,
        sd_bus_message *call,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source) {
        int r;

        r = append_fd(call, "source-fd", source->fd);
        if (r >= 0)
                r = append_string(call, "platform", options->platform);
        if (r >= 0)
                r = append_access(connection, call, options, secrets);
        return r < 0 ? r : append_bool(call, "offline", options->offline);
}

static int append_for_bootstrap(
        sd_bus_message *call, const ClientOptions *options, const ClientSecrets *secrets) {
        int r;

        r = append_string(call, "format", options->format);
        if (r >= 0)
                r = append_bool(call, "flatten", options->flatten);
        if (r >= 0)
                r = append_string(call, "digest", options->digest);
        if (r >= 0)
                r = append_bool(call, "no-cache", options->no_cache);
        if (r >= 0)
                r = append_bool(call, "no-sync", options->no_sync);
        if (r >= 0)
                r = append_bool(call, "require-signed", options->require_signed);
        if (r >= 0)
                r = append_bool(call, "overwrite", options->overwrite);
        if (r >= 0)
                r = append_bool(call, "replace", options->replace);
        if (r >= 0)
                r = append_string(call, "keep-old", options->keep_old);
        if (r >= 0)
                r = append_bool(call, "in-place", options->in_place);
        if (r >= 0)
                r = append_bool(call, "keep-devices", options->keep_devices);
        if (r >= 0)
                r = append_size(call, "size", options->size);
        if (r >= 0)
                r = append_bool(call, "share-layers", options->share_layers);
        if (r >= 0)
                r = append_map(call, "uidmap", &options->uid_map);
        if (r >= 0)
                r = append_map(call, "gidmap", &options->gid_map);
        return r < 0 ? r : append_fd(call, "root-password-fd", secrets->root_password_fd);
}

static int check_strings(const ClientOptions *options, const char *source, Error *error) {
        const struct {
                const char *what, *text;
        } strings[] = {
                { "The source", source },
                { "The platform", options->platform },
                { "The user name", options->username },
                { "The old tree's name", options->keep_old },
        };

        for (size_t i = 0; i < N_ELEMENTS(strings); i++)
                if (strings[i].text && !text_is_utf8(strings[i].text))
                        return error_set(
                                error, EINVAL, ERROR_INVALID_OPTION, "%s is not valid UTF-8",
                                strings[i].what);

        return 0;
}

static int check_descriptors(
        const ClientConnection *connection, bool have_any, const char *what, Error *error) {
        if (!have_any || client_connection_carries_descriptors(connection))
                return 0;

        return error_set(
                error, EOPNOTSUPP, ERROR_INVALID_OPTION,
                "%s cannot be passed over this connection, which does not carry file descriptors",
                what);
}

int client_request_read_source(
        ClientConnection *connection,
        const char *directory,
        const char *text,
        ClientSource *ret,
        Error *error) {
        int r;

        r = check_descriptors(connection, client_source_is_file(text), "Files of this host", error);
        return r < 0 ? r : client_source_read(directory, text, ret, error);
}

static int new_call(
        ClientConnection *connection,
        const char *member,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        sd_bus_message **ret,
        Error *error) {
        int r;

        r = check_descriptors(
                connection, secrets->password_fd >= 0 || secrets->root_password_fd >= 0,
                "Passwords", error);
        if (r < 0)
                return r;

        r = sd_bus_message_new_method_call(
                client_connection_bus(connection), ret, client_connection_peer_name(connection),
                BUS_PATH, BUS_MANAGER, member);
        if (r >= 0)
                r = sd_bus_message_sensitive(*ret);
        return r < 0 ? client_error_set_message(error, r) : 0;
}

int client_request_new_bootstrap(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        const char *destination,
        sd_bus_message **ret,
        Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = check_strings(options, source->text, error);
        if (r < 0)
                return r;
        if (!text_is_utf8(destination))
                return error_set(
                        error, EINVAL, ERROR_INVALID_DESTINATION,
                        "The destination's name is not valid UTF-8");

        r = new_call(connection, "Bootstrap", options, secrets, &call, error);
        if (r < 0)
                return r;

        r = sd_bus_message_append(call, "ss", source->text, destination);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_common(connection, call, options, secrets, source);
        if (r >= 0)
                r = append_for_bootstrap(call, options, secrets);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = TAKE_PTR(call);
        return 0;
}

/* Without its options' end, so that more can follow. */
static int begin_question(
        ClientConnection *connection,
        const char *member,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        sd_bus_message **ret,
        Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = check_strings(options, source->text, error);
        if (r < 0)
                return r;

        r = new_call(connection, member, options, secrets, &call, error);
        if (r < 0)
                return r;

        r = sd_bus_message_append(call, "s", source->text);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_common(connection, call, options, secrets, source);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = TAKE_PTR(call);
        return 0;
}

int client_request_new_inspect(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        const char *document,
        sd_bus_message **ret,
        Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = begin_question(connection, "Inspect", options, secrets, source, &call, error);
        if (r < 0)
                return r;

        r = append_string(call, "document", document);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = TAKE_PTR(call);
        return 0;
}

int client_request_new_trust(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        int key_fd,
        sd_bus_message **ret,
        Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = check_descriptors(connection, key_fd >= 0, "Keys", error);
        if (r >= 0)
                r = begin_question(
                        connection, "ExplainTrust", options, secrets, source, &call, error);
        if (r < 0)
                return r;

        r = append_fd(call, "key-fd", key_fd);
        if (r >= 0)
                r = append_bool(call, "require-signed", options->require_signed);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = TAKE_PTR(call);
        return 0;
}

int client_request_new_tags(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const char *repository,
        sd_bus_message **ret,
        Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = check_strings(options, repository, error);
        if (r < 0)
                return r;

        r = new_call(connection, "ListTags", options, secrets, &call, error);
        if (r < 0)
                return r;

        r = sd_bus_message_append(call, "s", repository);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0)
                r = append_access(connection, call, options, secrets);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = TAKE_PTR(call);
        return 0;
}
