/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "oci-report-value.h"
#include "oci-report.h"
#include "oci-schema1-config.h"
#include "oci-value.h"

#define WHAT          "image configuration"
#define WHAT_MANIFEST "image manifest"
#define DOCKER_NEVER  "0001-01-01T00:00:00Z" /* Docker's types have no time that is missing */

static const OciReportField settings_fields[] = {
        { "User", REPORT_TEXT, false, NULL },       { "ExposedPorts", REPORT_SET, false, NULL },
        { "Env", REPORT_TEXTS, false, NULL },       { "Entrypoint", REPORT_TEXTS, false, NULL },
        { "Cmd", REPORT_TEXTS, false, NULL },       { "Volumes", REPORT_SET, false, NULL },
        { "WorkingDir", REPORT_TEXT, false, NULL }, { "Labels", REPORT_MAP, false, NULL },
        { "StopSignal", REPORT_TEXT, false, NULL }, { "ArgsEscaped", REPORT_BOOL, false, NULL },
        { NULL, REPORT_TEXT, false, NULL },
};

static const OciReportField rootfs_fields[] = {
        { "type", REPORT_TEXT, true, NULL },
        { "diff_ids", REPORT_TEXTS, true, NULL },
        { NULL, REPORT_TEXT, false, NULL },
};

static const OciReportField history_fields[] = {
        { "created", REPORT_TIME, false, NULL },     { "created_by", REPORT_TEXT, false, NULL },
        { "author", REPORT_TEXT, false, NULL },      { "comment", REPORT_TEXT, false, NULL },
        { "empty_layer", REPORT_BOOL, false, NULL }, { NULL, REPORT_TEXT, false, NULL },
};

static const OciReportField config_fields[] = {
        { "created", REPORT_TIME, false, NULL },
        { "author", REPORT_TEXT, false, NULL },
        { "architecture", REPORT_TEXT, true, NULL },
        { "variant", REPORT_TEXT, false, NULL },
        { "os", REPORT_TEXT, true, NULL },
        { "os.version", REPORT_TEXT, false, NULL },
        { "os.features", REPORT_TEXTS, false, NULL },
        { "config", REPORT_OBJECT, true, settings_fields },
        { "rootfs", REPORT_OBJECT, true, rootfs_fields },
        { "history", REPORT_OBJECTS, false, history_fields },
        { NULL, REPORT_TEXT, false, NULL },
};

/* Where the fields of "skopeo inspect" come from. */
static const OciReportField about_fields[] = {
        { "created", REPORT_TIME, true, NULL },      { "docker_version", REPORT_TEXT, true, NULL },
        { "architecture", REPORT_TEXT, true, NULL }, { "os", REPORT_TEXT, true, NULL },
        { NULL, REPORT_TEXT, false, NULL },
};

static const OciReportField list_fields[] = {
        { "Labels", REPORT_MAP, true, NULL },
        { "Env", REPORT_TEXTS, true, NULL },
        { NULL, REPORT_TEXT, false, NULL },
};

static bool is_schema1(const OciReportInput *input) {
        return oci_media_type_class(input->manifest_type) == MEDIA_CLASS_SCHEMA1;
}

/* The configuration, for schema 1 as its history has it. */
static int load_config(const OciReportInput *input, json_t **ret, Error *error) {
        if (is_schema1(input))
                return oci_schema1_config(input->manifest, input->manifest_size, ret, error);

        assert(input->config);
        return oci_value_load(input->config, input->config_size, WHAT, ret, error);
}

static int dump(const json_t *value, char **ret, Error *error) {
        *ret = json_dumps(value, JSON_COMPACT);
        return *ret ? 0 : error_oom(error);
}

int oci_report_config(const OciReportInput *input, char **ret, Error *error) {
        json_auto_t *config = NULL, *report = NULL;
        int r;

        r = load_config(input, &config, error);
        if (r >= 0)
                r = oci_report_object(config, config_fields, WHAT, &report, error);
        return r < 0 ? r : dump(report, ret, error);
}

