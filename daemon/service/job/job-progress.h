/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How far a job is: what its workers have counted, and how much of the whole that is. */

#include "job-blob.h"
#include "job-image.h"
#include "job-verdict.h"
#include "job.h"

/* Of one layer, in bytes. */
typedef struct JobLayerCount {
        uint64_t size; /* as the image says, or PROTO_SIZE_UNKNOWN */
        uint64_t arrived, downloaded;
} JobLayerCount;

typedef struct JobCounts {
        uint64_t archive_read;       /* bytes, as the fetch worker says */
        uint64_t consumed, unpacked; /* bytes, as the unpack worker says */
        uint64_t tarball_bytes;      /* 0 when nobody knows */
        uint32_t built;              /* permille, as the builder says */
        JobLayerCount *layers;       /* owned; NULL: no image, or none yet */
        uint64_t total, arrived,
                downloaded; /* sums of @layers; what has arrived counts for an unknown size */
} JobCounts;

/** job_counts_done() - release what @counts owns */
void job_counts_done(JobCounts *counts);

/** job_counts_set_image() - the layers are known; once; returns 0, or -ENOMEM with @error set */
int job_counts_set_image(JobCounts *counts, const JobImage *image, Error *error);

/** job_counts_set_layer() - how far the blob of a layer is now; after job_counts_set_image() */
void job_counts_set_layer(JobCounts *counts, uint32_t index, const JobBlobStatus *status);

/** job_counts_moved() - a number that changes with whatever moves */
uint64_t job_counts_moved(const JobCounts *counts);

/** job_counts_measure() - what to tell users; @parts say what kind of job it is, and which half of it is at work */
JobProgress job_counts_measure(const JobCounts *counts, const JobParts *parts);
