/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bus-image.h"
#include "base-macro.h"

static const struct Field {
        const char *key;
        ProtoDetailKind kind;
} texts[] = {
        { "created", PROTO_DETAIL_CREATED },
        { "author", PROTO_DETAIL_AUTHOR },
}, config_texts[] = {
        { "user", PROTO_DETAIL_USER },
        { "working-dir", PROTO_DETAIL_WORKING_DIRECTORY },
        { "stop-signal", PROTO_DETAIL_STOP_SIGNAL },
}, config_lists[] = {
        { "entrypoint", PROTO_DETAIL_ENTRYPOINT },
        { "cmd", PROTO_DETAIL_CMD },
        { "volumes", PROTO_DETAIL_VOLUME },
        { "ports", PROTO_DETAIL_PORT },
        { "env", PROTO_DETAIL_ENV },
};

static const JobImageDetail *find(const JobImageDetails *details, ProtoDetailKind kind) {
        for (size_t i = 0; i < details->n; i++)
                if (details->details[i].kind == kind)
                        return &details->details[i];

        return NULL;
}

static int append_text(
        sd_bus_message *message, const JobImageDetails *details, const struct Field *field) {
        const JobImageDetail *detail = find(details, field->kind);

        return detail ? sd_bus_message_append(message, "{sv}", field->key, "s", detail->value) : 0;
}

static int begin_list(sd_bus_message *message, const char *key, const char *type) {
        int r;

        r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', type);
        return r < 0 ? r : sd_bus_message_open_container(message, 'a', type + 1);
}

static int end_list(sd_bus_message *message) {
        int r = 0;

        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(message);
        return r;
}

static int append_list(
        sd_bus_message *message, const JobImageDetails *details, const struct Field *field) {
        int r;

        if (!find(details, field->kind))
                return 0;

        r = begin_list(message, field->key, "as");
        for (size_t i = 0; r >= 0 && i < details->n; i++)
                if (details->details[i].kind == field->kind)
                        r = sd_bus_message_append_basic(message, 's', details->details[i].value);
        return r < 0 ? r : end_list(message);
}

static int append_labels(sd_bus_message *message, const JobImageDetails *details) {
        int r;

        if (!find(details, PROTO_DETAIL_LABEL))
                return 0;

        r = begin_list(message, "labels", "a{ss}");
        for (size_t i = 0; r >= 0 && i < details->n; i++)
                if (details->details[i].kind == PROTO_DETAIL_LABEL)
                        r = sd_bus_message_append(
                                message, "{ss}", details->details[i].key,
                                details->details[i].value);
        return r < 0 ? r : end_list(message);
}

int bus_image_append_details(sd_bus_message *message, const JobImageDetails *details) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(texts); i++)
                r = append_text(message, details, &texts[i]);
        return r < 0 ? r : append_labels(message, details);
}

int bus_image_append_config(sd_bus_message *message, const JobImageDetails *details) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(config_lists); i++)
                r = append_list(message, details, &config_lists[i]);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(config_texts); i++)
                r = append_text(message, details, &config_texts[i]);
        if (r >= 0 && find(details, PROTO_DETAIL_INCOMPLETE))
                r = sd_bus_message_append(message, "{sv}", "incomplete", "b", 1);
        return r;
}
