/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The progress of a job: what its workers have counted, and what fraction that is. */

#include "job-blob.h"
#include "job-image.h"
#include "job-verdict.h"
#include "job.h"

/* Of one layer, in bytes. */
typedef struct JobLayerCount {
        uint64_t size; /* declared by the image, or PROTO_SIZE_UNKNOWN */
        uint64_t arrived, downloaded;
        uint64_t consumed; /* compressed bytes that are unpacked; at most those that have arrived */
        uint64_t end;      /* unpacked bytes up to the end of this layer; 0 if not known */
        JobLayerState state; /* the highest so far */
        bool is_cached;      /* all of it was in the store when the image became known */
        bool is_repeated;    /* it is also a layer below, for which it was downloaded */
        bool is_ready;       /* its digest is verified */
} JobLayerCount;

typedef struct JobCounts {
        uint64_t archive_read; /* bytes, from the fetch worker */
        uint64_t consumed; /* compressed bytes that are unpacked, of all layers or the tarball */
        uint64_t unpacked, files; /* from the unpack worker, within the limits */
        uint64_t tarball_bytes;   /* 0 if unknown */
        uint32_t built;           /* permille, from the builder */
        JobLayerCount *layers;    /* owned; NULL without an image, or before it is known */
        uint32_t n_layers;
        uint32_t
                n_shared; /* of these, the lowest, which need not be unpacked: their disk images exist */
        uint32_t n_unsized; /* layers of an unknown size, while that is unknown */
        uint64_t total, arrived,
                downloaded; /* sums of @layers; an unknown size counts as what has arrived */
} JobCounts;

/** job_counts_done() - release what @counts owns */
void job_counts_done(JobCounts *counts);

/** job_counts_set_image() - set the layers; only once; returns 0 or -ENOMEM */
int job_counts_set_image(JobCounts *counts, const JobImage *image, Error *error);

/** job_counts_set_cached() - a layer is in the store; right after job_counts_set_image() */
void job_counts_set_cached(JobCounts *counts, uint32_t index);

/** job_counts_set_shared() - the lowest @n layers have a disk image already */
void job_counts_set_shared(JobCounts *counts, uint32_t n);

/** job_counts_set_layer() - update the progress of a layer's blob; after job_counts_set_image() */
void job_counts_set_layer(JobCounts *counts, uint32_t index, const JobBlobStatus *status);

/**
 * job_counts_set_unpacked() - update the progress of unpacking, as the worker states it
 *
 * It counts as far as it is possible: no number decreases, no more bytes of a layer are unpacked than have arrived, and
 * those of the layers below come first. @limits are the job's.
 */
void job_counts_set_unpacked(
        JobCounts *counts, const ProtoUnpackProgress *progress, const Limits *limits);

/** job_counts_end_unpacked() - the unpack worker has read everything, and succeeded */
void job_counts_end_unpacked(JobCounts *counts);

/** job_counts_layer() - one layer for users, without its digest */
JobLayer job_counts_layer(const JobCounts *counts, uint32_t index);

/** job_counts_layer_unpacked() - the unpacked bytes of one layer; 0 if they are not known */
uint64_t job_counts_layer_unpacked(const JobCounts *counts, uint32_t index);

/** job_counts_moved() - a number that changes with any progress */
uint64_t job_counts_moved(const JobCounts *counts);

/** job_counts_measure() - the progress for users; @parts show the kind of job, and which half is at work */
JobProgress job_counts_measure(const JobCounts *counts, const JobParts *parts);
