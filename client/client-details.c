/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "client-details.h"
#include "dbus-names.h"

static const char *const state_names[_LAYER_STATE_MAX] = {
        [LAYER_WAITING] = "waiting",       [LAYER_DOWNLOADING] = "downloading",
        [LAYER_DOWNLOADED] = "downloaded", [LAYER_UNPACKING] = "unpacking",
        [LAYER_UNPACKED] = "unpacked",
};

static const struct Field {
        const char *name;
        char type;
        size_t offset;
} fields[] = {
        { "Platform", 's', offsetof(ClientDetails, platform) },
        { "Digest", 's', offsetof(ClientDetails, digest) },
        { "Disk", 's', offsetof(ClientDetails, disk) },
        { "Speed", 't', offsetof(ClientDetails, speed) },
        { "BytesDownloaded", 't', offsetof(ClientDetails, downloaded) },
        { "Files", 't', offsetof(ClientDetails, files) },
        { "QueuedTime", 't', offsetof(ClientDetails, queued_usec) },
        { "StartTime", 't', offsetof(ClientDetails, start_usec) },
        { "EndTime", 't', offsetof(ClientDetails, end_usec) },
};

const char *client_layer_state_to_string(ClientLayerState state) {
        return state_names[state];
}

static ClientLayerState find_state(const char *name) {
        for (ClientLayerState state = 0; state < _LAYER_STATE_MAX; state++)
                if (strcmp(state_names[state], name) == 0)
                        return state;

        return LAYER_WAITING;
}

static void drop_layers(ClientDetails *details) {
        for (size_t i = 0; i < details->n_layers; i++)
                free(details->layers[i].digest);
        free(details->layers);
        details->layers = NULL;
        details->n_layers = 0;
}

/* @layer->digest is copied. */
static int add_layer(ClientDetails *details, const ClientLayer *layer) {
        ClientLayer *grown;
        char *digest;

        if (details->n_layers == DETAILS_LAYERS_MAX)
                return -E2BIG;
        grown = reallocarray(details->layers, details->n_layers + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        details->layers = grown;

        digest = strdup(layer->digest);
        if (!digest)
                return -ENOMEM;
        grown[details->n_layers] = *layer;
        grown[details->n_layers++].digest = digest;
        return 0;
}

static int read_layer(sd_bus_message *m, ClientLayer *ret) {
        const char *state;
        int is_cached, r;

        r = sd_bus_message_read(
                m, "(sbstt)", &ret->digest, &is_cached, &state, &ret->done, &ret->size);
        if (r > 0) {
                ret->is_cached = is_cached;
                ret->state = find_state(state);
        }
        return r;
}

static int read_layers(sd_bus_message *m, ClientDetails *details) {
        _cleanup_(client_details_done) ClientDetails read = DETAILS_NULL;
        ClientLayer layer;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "a(sbstt)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(sbstt)");
        if (r < 0)
                return r;

        while ((r = read_layer(m, &layer)) > 0) {
                r = add_layer(&read, &layer);
                if (r < 0)
                        return r;
        }

        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;

        drop_layers(details);
        details->n_layers = read.n_layers;
        details->layers = TAKE_PTR(read.layers);
        read.n_layers = 0;
        return 0;
}

static int read_text(sd_bus_message *m, char **ret) {
        const char *text;
        char *copy = NULL;
        int r;

        r = sd_bus_message_read(m, "v", "s", &text);
        if (r < 0)
                return r;
        if (*text) {
                copy = strdup(text);
                if (!copy)
                        return -ENOMEM;
        }

        free(*ret);
        *ret = copy;
        return 0;
}

static int read_property(sd_bus_message *m, const char *name, ClientDetails *details) {
        for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
                void *member = (char *) details + fields[i].offset;

                if (strcmp(fields[i].name, name) == 0)
                        return fields[i].type == 's' ? read_text(m, member)
                                                     : sd_bus_message_read(m, "v", "t", member);
        }

        return strcmp(name, "Layers") == 0 ? read_layers(m, details) : sd_bus_message_skip(m, "v");
}

int client_details_update(ClientDetails *details, sd_bus_message *m) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                const char *name;

                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read_property(m, name, details);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int client_details_new_call(ClientConnection *connection, const char *path, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(
                client_connection_bus(connection), &call, client_connection_peer_name(connection),
                path, "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", BUS_JOB);
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(call);
        return 0;
}

int client_details_read(ClientDetails *details, ClientConnection *connection, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int r;

        r = client_details_new_call(connection, path, &call);
        if (r >= 0)
                r = sd_bus_call(client_connection_bus(connection), call, 0, NULL, &reply);
        return r < 0 ? r : client_details_update(details, reply);
}

uint64_t client_details_size(const ClientDetails *details) {
        uint64_t bytes = 0;

        for (size_t i = 0; i < details->n_layers; i++)
                bytes += details->layers[i].size;
        return bytes;
}

uint64_t client_details_cached(const ClientDetails *details) {
        uint64_t bytes = 0;

        for (size_t i = 0; i < details->n_layers; i++)
                if (details->layers[i].is_cached)
                        bytes += details->layers[i].size;
        return bytes;
}

uint64_t client_details_elapsed(const ClientDetails *details) {
        return details->start_usec > 0 && details->end_usec > details->start_usec
                       ? details->end_usec - details->start_usec
                       : 0;
}

void client_details_done(ClientDetails *details) {
        free(details->platform);
        free(details->digest);
        free(details->disk);
        drop_layers(details);
        *details = DETAILS_NULL;
}
