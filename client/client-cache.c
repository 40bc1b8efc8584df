/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base-macro.h"
#include "base-text.h"
#include "client-cache.h"
#include "client-intl.h"
#include "client-outcome.h"
#include "client-size.h"
#include "dbus-names.h"
#include "reference.h"

#define LEFTOVER "docker_images" /* the directory of virt-bootstrap 1 */

int client_cache_new_call(
        ClientConnection *connection, const char *member, sd_bus_message **ret, Error *error) {
        int r;

        r = sd_bus_message_new_method_call(
                client_connection_bus(connection), ret, client_connection_peer_name(connection),
                BUS_PATH, BUS_CACHE, member);
        return r < 0 ? client_error_set_message(error, r) : 0;
}

/* Hashing and removing a big cache takes longer than a call's usual 25 s. */
int client_cache_call(
        ClientConnection *connection,
        sd_bus_message *call,
        sd_bus_message **ret_reply,
        Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call(client_connection_bus(connection), call, UINT64_MAX, &bus_error, ret_reply);
        return r < 0 ? client_error_set_bus(error, r, &bus_error) : 0;
}

/* Whether a shorter form stands for the same. */
static bool means(const char *shorter, const char *full) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char text[REFERENCE_MAX + 1];
        Reference reference;

        return reference_parse(shorter, &reference, &error) >= 0 &&
               strcmp(reference_format(&reference, text), full) == 0;
}

char *client_cache_short_name(const char *reference, char ret[static CACHE_NAME_MAX]) {
        static const char *const assumed[] = { "docker.io/library/", "docker.io/", "" };
        char digest[CACHE_DIGEST_MAX];
        const char *name = reference, *at;

        for (size_t i = 0; i < N_ELEMENTS(assumed); i++)
                if (strncmp(reference, assumed[i], strlen(assumed[i])) == 0 &&
                    means(reference + strlen(assumed[i]), reference)) {
                        name = reference + strlen(assumed[i]);
                        break;
                }

        at = strchr(name, '@');
        if (!at)
                (void) snprintf(ret, CACHE_NAME_MAX, "%s", name);
        else
                (void) snprintf(
                        ret, CACHE_NAME_MAX, "%.*s@%s…", (int) (at - name), name,
                        client_cache_short_digest(at + 1, digest));
        return ret;
}

char *client_cache_short_digest(const char *digest, char ret[static CACHE_DIGEST_MAX]) {
        const char *colon = strchr(digest, ':');

        (void) snprintf(ret, CACHE_DIGEST_MAX, "%s", colon ? colon + 1 : digest);
        return ret;
}

const char *client_cache_format_time(uint64_t usec, char ret[static CACHE_TIME_MAX]) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        struct tm tm;

        if (usec == 0 || !localtime_r(&seconds, &tm) ||
            strftime(ret, CACHE_TIME_MAX, "%Y-%m-%d %H:%M", &tm) == 0)
                (void) strcpy(ret, "-");
        return ret;
}

const char *client_cache_format_date(uint64_t usec, char ret[static CACHE_TIME_MAX]) {
        ret[strcspn(client_cache_format_time(usec, ret), " ")] = '\0';
        return ret;
}

int client_cache_read_usage(sd_bus_message *reply, ClientCacheUsage *ret, Error *error) {
        ClientCacheUsage usage = { 0 };
        const char *kind;
        uint64_t bytes;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{st}");
        if (r < 0)
                return client_error_set_message(error, r);

        while ((r = sd_bus_message_read(reply, "{st}", &kind, &bytes)) > 0) {
                usage.total += bytes;
                if (usage.n == CACHE_USAGE_KINDS_MAX)
                        continue;
                usage.kinds[usage.n].kind = kind;
                usage.kinds[usage.n++].bytes = bytes;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = usage;
        return 0;
}

/* Untranslated if a newer daemon knows more. */
static const char *translate(const char *kind) {
        static const struct {
                const char *kind, *text;
        } texts[] = {
                { "blobs", N_("blobs") },         { "partial", N_("incomplete") },
                { "disks", N_("disk images") },   { "templates", N_("templates") },
                { "version-1", "docker_images" }, { "other", N_("other") },
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                if (strcmp(texts[i].kind, kind) == 0)
                        return _(texts[i].text);
        return kind;
}

void client_cache_print_usage(const ClientCacheUsage *usage) {
        char size[SIZE_TEXT_MAX];

        (void) printf(_(" %s in all"), client_size_format(usage->total, size));
        for (size_t i = 0; i < usage->n; i++) {
                _cleanup_(freep) char *kind = text_printable(translate(usage->kinds[i].kind));

                if (kind)
                        (void) printf(
                                "%s %s %s", i == 0 ? ":" : ",", kind,
                                client_size_format(usage->kinds[i].bytes, size));
        }
        (void) printf("\n");
}

void client_cache_write_usage(ClientJson *json, const ClientCacheUsage *usage) {
        client_json_uint(json, "size", usage->total);
        client_json_object_begin(json, "usage");
        for (size_t i = 0; i < usage->n; i++)
                client_json_uint(json, usage->kinds[i].kind, usage->kinds[i].bytes);
        client_json_object_end(json);
}

void client_cache_tell_leftover(ClientConnection *connection, const ClientCacheUsage *usage) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(freep) char *path = NULL, *printable = NULL;
        char size[SIZE_TEXT_MAX];
        uint64_t bytes = 0;

        for (size_t i = 0; i < usage->n; i++)
                if (strcmp(usage->kinds[i].kind, "version-1") == 0)
                        bytes = usage->kinds[i].bytes;
        if (bytes == 0 ||
            sd_bus_get_property_string(
                    client_connection_bus(connection), client_connection_peer_name(connection),
                    BUS_PATH, BUS_CACHE, "Path", &bus_error, &path) < 0)
                return;

        printable = text_printable(path);
        if (printable)
                (void) fprintf(
                        stderr,
                        _("virt-bootstrap 1 has left %s, which nothing uses any more; to remove "
                          "it: rm -r %s/%s\n"),
                        client_size_format(bytes, size), printable, LEFTOVER);
}
