/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "oci-report.h"

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MANIFEST                                                                                   \
        "{\"schemaVersion\":2,\"config\":{\"mediaType\":"                                          \
        "\"application/vnd.oci.image.config.v1+json\",\"size\":2,\"digest\":\"sha256:" HEX         \
        "\"},"                                                                                     \
        "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"size\":1,"        \
        "\"digest\":\"sha256:" HEX "\"}]}"

/* A report is one line that is little longer than what it is made of. */
static void check(
        int (*make)(const OciReportInput *input, char **ret, Error *error),
        const OciReportInput *input) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(freep) char *report = NULL;
        int r;

        r = make(input, &report, &error);
        if (r < 0 && (error.code != -r || !error.message || report))
                __builtin_trap();
        if (r >= 0 && (report[0] != '{' || strpbrk(report, "\r\n\t\x1b") ||
                       strlen(report) > 4 * (input->manifest_size + input->config_size) + 1024))
                __builtin_trap();
}

/* The input is a configuration, or a manifest of schema 1. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Digest digest;
        OciReportInput input = {
                .digest = &digest,
                .manifest_type = MEDIA_TYPE_OCI_MANIFEST,
                .manifest = MANIFEST,
                .manifest_size = strlen(MANIFEST),
                .config = (const char *) data,
                .config_size = size,
        };

        if (digest_parse("sha256:" HEX, &digest) < 0)
                __builtin_trap();
        check(oci_report_image, &input);
        check(oci_report_config, &input);

        input.manifest_type = MEDIA_TYPE_DOCKER_SCHEMA1;
        input.manifest = (const char *) data;
        input.manifest_size = size;
        input.config = NULL;
        input.config_size = 0;
        check(oci_report_image, &input);
        check(oci_report_config, &input);
        return 0;
}
