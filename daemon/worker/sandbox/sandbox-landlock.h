/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* landlock(7): restricts, in addition to permissions, which files can be opened. */

#include <stdint.h>

#include "base-error.h"

/* Restrictions beyond files, if the kernel supports them (Linux 6.12). */
#define LANDLOCK_NO_ABSTRACT_SOCKETS                                                               \
        (UINT64_C(1) << 0)                     /* no connections to those of other processes */
#define LANDLOCK_NO_SIGNALS (UINT64_C(1) << 1) /* not to other processes, not even by fcntl(2) */

/** sandbox_landlock_missing() - 0, or the errno value with which this system refuses all rules */
int sandbox_landlock_missing(void);

/**
 * sandbox_landlock_start() - create a rule set without rules: nothing may be opened
 * @scopes:     LANDLOCK_NO_*, which need no rule
 * @ret_missing: as from sandbox_landlock_missing()
 *
 * Return: 1 and a descriptor in @ret_fd, owned by the caller; 0 if the kernel has no Landlock.
 */
int sandbox_landlock_start(uint64_t scopes, int *ret_fd, int *ret_missing, Error *error);

/** sandbox_landlock_allow_reading() - permit reading and executing files below @path, which may be missing */
int sandbox_landlock_allow_reading(int ruleset_fd, const char *path, Error *error);

/** sandbox_landlock_allow_reading_below() - permit reading files below the directory @dir_fd */
int sandbox_landlock_allow_reading_below(int ruleset_fd, int dir_fd, Error *error);

/** sandbox_landlock_allow_file() - permit reopening the file @fd, with the access mode that it has */
int sandbox_landlock_allow_file(int ruleset_fd, int fd, Error *error);

/** sandbox_landlock_allow_all() - permit everything below the directory @dir_fd */
int sandbox_landlock_allow_all(int ruleset_fd, int dir_fd, Error *error);

/** sandbox_landlock_apply() - apply the rules to this thread and those that it starts; needs no_new_privs */
int sandbox_landlock_apply(int ruleset_fd, Error *error);
