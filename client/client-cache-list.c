/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>

#include "base-macro.h"
#include "client-cache.h"
#include "client-intl.h"
#include "client-outcome.h"
#include "client-pager.h"
#include "client-size.h"
#include "client-table.h"
#include "client-verbs.h"

typedef struct CachedImage {
        const char *name, *digest, *platform, *state;
        uint64_t disk_bytes, shared_bytes, used_usec;
} CachedImage;

/* The blobs that no image needs. */
typedef struct Unnamed {
        uint32_t n;
        uint64_t disk_bytes, used_usec;
} Unnamed;

static void print_image_json(const CachedImage *image) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "name", image->name);
        client_json_string(&json, "digest", image->digest);
        client_json_string(&json, "platform", image->platform);
        client_json_uint(&json, "size", image->disk_bytes);
        client_json_uint(&json, "shared", image->shared_bytes);
        client_json_uint(&json, "used-usec", image->used_usec);
        client_json_string(&json, "state", image->state);
        client_json_object_end(&json);
        client_json_finish(&json);
}

static int add_image(ClientTable *table, const CachedImage *image, Error *error) {
        char name[CACHE_NAME_MAX], digest[CACHE_DIGEST_MAX], size[SIZE_TEXT_MAX],
                shared[SIZE_TEXT_MAX], used[CACHE_TIME_MAX];

        return client_table_add(
                table,
                (const char *const[]){ client_cache_short_name(image->name, name),
                                       client_cache_short_digest(image->digest, digest),
                                       image->platform, client_size_format(image->disk_bytes, size),
                                       client_size_format(image->shared_bytes, shared),
                                       client_cache_format_date(image->used_usec, used) },
                error);
}

static int add_unnamed(ClientTable *table, const Unnamed *unnamed, Error *error) {
        char size[SIZE_TEXT_MAX], used[CACHE_TIME_MAX];

        return client_table_add(
                table,
                (const char *const[]){ _("(unnamed)"), "-", "-",
                                       client_size_format(unnamed->disk_bytes, size), "-",
                                       client_cache_format_date(unnamed->used_usec, used) },
                error);
}

static int list_images(
        sd_bus_message *reply, const ClientOptions *options, ClientTable *table, Error *error) {
        CachedImage image;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(sssttts)");
        if (r < 0)
                return client_error_set_message(error, r);

        while ((r = sd_bus_message_read(
                        reply, "(sssttts)", &image.name, &image.digest, &image.platform,
                        &image.disk_bytes, &image.shared_bytes, &image.used_usec, &image.state)) >
               0) {
                if (options->json) {
                        print_image_json(&image);
                        continue;
                }
                r = add_image(table, &image, error);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        return r < 0 ? client_error_set_message(error, r) : 0;
}

/* The last line: what all of it takes. */
static void print_summary_json(const Unnamed *unnamed, const ClientCacheUsage *usage) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_object_begin(&json, "unnamed");
        client_json_uint(&json, "blobs", unnamed->n);
        client_json_uint(&json, "size", unnamed->disk_bytes);
        client_json_uint(&json, "used-usec", unnamed->used_usec);
        client_json_object_end(&json);
        client_cache_write_usage(&json, usage);
        client_json_object_end(&json);
        client_json_finish(&json);
}

static void print_table(
        const ClientTable *table,
        size_t n,
        const ClientOptions *options,
        const ClientCacheUsage *usage) {
        _cleanup_(client_pager_close) ClientPager pager = PAGER_NULL;

        client_pager_open(options, &pager);
        client_table_print(table, !options->no_legend, stdout);
        if (options->no_legend)
                return;

        (void) printf(ngettext("\n%zu image,", "\n%zu images,", n), n);
        client_cache_print_usage(usage);
}

int client_verb_cache_list(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        const ClientTableColumn columns[] = {
                { _("NAME") },
                { _("DIGEST") },
                { _("PLATFORM") },
                { _("SIZE"), .is_right = true },
                { _("SHARED"), .is_right = true },
                { _("LAST USED") },
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        ClientCacheUsage usage;
        Unnamed unnamed;
        size_t n = 0;
        int r;

        r = client_cache_new_call(connection, "ListImages", &call, error);
        if (r >= 0)
                r = client_cache_call(connection, call, &reply, error);
        if (r >= 0)
                r = client_table_new(columns, N_ELEMENTS(columns), &table, error);
        if (r >= 0)
                r = list_images(reply, options, table, error);
        if (r < 0)
                return r;

        n = client_table_rows(table);
        r = sd_bus_message_read(
                reply, "(utt)", &unnamed.n, &unnamed.disk_bytes, &unnamed.used_usec);
        if (r < 0)
                return client_error_set_message(error, r);
        if (unnamed.n > 0 && !options->json)
                r = add_unnamed(table, &unnamed, error);
        if (r >= 0)
                r = client_cache_read_usage(reply, &usage, error);
        if (r < 0)
                return r;

        if (options->json)
                print_summary_json(&unnamed, &usage);
        else
                print_table(table, n, options, &usage);
        if (!options->json && !options->quiet)
                client_cache_tell_leftover(connection, &usage);
        return STATUS_DONE;
}
