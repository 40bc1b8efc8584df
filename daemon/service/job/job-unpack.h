/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The unpacking half of a job: an unpack worker or a disk worker, which is informed how far the blobs have grown,
 * or reads a tarball.
 *
 *     job_unpack_start() ─▶ job_unpack_begin() ─▶ (layer_complete() ─▶ job_unpack_layer_closed())* ─▶ ended() ─▶ job_unpack_free()
 *
 * A disk worker begins when the images exist; a thread creates them, and they belong to the worker's user.
 */

#include "job-disk.h"
#include "job-fetch.h"

typedef struct JobUnpack JobUnpack;

typedef struct JobUnpackEvents {
        void (*progress)(
                void *userdata, const ProtoUnpackProgress *progress); /* as the worker states it */
        void (*warning)(void *userdata, const char *text);

        /* @n files, such as @example, have setuid, setgid or capabilities. Not for disk images. */
        void (*rights)(void *userdata, uint64_t n, const char *example);

        /* The disk worker has completed the image of the next shared layer, whose blob is verified: close
         * it in a thread, and call job_unpack_layer_closed(). */
        void (*layer_complete)(void *userdata);

        /* The worker has ended; the last event. @error is empty if the tree is complete; otherwise it names
         * the source, or for a registry's image the layer. */
        void (*ended)(void *userdata, const Error *error);
} JobUnpackEvents;

/**
 * job_unpack_start() - start the worker, of the kind that @spec's format needs
 * @spec:       borrowed as long as the unpack, as are @fetch, @events and @userdata
 * @fetch:      resolved; NULL for a tarball
 */
int job_unpack_start(
        const JobContext *context,
        const JobSpec *spec,
        const JobFetch *fetch,
        const JobUnpackEvents *events,
        void *userdata,
        JobUnpack **ret,
        Error *error);

/** job_unpack_user() - the worker's user, or zeros if it keeps its own; nobody else gets the id before the
 * unpack is released */
ProtoUser job_unpack_user(const JobUnpack *unpack);

/* The target to fill; all borrowed for the call. */
typedef struct JobUnpackTarget {
        int root_fd;         /* the directory */
        const JobDisk *disk; /* instead, the existing images, for formats with images */
        int scratch_fd;      /* an empty file, with @disk */
        int tarball_fd;      /* without a fetch: the only layer */
} JobUnpackTarget;

/** job_unpack_begin() - let the worker begin, if it has not ended */
int job_unpack_begin(JobUnpack *unpack, const JobUnpackTarget *target, Error *error);

/** job_unpack_layer_closed() - after layer_complete(): others may use the image; send the worker the next
 * layer */
int job_unpack_layer_closed(JobUnpack *unpack, Error *error);

/** job_unpack_explain() - add the source to @error, unless that is a registry, where @error names the layer */
void job_unpack_explain(const JobUnpack *unpack, Error *error);

/** job_unpack_free() - release @unpack */
JobUnpack *job_unpack_free(JobUnpack *unpack);

/** job_unpack_layer_changed() - pass on the progress of the layer @index */
int job_unpack_layer_changed(JobUnpack *unpack, uint32_t index, Error *error);

/** job_unpack_is_settled() - whether all blobs that were sent to the worker are verified */
bool job_unpack_is_settled(const JobUnpack *unpack);

/** job_unpack_stop() - stop it; ended() follows */
void job_unpack_stop(JobUnpack *unpack);

DEFINE_CLEANUP(JobUnpack, job_unpack_free);
