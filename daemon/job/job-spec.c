/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "job-spec.h"

JobSpec *job_spec_new(void) {
        JobSpec *spec = malloc(sizeof(*spec));

        if (spec)
                *spec = (JobSpec){
                        .password_fd = -EBADF,
                        .root_password_fd = -EBADF,
                        .destination_fd = -EBADF,
                };
        return spec;
}

JobSpec *job_spec_free(JobSpec *spec) {
        if (!spec)
                return NULL;

        free(spec->source);
        free(spec->destination);
        free(spec->platform);
        free(spec->username);
        closep(&spec->password_fd);
        closep(&spec->root_password_fd);
        closep(&spec->destination_fd);
        free(spec);
        return NULL;
}
