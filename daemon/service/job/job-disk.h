/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The disk images that a job creates: one per layer, and one on top of them for later changes.
 *
 *     job_disk_new() ─▶ job_disk_make() ─▶ job_disk_send() ─▶ a disk worker fills them ─▶ job_disk_finish() ─▶ job_disk_keep() ─▶ job_disk_free()
 *                                                     └─▶ job_disk_close_layer()*
 *
 * They are "layer-0.qcow2" to "layer-N.qcow2" in the new tree; or one file has everything, qcow2 or raw, and is itself
 * what the job makes. With shared layers, only the top one is in the tree, and the others are in the store
 * (store-disk.h), where some may already exist. The image of a shared layer is
 * taken from the worker and published before the worker gets the layer above, so that the content of that layer
 * cannot change what others use. No image is accepted until its start was checked (job-qcow2.h, job-raw.h) and
 * nobody can write to it any more. While root's worker fills the images, they belong to the user that it has become.
 *
 * job_disk_make(), _close_layer(), _finish() and _free() access the destination's file system, and may take
 * forever: they are for the threads of job-step.h, which use a JobDisk exclusively. The others access no files.
 */

#include "job-image.h"
#include "job-process.h"
#include "job-spec.h"

typedef struct JobDisk JobDisk;

#define DISK_IMAGES_MAX 200u /* of a chain: libvirt refuses longer ones, and QEMU gets slow */

typedef struct JobDiskRequest {
        const JobSpec *spec;   /* borrowed for the call */
        const JobImage *image; /* borrowed for the call; complete; NULL for a tarball */
        ProtoUser user;        /* the disk worker's user; zeros: it keeps its own */
        /* The directory, or the file, which is empty and open read-only, if that is what the job makes
         * (job_spec_is_file()); borrowed as long as the images, as the next two. */
        int root_fd;
        const char *path; /* its final path */
        Store *store;
} JobDiskRequest;

/** job_disk_new() - prepare, without creating files */
int job_disk_new(const JobDiskRequest *request, JobDisk **ret, Error *error);

/** job_disk_make() - create the files, and give them to the worker's user */
int job_disk_make(JobDisk *disk, Error *error);

/** job_disk_free() - release @disk; the files stay, except files in the store that only
 * a discarded chain needs */
JobDisk *job_disk_free(JobDisk *disk);

/** job_disk_n_images() - images of the chain */
uint32_t job_disk_n_images(const JobDisk *disk);

/** job_disk_n_complete() - layers that already have their image */
uint32_t job_disk_n_complete(const JobDisk *disk);

/** job_disk_path() - the path of the image to use, the last of the chain, once it is in its place; owned by the caller, NULL
 * when out of memory */
char *job_disk_path(const JobDisk *disk);

/** job_disk_send() - pass the files to a disk worker */
int job_disk_send(const JobDisk *disk, JobProcess *process, Error *error);

/* With shared layers, who is at work: the worker, with a layer, or the daemon, with its image. */
typedef struct JobDiskTurn {
        uint32_t n_shared; /* layers with their image in the store */
        uint32_t n_closed; /* of these, layers for which job_disk_close_layer() is done */
        bool is_closing;   /* it is in progress */
} JobDiskTurn;

/** job_disk_turn() - the initial state; after job_disk_make() */
JobDiskTurn job_disk_turn(const JobDisk *disk);

/** job_disk_turn_has() - whether the worker may have the layer @index now: always, unless layers are shared */
bool job_disk_turn_has(const JobDiskTurn *turn, uint32_t index);

/** job_disk_turn_end() - the worker reports that the image of @index is complete: call job_disk_close_layer();
 * -EBADMSG (ERROR_WORKER_FAILED) unless it is the next one */
int job_disk_turn_end(JobDiskTurn *turn, uint32_t index, Error *error);

/** job_disk_turn_next() - job_disk_close_layer() is done */
void job_disk_turn_next(JobDiskTurn *turn);

/**
 * job_disk_close_layer() - publish the complete image of the next shared layer
 *
 * The layer must be verified.
 */
int job_disk_close_layer(JobDisk *disk, Error *error);

/** job_disk_finish() - accept all images, after the worker has ended */
int job_disk_finish(JobDisk *disk, Error *error);

/** job_disk_keep() - keep what the chain needs in the store, since the directory is in its place */
void job_disk_keep(JobDisk *disk);

DEFINE_CLEANUP(JobDisk, job_disk_free);
