/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "oci-config.h"
#include "oci-value.h"

#define WHAT "image configuration"

static void free_texts(OciConfigTexts *texts) {
        for (size_t i = 0; i < texts->n; i++)
                free(texts->texts[i]);
        free(texts->texts);
}

void oci_config_done(OciConfig *config) {
        for (size_t i = 0; i < config->n_labels; i++)
                free(config->labels[i].name);
        for (size_t i = 0; i < config->n_env; i++)
                free(config->env[i]);

        free_texts(&config->entrypoint);
        free_texts(&config->cmd);
        free_texts(&config->volumes);
        free_texts(&config->ports);
        free(config->user);
        free(config->working_directory);
        free(config->stop_signal);
        free(config->labels);
        free(config->env);
        free(config->diff_ids);
        free(config->created);
        free(config->author);
        free(config->docker_version);
        *config = (OciConfig){ 0 };
}

static int check_count(size_t count, size_t limit, const char *of_what, Error *error) {
        if (count <= limit)
                return 0;

        return error_set(
                error, EFBIG, ERROR_LIMIT_EXCEEDED, "The " WHAT " has %zu %s, more than %zu", count,
                of_what, limit);
}

static int read_diff_ids(const json_t *rootfs, OciConfig *config, Error *error) {
        json_t *ids, *id;
        size_t i;
        int r;

        r = oci_value_get_array(rootfs, "diff_ids", WHAT, &ids, error);
        if (r < 0)
                return r;
        if (json_array_size(ids) == 0)
                return error_set(error, EBADMSG, ERROR_NO_LAYERS, "The " WHAT " names no layers");

        r = check_count(json_array_size(ids), LAYERS_MAX, "layers", error);
        if (r < 0)
                return r;

        config->diff_ids = calloc(json_array_size(ids), sizeof(config->diff_ids[0]));
        if (!config->diff_ids)
                return error_oom(error);

        json_array_foreach(ids, i, id) {
                r = oci_value_to_digest(id, WHAT, &config->diff_ids[i], error);
                if (r < 0)
                        return r;
        }

        config->n_diff_ids = json_array_size(ids);
        return 0;
}

static int read_rootfs(const json_t *document, OciConfig *config, Error *error) {
        static const char *const names[] = { "type", "diff_ids", NULL };
        char quoted[TEXT_QUOTE_MAX];
        const char *type;
        json_t *rootfs;
        int r;

        r = oci_value_get_object(document, "rootfs", WHAT, &rootfs, error);
        if (r < 0)
                return r;
        if (!rootfs)
                return error_set(
                        error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                        "The " WHAT " has no 'rootfs': it is not a file system image");

        r = oci_value_check_keys(rootfs, names, WHAT, error);
        if (r < 0)
                return r;
        r = oci_value_get_string(rootfs, "type", WHAT, &type, error);
        if (r < 0)
                return r;
        if (!type || strcmp(type, "layers") != 0)
                return error_set(
                        error, EOPNOTSUPP, ERROR_UNSUPPORTED_IMAGE,
                        "The type of 'rootfs' in the " WHAT " is '%s', not 'layers'",
                        text_quote(type ? type : "", quoted));

        return read_diff_ids(rootfs, config, error);
}

static int copy_text(const json_t *document, const char *key, char **ret, Error *error) {
        const char *text;
        int r;

        r = oci_value_get_string(document, key, WHAT, &text, error);
        if (r < 0)
                return r;
        if (!text)
                return 0;

        *ret = strdup(text);
        return *ret ? 0 : error_oom(error);
}

/* @name, and @value behind its NUL; owned by the caller; NULL when out of memory. */
static char *join_label(const char *name, const char *value) {
        char *label = malloc(strlen(name) + 1 + strlen(value) + 1);

        if (label)
                stpcpy(stpcpy(label, name) + 1, value);
        return label;
}

static int read_labels(const json_t *settings, OciConfig *config, Error *error) {
        json_t *labels, *value;
        const char *name;
        int r;

        r = oci_value_get_object(settings, "Labels", WHAT, &labels, error);
        if (r < 0)
                return r;
        r = check_count(json_object_size(labels), CONFIG_LABELS_MAX, "labels", error);
        if (r < 0)
                return r;

        config->labels = calloc(json_object_size(labels) + 1, sizeof(config->labels[0]));
        if (!config->labels)
                return error_oom(error);

        json_object_foreach(labels, name, value) {
                OciLabel *label = &config->labels[config->n_labels];
                _cleanup_(freep) char *joined = NULL;

                if (!json_is_string(value) && !json_is_null(value))
                        return error_set(
                                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                                "A label in the " WHAT " is not a string");

                joined = join_label(name, json_is_null(value) ? "" : json_string_value(value));
                if (!joined)
                        return error_oom(error);

                label->value = joined + strlen(name) + 1;
                label->name = TAKE_PTR(joined);
                config->n_labels++;
        }

        return 0;
}

static int read_env(const json_t *settings, OciConfig *config, Error *error) {
        json_t *env, *value;
        size_t i;
        int r;

        r = oci_value_get_array(settings, "Env", WHAT, &env, error);
        if (r < 0)
                return r;
        r = check_count(json_array_size(env), CONFIG_ENV_MAX, "environment variables", error);
        if (r < 0)
                return r;

        config->env = calloc(json_array_size(env) + 1, sizeof(config->env[0]));
        if (!config->env)
                return error_oom(error);

        json_array_foreach(env, i, value) {
                _cleanup_(freep) char *copy = NULL;

                if (!json_is_string(value))
                        return error_set(
                                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                                "An environment variable in the " WHAT " is not a string");

                copy = strdup(json_string_value(value));
                if (!copy)
                        return error_oom(error);

                config->env[config->n_env++] = TAKE_PTR(copy);
        }

        return 0;
}

