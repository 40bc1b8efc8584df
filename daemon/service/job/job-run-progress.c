/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How far a job is. */

#include "job-run-internal.h"

/* Of an image: half of the job is the download. Returns what has arrived. */
static uint64_t image_progress(const JobRun *run, JobProgress *progress) {
        const JobImage *image = job_fetch_image(run->fetch);
        uint64_t total = 0, arrived = 0;

        if (!image)
                progress->done = run->archive_read;
        for (uint32_t i = 0; image && i < image->n_layers; i++) {
                uint64_t size = image->layers[i].size;
                JobBlobUse *use = job_fetch_layer_use(run->fetch, i);
                JobBlobStatus status = { 0 };

                if (use)
                        status = job_blob_use_status(use);
                total += size == PROTO_SIZE_UNKNOWN ? status.arrived : size;
                arrived += status.arrived;
                if (status.is_fetched)
                        progress->downloaded += status.arrived;
        }

        if (image && total > 0) {
                bool is_downloading = job_part_is_running(&run->parts.fetch) && arrived < total;

                progress->phase = is_downloading ? JOB_PHASE_DOWNLOAD : JOB_PHASE_UNPACK;
                progress->done = is_downloading ? arrived : run->consumed;
                progress->total = total;
                progress->fraction =
                        ((double) arrived + (double) run->consumed) / (2.0 * (double) total);
        }
        return arrived + (image ? 1 : 0);
}

/* Of a tarball: a pipe does not say how much is to come. */
static void tarball_progress(const JobRun *run, JobProgress *progress) {
        progress->phase = JOB_PHASE_UNPACK;
        progress->done = run->consumed;
        progress->total = run->tarball_bytes;
        if (run->consumed > 0 && run->consumed <= run->tarball_bytes)
                progress->fraction = (double) run->consumed / (double) run->tarball_bytes;
}

static void template_progress(const JobRun *run, JobProgress *progress) {
        progress->phase = job_part_is_running(&run->parts.builder) && run->consumed == 0
                                  ? JOB_PHASE_BUILD
                                  : JOB_PHASE_UNPACK;
        progress->done = run->consumed;
        progress->fraction = (double) run->built / 1000.0;
}

uint64_t job_run_measure(const JobRun *run, JobProgress *ret) {
        uint64_t seen = run->archive_read + run->consumed + run->built;

        *ret = (JobProgress){ .phase = JOB_PHASE_RESOLVE, .unpacked = run->unpacked };
        if (run->fetch)
                seen += image_progress(run, ret);
        else if (run->builder)
                template_progress(run, ret);
        else
                tarball_progress(run, ret);
        return seen;
}
