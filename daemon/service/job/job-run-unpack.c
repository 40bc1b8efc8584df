/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RUN_WORK, in which a job's workers run: the target's half. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job-run-internal.h"
#include "store-blob.h"

static void on_unpack_progress(void *userdata, const ProtoUnpackProgress *progress) {
        JobRun *run = userdata;

        job_counts_set_unpacked(&run->counts, progress, &run->context.config->limits);
        job_run_report_progress(run);
}

static void on_rights(void *userdata, uint64_t n, const char *example) {
        JobRun *run = userdata;

        free(run->with_rights);
        run->with_rights = strdup(example);
        run->n_with_rights = n;
}

/* So that the builder notices that nobody reads. */
static void close_pipe(JobRun *run) {
        closep(&run->pipe_fd);
        run->pipe_fd = -EBADF;
}

static void on_unpack_ended(void *userdata, const Error *result) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobRun *run = userdata;

        if (result->code != 0) {
                (void) error_copy(&error, result);
                job_room_explain(
                        &run->context, job_spec(run->job),
                        run->fetch ? job_fetch_image(run->fetch) : NULL, &run->data->place, &error);
        }
        close_pipe(run);
        if (error.code == 0) {
                job_counts_end_unpacked(&run->counts);
                job_run_report_progress(run);
        }
        job_run_end_part(
                run, &run->parts.unpack, error.code != 0 ? PART_FAILED : PART_DONE, &error);
}

static void on_layer_closed(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_task(run);
        if (r >= 0)
                r = job_unpack_layer_closed(run->unpack, error);
        if (r < 0) {
                job_unpack_explain(run->unpack, error);
                job_run_stop(run, error);
        }
        job_run_report_progress(run);
        job_run_wake(run);
}

static const JobTaskOperation close_layer_operation = {
        .work = job_step_close_disk_layer,
        .release = job_step_release,
        .ended = on_layer_closed,
};

static void on_layer_complete(void *userdata) {
        job_run_start_task(userdata, &close_layer_operation);
}

static const JobUnpackEvents unpack_events = {
        .progress = on_unpack_progress,
        .warning = job_run_on_warning,
        .rights = on_rights,
        .layer_complete = on_layer_complete,
        .ended = on_unpack_ended,
};

static void begin_unpacking(JobRun *run, int scratch_fd) {
        const JobUnpackTarget target = {
                .root_fd = job_destination_root_fd(run->data->destination),
                .disk = run->data->disk,
                .scratch_fd = scratch_fd,
                .tarball_fd = run->pipe_fd >= 0 ? run->pipe_fd : job_spec(run->job)->source_fd,
        };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (job_unpack_begin(run->unpack, &target, &error) < 0)
                job_run_stop(run, &error);
        close_pipe(run);
}

static void begin_on_disk(JobRun *run) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(closep) int scratch_fd = -EBADF;

        if (store_anonymous_open(run->context.temporary_directory, &scratch_fd, &error) < 0)
                job_run_stop(run, &error);
        else
                begin_unpacking(run, scratch_fd);
}

static void on_disk_made(void *userdata, void *data, int r, Error *error) {
        JobRun *run = userdata;

        job_run_end_task(run);
        if (r >= 0 && run->counts.layers) {
                job_counts_set_shared(&run->counts, job_disk_n_complete(run->data->disk));
                job_run_report_progress(run);
        }
        if (r < 0)
                job_run_stop(run, error);
        else if (run->error.code == 0 && job_part_is_running(&run->parts.unpack))
                begin_on_disk(run);
        job_run_wake(run);
}

static const JobTaskOperation make_disk_operation = {
        .work = job_step_make_disk,
        .release = job_step_release,
        .ended = on_disk_made,
};

static void make_disk(JobRun *run) {
        const JobDiskRequest request = {
                .spec = job_spec(run->job),
                .image = run->fetch ? job_fetch_image(run->fetch) : NULL,
                .user = job_unpack_user(run->unpack),
                .root_fd = job_destination_root_fd(run->data->destination),
                .path = job_destination_path(run->data->destination),
                .store = run->context.store,
        };
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (job_disk_new(&request, &run->data->disk, &error) < 0)
                job_run_stop(run, &error);
        else
                job_run_start_task(run, &make_disk_operation);
}

void job_run_unpack(JobRun *run) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (job_unpack_start(
                    &run->context, job_spec(run->job), run->fetch, &unpack_events, run,
                    &run->unpack, &error) < 0) {
                close_pipe(run);
                job_run_stop(run, &error);
                return;
        }

        job_run_begin_part(run, &run->parts.unpack);
        if (job_spec_has_disk(job_spec(run->job)))
                make_disk(run);
        else
                begin_unpacking(run, -EBADF);
        job_run_report_progress(run);
}
