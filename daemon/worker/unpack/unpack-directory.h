/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The target which is a directory.
 *
 * Uses descriptors and single path components only, and never follows a link in one. The process's
 * umask is taken to be 0 by unpack_directory_new(), which sets it. The working directory changes.
 */

#include <stdbool.h>

#include "base-error.h"
#include "unpack-target.h"

/**
 * unpack_directory_new() - unpack into an existing directory
 * @root_fd:    the directory, opened for reading; borrowed, must outlive the target
 * @privileged: whether owners, device nodes and xattrs of the trusted and security name spaces can
 *              be written: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD,
 *              CAP_SETFCAP, CAP_SYS_ADMIN for trusted. If not, owners become the caller's, nothing has
 *              setuid, setgid or capabilities, also what is the caller's in the image (as tar does), and
 *              the others are left out; each with one warning, which counts.
 * @ret:        owned by the caller, release with unpack_target_free(); untouched on failure
 *
 * Return: 0, or a negative errno with @error set.
 */
int unpack_directory_new(int root_fd, bool privileged, UnpackTarget **ret, Error *error);

/**
 * unpack_directory_close_devices() - device nodes get mode 0600 and @uid:@gid as their owner
 *
 * But for those which everybody may have (null, zero, full, random, urandom, tty, console, ptmx), by their
 * type and number. Without this call all are as the image says.
 */
void unpack_directory_close_devices(UnpackTarget *target, uint32_t uid, uint32_t gid);

/** unpack_directory_spare() - @name in the root is not the image's, and not hidden by it either; borrowed */
void unpack_directory_spare(UnpackTarget *target, const char *name);

/**
 * unpack_directory_rights() - how many files were made with setuid, setgid or capabilities
 * @ret_example: the first one's name; borrowed, NULL when there is none
 *
 * Also those are counted that a later layer replaced.
 */
uint64_t unpack_directory_rights(const UnpackTarget *target, const char **ret_example);
