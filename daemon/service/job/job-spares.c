/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "job-spares.h"

struct JobSpares {
        JobProcess *processes[_WORKER_KIND_MAX]; /* owned; NULL: none */
};

/* What it said before it died without ever being needed. */
static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
}

/* Whoever needs it starts another one, and hears of it if that fails as well. */
static void on_ended(void *userdata, const Error *error) {
        JobProcess **process = userdata;

        *process = job_process_free(*process);
}

static const JobProcessEvents spare_events = { .message = on_message, .ended = on_ended };

static void start(JobSpares *spares, const JobContext *context, JobWorkerKind kind) {
        JobProcess **process = &spares->processes[kind];

        (void) job_process_start_spare(context, kind, &spare_events, process, process, NULL);
}

JobWorkerKind job_spares_fetcher(const JobSpec *spec) {
        if (spec->source_kind != JOB_SOURCE_FILES)
                return WORKER_FETCH;
        return spec->is_directory ? WORKER_FETCH_DIRECTORY : WORKER_FETCH_ARCHIVE;
}

JobSpares *job_spares_new(const JobContext *context, const JobSpec *spec) {
        const bool is_image =
                spec->source_kind == JOB_SOURCE_REGISTRY || spec->source_kind == JOB_SOURCE_FILES;
        JobSpares *spares = calloc(1, sizeof(*spares));

        if (!spares)
                return NULL;

        if (is_image && config_policy_path(&context->config->policy))
                start(spares, context, WORKER_TRUST);
        if (is_image && !spec->offline)
                start(spares, context, job_spares_fetcher(spec));
        if (is_image)
                start(spares, context, WORKER_RESOLVE);
        if (spec->destination)
                start(spares, context, job_spec_has_disk(spec) ? WORKER_DISK : WORKER_UNPACK);
        return spares;
}

JobSpares *job_spares_free(JobSpares *spares) {
        if (!spares)
                return NULL;

        for (size_t i = 0; i < _WORKER_KIND_MAX; i++)
                job_process_free(spares->processes[i]);
        free(spares);
        return NULL;
}

int job_spares_start(
        const JobContext *context,
        JobWorkerKind kind,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error) {
        int r;

        if (!context->spares || !context->spares->processes[kind])
                return job_process_start(context, kind, events, userdata, ret, error);

        r = job_process_adopt(context->spares->processes[kind], events, userdata, error);
        if (r >= 0)
                *ret = TAKE_PTR(context->spares->processes[kind]);
        return r;
}
