/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The target that is a directory.
 *
 * Uses descriptors and single path components only, and never follows links. unpack_directory_new()
 * sets the umask of the process to 0. The working directory changes.
 */

#include <stdbool.h>

#include "base-error.h"
#include "unpack-target.h"

/**
 * unpack_directory_new() - unpack into an existing directory
 * @root_fd:    the directory, opened for reading; borrowed, must outlive the target
 * @privileged: whether owners, device nodes and xattrs of the trusted and security name spaces can
 *              be written: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD,
 *              CAP_SETFCAP, CAP_SYS_ADMIN for trusted. If not, the caller owns everything, nothing has
 *              setuid, setgid or capabilities, even if the image gives it to the caller (as with tar),
 *              and nodes and these xattrs are left out; one warning tells what.
 * @ret:        owned by the caller, release with unpack_target_free()
 */
int unpack_directory_new(int root_fd, bool privileged, UnpackTarget **ret, Error *error);

/**
 * unpack_directory_close_devices() - device nodes get mode 0600 and @uid:@gid as their owner
 *
 * Except harmless ones (null, zero, full, random, urandom, tty, console, ptmx), recognized by type and
 * number. Without this call all nodes are as in the image.
 */
void unpack_directory_close_devices(UnpackTarget *target, uint32_t uid, uint32_t gid);

/** unpack_directory_write_back() - start writing files to the disk as they are finished, see unpack-writeback.h */
int unpack_directory_write_back(UnpackTarget *target, Error *error);

/** unpack_directory_spare() - @name in the root is not part of the image, and stays; borrowed */
void unpack_directory_spare(UnpackTarget *target, const char *name);

/**
 * unpack_directory_rights() - how many files were created with setuid, setgid or capabilities
 * @ret_example: the first one's name; borrowed, NULL if there is none
 *
 * Includes files that a later layer replaced.
 */
uint64_t unpack_directory_rights(const UnpackTarget *target, const char **ret_example);
