/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header of a qcow2 image, version 3 (QEMU's docs/interop/qcow2.txt), as the daemon had it made. Whoever
 * opens an image, opens what its header names as well: a backing file, a file with the data. What a worker wrote
 * there is compared with what it was told to write.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

/* Bytes from the start of an image in which its header has to end, with all that belongs to it. */
#define JOB_QCOW2_HEAD_MAX ((size_t) 65536)

typedef struct JobQcow2 {
        uint64_t size; /* of the disk, bytes */
        const char
                *backing; /* borrowed; what it calls the image below it, a qcow2 one; empty: none */
} JobQcow2;

/**
 * job_qcow2_check() - whether an image begins as it should
 * @head:       its first bytes, JOB_QCOW2_HEAD_MAX or all
 * @want:       no encryption, no snapshots, no other file and no feature that has to be understood, either
 *
 * A pure function. Return: 0, or -EBADMSG with @error set: ERROR_WORKER_FAILED, saying what is wrong.
 */
int job_qcow2_check(const uint8_t *head, size_t size, const JobQcow2 *want, Error *error);
