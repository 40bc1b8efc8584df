/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base-macro.h"
#include "client-image.h"
#include "client-intl.h"
#include "client-outcome.h"
#include "client-size.h"
#include "client-table.h"

#define SHORT_DIGEST_MAX 13 /* 12 digits and the NUL */

static const struct StringField {
        const char *key;
        size_t offset;
} string_fields[] = {
        { "name", offsetof(ClientImage, name) },
        { "digest", offsetof(ClientImage, digest) },
        { "manifest-digest", offsetof(ClientImage, manifest_digest) },
        { "media-type", offsetof(ClientImage, media_type) },
        { "platform", offsetof(ClientImage, platform) },
        { "created", offsetof(ClientImage, created) },
        { "repository", offsetof(ClientImage, repository) },
        { "author", offsetof(ClientImage, author) },
};

/* Makes room for one more element of @size bytes; doubles, so that the total cost stays linear. */
static int reserve(void **list, size_t n, size_t size) {
        void *grown;

        if (n >= IMAGE_LIST_MAX)
                return -E2BIG;
        if ((n & (n - 1)) != 0)
                return 0;

        grown = reallocarray(*list, n > 0 ? 2 * n : 1, size);
        if (!grown)
                return -ENOMEM;

        *list = grown;
        return 0;
}

static int read_layers(sd_bus_message *m, ClientImage *image) {
        ClientImageLayer layer;
        int r;

        while ((r = sd_bus_message_read(
                        m, "(sstb)", &layer.digest, &layer.media_type, &layer.size,
                        &layer.is_cached)) > 0) {
                r = reserve((void **) &image->layers, image->n_layers, sizeof(layer));
                if (r < 0)
                        return r;
                image->layers[image->n_layers++] = layer;
        }

        return r;
}

static int read_labels(sd_bus_message *m, ClientImage *image) {
        ClientImageLabel label;
        int r;

        while ((r = sd_bus_message_read(m, "{ss}", &label.name, &label.value)) > 0) {
                r = reserve((void **) &image->labels, image->n_labels, sizeof(label));
                if (r < 0)
                        return r;
                image->labels[image->n_labels++] = label;
        }

        return r;
}

static const struct ListField {
        const char *key, *type, *element;
        int (*read)(sd_bus_message *m, ClientImage *image);
} list_fields[] = {
        { "layers", "a(sstb)", "(sstb)", read_layers },
        { "labels", "a{ss}", "{ss}", read_labels },
};

static int read_list(sd_bus_message *m, const struct ListField *field, ClientImage *image) {
        int r;

        r = sd_bus_message_enter_container(m, 'v', field->type);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', field->element);
        if (r >= 0)
                r = field->read(m, image);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_document(sd_bus_message *m, ClientImage *image) {
        const void *data;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &data, &image->document_size);
        if (r < 0)
                return r;

        image->document = data;
        return sd_bus_message_exit_container(m);
}

static int read_value(sd_bus_message *m, const char *key, ClientImage *image) {
        int r;

        for (size_t i = 0; i < N_ELEMENTS(string_fields); i++)
                if (strcmp(string_fields[i].key, key) == 0)
                        return sd_bus_message_read(
                                m, "v", "s", (char *) image + string_fields[i].offset);

        for (size_t i = 0; i < N_ELEMENTS(list_fields); i++)
                if (strcmp(list_fields[i].key, key) == 0)
                        return read_list(m, &list_fields[i], image);

        if (strcmp(key, "size") == 0)
                return sd_bus_message_read(m, "v", "t", &image->size);

        if (strcmp(key, "document") == 0)
                return read_document(m, image);

        r = client_config_read_value(m, key, &image->config);
        return r == 0 ? sd_bus_message_skip(m, "v") : r;
}

static int read_all(sd_bus_message *m, ClientImage *image) {
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = read_value(m, key, image);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }

        return r;
}

int client_image_read(sd_bus_message *reply, ClientImage *ret, Error *error) {
        _cleanup_(client_image_done) ClientImage image = IMAGE_NULL;
        int r;

        r = read_all(reply, &image);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = image;
        image = IMAGE_NULL;
        return 0;
}

void client_image_done(ClientImage *image) {
        free(image->layers);
        free(image->labels);
        client_config_done(&image->config);
        *image = IMAGE_NULL;
}

static int add_labels(ClientTable *table, const ClientImage *image, Error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < image->n_labels; i++) {
                _cleanup_(freep) char *text = NULL;

                if (asprintf(&text, "%s=%s", image->labels[i].name, image->labels[i].value) < 0) {
                        text = NULL;
                        return error_oom(error);
                }
                r = client_table_add(
                        table, (const char *const[]){ i == 0 ? _("Labels:") : "", text }, error);
        }

        return r;
}

