/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A user namespace in which this user may give files to its subordinate ids; see base-subid.h. */

#include "base-error.h"

/**
 * sandbox_owners_enter_namespace() - enter such a namespace, with a mount namespace that belongs to it
 * @dir_fd:     a directory; replaced by a descriptor that refers to it in the new mount namespace
 *
 * All ids have the same numbers inside and outside, and no others exist. Call it before reading untrusted
 * bytes and before entering a sandbox: newuidmap(1) and newgidmap(1) need new privileges.
 *
 * Return: 1; or 0, without a change, if this user has no subordinate ids, or is root.
 */
int sandbox_owners_enter_namespace(int *dir_fd, Error *error);
