/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "job-progress.h"

void job_counts_done(JobCounts *counts) {
        free(counts->layers);
        *counts = (JobCounts){ 0 };
}

/* A layer's share of the sums. */
static uint64_t weight(const JobLayerCount *layer) {
        return layer->size == PROTO_SIZE_UNKNOWN ? layer->arrived : layer->size;
}

int job_counts_set_image(JobCounts *counts, const JobImage *image, Error *error) {
        counts->layers = calloc(image->n_layers, sizeof(*counts->layers));
        if (!counts->layers)
                return error_oom(error);

        counts->n_layers = image->n_layers;
        for (uint32_t i = 0; i < image->n_layers; i++) {
                counts->layers[i].size = image->layers[i].size;
                counts->total += weight(&counts->layers[i]);
        }
        return 0;
}

/* The sums also decrease if a blob starts again. */
void job_counts_set_layer(JobCounts *counts, uint32_t index, const JobBlobStatus *status) {
        JobLayerCount *layer = &counts->layers[index];

        counts->total -= weight(layer);
        counts->arrived -= layer->arrived;
        counts->downloaded -= layer->downloaded;

        layer->arrived = status->arrived;
        layer->downloaded = status->is_fetched ? status->arrived : 0;

        counts->total += weight(layer);
        counts->arrived += layer->arrived;
        counts->downloaded += layer->downloaded;
}

/* The unpack worker reports at the end of each layer, so that then all bytes of the layers so far are consumed. */
void job_counts_set_unpacked(JobCounts *counts, uint64_t consumed, uint64_t unpacked) {
        uint64_t end = 0;

        counts->consumed = consumed;
        counts->unpacked = unpacked;
        for (uint32_t i = 0; i < counts->n_layers && end < consumed; i++) {
                end += weight(&counts->layers[i]);
                if (end == consumed)
                        counts->layers[i].end = unpacked;
        }
}

uint64_t job_counts_layer_unpacked(const JobCounts *counts, uint32_t index) {
        const uint64_t start = index > 0 ? counts->layers[index - 1].end : 0;
        const uint64_t end = counts->layers[index].end;

        return (index == 0 || start > 0) && end > start ? end - start : 0;
}

uint64_t job_counts_moved(const JobCounts *counts) {
        return counts->archive_read + counts->consumed + counts->built + counts->arrived +
               (counts->layers ? 1 : 0);
}

/* For an image, half of the job is the download. */
static void measure_image(const JobCounts *counts, bool is_fetching, JobProgress *progress) {
        const bool is_downloading = is_fetching && counts->arrived < counts->total;

        progress->downloaded = counts->downloaded;
        if (!counts->layers)
                progress->done = counts->archive_read;
        if (counts->total == 0)
                return;

        progress->phase = is_downloading ? JOB_PHASE_DOWNLOAD : JOB_PHASE_UNPACK;
        progress->done = is_downloading ? counts->arrived : counts->consumed;
        progress->total = counts->total;
        progress->fraction = ((double) counts->arrived + (double) counts->consumed) /
                             (2.0 * (double) counts->total);
}

/* For a tarball: the size of a pipe's data is unknown. */
static void measure_tarball(const JobCounts *counts, JobProgress *progress) {
        progress->phase = JOB_PHASE_UNPACK;
        progress->done = counts->consumed;
        progress->total = counts->tarball_bytes;
        if (counts->consumed > 0 && counts->consumed <= counts->tarball_bytes)
                progress->fraction = (double) counts->consumed / (double) counts->tarball_bytes;
}

static void measure_template(const JobCounts *counts, bool is_building, JobProgress *progress) {
        progress->phase = is_building && counts->consumed == 0 ? JOB_PHASE_BUILD : JOB_PHASE_UNPACK;
        progress->done = counts->consumed;
        progress->fraction = (double) counts->built / 1000.0;
}

JobProgress job_counts_measure(const JobCounts *counts, const JobParts *parts) {
        JobProgress progress = { .phase = JOB_PHASE_RESOLVE, .unpacked = counts->unpacked };

        if (parts->fetch.state != PART_NONE)
                measure_image(counts, job_part_is_running(&parts->fetch), &progress);
        else if (parts->builder.state != PART_NONE)
                measure_template(counts, job_part_is_running(&parts->builder), &progress);
        else
                measure_tarball(counts, &progress);
        return progress;
}