static const ClientTableColumn pair_columns[] = { { "", .is_right = true }, { "" } };

/* A digest leaves room for no more than eight columns of eighty: these have a table of their own. */
static int print_names(const ClientImage *image, size_t columns, FILE *file, Error *error) {
        const bool is_index = image->digest && image->manifest_digest &&
                              strcmp(image->digest, image->manifest_digest) != 0;
        const char *const pairs[][2] = {
                { _("Name:"), image->name },
                { _("Digest:"), image->digest },
                { _("Image:"), is_index ? image->manifest_digest : NULL },
        };
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        int r;

        r = client_table_new(pair_columns, N_ELEMENTS(pair_columns), &table, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(pairs); i++)
                r = client_table_add_pair(table, pairs[i][0], pairs[i][1], error);
        if (r < 0)
                return r;

        client_table_print_wrapped(table, columns, file);
        return 0;
}

static int print_pairs(const ClientImage *image, size_t columns, FILE *file, Error *error) {
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        char size[SIZE_TEXT_MAX];
        int r;

        const char *const pairs[][2] = {
                { _("Media type:"), image->media_type },
                { _("Platform:"), image->platform },
                { _("Created:"), image->created },
                { _("Author:"), image->author },
                { _("Size:"), client_size_format(image->size, size) },
        };

        r = client_table_new(pair_columns, N_ELEMENTS(pair_columns), &table, error);
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(pairs); i++)
                r = client_table_add_pair(table, pairs[i][0], pairs[i][1], error);
        if (r >= 0)
                r = add_labels(table, image, error);
        if (r >= 0)
                r = client_config_add_rows(&image->config, table, error);
        if (r < 0)
                return r;

        (void) fputc('\n', file);
        client_table_print_wrapped(table, columns, file);
        return 0;
}

/* Enough to tell layers apart. */
static void shorten_digest(const char *digest, char ret[static SHORT_DIGEST_MAX]) {
        const char *hex = strchr(digest, ':');

        (void) snprintf(ret, SHORT_DIGEST_MAX, "%s", hex ? hex + 1 : digest);
}

static int print_layers(const ClientImage *image, FILE *file, Error *error) {
        const ClientTableColumn columns[] = {
                { _("LAYER") },
                { _("SIZE"), .is_right = true },
                { _("CACHED") },
                { _("MEDIA TYPE") },
        };
        _cleanup_(client_table_freep) ClientTable *table = NULL;
        int r;

        r = client_table_new(columns, N_ELEMENTS(columns), &table, error);
        for (size_t i = 0; r >= 0 && i < image->n_layers; i++) {
                const ClientImageLayer *layer = &image->layers[i];
                char digest[SHORT_DIGEST_MAX], size[SIZE_TEXT_MAX];

                shorten_digest(layer->digest, digest);
                r = client_table_add(
                        table,
                        (const char *const[]){ digest, client_size_format(layer->size, size),
                                               layer->is_cached ? _("yes") : _("no"),
                                               layer->media_type },
                        error);
        }
        if (r < 0)
                return r;

        (void) fputc('\n', file);
        client_table_print(table, true, file);
        return 0;
}

int client_image_print(const ClientImage *image, size_t columns, FILE *file, Error *error) {
        int r;

        r = print_names(image, columns, file, error);
        if (r >= 0)
                r = print_pairs(image, columns, file, error);
        return r < 0 ? r : print_layers(image, file, error);
}

void client_image_print_json(const ClientImage *image, FILE *file) {
        ClientJson json = JSON_INIT(file);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "manifest-digest", image->manifest_digest);
        client_json_string(&json, "media-type", image->media_type);
        client_json_string(&json, "platform", image->platform);
        client_json_uint(&json, "size", image->size);
        client_json_array_begin(&json, "layers");
        for (size_t i = 0; i < image->n_layers; i++) {
                const ClientImageLayer *layer = &image->layers[i];

                client_json_object_begin(&json, NULL);
                client_json_string(&json, "digest", layer->digest);
                client_json_string(&json, "media-type", layer->media_type);
                client_json_uint(&json, "size", layer->size);
                client_json_bool(&json, "cached", layer->is_cached);
                client_json_object_end(&json);
        }
        client_json_array_end(&json);
        client_config_print_json(&image->config, &json, "config");
        client_json_object_end(&json);
}
