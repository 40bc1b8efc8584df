/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The disk images that a job makes: one a layer, and one on top of them for what is changed afterwards.
 *
 *     job_disk_new() ─▶ job_disk_make() ─▶ job_disk_send() ─▶ a disk worker fills them ─▶ job_disk_finish() ─▶ job_disk_keep() ─▶ job_disk_free()
 *                                                     └─▶ job_disk_close_layer()*
 *
 * They are "layer-0.qcow2" to "layer-N.qcow2" in the new tree. With shared layers only the one on top is,
 * and the others are in the store (store-disk.h), where they may be already. An image of a shared layer is
 * taken from the worker and published before the worker gets the layer above: what that has in it cannot
 * change what others use. No image is taken over before its header was checked (job-qcow2.h), and nobody can
 * write to it any more. As long as a worker of root's fills them, they belong to the user that it has become.
 *
 * job_disk_make(), _close_layer(), _finish() and _free() touch the file system of the destination, and may take for
 * ever: they are for the threads of job-step.h, which have a Disk to themselves. The others touch no files.
 */

#include "job-image.h"
#include "job-process.h"
#include "job-spec.h"

typedef struct JobDisk JobDisk;

#define DISK_IMAGES_MAX 200u /* of a chain: libvirt takes no longer one, and QEMU gets slow */

typedef struct JobDiskRequest {
        const JobSpec *spec;   /* borrowed for the call */
        const JobImage *image; /* the same; complete; NULL for a tarball */
        ProtoUser user;        /* whom the disk worker becomes; zeros: it stays who it is */
        int root_fd;           /* borrowed as long as the images, as the next two; the directory */
        const char *path;      /* where that will be in the end */
        Store *store;
} JobDiskRequest;

/** job_disk_new() - no files yet; returns 0 or a negative errno with @error set */
int job_disk_new(const JobDiskRequest *request, JobDisk **ret, Error *error);

/** job_disk_make() - make the files, and give them to the worker's user; returns 0 or -errno with @error set */
int job_disk_make(JobDisk *disk, Error *error);

/** job_disk_free() - release @disk (may be NULL); the files stay, but for those in the store that nobody but
 * a chain that is not kept needs */
JobDisk *job_disk_free(JobDisk *disk);

/** job_disk_n_images() - of the chain */
uint32_t job_disk_n_images(const JobDisk *disk);

/** job_disk_n_complete() - so many layers have their image already */
uint32_t job_disk_n_complete(const JobDisk *disk);

/** job_disk_send() - hand the files to a disk worker */
int job_disk_send(const JobDisk *disk, JobProcess *process, Error *error);

/* Whose turn it is when layers are shared: the worker's, with a layer, or the daemon's, with its image. */
typedef struct JobDiskTurn {
        uint32_t n_shared; /* layers that have their image in the store */
        uint32_t n_closed; /* of them: job_disk_close_layer() is done */
        bool is_closing;   /* it is under way */
} JobDiskTurn;

/** job_disk_turn() - how it begins; after job_disk_make() */
JobDiskTurn job_disk_turn(const JobDisk *disk);

/** job_disk_turn_has() - whether the worker may have the layer @index now: always, unless layers are shared */
bool job_disk_turn_has(const JobDiskTurn *turn, uint32_t index);

/** job_disk_turn_end() - the worker says that the image of @index is complete: job_disk_close_layer() has to follow;
 * -EBADMSG (ERROR_WORKER_FAILED) with @error set unless it is the next one */
int job_disk_turn_end(JobDiskTurn *turn, uint32_t index, Error *error);

/** job_disk_turn_next() - job_disk_close_layer() is done */
void job_disk_turn_next(JobDiskTurn *turn);

/**
 * job_disk_close_layer() - the image of the next shared layer is complete: it is published
 *
 * Its layer was verified. Return: 0, or a negative errno with @error set.
 */
int job_disk_close_layer(JobDisk *disk, Error *error);

/** job_disk_finish() - the worker is gone, and all is complete; returns 0 or -errno with @error set */
int job_disk_finish(JobDisk *disk, Error *error);

/** job_disk_keep() - the directory is where it is to be: what the chain needs in the store stays */
void job_disk_keep(JobDisk *disk);

DEFINE_CLEANUP(JobDisk, job_disk_free);
