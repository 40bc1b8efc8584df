/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base-macro.h"
#include "client-job.h"
#include "client-outcome.h"
#include "dbus-names.h"

static const struct Field {
        const char *name;
        char type;
        size_t offset;
} fields[] = {
        { "Id", 's', offsetof(ClientJobInfo, header.id) },
        { "Source", 's', offsetof(ClientJobInfo, header.source) },
        { "Destination", 's', offsetof(ClientJobInfo, header.destination) },
        { "Format", 's', offsetof(ClientJobInfo, format) },
        { "State", 's', offsetof(ClientJobInfo, state) },
        { "Digest", 's', offsetof(ClientJobInfo, digest) },
        { "Owner", 'u', offsetof(ClientJobInfo, owner) },
        { "BytesDownloaded", 't', offsetof(ClientJobInfo, bytes_downloaded) },
        { "BytesUnpacked", 't', offsetof(ClientJobInfo, bytes_unpacked) },
        { "QueuedTime", 't', offsetof(ClientJobInfo, queued_usec) },
        { "StartTime", 't', offsetof(ClientJobInfo, started_usec) },
        { "EndTime", 't', offsetof(ClientJobInfo, ended_usec) },
};

int client_job_make_path(const char *id, char **ret, Error *error) {
        return sd_bus_path_encode(BUS_JOB_PATH, id, ret) < 0 ? error_oom(error) : 0;
}

static int read_field(sd_bus_message *reply, const struct Field *field, ClientJobInfo *info) {
        const char type[] = { field->type, '\0' };

        return sd_bus_message_read(reply, "v", type, (char *) info + field->offset);
}

static int read_config(sd_bus_message *reply, ClientConfig *config) {
        int r;

        r = sd_bus_message_enter_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                const char *key;

                r = sd_bus_message_read(reply, "s", &key);
                if (r >= 0)
                        r = client_config_read_value(reply, key, config);
                if (r == 0)
                        r = sd_bus_message_skip(reply, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
                if (r < 0)
                        return r;
        }

        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

static int read_property(sd_bus_message *reply, const char *name, ClientJobInfo *info) {
        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                if (strcmp(fields[i].name, name) == 0)
                        return read_field(reply, &fields[i], info);

        if (strcmp(name, "Progress") == 0)
                return sd_bus_message_read(
                        reply, "v", "(sttd)", &info->progress.phase, &info->progress.done,
                        &info->progress.total, &info->progress.fraction);
        if (strcmp(name, "Error") == 0)
                return sd_bus_message_read(reply, "v", "(ss)", &info->error, &info->message);

        if (strcmp(name, "Config") == 0)
                return read_config(reply, &info->config);

        return sd_bus_message_skip(reply, "v");
}

int client_job_info_read_properties(sd_bus_message *message, ClientJobInfo *info) {
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                const char *name;

                r = sd_bus_message_read(message, "s", &name);
                if (r >= 0)
                        r = read_property(message, name, info);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }

        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static bool is_no_object(const sd_bus_error *bus_error) {
        return sd_bus_error_has_name(bus_error, SD_BUS_ERROR_UNKNOWN_OBJECT) ||
               sd_bus_error_has_name(bus_error, SD_BUS_ERROR_UNKNOWN_INTERFACE) ||
               sd_bus_error_has_name(bus_error, SD_BUS_ERROR_UNKNOWN_METHOD);
}

static int set_no_such_job(const char *path, Error *error) {
        _cleanup_(freep) char *id = NULL;

        if (sd_bus_path_decode(path, BUS_JOB_PATH, &id) <= 0)
                id = NULL;
        return error_set(
                error, ENOENT, ERROR_NO_SUCH_JOB, "Job \"%s\" does not exist", id ? id : path);
}

int client_job_info_read(
        ClientConnection *connection, const char *path, ClientJobInfo *ret, Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(client_job_info_done) ClientJobInfo info = JOB_INFO_UNKNOWN(path);
        int r;

        r = sd_bus_call_method(
                client_connection_bus(connection), client_connection_peer_name(connection), path,
                "org.freedesktop.DBus.Properties", "GetAll", &bus_error, &info.reply, "s", BUS_JOB);
        if (r < 0 && is_no_object(&bus_error))
                return set_no_such_job(path, error);
        if (r < 0)
                return client_error_set_bus(error, r, &bus_error);

        r = client_job_info_read_properties(info.reply, &info);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = info;
        info = JOB_INFO_NULL;
        return 0;
}

void client_job_info_done(ClientJobInfo *info) {
        (void) sd_bus_message_unref(info->reply);
        client_config_done(&info->config);
        *info = JOB_INFO_NULL;
}
