/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The disk images that a job makes: one a layer, and one on top of them for what is changed afterwards.
 *
 *     job_disk_new() ─▶ job_disk_send() ─▶ a disk worker fills them ─▶ job_disk_finish() ─▶ job_disk_keep() ─▶ job_disk_free()
 *                                     └─▶ job_disk_close_layer()*
 *
 * They are "layer-0.qcow2" to "layer-N.qcow2" in the new tree. With shared layers only the one on top is,
 * and the others are in the store (store-disk.h), where they may be already. An image of a shared layer is
 * taken from the worker and published before the worker gets the layer above: what that has in it cannot
 * change what others use. No image is taken over before its header was checked (job-qcow2.h), and nobody can
 * write to it any more. As long as a worker of root's fills
 * them, they belong to the user nobody, whom it has become.
 */

#include "job-fetch.h"

typedef struct JobDisk JobDisk;

#define DISK_IMAGES_MAX 200u /* of a chain: libvirt takes no longer one, and QEMU gets slow */

typedef struct JobDiskRequest {
        const JobSpec *spec;   /* borrowed, as all that follow, as long as the images */
        int root_fd;           /* the directory */
        const char *path;      /* where that will be in the end */
        const JobFetch *fetch; /* resolved; NULL for a tarball */
        Store *store;
} JobDiskRequest;

/** job_disk_new() - make the files; returns 0 or a negative errno with @error set */
int job_disk_new(const JobDiskRequest *request, JobDisk **ret, Error *error);

/** job_disk_free() - release @disk (may be NULL); the files stay, but for those in the store that nobody but
 * a chain that is not kept needs */
JobDisk *job_disk_free(JobDisk *disk);

/** job_disk_n_images() - of the chain */
uint32_t job_disk_n_images(const JobDisk *disk);

/** job_disk_n_complete() - so many layers have their image already */
uint32_t job_disk_n_complete(const JobDisk *disk);

/** job_disk_send() - hand the files to a disk worker */
int job_disk_send(JobDisk *disk, JobProcess *process, Error *error);

/** job_disk_may_give() - whether the worker may have the layer @index now: always, unless layers are shared */
bool job_disk_may_give(const JobDisk *disk, uint32_t index);

/**
 * job_disk_close_layer() - the worker says that the image of a shared layer is complete: it is published
 * @index:      the next one; its layer was verified
 *
 * Return: 0, or a negative errno with @error set.
 */
int job_disk_close_layer(JobDisk *disk, uint32_t index, Error *error);

/** job_disk_give_up() - the worker says that there will be no more images: it may read all layers */
void job_disk_give_up(JobDisk *disk);

/** job_disk_finish() - the worker is gone, and all is complete; returns 0 or -errno with @error set */
int job_disk_finish(JobDisk *disk, Error *error);

/** job_disk_keep() - the directory is where it is to be: what the chain needs in the store stays */
void job_disk_keep(JobDisk *disk);

DEFINE_CLEANUP(JobDisk, job_disk_free);
