/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.freedesktop.LogControl1(5): "systemctl service-log-level virt-bootstrapd debug". */

#include "bus-access.h"

BUS_GETTER(on_get_level) {
        const BusServer *server = userdata;

        return sd_bus_message_append(reply, "s", log_level_to_string(server->log->level));
}

static int on_set_level(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *call,
        void *userdata,
        sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        const char *text;
        int r, level;

        if (bus_access_check(server, call, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);
        r = sd_bus_message_read(call, "s", &text);
        if (r < 0)
                return r;

        level = log_level_from_string(text);
        if (level < 0)
                return sd_bus_error_setf(
                        ret_error, SD_BUS_ERROR_INVALID_ARGS,
                        "Unknown log level; expected emerg, alert, crit, err, warning, notice, info or "
                        "debug");
        server->log->level = level;
        return 0;
}

BUS_GETTER(on_get_target) {
        const BusServer *server = userdata;

        return sd_bus_message_append(
                reply, "s", server->log->has_priorities ? "journal" : "console");
}

static int on_set_target(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *call,
        void *userdata,
        sd_bus_error *ret_error) {
        return sd_bus_error_setf(
                ret_error, SD_BUS_ERROR_NOT_SUPPORTED,
                "The log goes to standard error; the unit or the shell decides where that leads");
}

BUS_GETTER(on_get_identifier) {
        return sd_bus_message_append(reply, "s", "virt-bootstrapd");
}

/* UNPRIVILEGED: bus_access_check() decides, even for peers, whose capabilities sd-bus does not know. */
const sd_bus_vtable bus_log_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY(
                "LogLevel", "s", on_get_level, on_set_level, 0, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY(
                "LogTarget", "s", on_get_target, on_set_target, 0, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY(
                "SyslogIdentifier", "s", on_get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_VTABLE_END,
};
