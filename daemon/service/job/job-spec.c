/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-limits.h"
#include "base-macro.h"
#include "job-spec.h"

static const char *const formats[_JOB_FORMAT_MAX] = {
        [JOB_FORMAT_DIR] = "dir",
        [JOB_FORMAT_QCOW2] = "qcow2",
        [JOB_FORMAT_RAW] = "raw",
};

static const char *const documents[_JOB_DOCUMENT_MAX] = {
        [JOB_DOCUMENT_NONE] = "",
        [JOB_DOCUMENT_MANIFEST] = "manifest",
        [JOB_DOCUMENT_CONFIG] = "config",
        [JOB_DOCUMENT_IMAGE_JSON] = "image-json",
        [JOB_DOCUMENT_CONFIG_JSON] = "config-json",
};

JobSpec *job_spec_new(void) {
        JobSpec *spec = malloc(sizeof(*spec));

        if (spec)
                *spec = (JobSpec){
                        .password_fd = -EBADF,
                        .auth_fd = -EBADF,
                        .root_password_fd = -EBADF,
                        .key_fd = -EBADF,
                        .destination_fd = -EBADF,
                        .source_fd = -EBADF,
                        .owner = (uid_t) -1, /* nobody in particular */
                };
        return spec;
}

void job_spec_release(JobSpec *spec) {
        int *const fds[] = {
                &spec->password_fd, &spec->auth_fd,        &spec->root_password_fd,
                &spec->key_fd,      &spec->destination_fd, &spec->source_fd,
        };

        for (size_t i = 0; i < N_ELEMENTS(fds); i++) {
                closer_close(spec->closer, TAKE_FD(*fds[i]));
        }
}

JobSpec *job_spec_free(JobSpec *spec) {
        if (!spec)
                return NULL;

        free(spec->source);
        free(spec->fetch);
        free(spec->reference);
        free(spec->repository);
        free(spec->name);
        free(spec->source_path);
        free(spec->destination);
        free(spec->platform);
        free(spec->username);
        free(spec->keep_old);
        free(spec->route);
        job_spec_release(spec);
        free(spec);
        return NULL;
}

const char *job_format_to_string(JobFormat format) {
        assert(format < _JOB_FORMAT_MAX);
        return formats[format];
}

int job_format_from_string(const char *text, JobFormat *ret) {
        for (JobFormat i = 0; i < _JOB_FORMAT_MAX; i++)
                if (strcmp(text, formats[i]) == 0) {
                        *ret = i;
                        return 0;
                }

        return -EINVAL;
}

int job_document_from_string(const char *text, JobDocument *ret) {
        for (JobDocument i = JOB_DOCUMENT_NONE + 1; i < _JOB_DOCUMENT_MAX; i++)
                if (strcmp(text, documents[i]) == 0) {
                        *ret = i;
                        return 0;
                }

        return -EINVAL;
}

int job_spec_password_of_tree(const JobSpec *spec) {
        return spec->source_kind == JOB_SOURCE_TEMPLATE ? -EBADF : spec->root_password_fd;
}

uint64_t job_spec_disk_size(const JobSpec *spec) {
        return spec->size > 0 ? spec->size : DISK_SIZE_DEFAULT;
}

bool job_spec_has_disk(const JobSpec *spec) {
        return spec->format != JOB_FORMAT_DIR;
}

bool job_spec_is_file(const JobSpec *spec) {
        return spec->format == JOB_FORMAT_RAW ||
               (spec->format == JOB_FORMAT_QCOW2 && spec->flatten);
}

bool job_spec_changes_tree(const JobSpec *spec) {
        return job_spec_password_of_tree(spec) >= 0 || spec->uids.n_ranges > 0 ||
               spec->gids.n_ranges > 0;
}