/* Adds what @from has under @from_key to @report, as @key. */
static int add(
        json_t *report, const char *key, const json_t *from, const char *from_key, Error *error) {
        json_t *value = json_object_get(from, from_key);

        return json_object_set(report, key, value) < 0 ? error_oom(error) : 0;
}

static int add_new(json_t *report, const char *key, json_t *value, Error *error) {
        return json_object_set_new(report, key, value) < 0 ? error_oom(error) : 0;
}

/* All layers, also those of schema 1 that are thrown away, root layer first. */
static int list_layers(const OciReportInput *input, json_t **ret, Error *error) {
        _cleanup_(oci_manifest_done) OciManifest manifest = { 0 };
        json_auto_t *layers = NULL;
        char digest[DIGEST_STRING_MAX];
        int r;

        if (is_schema1(input))
                return oci_schema1_layers(input->manifest, input->manifest_size, ret, error);

        r = oci_manifest_parse(
                input->manifest, input->manifest_size, input->manifest_type, &manifest, error);
        if (r < 0)
                return r;

        layers = json_array();
        for (size_t i = 0; i < manifest.n_layers; i++)
                if (json_array_append_new(
                            layers,
                            json_string(digest_format(&manifest.layers[i].digest, digest))) < 0)
                        return error_oom(error);
        if (!layers)
                return error_oom(error);

        *ret = TAKE_PTR(layers);
        return 0;
}

/* What the document itself says: only schema 1 has a tag. */
static int begin_report(const OciReportInput *input, json_t *report, Error *error) {
        _cleanup_(freep) char *tag = NULL;
        char digest[DIGEST_STRING_MAX];
        int r = 0;

        if (is_schema1(input))
                r = oci_schema1_tag(input->manifest, input->manifest_size, &tag, error);
        if (r >= 0 && tag && tag[0] != '\0')
                r = add_new(report, "Tag", json_string(tag), error);
        if (r >= 0)
                r = add_new(
                        report, "Digest", json_string(digest_format(input->digest, digest)), error);
        return r < 0 ? r : add_new(report, "RepoTags", json_array(), error);
}

static int add_created(
        const OciReportInput *input, json_t *report, const json_t *about, Error *error) {
        const bool is_docker =
                is_schema1(input) || input->manifest_type == MEDIA_TYPE_DOCKER_MANIFEST;

        if (is_docker && json_is_null(json_object_get(about, "created")))
                return add_new(report, "Created", json_string(DOCKER_NEVER), error);
        return add(report, "Created", about, "created", error);
}

int oci_report_image(const OciReportInput *input, char **ret, Error *error) {
        json_auto_t *config = NULL, *about = NULL, *lists = NULL, *layers = NULL;
        json_auto_t *report = json_object();
        json_t *settings = NULL;
        int r;

        r = load_config(input, &config, error);
        if (r >= 0)
                r = oci_report_object(config, about_fields, WHAT, &about, error);
        if (r >= 0)
                r = oci_value_get_object(config, "config", WHAT, &settings, error);
        if (r >= 0)
                r = oci_report_object(settings, list_fields, WHAT, &lists, error);
        if (r >= 0)
                r = list_layers(input, &layers, error);
        if (r >= 0)
                r = begin_report(input, report, error);
        if (r >= 0)
                r = add_created(input, report, about, error);
        if (r >= 0)
                r = add(report, "DockerVersion", about, "docker_version", error);
        if (r >= 0)
                r = add(report, "Labels", lists, "Labels", error);
        if (r >= 0)
                r = add(report, "Architecture", about, "architecture", error);
        if (r >= 0)
                r = add(report, "Os", about, "os", error);
        if (r >= 0)
                r = add_new(report, "Layers", TAKE_PTR(layers), error);
        if (r >= 0)
                r = add(report, "Env", lists, "Env", error);
        return r < 0 ? r : dump(report, ret, error);
}
