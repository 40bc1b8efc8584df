/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base-macro.h"
#include "client-intl.h"
#include "client-json.h"
#include "client-outcome.h"
#include "client-size.h"
#include "client-table.h"
#include "client-verbs.h"
#include "dbus-names.h"

#define TIME_TEXT_MAX 32

typedef struct CachedBlob {
        const char *digest, *state;
        uint64_t size;      /* bytes */
        uint64_t used_usec; /* since the epoch */
} CachedBlob;

/* Hashing and removing a big cache takes longer than a call's usual 25 s. */
static int call_cache(
        ClientConnection *connection,
        sd_bus_message *call,
        sd_bus_message **ret_reply,
        Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call(client_connection_bus(connection), call, UINT64_MAX, &bus_error, ret_reply);
        return r < 0 ? client_error_set_bus(error, r, &bus_error) : 0;
}

static int new_call(
        ClientConnection *connection, const char *member, sd_bus_message **ret, Error *error) {
        int r;

        r = sd_bus_message_new_method_call(
                client_connection_bus(connection), ret, client_connection_peer_name(connection),
                BUS_PATH, BUS_CACHE, member);
        return r < 0 ? client_error_set_message(error, r) : 0;
}

static void print_json(const CachedBlob *blob) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "digest", blob->digest);
        client_json_uint(&json, "size", blob->size);
        client_json_uint(&json, "used-usec", blob->used_usec);
        client_json_string(&json, "state", blob->state);
        client_json_object_end(&json);
        client_json_finish(&json);
}

static const char *format_time(uint64_t usec, char ret[static TIME_TEXT_MAX]) {
        time_t seconds = (time_t) (usec / 1000000);
        struct tm tm;

        if (usec == 0 || !localtime_r(&seconds, &tm) ||
            strftime(ret, TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm) == 0)
                return "-";

        return ret;
}

static int add_row(ClientTable *table, const CachedBlob *blob, Error *error) {
        char size[SIZE_TEXT_MAX], used[TIME_TEXT_MAX];

        return client_table_add(
                table,
                (const char *const[]){ blob->digest, client_size_format(blob->size, size),
                                       format_time(blob->used_usec, used), blob->state },
                error);
}

static int list_blobs(
        sd_bus_message *reply,
        const ClientOptions *options,
        ClientTable *table,
        uint64_t *ret_total,
        Error *error) {
        CachedBlob blob;
        uint64_t total = 0;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(stts)");
        if (r < 0)
                return client_error_set_message(error, r);

        while ((r = sd_bus_message_read(
                        reply, "(stts)", &blob.digest, &blob.size, &blob.used_usec, &blob.state)) >
               0) {
                total += blob.size;
                if (options->json) {
                        print_json(&blob);
                        continue;
                }

                r = add_row(table, &blob, error);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return client_error_set_message(error, r);

        *ret_total = total;
        return 0;
}

static void print_blobs(const ClientTable *table, const ClientOptions *options, uint64_t total) {
        size_t n = client_table_rows(table);
        char size[SIZE_TEXT_MAX];

        client_table_print(table, !options->no_legend, stdout);
        if (!options->no_legend)
                (void) printf(
                        ngettext("\n%zu blob, %s.\n", "\n%zu blobs, %s.\n", n), n,
                        client_size_format(total, size));
}

int client_verb_cache_list(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        const ClientTableColumn columns[] = {
                { _("DIGEST") },
                { _("SIZE"), .is_right = true },
                { _("LAST USED") },
                { _("STATE") },
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        uint64_t total = 0;
        int r;

        r = new_call(connection, "List", &call, error);
        if (r >= 0)
                r = call_cache(connection, call, &reply, error);
        if (r >= 0)
                r = client_table_new(columns, N_ELEMENTS(columns), &table, error);
        if (r >= 0)
                r = list_blobs(reply, options, table, &total, error);
        if (r < 0)
                return r;

        if (!options->json)
                print_blobs(table, options, total);
        return STATUS_DONE;
}

static void print_damaged(const char *digest, const ClientOptions *options) {
        ClientJson json = JSON_INIT(stdout);

        if (!options->json) {
                (void) printf("%s\n", digest);
                return;
        }

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "digest", digest);
        client_json_string(&json, "state", "damaged");
        client_json_object_end(&json);
        client_json_finish(&json);
}

int client_verb_cache_verify(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *digest;
        size_t n_damaged = 0;
        int r;

        r = new_call(connection, "Verify", &call, error);
        if (r >= 0)
                r = call_cache(connection, call, &reply, error);
        if (r < 0)
                return r;

        r = sd_bus_message_enter_container(reply, 'a', "s");
        if (r < 0)
                return client_error_set_message(error, r);

        while ((r = sd_bus_message_read(reply, "s", &digest)) > 0) {
                print_damaged(digest, options);
                n_damaged++;
        }
        if (r < 0)
                return client_error_set_message(error, r);
        if (n_damaged > 0)
                return error_set(
                        error, EBADMSG, ERROR_DIGEST_MISMATCH,
                        "Damaged blobs were found in the cache and removed: %zu", n_damaged);

        return STATUS_DONE;
}

int client_verb_cache_remove(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        for (size_t i = 0; i < options->n_arguments; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
                int r;

                r = new_call(connection, "Remove", &call, error);
                if (r < 0)
                        return r;

                r = sd_bus_message_append(call, "s", options->arguments[i]);
                if (r < 0)
                        return client_error_set_message(error, r);

                r = call_cache(connection, call, NULL, error);
                if (r < 0)
                        return r;
        }

        return STATUS_DONE;
}

static void print_freed(uint64_t freed, const ClientOptions *options) {
        ClientJson json = JSON_INIT(stdout);
        char size[SIZE_TEXT_MAX];

        if (!options->json) {
                if (!options->quiet)
                        (void) fprintf(stderr, _("Freed %s\n"), client_size_format(freed, size));
                return;
        }

        client_json_object_begin(&json, NULL);
        client_json_uint(&json, "freed", freed);
        client_json_object_end(&json);
        client_json_finish(&json);
}

/* Chains of disk images no longer keep what they need in the cache. */
static int release_leases(ClientConnection *connection, Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = new_call(connection, "ReleaseLeases", &call, error);
        return r < 0 ? r : call_cache(connection, call, NULL, error);
}

int client_verb_cache_prune(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        uint64_t freed;
        int r = 0;

        if (options->force)
                r = release_leases(connection, error);
        if (r >= 0)
                r = new_call(connection, "Prune", &call, error);
        if (r < 0)
                return r;

        r = sd_bus_message_append(call, "t", options->keep);
        if (r < 0)
                return client_error_set_message(error, r);

        r = call_cache(connection, call, &reply, error);
        if (r < 0)
                return r;

        r = sd_bus_message_read(reply, "t", &freed);
        if (r < 0)
                return client_error_set_message(error, r);

        print_freed(freed, options);
        return STATUS_DONE;
}
