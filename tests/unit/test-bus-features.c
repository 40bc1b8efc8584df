/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "bus-features.h"
#include "bus-source.h"

/* Built with "docker" as the only feature, in place of the bus library's own. */

TEST(what_was_left_out_is_refused_by_name) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(bus_features_require("docker", &error), 0);
        assert_int_equal(bus_features_require("qcow2", &error), -EOPNOTSUPP);
        assert_int_equal(error.kind, ERROR_INVALID_OPTION);
        assert_string_equal(
                error.message, "This virt-bootstrapd was built without support for qcow2");
}

static int read_source(const char *source, Error *error) {
        JobSpec *spec = job_spec_new();
        int r;

        assert_non_null(spec);
        spec->source = strdup(source);
        r = bus_source_read(spec, error);
        job_spec_free(spec);
        return r;
}

TEST(template_is_refused_where_nothing_builds_it) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(read_source("docker://registry.example/debian:12", &error), 0);
        assert_int_equal(read_source("virt-builder://debian-12", &error), -EOPNOTSUPP);
        assert_int_equal(error.kind, ERROR_INVALID_OPTION);
        assert_non_null(strstr(error.message, "virt-builder"));
}
