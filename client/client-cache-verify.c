/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "client-cache.h"
#include "client-display.h"
#include "client-intl.h"
#include "client-outcome.h"
#include "client-size.h"
#include "client-verbs.h"
#include "dbus-names.h"

typedef struct Verifying {
        ClientConnection *connection; /* borrowed */
        const ClientOptions *options; /* borrowed */
        bool has_line;                /* progress is on the terminal */
        sd_bus_message *reply;        /* owned */
        size_t n_damaged;
} Verifying;

static void verifying_done(Verifying *verifying) {
        sd_bus_message_unref(verifying->reply);
}

/* Only a terminal shows it. */
static int on_progress(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Verifying *verifying = userdata;
        uint64_t done, total;

        (void) ret_error;
        if (sd_bus_message_read(m, "tt", &done, &total) < 0 || total == 0 || done > total)
                return 0;

        (void) fputc('\r', stderr);
        (void) fprintf(
                stderr, _("Verifying %3u%%"), (unsigned) ((double) done / (double) total * 100));
        (void) fflush(stderr);
        verifying->has_line = true;
        return 0;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Verifying *verifying = userdata;

        (void) ret_error;
        verifying->reply = sd_bus_message_ref(m);
        return 0;
}

static bool shows_progress(const ClientOptions *options) {
        ClientDisplay display;
        bool is_bar;

        client_display_init(&display, options);
        is_bar = display.mode == DISPLAY_BLOCK;
        client_display_done(&display);
        return is_bar;
}

static int begin(Verifying *verifying, Error *error) {
        sd_bus *bus = client_connection_bus(verifying->connection);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_cache_new_call(verifying->connection, "Verify", &call, error);
        if (r < 0)
                return r;

        if (shows_progress(verifying->options))
                r = sd_bus_match_signal(
                        bus, NULL, client_connection_peer_name(verifying->connection), BUS_PATH,
                        BUS_CACHE, "VerifyProgress", on_progress, verifying);
        if (r >= 0)
                r = sd_bus_call_async(bus, NULL, call, on_answer, verifying, UINT64_MAX);
        return r < 0 ? error_set_errno(error, -r, "Cannot call the daemon") : 0;
}

static int wait_for_answer(Verifying *verifying, Error *error) {
        sd_bus *bus = client_connection_bus(verifying->connection);
        const sd_bus_error *refusal;
        int r = 0;

        while (r >= 0 && !verifying->reply) {
                r = sd_bus_process(bus, NULL);
                if (r == 0 && !verifying->reply)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        if (verifying->has_line)
                (void) fputs("\r\033[K", stderr);
        if (r < 0)
                return client_error_set_bus(error, r, NULL);

        refusal = sd_bus_message_get_error(verifying->reply);
        return refusal ? client_error_set_bus(error, -EIO, refusal) : 0;
}

static void print_printable(const char *before, const char *text) {
        _cleanup_(freep) char *printable = text_printable(text);

        if (printable)
                (void) printf("%s%s", before, printable);
}

static void print_damaged(const char *digest, char *const *names, const ClientOptions *options) {
        ClientJson json = JSON_INIT(stdout);
        char name[CACHE_NAME_MAX];

        if (!options->json) {
                print_printable("", digest);
                for (size_t i = 0; names && names[i]; i++)
                        print_printable(" ", client_cache_short_name(names[i], name));
                (void) printf("\n");
                return;
        }

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "digest", digest);
        client_json_string(&json, "state", "damaged");
        client_json_array_begin(&json, "images");
        for (size_t i = 0; names && names[i]; i++)
                client_json_string(&json, NULL, names[i]);
        client_json_array_end(&json);
        client_json_object_end(&json);
        client_json_finish(&json);
}

static int list_damaged(Verifying *verifying, Error *error) {
        sd_bus_message *reply = verifying->reply;
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "(sas)");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "sas")) > 0) {
                const char *digest;
                char **names = NULL;

                r = sd_bus_message_read_basic(reply, 's', &digest);
                if (r >= 0)
                        r = sd_bus_message_read_strv(reply, &names);
                if (r >= 0) {
                        print_damaged(digest, names, verifying->options);
                        verifying->n_damaged++;
                        r = sd_bus_message_exit_container(reply);
                }
                for (size_t i = 0; names && names[i]; i++)
                        free(names[i]);
                free(names);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        return r < 0 ? client_error_set_message(error, r) : 0;
}

static void print_summary(
        const ClientOptions *options, uint32_t n_blobs, uint64_t bytes, size_t n_damaged) {
        ClientJson json = JSON_INIT(stdout);
        char size[SIZE_TEXT_MAX];

        if (options->json) {
                client_json_object_begin(&json, NULL);
                client_json_uint(&json, "blobs", n_blobs);
                client_json_uint(&json, "size", bytes);
                client_json_uint(&json, "damaged", n_damaged);
                client_json_object_end(&json);
                client_json_finish(&json);
        } else if (n_damaged == 0 && !options->quiet)
                (void) fprintf(
                        stderr,
                        ngettext("%u blob, %s: all good\n", "%u blobs, %s: all good\n", n_blobs),
                        n_blobs, client_size_format(bytes, size));
}

int client_verb_cache_verify(
        ClientConnection *connection, const ClientOptions *options, Error *error) {
        _cleanup_(verifying_done) Verifying verifying = {
                .connection = connection,
                .options = options,
        };
        uint32_t n_blobs = 0;
        uint64_t bytes = 0;
        int r;

        r = begin(&verifying, error);
        if (r >= 0)
                r = wait_for_answer(&verifying, error);
        if (r >= 0)
                r = list_damaged(&verifying, error);
        if (r < 0)
                return r;
        r = sd_bus_message_read(verifying.reply, "ut", &n_blobs, &bytes);
        if (r < 0)
                return client_error_set_message(error, r);

        print_summary(options, n_blobs, bytes, verifying.n_damaged);
        if (verifying.n_damaged > 0)
                return error_set(
                        error, EBADMSG, ERROR_DIGEST_MISMATCH,
                        "Damaged blobs were found in the cache and removed: %zu of %u",
                        verifying.n_damaged, (unsigned) n_blobs);
        return STATUS_DONE;
}
