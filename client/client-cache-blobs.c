/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>

#include "base-macro.h"
#include "client-cache.h"
#include "client-intl.h"
#include "client-outcome.h"
#include "client-pager.h"
#include "client-size.h"
#include "client-table.h"
#include "client-verbs.h"

/* A blob, or a shared disk image. */
typedef struct Item {
        const char *id, *state;
        uint64_t disk_bytes, used_usec;
} Item;

/* How to show the items of one of the lists. */
typedef struct Listing {
        const char *key;       /* of the id, in JSON */
        const char *users_key; /* of what needs the item, likewise */
        bool has_names;        /* these are images */
} Listing;

static const Listing blob_listing = { "digest", "images", true };
static const Listing disk_listing = { "disk", "chains", false };

static void print_json(const Listing *listing, const Item *item, char *const *users, size_t n) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, listing->key, item->id);
        client_json_uint(&json, "size", item->disk_bytes);
        client_json_uint(&json, "used-usec", item->used_usec);
        client_json_string(&json, "state", item->state);
        client_json_array_begin(&json, listing->users_key);
        for (size_t i = 0; i < n; i++)
                client_json_string(&json, NULL, users[i]);
        client_json_array_end(&json);
        client_json_object_end(&json);
        client_json_finish(&json);
}

static int add_row(
        const Listing *listing,
        ClientTable *table,
        const Item *item,
        char *const *users,
        size_t n,
        Error *error) {
        char id[CACHE_DIGEST_MAX], size[SIZE_TEXT_MAX], used[CACHE_TIME_MAX], name[CACHE_NAME_MAX];
        _cleanup_(freep) char *text = NULL;
        const char *first = n == 0               ? "-"
                            : listing->has_names ? client_cache_short_name(users[0], name)
                                                 : users[0];

        if (n > 1 && asprintf(&text, "%s +%zu", first, n - 1) < 0) {
                text = NULL;
                return error_oom(error);
        }
        return client_table_add(
                table,
                (const char *const[]){ client_cache_short_digest(item->id, id),
                                       client_size_format(item->disk_bytes, size),
                                       client_cache_format_time(item->used_usec, used), item->state,
                                       text ? text : first },
                error);
}

/* Reads one item, and shows it; returns 0 at the end of the list. */
static int list_item(
        sd_bus_message *reply,
        const Listing *listing,
        const ClientOptions *options,
        ClientTable *table,
        Error *error) {
        char **users = NULL;
        size_t n = 0;
        Item item;
        int r;

        r = sd_bus_message_enter_container(reply, 'r', "sttsas");
        if (r == 0)
                return 0;
        if (r >= 0)
                r = sd_bus_message_read(
                        reply, "stts", &item.id, &item.disk_bytes, &item.used_usec, &item.state);
        if (r >= 0)
                r = sd_bus_message_read_strv(reply, &users);
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        if (r < 0)
                return client_error_set_message(error, r);

        while (users && users[n])
                n++;
        if (options->json)
                print_json(listing, &item, users, n);
        else
                r = add_row(listing, table, &item, users, n, error);
        for (size_t i = 0; i < n; i++)
                free(users[i]);
        free(users);
        return r < 0 ? r : 1;
}

static int list_items(
        sd_bus_message *reply,
        const Listing *listing,
        const ClientOptions *options,
        ClientTable *table,
        Error *error) {
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(sttsas)");
        if (r < 0)
                return client_error_set_message(error, r);
        do
                r = list_item(reply, listing, options, table, error);
        while (r > 0);
        if (r < 0)
                return r;

        r = sd_bus_message_exit_container(reply);
        return r < 0 ? client_error_set_message(error, r) : 0;
}

static int ask(
        ClientConnection *connection, const char *member, sd_bus_message **ret, Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_cache_new_call(connection, member, &call, error);
        return r < 0 ? r : client_cache_call(connection, call, ret, error);
}

static void print_tables(
        const ClientTable *blobs,
        const ClientTable *disks,
        const ClientOptions *options,
        const ClientCacheUsage *usage) {
        const size_t n_blobs = client_table_rows(blobs), n_disks = client_table_rows(disks);
        _cleanup_(client_pager_close) ClientPager pager = PAGER_NULL;

        client_pager_open(options, &pager);
        client_table_print(blobs, !options->no_legend, stdout);
        if (n_disks > 0) {
                if (!options->no_legend)
                        (void) printf("\n");
                client_table_print(disks, !options->no_legend, stdout);
        }
        if (options->no_legend)
                return;

        (void) printf(ngettext("\n%zu blob,", "\n%zu blobs,", n_blobs), n_blobs);
        if (n_disks > 0)
                (void) printf(ngettext(" %zu disk image,", " %zu disk images,", n_disks), n_disks);
        client_cache_print_usage(usage);
}

static void print_usage_json(const ClientCacheUsage *usage) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_cache_write_usage(&json, usage);
        client_json_object_end(&json);
        client_json_finish(&json);
}

int client_verb_cache_blobs(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        const ClientTableColumn blob_columns[] = {
                { _("DIGEST") },    { _("SIZE"), .is_right = true },
                { _("LAST USED") }, { _("STATE") },
                { _("IMAGE") },
        };
        const ClientTableColumn disk_columns[] = {
                { _("DISK IMAGE") }, { _("SIZE"), .is_right = true },
                { _("LAST USED") },  { _("STATE") },
                { _("CHAIN") },
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *blobs = NULL, *disks = NULL;
        _cleanup_(client_table_freep) ClientTable *blob_table = NULL, *disk_table = NULL;
        ClientCacheUsage usage;
        int r;

        r = ask(connection, "ListBlobs", &blobs, error);
        if (r >= 0)
                r = ask(connection, "ListDisks", &disks, error);
        if (r >= 0)
                r = client_table_new(blob_columns, N_ELEMENTS(blob_columns), &blob_table, error);
        if (r >= 0)
                r = client_table_new(disk_columns, N_ELEMENTS(disk_columns), &disk_table, error);
        if (r >= 0)
                r = list_items(blobs, &blob_listing, options, blob_table, error);
        if (r >= 0)
                r = list_items(disks, &disk_listing, options, disk_table, error);
        if (r >= 0)
                r = client_cache_read_usage(disks, &usage, error);
        if (r < 0)
                return r;

        if (options->json)
                print_usage_json(&usage);
        else
                print_tables(blob_table, disk_table, options, &usage);
        return STATUS_DONE;
}
