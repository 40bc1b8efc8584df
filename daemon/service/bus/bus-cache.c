/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-clock.h"
#include "base-text.h"
#include "bus-access.h"
#include "bus-cache-reply.h"
#include "bus-park.h"
#include "bus-pending.h"
#include "reference.h"
#include "store-prune.h"

static Store *server_store(const BusServer *server) {
        return server->context->store;
}

static int append_images(sd_bus_message *reply, const StoreCatalog *catalog) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sssttts)");
        for (size_t i = 0; r >= 0 && i < catalog->n_images; i++) {
                const StoreCatalogImage *image = &catalog->images[i];
                char digest[DIGEST_STRING_MAX];

                r = sd_bus_message_append(
                        reply, "(sssttts)", image->image.reference,
                        digest_format(&image->image.top, digest), image->image.platform,
                        image->disk_bytes, image->shared_bytes, image->used_usec,
                        image->is_used ? "used" : "ok");
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* The blobs that no image needs. */
static int append_unnamed(sd_bus_message *reply, const StoreCatalog *catalog) {
        uint64_t disk_bytes = 0, used_usec = 0;
        uint32_t n = 0;

        for (size_t i = 0; i < catalog->n_blobs; i++) {
                const StoreCatalogBlob *blob = &catalog->blobs[i];

                if (blob->n_images > 0)
                        continue;
                n++;
                disk_bytes += blob->entry.disk_bytes;
                if (blob->entry.used_usec > used_usec)
                        used_usec = blob->entry.used_usec;
        }
        return sd_bus_message_append(reply, "(utt)", n, disk_bytes, used_usec);
}

static int on_list_images(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(store_catalog_done) StoreCatalog catalog = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        StoreUsage usage;
        int r;

        if (bus_access_check(server, call, NULL, &error) < 0 ||
            store_catalog_read(server_store(server), &catalog, &error) < 0 ||
            store_usage_read(server_store(server), &usage, &error) < 0)
                return bus_error_set(ret_error, &error);

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = append_images(reply, &catalog);
        if (r >= 0)
                r = append_unnamed(reply, &catalog);
        if (r >= 0)
                r = bus_cache_append_usage(reply, &usage);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int append_blob(sd_bus_message *reply, const StoreCatalog *catalog, size_t index) {
        const StoreEntry *entry = &catalog->blobs[index].entry;
        char digest[DIGEST_STRING_MAX];
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sttsas");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "stts", digest_format(&entry->digest, digest), entry->disk_bytes,
                        entry->used_usec, store_entry_state_to_string(entry->state));
        if (r >= 0)
                r = bus_cache_append_names(reply, catalog, index);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int on_list_blobs(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(store_catalog_done) StoreCatalog catalog = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        int r;

        if (bus_access_check(server, call, NULL, &error) < 0 ||
            store_catalog_read(server_store(server), &catalog, &error) < 0)
                return bus_error_set(ret_error, &error);

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sttsas)");
        for (size_t i = 0; r >= 0 && i < catalog.n_blobs; i++)
                r = append_blob(reply, &catalog, i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int on_list_disks(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;

        if (bus_access_check(server, call, NULL, &error) < 0 ||
            bus_pending_list_disks(server, call, &error) < 0)
                return bus_error_set(ret_error, &error);

        return 1;
}

/* An image's name is what a caller of Bootstrap would write; what cannot be one may still be a digest. */
static int remove_named(Store *store, const char *name, StoreRemovals *removals, Error *error) {
        _cleanup_(error_clear) Error refusal = ERROR_NULL;
        char full[REFERENCE_MAX + 1];
        Reference reference;
        bool is_reference;

        is_reference = reference_parse(name, &reference, &refusal) >= 0;
        if (!is_reference && !store_catalog_is_digest(name)) {
                error_move(error, &refusal);
                return -EINVAL;
        }
        return store_remove(
                store, is_reference ? reference_format(&reference, full) : NULL, name, removals,
                error);
}

static int on_remove(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(store_removals_done) StoreRemovals removals = { 0 };
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        const char *name;
        int r;

        if (bus_access_check(server, call, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);

        r = sd_bus_message_read_basic(call, 's', &name);
        if (r < 0)
                return r;
        if (remove_named(server_store(server), name, &removals, &error) < 0)
                return bus_error_set(ret_error, &error);

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = bus_cache_append_removals(reply, &removals);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* The message is at the value of the option @name. */
static int read_pruning_option(
        sd_bus_message *call, const char *name, StorePruning *pruning, Error *error) {
        const uint64_t now = clock_usec(CLOCK_REALTIME);
        uint64_t span;
        int r, flag;

        if (strcmp(name, "keep") == 0)
                r = sd_bus_message_read(call, "v", "t", &pruning->keep_bytes);
        else if (strcmp(name, "older-than") == 0) {
                r = sd_bus_message_read(call, "v", "t", &span);
                if (r >= 0)
                        pruning->before_usec = span < now ? now - span : 0;
        } else if (strcmp(name, "dry-run") == 0 || strcmp(name, "force") == 0) {
                r = sd_bus_message_read(call, "v", "b", &flag);
                if (r >= 0)
                        *(name[0] == 'd' ? &pruning->is_dry : &pruning->is_forced) = flag;
        } else
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "There is no option \"%s\" to prune the cache", name);

        return r < 0 ? error_set(
                               error, EINVAL, ERROR_INVALID_OPTION,
                               "Option \"%s\" has a value of the wrong type", name)
                     : 0;
}

static int read_pruning(sd_bus_message *call, StorePruning *ret, Error *error) {
        StorePruning pruning = { .before_usec = STORE_PRUNE_ANY };
        const char *name;
        int r;

        r = sd_bus_message_enter_container(call, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
                int q;

                r = sd_bus_message_read_basic(call, 's', &name);
                q = r < 0 ? 0 : read_pruning_option(call, name, &pruning, error);
                if (q < 0)
                        return q;
                if (r >= 0)
                        r = sd_bus_message_exit_container(call);
        }
        if (r < 0)
                return error_set(error, -r, ERROR_INVALID_OPTION, "The arguments are malformed");

        *ret = pruning;
        return 0;
}

static int on_prune(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        StorePruning pruning;
        int r;

        r = bus_access_check(server, call, NULL, &error);
        if (r >= 0)
                r = read_pruning(call, &pruning, &error);
        if (r >= 0)
                r = bus_pending_prune(server, call, &pruning, &error);
        bus_park(server, call, 0);
        return r < 0 ? bus_error_set(ret_error, &error) : 1;
}

static int on_verify(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;

        if (bus_access_check(server, call, NULL, &error) < 0 ||
            bus_pending_verify(server, call, &error) < 0)
                return bus_error_set(ret_error, &error);

        return 1;
}

BUS_GETTER(get_path) {
        _cleanup_(freep) char *printable = text_printable(store_path(server_store(userdata)));

        return printable ? sd_bus_message_append_basic(reply, 's', printable) : -ENOMEM;
}

BUS_GETTER(get_size) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        StoreUsage usage;

        if (store_usage_read(server_store(userdata), &usage, &error) < 0)
                return bus_error_set(ret_error, &error);
        return sd_bus_message_append(reply, "t", store_usage_total(&usage));
}

#define UNPRIVILEGED SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable bus_cache_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "ListImages",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("a(sssttts)", images, "(utt)", unnamed, "a{st}", usage),
                on_list_images,
                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "ListBlobs",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("a(sttsas)", blobs),
                on_list_blobs,
                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "ListDisks",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("a(sttsas)", disks, "a{st}", usage),
                on_list_disks,
                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Remove",
                SD_BUS_ARGS("s", name),
                SD_BUS_RESULT("a(sst)", removed, "t", freed),
                on_remove,
                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Prune",
                SD_BUS_ARGS("a{sv}", options),
                SD_BUS_RESULT("a(sst)", removed, "t", freed, "a{st}", usage),
                on_prune,
                UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Verify",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("a(sas)", damaged, "u", blobs, "t", bytes),
                on_verify,
                UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("VerifyProgress", SD_BUS_ARGS("t", done, "t", total), 0),
        SD_BUS_PROPERTY("Path", "s", get_path, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Size", "t", get_size, 0, 0),
        SD_BUS_VTABLE_END,
};
