/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RUN_WORK, in which a job's workers run: the source's half. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "job-run-internal.h"

static int check_room(JobRun *run, const JobImage *image, Error *error) {
        JobRoomPlace place = run->data->place;
        _cleanup_(freep) char *warning = NULL;
        int r;

        if (run->fetch)
                place.download = job_fetch_download(run->fetch);
        r = job_room_check_place(&run->context, job_spec(run->job), image, &place, &warning, error);
        if (warning)
                job_message(run->job, LOG_WARNING, warning);
        if (r < 0)
                job_room_advise_at(&run->context, &place, error);
        return r;
}

static int count_layers(JobRun *run, const JobImage *image, Error *error) {
        int r;

        r = job_counts_set_image(&run->counts, image, error);
        for (uint32_t i = 0; r >= 0 && i < image->n_layers; i++)
                if (job_room_is_stored(run->context.store, &image->layers[i].digest))
                        job_counts_set_cached(&run->counts, i);
        return r;
}

static void on_resolved(void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobRun *run = userdata;
        const JobImage *image = job_fetch_image(run->fetch);

        if (job_set_image(run->job, image, &error) < 0 || check_room(run, image, &error) < 0 ||
            count_layers(run, image, &error) < 0)
                job_run_stop(run, &error);
        else
                job_run_unpack(run);
}

static void on_layer_changed(void *userdata, uint32_t index) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobRun *run = userdata;
        const JobBlobStatus status = job_blob_use_status(job_fetch_layer_use(run->fetch, index));

        job_counts_set_layer(&run->counts, index, &status);
        if (job_part_is_running(&run->parts.unpack) &&
            job_unpack_layer_changed(run->unpack, index, &error) < 0)
                job_run_stop(run, &error);
        job_run_judge(run);
        job_run_report_progress(run);
}

static void on_archive_read(void *userdata, uint64_t size) {
        JobRun *run = userdata;

        run->counts.archive_read = size;
        job_run_report_progress(run);
}

static void on_fetch_ended(void *userdata, const Error *error) {
        JobRun *run = userdata;

        job_run_end_part(run, &run->parts.fetch, error->code != 0 ? PART_FAILED : PART_DONE, error);
}

static const JobFetchEvents fetch_events = {
        .resolved = on_resolved,
        .layer_changed = on_layer_changed,
        .read = on_archive_read,
        .wait = job_run_on_wait,
        .warning = job_run_on_warning,
        .ended = on_fetch_ended,
};

static void start_fetching(JobRun *run) {
        if (job_fetch_start(
                    &run->context, job_spec(run->job), &fetch_events, run, &run->fetch,
                    &run->error) < 0)
                return;

        job_run_begin_part(run, &run->parts.fetch);
        job_run_report_progress(run);
}

static void start_with_tarball(JobRun *run) {
        if (check_room(run, NULL, &run->error) < 0)
                return;

        run->counts.tarball_bytes = job_spec(run->job)->source_bytes;
        job_run_unpack(run);
}

static void on_builder_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        JobRun *run = userdata;

        if (message->type != PROTO_BUILDER_PROGRESS) {
                job_run_on_warning(run, message->warning.text);
                return;
        }

        run->counts.built = message->builder_progress.permille;
        job_run_report_progress(run);
}

static void on_builder_ended(void *userdata, const Error *error) {
        JobRun *run = userdata;
        const bool is_unread = job_process_outcome(run->builder) == PROTO_OUTCOME_OUTPUT_CLOSED;
        const JobPartState failed = is_unread ? PART_UNREAD : PART_FAILED;

        run->builder = job_process_free(run->builder);
        job_run_end_part(run, &run->parts.builder, error->code != 0 ? failed : PART_DONE, error);
}

static const JobProcessEvents builder_events = {
        .message = on_builder_message,
        .ended = on_builder_ended,
};

/* The builder's output comes from a pipe, as a tarball. */
static void start_building(JobRun *run) {
        _cleanup_(closep) int write_fd = -EBADF;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0) {
                (void) error_set_errno(&run->error, errno, "Cannot create a pipe");
                return;
        }

        run->pipe_fd = fds[0];
        write_fd = fds[1];
        if (job_builder_start(
                    &run->context, job_spec(run->job), write_fd, &builder_events, run,
                    &run->builder, &run->error) < 0)
                return;

        job_run_begin_part(run, &run->parts.builder);
        job_run_unpack(run);
}

void job_run_work(JobRun *run) {
        switch (job_spec(run->job)->source_kind) {
        case JOB_SOURCE_REGISTRY:
        case JOB_SOURCE_FILES:
                start_fetching(run);
                break;
        case JOB_SOURCE_TARBALL:
                start_with_tarball(run);
                break;
        case JOB_SOURCE_TEMPLATE:
                start_building(run);
                break;
        case _JOB_SOURCE_MAX:
                break;
        }
        job_run_wake(run);
}
