/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header of a qcow2 image, version 3 (QEMU's docs/interop/qcow2.txt), as the daemon requested it. Opening an
 * image also opens the files that its header names: a backing file, a file with the data. So the header that a
 * worker wrote is compared with the requested one.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

/* Bytes from the start of an image which must contain its header, with all that belongs to it. */
#define JOB_QCOW2_HEAD_MAX ((size_t) 65536)

typedef struct JobQcow2 {
        uint64_t size;       /* of the disk, bytes */
        const char *backing; /* borrowed; its name for the qcow2 image below it; empty if none */
} JobQcow2;

/**
 * job_qcow2_check() - check the start of an image
 * @head:       its first JOB_QCOW2_HEAD_MAX bytes, or all
 * @want:       also: no encryption, no snapshots, no other files and no incompatible features
 *
 * A pure function. Return: 0, or -EBADMSG (ERROR_WORKER_FAILED); @error says what is wrong.
 */
int job_qcow2_check(const uint8_t *head, size_t size, const JobQcow2 *want, Error *error);
