/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "job-progress.h"

void job_counts_done(JobCounts *counts) {
        free(counts->layers);
        *counts = (JobCounts){ 0 };
}

static uint64_t smaller(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b) {
        return a > b ? a : b;
}

static bool is_unsized(const JobLayerCount *layer) {
        return layer->size == PROTO_SIZE_UNKNOWN && !layer->is_cached && !layer->is_ready;
}

/* A layer's share of the sums. */
static uint64_t weight(const JobLayerCount *layer) {
        return layer->size == PROTO_SIZE_UNKNOWN ? layer->arrived : layer->size;
}

static void leave_sums(JobCounts *counts, const JobLayerCount *layer) {
        counts->total -= weight(layer);
        counts->arrived -= layer->arrived;
        counts->downloaded -= layer->downloaded;
        counts->consumed -= layer->consumed;
        counts->n_unsized -= is_unsized(layer);
}

static JobLayerState state_of(const JobLayerCount *layer) {
        if (!layer->is_ready)
                return layer->arrived > 0 && !layer->is_cached ? JOB_LAYER_DOWNLOADING
                                                               : JOB_LAYER_WAITING;
        if (layer->consumed == weight(layer))
                return JOB_LAYER_UNPACKED;
        return layer->consumed > 0 ? JOB_LAYER_UNPACKING : JOB_LAYER_DOWNLOADED;
}

static void join_sums(JobCounts *counts, JobLayerCount *layer) {
        const JobLayerState state = state_of(layer);

        if (layer->state < state)
                layer->state = state;
        counts->total += weight(layer);
        counts->arrived += layer->arrived;
        counts->downloaded += layer->downloaded;
        counts->consumed += layer->consumed;
        counts->n_unsized += is_unsized(layer);
}

int job_counts_set_image(JobCounts *counts, const JobImage *image, Error *error) {
        counts->layers = calloc(image->n_layers, sizeof(*counts->layers));
        if (!counts->layers)
                return error_oom(error);

        counts->n_layers = image->n_layers;
        for (uint32_t i = 0; i < image->n_layers; i++) {
                counts->layers[i].size = image->layers[i].size;
                counts->layers[i].is_repeated = job_image_is_repeated(image->layers, i);
                join_sums(counts, &counts->layers[i]);
        }
        return 0;
}

void job_counts_set_cached(JobCounts *counts, uint32_t index) {
        JobLayerCount *layer = &counts->layers[index];

        leave_sums(counts, layer);
        layer->is_cached = true;
        if (layer->size != PROTO_SIZE_UNKNOWN)
                layer->arrived = layer->size;
        join_sums(counts, layer);
}

static void consume_up_to(JobCounts *counts, uint32_t n) {
        for (uint32_t i = 0; i < n && i < counts->n_layers; i++) {
                JobLayerCount *layer = &counts->layers[i];

                leave_sums(counts, layer);
                layer->consumed = weight(layer);
                join_sums(counts, layer);
        }
}

void job_counts_set_shared(JobCounts *counts, uint32_t n) {
        counts->n_shared = n;
        consume_up_to(counts, n);
}

void job_counts_end_unpacked(JobCounts *counts) {
        consume_up_to(counts, counts->n_layers);
}

/* The sums also decrease if a blob starts again, or if one in the store was damaged. */
void job_counts_set_layer(JobCounts *counts, uint32_t index, const JobBlobStatus *status) {
        JobLayerCount *layer = &counts->layers[index];
        const uint64_t arrived = smaller(status->arrived, layer->size);

        leave_sums(counts, layer);
        layer->is_cached = layer->is_cached && !status->is_fetched;
        layer->is_ready = layer->is_ready || status->state == BLOB_READY;
        if (!layer->is_cached || layer->size == PROTO_SIZE_UNKNOWN)
                layer->arrived = arrived;
        layer->downloaded = status->is_fetched && !layer->is_repeated
                                    ? arrived - smaller(status->resumed, arrived)
                                    : 0;
        if (index < counts->n_shared)
                layer->consumed = weight(layer);
        join_sums(counts, layer);
}

