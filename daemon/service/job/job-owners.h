/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether this daemon can give the files of a tree the owners that a caller wants. */

#include "job-spec.h"

/**
 * job_owners_check() - look before anything is started
 *
 * Return: 0; -EPERM (ERROR_INVALID_OPTION) when an id map of @spec needs rights that the daemon's user does
 * not have, with an error which says what would do; or another negative errno; with @error set.
 */
int job_owners_check(const JobSpec *spec, Error *error);

/** job_owners_has() - whether the daemon's user may give files to @uid, if need be in a user namespace */
bool job_owners_has(uid_t uid);
