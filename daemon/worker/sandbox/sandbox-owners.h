/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A user namespace in which this user may give files to its subordinate ids; see base-subid.h. */

#include "base-error.h"

/**
 * sandbox_owners_enter_namespace() - enter one, with a mount namespace that belongs to it
 * @dir_fd:     a directory; replaced by a descriptor that refers to it in the new mount namespace
 *
 * All ids are in there what they are outside, and no others exist. Before untrusted bytes are read, and
 * before a sandbox is entered: newuidmap(1) and newgidmap(1) need new privileges.
 *
 * Return: 1; 0 when this user has no subordinate ids, or is root, and nothing has changed; or a negative
 * errno with @error set.
 */
int sandbox_owners_enter_namespace(int *dir_fd, Error *error);
