/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * SELinux: files of containers get the type container_file_t, as with the original virt-bootstrap. They are
 * labelled when they are created, not in a second pass. libselinux is loaded only if it is installed.
 */

#include "base-error.h"

#define LABEL_CONTAINER_FILE "system_u:object_r:container_file_t:s0"

/**
 * sandbox_label_new_files() - label @root_fd, and all files that this thread creates from now on
 *
 * Call it before entering the sandbox, since it needs /proc. Does nothing unless SELinux is enabled.
 *
 * Return: 1 if files are labelled, else 0.
 */
int sandbox_label_new_files(int root_fd, Error *error);