/* The unpack worker reports at the end of each layer, so that then all bytes of the layers so far are consumed. */
static void set_consumed(JobCounts *counts, uint64_t consumed, uint64_t unpacked) {
        for (uint32_t i = counts->n_shared; i < counts->n_layers && consumed > 0; i++) {
                JobLayerCount *layer = &counts->layers[i];
                const uint64_t here = smaller(consumed, layer->arrived);
                const bool is_end = here == weight(layer) && !is_unsized(layer);

                consumed -= here;
                if (is_end && consumed == 0)
                        layer->end = unpacked;
                leave_sums(counts, layer);
                layer->consumed = larger(layer->consumed, here);
                join_sums(counts, layer);
                if (!is_end)
                        break;
        }
}

void job_counts_set_unpacked(
        JobCounts *counts, const ProtoUnpackProgress *progress, const Limits *limits) {
        const uint64_t max = counts->tarball_bytes > 0 ? counts->tarball_bytes : UINT64_MAX;

        counts->unpacked =
                larger(counts->unpacked, smaller(progress->unpacked, limits->unpacked_bytes));
        counts->files = larger(counts->files, smaller(progress->files, limits->entries));
        if (counts->layers)
                set_consumed(counts, progress->consumed, counts->unpacked);
        else
                counts->consumed = larger(counts->consumed, smaller(progress->consumed, max));
}

/* A blob may start again when its layer has already got further. */
static uint64_t done_of(const JobLayerCount *layer) {
        switch (layer->state) {
        case JOB_LAYER_DOWNLOADING:
                return layer->arrived;
        case JOB_LAYER_UNPACKING:
                return layer->consumed;
        case JOB_LAYER_DOWNLOADED:
        case JOB_LAYER_UNPACKED:
                return weight(layer);
        case JOB_LAYER_WAITING:
        case _JOB_LAYER_STATE_MAX:
                break;
        }

        return 0;
}

JobLayer job_counts_layer(const JobCounts *counts, uint32_t index) {
        const JobLayerCount *layer = &counts->layers[index];

        return (JobLayer){
                .state = layer->state,
                .is_cached = layer->is_cached,
                .done = done_of(layer),
                .size = weight(layer),
        };
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

static double share(uint64_t done, uint64_t total) {
        return total > 0 ? (double) smaller(done, total) / (double) total : 0;
}

static bool is_incomplete(const JobCounts *counts) {
        return counts->arrived < counts->total || counts->n_unsized > 0;
}

/* For an image, the fraction is that of the download, if there is one: unpacking keeps up with it, or ends soon after.
 * Otherwise it is that of unpacking. */
static void measure_image(const JobCounts *counts, bool is_fetching, JobProgress *progress) {
        const bool is_downloading = is_fetching && is_incomplete(counts);

        progress->downloaded = counts->downloaded;
        if (!counts->layers)
                progress->done = counts->archive_read;
        if (counts->total == 0 && counts->n_unsized == 0)
                return;

        progress->phase = is_downloading ? JOB_PHASE_DOWNLOAD : JOB_PHASE_UNPACK;
        progress->done = is_downloading ? counts->arrived : counts->consumed;
        progress->total = counts->n_unsized > 0 ? 0 : counts->total;
        progress->fraction = share(progress->done, progress->total);
}

/* For a tarball: the size of a pipe's data is unknown. */
static void measure_tarball(const JobCounts *counts, JobProgress *progress) {
        progress->phase = JOB_PHASE_UNPACK;
        progress->done = counts->consumed;
        progress->total = counts->tarball_bytes;
        progress->fraction = share(progress->done, progress->total);
}

static void measure_template(const JobCounts *counts, bool is_building, JobProgress *progress) {
        progress->phase = is_building && counts->consumed == 0 ? JOB_PHASE_BUILD : JOB_PHASE_UNPACK;
        progress->done = counts->consumed;
        progress->fraction = (double) counts->built / 1000.0;
}

JobProgress job_counts_measure(const JobCounts *counts, const JobParts *parts) {
        JobProgress progress = {
                .phase = JOB_PHASE_RESOLVE,
                .unpacked = counts->unpacked,
                .files = counts->files,
        };

        if (parts->fetch.state != PART_NONE)
                measure_image(counts, job_part_is_running(&parts->fetch), &progress);
        else if (parts->builder.state != PART_NONE)
                measure_template(counts, job_part_is_running(&parts->builder), &progress);
        else
                measure_tarball(counts, &progress);
        return progress;
}
