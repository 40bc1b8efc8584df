/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "job-image-details.h"

void job_image_details_done(JobImageDetails *details) {
        for (size_t i = 0; i < details->n; i++)
                free(details->details[i].key);
        free(details->details);
        *details = (JobImageDetails){ 0 };
}

/* Room for one more; doubles, so that the total cost stays linear. */
static int grow(JobImageDetails *details, Error *error) {
        const size_t n = details->n;
        JobImageDetail *bigger;

        if (n == PROTO_DETAILS_MAX)
                return error_set(
                        error, E2BIG, ERROR_WORKER_FAILED, "The image has more than %zu details",
                        n);
        if ((n & (n - 1)) != 0)
                return 0;

        bigger = reallocarray(details->details, n > 0 ? 2 * n : 1, sizeof(*bigger));
        if (!bigger)
                return error_oom(error);

        details->details = bigger;
        return 0;
}

static int add(
        JobImageDetails *details,
        ProtoDetailKind kind,
        const char *key,
        const char *value,
        Error *error) {
        const size_t key_size = strlen(key) + 1, value_size = strlen(value) + 1;
        char *texts;
        int r;

        r = grow(details, error);
        if (r < 0)
                return r;

        texts = malloc(key_size + value_size);
        if (!texts)
                return error_oom(error);

        memcpy(texts, key, key_size);
        memcpy(texts + key_size, value, value_size);
        details->details[details->n++] = (JobImageDetail){ kind, texts, texts + key_size };
        return 0;
}

int job_image_details_add(JobImageDetails *details, const ProtoDetail *message, Error *error) {
        return add(details, (ProtoDetailKind) message->kind, message->key, message->value, error);
}

static bool is_config(ProtoDetailKind kind) {
        switch (kind) {
        case PROTO_DETAIL_ENV:
        case PROTO_DETAIL_ENTRYPOINT:
        case PROTO_DETAIL_CMD:
        case PROTO_DETAIL_USER:
        case PROTO_DETAIL_WORKING_DIRECTORY:
        case PROTO_DETAIL_VOLUME:
        case PROTO_DETAIL_PORT:
        case PROTO_DETAIL_STOP_SIGNAL:
        case PROTO_DETAIL_INCOMPLETE:
                return true;
        case PROTO_DETAIL_CREATED:
        case PROTO_DETAIL_AUTHOR:
        case PROTO_DETAIL_LABEL:
        case _PROTO_DETAIL_KIND_MAX:
                break;
        }

        return false;
}

int job_image_details_copy_config(
        const JobImageDetails *details, JobImageDetails *ret, Error *error) {
        _cleanup_(job_image_details_done) JobImageDetails copy = { 0 };
        size_t room = JOB_CONFIG_BYTES_MAX;
        bool is_cut = false;
        int r = 0;

        for (size_t i = 0; r >= 0 && !is_cut && i < details->n; i++) {
                const JobImageDetail *from = &details->details[i];
                const size_t size = strlen(from->value) + 1;

                if (!is_config(from->kind))
                        continue;
                if (size <= room) {
                        room -= size;
                        r = add(&copy, from->kind, "", from->value, error);
                } else {
                        is_cut = true;
                        r = add(&copy, PROTO_DETAIL_INCOMPLETE, "", "", error);
                }
        }
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(copy);
        return 0;
}
