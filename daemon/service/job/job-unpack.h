/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The unpacking half of a job: an unpack worker, or a disk worker, which is told how far the blobs have
 * grown; or which reads a tarball.
 */

#include "job-disk.h"
#include "job-fetch.h"

typedef struct JobUnpack JobUnpack;

typedef struct JobUnpackEvents {
        void (*progress)(void *userdata, uint64_t consumed, uint64_t unpacked); /* bytes so far */
        void (*warning)(void *userdata, const char *text);

        /* So many files, such as @example, have setuid, setgid or capabilities. Not for disk images. */
        void (*rights)(void *userdata, uint64_t n, const char *example);

        /* The worker is gone; as the last thing. @error is empty when the tree is complete; it names
         * the source, but for a registry's, of which it names the layer. */
        void (*ended)(void *userdata, const Error *error);
} JobUnpackEvents;

/* All borrowed for the call, but for @fetch and @spec: those as long as the unpack. */
typedef struct JobUnpackRequest {
        const JobFetch *fetch; /* resolved; NULL for a tarball */
        int tarball_fd;        /* without @fetch: the only layer */
        const JobSpec *spec;
        int root_fd;    /* the directory to fill */
        JobDisk *disk;  /* the images to fill, for the format that has some */
        int scratch_fd; /* an empty file, with @disk */
} JobUnpackRequest;

/**
 * job_unpack_start() - start
 * @events:     borrowed as long as the unpack, as is @userdata
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_unpack_start(
        const JobProcessContext *context,
        const JobUnpackRequest *request,
        const JobUnpackEvents *events,
        void *userdata,
        JobUnpack **ret,
        Error *error);

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
