/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether there is room for an image's layers: for what is downloaded, which the image declares, and for what is
 * unpacked, which is estimated. Checked before the first byte of a layer is requested.
 */

#include <sys/types.h>

#include "job-fetch.h"

/* What was free where a job writes its result, when it began. */
typedef struct JobRoomPlace {
        bool is_known;
        uint64_t free; /* bytes; UINT64_MAX if unlimited */
        dev_t device;
        uint64_t download; /* bytes that the job still has to download, wherever to */
} JobRoomPlace;

/** job_room_is_stored() - whether the store has a blob, of any job's; this is no use of it */
bool job_room_is_stored(Store *store, const Digest *digest);

/** job_room_look() - look at the file system of a descriptor, which may hang: for a thread */
JobRoomPlace job_room_look(int fd);

/**
 * job_room_check() - check the sizes of layers
 * @spec:       of the job that needs them
 * @ret_needed: bytes of them that must be downloaded; set on success
 *
 * Layers in the store need no space. Partial downloads are removed if there is too little.
 *
 * Return: 0; -EFBIG (ERROR_LIMIT_EXCEEDED, which names the key); -ENOSPC (ERROR_NO_SPACE, with the path
 * and the bytes that are needed and free).
 */
int job_room_check(
        const JobContext *context,
        const JobSpec *spec,
        const ProtoLayer *layers,
        uint32_t n_layers,
        uint64_t *ret_needed,
        Error *error);

/** job_room_advise() - if the cache lacks space, add to @error what pruning it would free */
void job_room_advise(Store *store, Error *error);

/** job_room_advise_at() - likewise if @place lacks space and the cache is on the same file system */
void job_room_advise_at(const JobContext *context, const JobRoomPlace *place, Error *error);

/**
 * job_room_explain() - add to ERROR_NO_SPACE of unpacking how much is needed, and was free
 * @image:      as of job_room_check_place(), as is @place
 *
 * Other errors stay as they are, as do those of disk images, which are full by themselves.
 */
void job_room_explain(
        const JobContext *context,
        const JobSpec *spec,
        const JobImage *image,
        const JobRoomPlace *place,
        Error *error);

/**
 * job_room_check_place() - check what the layers need where they are unpacked
 * @image:      NULL for a tarball, which needs about its own size
 * @place:      of the job's result
 * @ret_warning: a sentence for the caller, owned by the caller; NULL if there is none
 *
 * Layers need at least their compressed size. How much they really need is known approximately from earlier jobs
 * (store-unpacked.h), otherwise it is guessed: too little for that causes an error with StrictSpaceCheck=yes, else a
 * warning. What is still to be downloaded counts as well if the cache is on the same file system.
 *
 * Return: 0; -ENOSPC (ERROR_NO_SPACE, with the path and the bytes that are needed and free).
 */
int job_room_check_place(
        const JobContext *context,
        const JobSpec *spec,
        const JobImage *image,
        const JobRoomPlace *place,
        char **ret_warning,
        Error *error);
