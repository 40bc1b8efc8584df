/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The unpacking half of a job: an unpack worker, or a disk worker, which is told how far the blobs have
 * grown; or which reads a tarball.
 *
 *     job_unpack_start() ─▶ job_unpack_begin() ─▶ (layer_complete() ─▶ job_unpack_layer_closed())* ─▶ ended() ─▶ job_unpack_free()
 *
 * A disk worker begins when the images are there, which take a thread to make, and belong to its user.
 */

#include "job-disk.h"
#include "job-fetch.h"

typedef struct JobUnpack JobUnpack;

typedef struct JobUnpackEvents {
        void (*progress)(void *userdata, uint64_t consumed, uint64_t unpacked); /* bytes so far */
        void (*warning)(void *userdata, const char *text);

        /* So many files, such as @example, have setuid, setgid or capabilities. Not for disk images. */
        void (*rights)(void *userdata, uint64_t n, const char *example);

        /* The disk worker is done with the image of the next shared layer, whose blob is verified: it is
         * to be closed in a thread, and job_unpack_layer_closed() to be called. */
        void (*layer_complete)(void *userdata);

        /* The worker is gone; as the last thing. @error is empty when the tree is complete; it names
         * the source, but for a registry's, of which it names the layer. */
        void (*ended)(void *userdata, const Error *error);
} JobUnpackEvents;

/**
 * job_unpack_start() - start the worker, of the kind that @spec's format needs
 * @spec:       borrowed as long as the unpack, as are @fetch, @events and @userdata
 * @fetch:      resolved; NULL for a tarball
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_unpack_start(
        const JobContext *context,
        const JobSpec *spec,
        const JobFetch *fetch,
        const JobUnpackEvents *events,
        void *userdata,
        JobUnpack **ret,
        Error *error);

/** job_unpack_user() - whom the worker becomes, zeros when it stays who it is; nobody else has the id before the
 * unpack is released */
ProtoUser job_unpack_user(const JobUnpack *unpack);

/* What is to be filled; all borrowed for the call. */
typedef struct JobUnpackTarget {
        int root_fd;         /* the directory */
        const JobDisk *disk; /* rather these images, which are made, for the format that has some */
        int scratch_fd;      /* an empty file, with @disk */
        int tarball_fd;      /* without a fetch: the only layer */
} JobUnpackTarget;

/** job_unpack_begin() - have the worker, which has not ended, work; 0, or a negative errno with @error set */
int job_unpack_begin(JobUnpack *unpack, const JobUnpackTarget *target, Error *error);

/** job_unpack_layer_closed() - after layer_complete(): others may use the image, and the worker gets the next
 * layer; 0, or a negative errno with @error set */
int job_unpack_layer_closed(JobUnpack *unpack, Error *error);

/** job_unpack_explain() - add to @error what the source is, unless that is a registry, which names the layer */
void job_unpack_explain(const JobUnpack *unpack, Error *error);

/** job_unpack_free() - release @unpack (may be NULL) */
JobUnpack *job_unpack_free(JobUnpack *unpack);

/**
 * job_unpack_layer_changed() - pass on what is new of the layer @index
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_unpack_layer_changed(JobUnpack *unpack, uint32_t index, Error *error);

/** job_unpack_is_settled() - whether all blobs that the worker was given are verified */
bool job_unpack_is_settled(const JobUnpack *unpack);

/** job_unpack_stop() - end it; ended() follows */
void job_unpack_stop(JobUnpack *unpack);

DEFINE_CLEANUP(JobUnpack, job_unpack_free);
