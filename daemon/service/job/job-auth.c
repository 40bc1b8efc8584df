/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "job-auth.h"

static bool may_have(const JobSpec *spec) {
        return spec->owner == 0 || spec->owner == geteuid();
}

int job_auth_open(const Config *config, const JobSpec *spec, int *ret_fd, Error *error) {
        int fd;

        if (config->auth_file[0] == '\0' || spec->source_kind != JOB_SOURCE_REGISTRY ||
            spec->username || spec->auth_fd >= 0 || !may_have(spec))
                return 0;

        fd = open(config->auth_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 && !config->has_auth_file)
                return 0;
        if (fd < 0)
                return error_set_errno(
                        error, errno,
                        "Cannot open the credentials file %s of AuthFile=", config->auth_file);

        *ret_fd = fd;
        return 1;
}
