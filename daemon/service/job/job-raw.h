/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A disk image without a format, as the daemon requested it. Programs that are not told so guess the format of an
 * image by its first bytes: what a worker wrote must not look like a format that names other files. The start of an
 * ext4 file system is for boot loaders, and has none here.
 */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

/* Bytes at the start of the image: no format that QEMU, libmagic or blkid know has its mark after these, except file
 * systems and volumes. */
#define JOB_RAW_HEAD_BYTES ((size_t) 1024)

/**
 * job_raw_check() - check an image
 * @head:       its first JOB_RAW_HEAD_BYTES bytes, or all
 * @size:       bytes of @head
 * @file_size:  of the image, bytes
 * @disk_size:  that it must have
 *
 * A pure function. Return: 0, or -EBADMSG (ERROR_WORKER_FAILED); @error says what is wrong.
 */
int job_raw_check(
        const uint8_t *head, size_t size, uint64_t file_size, uint64_t disk_size, Error *error);
