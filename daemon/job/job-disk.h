/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The disk images that a job makes: one a layer, and one on top of them for what is changed afterwards.
 *
 *     disk_new() ─▶ disk_send() ─▶ a disk worker fills them ─▶ disk_finish() ─▶ disk_keep() ─▶ disk_free()
 *
 * They are "layer-0.qcow2" to "layer-N.qcow2" in the new tree. With shared layers only the one on top is,
 * and the others are in the store (store-disk.h), where they may be already. As long as a worker of root's fills
 * them, they belong to the user nobody, whom it has become.
 */

#include "job-fetch.h"

typedef struct Disk Disk;

#define DISK_IMAGES_MAX 200u /* of a chain: libvirt takes no longer one, and QEMU gets slow */

typedef struct DiskRequest {
        const JobSpec *spec; /* borrowed, as all that follow, as long as the images */
        int root_fd;         /* the directory */
        const char *path;    /* where that will be in the end */
        const Fetch *fetch;  /* resolved; NULL for a tarball */
        Store *store;
} DiskRequest;

/** disk_new() - make the files; returns 0 or a negative errno with @error set */
int disk_new(const DiskRequest *request, Disk **ret, Error *error);

/** disk_free() - release @disk (may be NULL); the files stay, but for those in the store that nobody but
 * a chain that is not kept needs */
Disk *disk_free(Disk *disk);

/** disk_n_images() - of the chain */
uint32_t disk_n_images(const Disk *disk);

/** disk_n_complete() - so many layers have their image already */
uint32_t disk_n_complete(const Disk *disk);

/** disk_send() - hand the files to a disk worker */
int disk_send(Disk *disk, Process *process, Error *error);

/** disk_finish() - the files are complete, and all layers were verified: they get their owners, and those
 * in the store are published; returns 0 or -errno with @error set */
int disk_finish(Disk *disk, Error *error);

/** disk_keep() - the directory is where it is to be: what the chain needs in the store stays */
void disk_keep(Disk *disk);

DEFINE_CLEANUP(Disk, disk_free);