/* Room for the first of @n texts. */
static int begin_texts(OciConfig *config, size_t n, OciConfigTexts *texts, Error *error) {
        config->is_cut |= n > CONFIG_TEXTS_MAX;
        texts->texts =
                calloc((n > CONFIG_TEXTS_MAX ? CONFIG_TEXTS_MAX : n) + 1, sizeof(*texts->texts));
        return texts->texts ? 0 : error_oom(error);
}

static int add_text(OciConfigTexts *texts, const char *text, Error *error) {
        char *copy;

        if (texts->n == CONFIG_TEXTS_MAX)
                return 0;

        copy = strdup(text);
        if (!copy)
                return error_oom(error);

        texts->texts[texts->n++] = copy;
        return 0;
}

/* An array of strings, as encoding/json of Go reads it: a null is an empty one. */
static int read_texts(
        const json_t *settings,
        const char *key,
        OciConfig *config,
        OciConfigTexts *texts,
        Error *error) {
        json_t *array, *value;
        size_t i;
        int r;

        r = oci_value_get_array(settings, key, WHAT, &array, error);
        if (r >= 0)
                r = begin_texts(config, json_array_size(array), texts, error);
        if (r < 0)
                return r;

        json_array_foreach(array, i, value) {
                if (!json_is_string(value) && !json_is_null(value))
                        return error_set(
                                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                                "'%s' in the " WHAT " is not an array of strings", key);

                r = add_text(texts, json_is_null(value) ? "" : json_string_value(value), error);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* The names of an object's members. */
static int read_set(
        const json_t *settings,
        const char *key,
        OciConfig *config,
        OciConfigTexts *texts,
        Error *error) {
        json_t *object, *value;
        const char *name;
        int r;

        r = oci_value_get_object(settings, key, WHAT, &object, error);
        if (r >= 0)
                r = begin_texts(config, json_object_size(object), texts, error);
        if (r < 0)
                return r;

        json_object_foreach(object, name, value) {
                r = add_text(texts, name, error);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* What the image would run, and how. */
static int read_execution(const json_t *settings, OciConfig *config, Error *error) {
        int r;

        r = read_texts(settings, "Entrypoint", config, &config->entrypoint, error);
        if (r >= 0)
                r = read_texts(settings, "Cmd", config, &config->cmd, error);
        if (r >= 0)
                r = copy_text(settings, "User", &config->user, error);
        if (r >= 0)
                r = copy_text(settings, "WorkingDir", &config->working_directory, error);
        if (r >= 0)
                r = read_set(settings, "Volumes", config, &config->volumes, error);
        if (r >= 0)
                r = read_set(settings, "ExposedPorts", config, &config->ports, error);
        if (r >= 0)
                r = copy_text(settings, "StopSignal", &config->stop_signal, error);
        return r;
}

static int read_settings(const json_t *document, OciConfig *config, Error *error) {
        static const char *const names[] = { "Labels",  "Env",          "Entrypoint",
                                             "Cmd",     "User",         "WorkingDir",
                                             "Volumes", "ExposedPorts", "StopSignal",
                                             NULL };
        json_t *settings;
        int r;

        r = oci_value_get_object(document, "config", WHAT, &settings, error);
        if (r < 0)
                return r;
        if (!settings)
                return 0;

        r = oci_value_check_keys(settings, names, WHAT, error);
        if (r < 0)
                return r;
        r = read_labels(settings, config, error);
        if (r >= 0)
                r = read_env(settings, config, error);
        return r < 0 ? r : read_execution(settings, config, error);
}

static int read_about(const json_t *document, OciConfig *config, Error *error) {
        int r;

        r = oci_value_get_platform(document, WHAT, &config->platform, error);
        if (r < 0)
                return r;
        r = copy_text(document, "created", &config->created, error);
        if (r < 0)
                return r;
        r = copy_text(document, "author", &config->author, error);
        if (r < 0)
                return r;
        return copy_text(document, "docker_version", &config->docker_version, error);
}

int oci_config_parse(const void *data, size_t size, OciConfig *ret, Error *error) {
        static const char *const names[] = { "rootfs", "config",         "created",
                                             "author", "docker_version", NULL };
        _cleanup_(oci_config_done) OciConfig config = { 0 };
        json_auto_t *document = NULL;
        int r;

        r = oci_value_load(data, size, WHAT, &document, error);
        if (r < 0)
                return r;
        r = oci_value_check_keys(document, names, WHAT, error);
        if (r < 0)
                return r;
        r = read_rootfs(document, &config, error);
        if (r < 0)
                return r;
        r = read_about(document, &config, error);
        if (r < 0)
                return r;
        r = read_settings(document, &config, error);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(config);
        return 0;
}

int oci_config_match_layers(const OciConfig *config, const OciManifest *manifest, Error *error) {
        if (config->n_diff_ids == manifest->n_layers)
                return 0;

        return error_set(
                error, EBADMSG, ERROR_UNSUPPORTED_IMAGE,
                "The image manifest has %zu layers, but the " WHAT " names %zu", manifest->n_layers,
                config->n_diff_ids);
}
