/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "client-display.h"
#include "client-image.h"
#include "client-outcome.h"
#include "client-pager.h"
#include "client-report.h"
#include "client-request.h"
#include "client-verbs.h"
#include "client-wrap.h"

/* The document that the answer must contain; NULL if none. */
static const char *find_document(const ClientOptions *options) {
        if (options->raw)
                return options->config ? "config" : "manifest";
        if (options->config)
                return "config-json";
        return options->json ? "image-json" : NULL;
}

static void warn(const ClientOptions *options, const Error *error) {
        _cleanup_(client_display_done) ClientDisplay display = { 0 };
        ClientOptions plain = *options;

        /* Standard output is for the image. */
        plain.json = false;
        client_display_init(&display, &plain);
        client_display_message(&display, NULL, LOG_WARNING, error_text(error));
}

/* Some registries do not list tags to everybody, or at all: as skopeo, do without. */
static bool is_refusal(const Error *error) {
        return error->kind == ERROR_ACCESS_DENIED || error->kind == ERROR_NOT_FOUND ||
               error->kind == ERROR_AUTHENTICATION_REQUIRED;
}

static int list_tags(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const char *repository,
        ClientTags *ret,
        Error *error) {
        _cleanup_(error_clear) Error failure = ERROR_NULL;
        _cleanup_(freep) char *source = NULL;
        int r;

        if (asprintf(&source, "docker://%s", repository) < 0) {
                source = NULL;
                return error_oom(error);
        }

        r = client_secrets_rewind(secrets, error);
        if (r < 0)
                return r;
        if (client_tags_list(connection, options, secrets, source, ret, &failure) >= 0)
                return 0;
        if (!is_refusal(&failure))
                return error_copy(error, &failure);

        warn(options, &failure);
        return 0;
}

/* What skopeo does not print; owned by the caller. */
static char *make_own(const ClientImage *image) {
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;

        client_image_print_json(image, file);
        if (fclose(file) == 0)
                return text;

        free(text);
        return NULL;
}

static int print_json(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        const ClientImage *image,
        Error *error) {
        _cleanup_(freep) char *own = make_own(image);
        ClientReport report = {
                .own = own,
                .text = image->document,
                .size = image->document_size,
                .name = image->repository,
        };
        _cleanup_(client_tags_done) ClientTags tags = TAGS_NULL;
        int r;

        if (!own)
                return error_oom(error);

        if (image->repository && source->fd < 0 && !options->no_tags && !options->offline) {
                r = list_tags(connection, options, secrets, image->repository, &tags, error);
                if (r < 0)
                        return r;
                report.tags = &tags;
        }

        return client_report_print(&report, false, stdout, error);
}

static int print(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const ClientSource *source,
        const ClientImage *image,
        Error *error) {
        const ClientReport config = { .text = image->document, .size = image->document_size };
        const size_t columns = client_wrap_columns(STDOUT_FILENO);
        _cleanup_(client_pager_close) ClientPager pager = PAGER_NULL;

        if (options->raw) {
                (void) fwrite(image->document, 1, image->document_size, stdout);
                return 0;
        }
        client_pager_open(options, &pager);
        if (options->config)
                return client_report_print(&config, !options->json, stdout, error);
        if (options->json)
                return print_json(connection, options, secrets, source, image, error);

        return client_image_print(image, columns, stdout, error);
}

int client_verb_inspect(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(client_image_done) ClientImage image = IMAGE_NULL;
        _cleanup_(freep) char *directory = get_current_dir_name();
        _cleanup_(client_source_done) ClientSource source = SOURCE_NULL;
        int r;

        if (!directory)
                return error_set_errno(error, errno, "Cannot determine the current directory");

        r = client_request_read_source(
                connection, directory, options->arguments[0], &source, error);
        if (r >= 0)
                r = client_request_new_inspect(
                        connection, options, secrets, &source, find_document(options), &call,
                        error);
        if (r < 0)
                return r;

        r = sd_bus_call(client_connection_bus(connection), call, UINT64_MAX, &bus_error, &reply);
        if (r < 0)
                return client_error_set_bus(error, r, &bus_error);

        r = client_image_read(reply, &image, error);
        if (r >= 0)
                r = print(connection, options, secrets, &source, &image, error);
        return r < 0 ? r : STATUS_DONE;
}
