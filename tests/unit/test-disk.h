/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A chain of disk images as plain files, one a layer, which starts with the content of the one below;
 * and what is in their file systems, as the kernel sees it.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "ext4.h"
#include "test-unpack-tar.h"
#include "unpack-run.h"

#define DISK_LAYERS_MAX  8
#define DISK_BUFFERS     4u
#define DISK_PATH_MAX    ((size_t) 3800)  /* and a name */
#define DISK_COMPARE_MAX ((size_t) 70000) /* bytes of an xattr or a list of them */

typedef struct Disk Disk;

typedef struct TestDevice {
        Ext4Device device; /* first */
        int fd;            /* owned */
        Disk *disk;        /* borrowed */
        void *buffers[DISK_BUFFERS];
        unsigned n_taken;
        uint64_t written, trimmed; /* bytes */
        unsigned n_writes, n_flushes;
} TestDevice;

struct Disk {
        char path[64]; /* of a directory: "0", "1", … are the images; "mount" */
        TestDevice devices[DISK_LAYERS_MAX];
        size_t n_devices, n_done;
        uint64_t size; /* bytes */
        const char *label;
        int scratch_fd;
        Ext4 *ext4;
        bool is_mounted;
        unsigned fails_at; /* the device: at which of its calls; 0: never */
        unsigned n_calls;
};

char *disk_at(const Disk *disk, const char *name, char ret[static 128]);

char *disk_image(const Disk *disk, size_t index, char ret[static 128]);

int disk_next_device(void *userdata, Ext4Device **ret, Error *error);

Ext4Options disk_options(Disk *disk);

/* @size bytes; no file system yet. */
void disk_init(Disk *disk, uint64_t size);

void disk_new(Disk *disk);

/* Goes on with the file system of the last image, as another process would. */
void disk_reopen(Disk *disk);

void disk_unmount(Disk *disk);

void disk_done(Disk *disk);

/* What e2fsck says has to be nothing. */
void disk_check(const Disk *disk, size_t index);

void disk_check_all(const Disk *disk);

/* Mounts image @index: a descriptor of its root, or -1 where that is not possible. */
int disk_mount(Disk *disk, size_t index);

size_t count_names(const char *path);

/* All that lstat(), listxattr() and read() can tell is the same, as far as a path can reach. */
void same_tree(const char *a, const char *b);
