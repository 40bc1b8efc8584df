/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-text.h"
#include "client-intl.h"
#include "client-ready.h"
#include "client-size.h"
#include "client-span.h"

#define DIGEST_COLUMNS 12
#define IMAGE_GAP      "   "

static bool is_all_cached(const ClientDetails *details) {
        for (size_t i = 0; i < details->n_layers; i++)
                if (!details->layers[i].is_cached)
                        return false;

        return details->n_layers > 0;
}

/* Between the facts, and after what comes before them. */
typedef struct Facts {
        FILE *file;
        unsigned n;
} Facts;

static void add_fact(Facts *facts, const char *text) {
        (void) fprintf(facts->file, "%s%s", facts->n++ == 0 ? ": " : ", ", text);
}

static void write_facts(FILE *file, const ClientDetails *details) {
        Facts facts = { .file = file };
        char size[SIZE_TEXT_MAX], span[SPAN_TEXT_MAX], text[256];
        const uint64_t elapsed = client_details_elapsed(details);

        if (details->n_layers > 0) {
                (void) snprintf(
                        text, sizeof(text), ngettext("%zu layer", "%zu layers", details->n_layers),
                        details->n_layers);
                add_fact(&facts, text);
        }
        if (is_all_cached(details))
                add_fact(&facts, _("from the cache"));
        else if (details->downloaded > 0) {
                (void) snprintf(
                        text, sizeof(text), _("%s downloaded"),
                        client_size_format(details->downloaded, size));
                add_fact(&facts, text);
        }
        if (details->files > 0) {
                const unsigned long long n = details->files;

                (void) snprintf(text, sizeof(text), ngettext("%llu file", "%llu files", n), n);
                add_fact(&facts, text);
        }
        if (elapsed > 0)
                add_fact(&facts, client_span_format(elapsed, span));
}

/* "debian" of "docker://docker.io/library/debian:12@sha256:…"; returns its bytes, 0 if it is no registry's image. */
static size_t find_name(const char *source, const char **ret) {
        static const char scheme[] = "docker://";
        const char *slash;

        if (strncmp(source, scheme, strlen(scheme)) != 0)
                return 0;
        slash = strrchr(source, '/');
        *ret = slash + 1;
        return strcspn(slash + 1, ":@");
}

/* "debian@26f6459ff117", or "sha256:26f6459ff117"; "" if there is no image. */
static void write_image(FILE *file, const ClientReady *ready) {
        const char *digest = ready->details->digest, *hex, *name = "";
        size_t length;

        hex = digest ? strchr(digest, ':') : NULL;
        if (!hex)
                return;

        hex++;
        length = find_name(ready->source, &name);
        if (length > 0)
                (void) fprintf(file, "%.*s@%.*s", (int) length, name, DIGEST_COLUMNS, hex);
        else
                (void) fprintf(file, "%.*s%.*s", (int) (hex - digest), digest, DIGEST_COLUMNS, hex);
}

static char *compose(
        const ClientReady *ready, void (*write)(FILE *file, const ClientReady *ready)) {
        char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;

        write(file, ready);
        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        text_make_printable(text);
        return text;
}

static void write_line(FILE *file, const ClientReady *ready) {
        const char *disk = ready->details->disk;

        (void) fprintf(file, _("%s is ready"), disk ? disk : ready->destination);
        write_facts(file, ready->details);
}

char *client_ready_format(const ClientReady *ready, size_t columns) {
        const char *digest = ready->details->digest;
        _cleanup_(freep) char *line = compose(ready, write_line), *image = NULL;
        char *text = NULL;
        int n;

        image = line ? compose(ready, write_image) : NULL;
        if (!image)
                return NULL;

        if (!*image)
                return TAKE_PTR(line);
        if (columns == 0)
                n = asprintf(&text, "%s (%s)", line, digest);
        else if (text_columns(line) + strlen(IMAGE_GAP) + text_columns(image) < columns)
                n = asprintf(&text, "%s" IMAGE_GAP "%s", line, image);
        else
                n = asprintf(&text, "%s\n" IMAGE_GAP "%s", line, image);
        return n < 0 ? NULL : text;
}
