/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The unpacking half of a job: an unpack worker, or a disk worker, which is told how far the blobs have
 * grown; or which reads a tarball.
 */

#include "job-disk.h"
#include "job-fetch.h"

typedef struct Unpack Unpack;

typedef struct UnpackJobEvents {
        void (*progress)(void *userdata, uint64_t consumed, uint64_t unpacked); /* bytes so far */
        void (*warning)(void *userdata, const char *text);

        /* So many files, such as @example, have setuid, setgid or capabilities. Not for disk images. */
        void (*rights)(void *userdata, uint64_t n, const char *example);

        /* The worker is gone; as the last thing. @error is empty when the tree is complete; it names
         * the source, but for a registry's, of which it names the layer. */
        void (*ended)(void *userdata, const Error *error);
} UnpackJobEvents;

/* All borrowed for the call, but for @fetch and @spec: those as long as the unpack. */
typedef struct UnpackRequest {
        const Fetch *fetch; /* resolved; NULL for a tarball */
        int tarball_fd;     /* without @fetch: the only layer */
        const JobSpec *spec;
        int root_fd;    /* the directory to fill */
        Disk *disk;     /* the images to fill, for the format that has some */
        int scratch_fd; /* an empty file, with @disk */
} UnpackRequest;

/**
 * unpack_start() - start
 * @events:     borrowed as long as the unpack, as is @userdata
 *
 * Return: 0, or a negative errno with @error set.
 */
int unpack_start(
        const ProcessContext *context,
        const UnpackRequest *request,
        const UnpackJobEvents *events,
        void *userdata,
        Unpack **ret,
        Error *error);

/** unpack_free() - release @unpack (may be NULL) */
Unpack *unpack_free(Unpack *unpack);

/**
 * unpack_layer_changed() - pass on what is new of the layer @index
 *
 * Return: 0, or a negative errno with @error set.
 */
int unpack_layer_changed(Unpack *unpack, uint32_t index, Error *error);

/** unpack_is_settled() - whether all blobs that the worker was given are verified */
bool unpack_is_settled(const Unpack *unpack);

/** unpack_stop() - end it; ended() follows */
void unpack_stop(Unpack *unpack);

DEFINE_CLEANUP(Unpack, unpack_free);
