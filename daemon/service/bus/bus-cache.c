/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "bus-access.h"
#include "bus-pending.h"
#include "store-cache.h"
#include "store-disk.h"

static Store *server_store(const BusServer *server) {
        return server->context->store;
}

static int append_entries(sd_bus_message *reply, const StoreEntry *entries, size_t n) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(stts)");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                char digest[DIGEST_STRING_MAX];

                r = sd_bus_message_append(
                        reply, "(stts)", digest_format(&entries[i].digest, digest), entries[i].size,
                        entries[i].used_usec, store_entry_state_to_string(entries[i].state));
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int on_list(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(freep) StoreEntry *entries = NULL;
        BusServer *server = userdata;
        size_t n = 0;
        int r;

        if (bus_access_check(server, call, NULL, &error) < 0 ||
            store_list(server_store(server), &entries, &n, &error) < 0)
                return bus_error_set(ret_error, &error);

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_entries(reply, entries, n);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_remove(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        const char *text;
        Digest digest;
        int r;

        if (bus_access_check(server, call, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);

        r = sd_bus_message_read_basic(call, 's', &text);
        if (r < 0)
                return r;
        if (digest_parse(text, &digest) < 0)
                error_set(
                        &error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" is not a digest; expected sha256: followed by 64 lower-case hex digits",
                        text);
        else
                (void) store_remove(server_store(server), &digest, &error);
        if (error.code != 0)
                return bus_error_set(ret_error, &error);

        return sd_bus_reply_method_return(call, NULL);
}

static int on_prune(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        uint64_t keep;
        int r;

        if (bus_access_check(server, call, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);

        r = sd_bus_message_read_basic(call, 't', &keep);
        if (r < 0)
                return r;
        if (bus_pending_prune(server, call, keep, &error) < 0)
                return bus_error_set(ret_error, &error);

        return 1;
}

static int on_release_leases(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;

        if (bus_access_check(server, call, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);

        return sd_bus_reply_method_return(call, "u", store_disk_release_all(server_store(server)));
}

static int on_verify(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;

        if (bus_access_check(server, call, NULL, &error) < 0 ||
            bus_pending_verify(server, call, &error) < 0)
                return bus_error_set(ret_error, &error);

        return 1;
}

static int get_path(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *ret_error) {
        _cleanup_(freep) char *printable = text_printable(store_path(server_store(userdata)));

        return printable ? sd_bus_message_append_basic(reply, 's', printable) : -ENOMEM;
}

static int get_size(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        uint64_t size;

        if (store_size(server_store(userdata), &size, &error) < 0)
                return bus_error_set(ret_error, &error);
        return sd_bus_message_append(reply, "t", size);
}

const sd_bus_vtable bus_cache_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "List",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("a(stts)", blobs),
                on_list,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Remove",
                SD_BUS_ARGS("s", digest),
                SD_BUS_NO_RESULT,
                on_remove,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Prune",
                SD_BUS_ARGS("t", keep_bytes),
                SD_BUS_RESULT("t", freed),
                on_prune,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "ReleaseLeases",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("u", released),
                on_release_leases,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Verify",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("as", damaged),
                on_verify,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Path", "s", get_path, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Size", "t", get_size, 0, 0),
        SD_BUS_VTABLE_END,
};
