/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "bus-refuse.h"

static int open_server(int fd, sd_bus **ret) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        sd_id128_t id = SD_ID128_NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_id128_randomize(&id);
        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                (void) close(fd);
                return r;
        }

        r = sd_bus_set_server(bus, 1, id);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, 1);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bus);
        return 0;
}

/* Receives one message: 1, or 0 if there is none yet. */
static int next_message(sd_bus *bus, sd_bus_message **ret) {
        int r = sd_bus_process(bus, ret);

        if (r != 0)
                return r < 0 ? r : *ret != NULL;
        r = sd_bus_wait(bus, BUS_REFUSE_USEC);
        return r == 0 ? -ETIMEDOUT : r < 0 ? r : 0;
}

int bus_refuse(int fd, const Error *why) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = open_server(fd, &bus);
        while (r >= 0) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

                r = next_message(bus, &message);
                if (r > 0 && sd_bus_message_is_method_call(message, NULL, NULL) > 0)
                        return sd_bus_reply_method_errorf(
                                message, error_kind_to_bus_name(why->kind), "%s", error_text(why));
        }

        return r;
}
