/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-schema1-config.h"
#include "oci-schema1.h"
#include "oci-value.h"

#define WHAT         "image manifest (schema 1)"
#define WHAT_HISTORY "history of the image manifest (schema 1)"
#define NEVER        "0001-01-01T00:00:00Z" /* Docker's types have no time that is missing */

static int load(const void *data, size_t size, json_t **ret, Error *error) {
        static const char *const names[] = { "fsLayers", "history", "tag", NULL };
        _cleanup_(freep) char *payload = NULL;
        json_auto_t *document = NULL;
        size_t payload_size = 0;
        int r;

        r = oci_schema1_payload(data, size, &payload, &payload_size, error);
        if (r >= 0)
                r = oci_value_load(payload, payload_size, WHAT, &document, error);
        if (r >= 0)
                r = oci_value_check_keys(document, names, WHAT, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(document);
        return 0;
}

int oci_schema1_tag(const void *data, size_t size, char **ret, Error *error) {
        json_auto_t *document = NULL;
        const char *tag = NULL;
        int r;

        r = load(data, size, &document, error);
        if (r >= 0)
                r = oci_value_get_string(document, "tag", WHAT, &tag, error);
        if (r < 0)
                return r;
        if (!tag)
                return 0;

        *ret = strdup(tag);
        return *ret ? 0 : error_oom(error);
}

int oci_schema1_layers(const void *data, size_t size, json_t **ret, Error *error) {
        json_auto_t *document = NULL, *list = NULL;
        json_t *layers = NULL;
        int r;

        r = load(data, size, &document, error);
        if (r >= 0)
                r = oci_value_get_array(document, "fsLayers", WHAT, &layers, error);
        if (r < 0)
                return r;

        list = json_array();
        if (!list)
                return error_oom(error);
        for (size_t i = json_array_size(layers); i-- > 0;) {
                char text[DIGEST_STRING_MAX];
                Digest digest;

                r = oci_value_get_digest(
                        json_array_get(layers, i), "blobSum", WHAT, &digest, error);
                if (r < 0)
                        return r;
                if (json_array_append_new(list, json_string(digest_format(&digest, text))) < 0)
                        return error_oom(error);
        }

        *ret = TAKE_PTR(list);
        return 0;
}

/* The JSON text in an element of "history". */
static int load_entry(const json_t *element, json_t **ret, Error *error) {
        const char *text = NULL;
        int r;

        r = oci_value_get_string(element, "v1Compatibility", WHAT_HISTORY, &text, error);
        return r < 0 ? r
                     : oci_value_load(
                               text ? text : "", text ? strlen(text) : 0, WHAT_HISTORY, ret, error);
}

/* The words of the command that made a layer, with blanks between. */
static int join_command(const json_t *entry, json_t **ret, Error *error) {
        const json_t *command = json_object_get(json_object_get(entry, "container_config"), "Cmd");
        _cleanup_(freep) char *joined = NULL;
        const json_t *word;
        size_t i, size = 1, used = 0;

        json_array_foreach(command, i, word) size += json_string_length(word) + 1;
        joined = malloc(size);
        if (!joined)
                return error_oom(error);

        json_array_foreach(command, i, word) {
                if (i > 0)
                        joined[used++] = ' ';
                memcpy(joined + used, json_is_string(word) ? json_string_value(word) : "",
                       json_string_length(word));
                used += json_string_length(word);
        }
        joined[used] = '\0';

        *ret = json_string(joined);
        return *ret ? 0 : error_oom(error);
}

/* The member, or what stands for one that is missing. */
static json_t *or_else(const json_t *entry, const char *key, const char *otherwise) {
        json_t *value = oci_value_get(entry, key);

        return value ? json_incref(value) : json_string(otherwise);
}

static int describe_entry(const json_t *element, json_t **ret, Error *error) {
        json_auto_t *entry = NULL, *made = json_object();
        json_t *command = NULL;
        int r;

        r = load_entry(element, &entry, error);
        if (r >= 0)
                r = join_command(entry, &command, error);
        if (r < 0)
                return r;
        if (json_object_set_new(made, "created_by", command) < 0 ||
            json_object_set_new(made, "created", or_else(entry, "created", NEVER)) < 0 ||
            json_object_set_new(made, "author", or_else(entry, "author", "")) < 0 ||
            json_object_set_new(made, "comment", or_else(entry, "comment", "")) < 0 ||
            json_object_set_new(
                    made, "empty_layer",
                    json_boolean(json_is_true(oci_value_get(entry, "throwaway")))) < 0)
                return error_oom(error);

        *ret = TAKE_PTR(made);
        return 0;
}

/* Adds "rootfs" and "history" to @config: oldest first. */
static int add_history(json_t *config, const json_t *history, Error *error) {
        json_auto_t *list = json_array(), *ids = json_array();
        int r;

        for (size_t i = json_array_size(history); i-- > 0;) {
                json_t *entry = NULL;

                r = describe_entry(json_array_get(history, i), &entry, error);
                if (r < 0)
                        return r;
                if (!json_is_true(json_object_get(entry, "empty_layer")) &&
                    json_array_append_new(ids, json_string("")) < 0) {
                        json_decref(entry);
                        return error_oom(error);
                }
                if (json_array_append_new(list, entry) < 0)
                        return error_oom(error);
        }

        if (json_object_set_new(
                    config, "rootfs", json_pack("{s:s, s:O}", "type", "layers", "diff_ids", ids)) <
                    0 ||
            json_object_set_new(config, "history", TAKE_PTR(list)) < 0)
                return error_oom(error);
        return 0;
}

int oci_schema1_config(const void *data, size_t size, json_t **ret, Error *error) {
        json_auto_t *document = NULL, *config = NULL;
        json_t *history = NULL;
        int r;

        r = load(data, size, &document, error);
        if (r >= 0)
                r = oci_value_get_array(document, "history", WHAT, &history, error);
        if (r >= 0)
                r = load_entry(json_array_get(history, 0), &config, error);
        if (r >= 0)
                r = add_history(config, history, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(config);
        return 0;
}
