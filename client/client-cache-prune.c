/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The verbs that remove something, "cache remove" and "cache prune". */

#include <stdio.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "client-cache.h"
#include "client-intl.h"
#include "client-outcome.h"
#include "client-size.h"
#include "client-verbs.h"

static void print_removal(
        const ClientOptions *options, const char *kind, const char *name, uint64_t bytes) {
        ClientJson json = JSON_INIT(stdout);
        _cleanup_(freep) char *printable = NULL;
        char short_name[CACHE_NAME_MAX], digest[CACHE_DIGEST_MAX], size[SIZE_TEXT_MAX];

        if (options->json) {
                client_json_object_begin(&json, NULL);
                client_json_string(&json, "kind", kind);
                client_json_string(&json, "name", name);
                client_json_uint(&json, "size", bytes);
                client_json_object_end(&json);
                client_json_finish(&json);
                return;
        }
        if (options->quiet)
                return;

        if (strcmp(kind, "image") == 0)
                name = client_cache_short_name(name, short_name);
        if (strcmp(kind, "blob") == 0)
                name = client_cache_short_digest(name, digest);
        printable = text_printable(name);
        if (!printable)
                return;

        (void) client_size_format(bytes, size);
        if (strcmp(kind, "disk") == 0)
                (void) printf(
                        options->dry_run ? _("Would remove the disk image %s (%s)\n")
                                         : _("Removed the disk image %s (%s)\n"),
                        printable, size);
        else
                (void) printf(
                        options->dry_run ? _("Would remove %s (%s)\n") : _("Removed %s (%s)\n"),
                        printable, size);
}

/* Reads "a(sst)t": prints what was removed, and returns what was freed. */
static int list_removals(
        sd_bus_message *reply, const ClientOptions *options, uint64_t *ret_freed, Error *error) {
        const char *kind, *name;
        uint64_t bytes;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(sst)");
        if (r < 0)
                return client_error_set_message(error, r);

        while ((r = sd_bus_message_read(reply, "(sst)", &kind, &name, &bytes)) > 0)
                print_removal(options, kind, name, bytes);
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "t", ret_freed);
        (void) fflush(stdout);
        return r < 0 ? client_error_set_message(error, r) : 0;
}

static void print_freed_json(
        const ClientOptions *options, uint64_t freed, const ClientCacheUsage *usage) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_uint(&json, "freed", freed);
        if (usage) {
                client_json_bool(&json, "dry-run", options->dry_run);
                client_cache_write_usage(&json, usage);
        }
        client_json_object_end(&json);
        client_json_finish(&json);
}

static int remove_one(
        ClientConnection *connection,
        const ClientOptions *options,
        const char *name,
        uint64_t *freed,
        Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        uint64_t bytes = 0;
        int r;

        r = client_cache_new_call(connection, "Remove", &call, error);
        if (r < 0)
                return r;
        r = sd_bus_message_append(call, "s", name);
        if (r < 0)
                return client_error_set_message(error, r);

        r = client_cache_call(connection, call, &reply, error);
        if (r >= 0)
                r = list_removals(reply, options, &bytes, error);
        *freed += bytes;
        return r;
}

int client_verb_cache_remove(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        char size[SIZE_TEXT_MAX];
        uint64_t freed = 0;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < options->n_arguments; i++)
                r = remove_one(connection, options, options->arguments[i], &freed, error);
        if (r < 0)
                return r;

        if (options->json)
                print_freed_json(options, freed, NULL);
        else if (!options->quiet)
                (void) fprintf(stderr, _("Freed %s\n"), client_size_format(freed, size));
        return STATUS_DONE;
}

static int append_options(sd_bus_message *call, const ClientOptions *options) {
        int r;

        r = sd_bus_message_open_container(call, 'a', "{sv}");
        if (r >= 0 && options->keep > 0)
                r = sd_bus_message_append(call, "{sv}", "keep", "t", options->keep);
        if (r >= 0 && options->older_than_usec > 0)
                r = sd_bus_message_append(
                        call, "{sv}", "older-than", "t", options->older_than_usec);
        if (r >= 0 && options->dry_run)
                r = sd_bus_message_append(call, "{sv}", "dry-run", "b", true);
        if (r >= 0 && options->force)
                r = sd_bus_message_append(call, "{sv}", "force", "b", true);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static void print_freed(
        const ClientOptions *options, uint64_t freed, const ClientCacheUsage *usage) {
        char size[SIZE_TEXT_MAX], left[SIZE_TEXT_MAX];

        (void) client_size_format(freed, size);
        (void) client_size_format(usage->total, left);
        if (options->dry_run)
                (void) fprintf(stderr, _("Would free %s; the cache has %s\n"), size, left);
        else
                (void) fprintf(stderr, _("Freed %s; the cache has %s left\n"), size, left);
}

int client_verb_cache_prune(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        ClientCacheUsage usage;
        uint64_t freed = 0;
        int r;

        r = client_cache_new_call(connection, "Prune", &call, error);
        if (r < 0)
                return r;
        r = append_options(call, options);
        if (r < 0)
                return client_error_set_message(error, r);

        r = client_cache_call(connection, call, &reply, error);
        if (r >= 0)
                r = list_removals(reply, options, &freed, error);
        if (r >= 0)
                r = client_cache_read_usage(reply, &usage, error);
        if (r < 0)
                return r;

        if (options->json)
                print_freed_json(options, freed, &usage);
        else if (!options->quiet) {
                print_freed(options, freed, &usage);
                client_cache_tell_leftover(connection, &usage);
        }
        return STATUS_DONE;
}
