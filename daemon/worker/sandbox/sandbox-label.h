/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * SELinux: a container's files have the type container_file_t, as virt-bootstrap gave it to them. They are
 * labelled as they are made, not in a second pass. libselinux is loaded only where it is installed.
 */

#include "base-error.h"

#define LABEL_CONTAINER_FILE "system_u:object_r:container_file_t:s0"

/**
 * sandbox_label_new_files() - what this thread makes from now on, and @root_fd itself, get the label
 *
 * Needs /proc, so that it comes before the sandbox. Nothing happens where SELinux is not enabled.
 * Return: 1 when files are labelled, 0 when not, or a negative errno with @error set.
 */
int sandbox_label_new_files(int root_fd, Error *error);
