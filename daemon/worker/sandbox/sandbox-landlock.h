/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* landlock(7): what of the file system may still be opened, in addition to what permissions say. */

#include <stdint.h>

#include "base-error.h"

/* What is on the other side of the fence, where the kernel knows of it (Linux 6.12). */
#define LANDLOCK_NO_ABSTRACT_SOCKETS (UINT64_C(1) << 0) /* connecting to those of others */
#define LANDLOCK_NO_SIGNALS          (UINT64_C(1) << 1) /* to others, also by fcntl(2) */

/** sandbox_landlock_missing() - 0, or the errno value with which this system refuses all rules */
int sandbox_landlock_missing(void);

/**
 * sandbox_landlock_start() - a rule set without rules: nothing may be opened
 * @scopes:     LANDLOCK_NO_*, which need no rule
 * @ret_missing: as sandbox_landlock_missing() says it
 *
 * Return: 1 with a descriptor in @ret_fd, owned by the caller; 0 when the kernel has no Landlock; or a
 * negative errno with @error set.
 */
int sandbox_landlock_start(uint64_t scopes, int *ret_fd, int *ret_missing, Error *error);

/** sandbox_landlock_allow_reading() - all below @path, which may be missing, may be read and executed */
int sandbox_landlock_allow_reading(int ruleset_fd, const char *path, Error *error);

/** sandbox_landlock_allow_reading_below() - all below the directory @dir_fd may be read */
int sandbox_landlock_allow_reading_below(int ruleset_fd, int dir_fd, Error *error);

/** sandbox_landlock_allow_file() - the open file @fd may be opened again, for what it is open for */
int sandbox_landlock_allow_file(int ruleset_fd, int fd, Error *error);

/** sandbox_landlock_allow_all() - everything is allowed below the directory @dir_fd */
int sandbox_landlock_allow_all(int ruleset_fd, int dir_fd, Error *error);

/** sandbox_landlock_apply() - from now on, for this process and its threads to come; needs no_new_privs */
int sandbox_landlock_apply(int ruleset_fd, Error *error);
