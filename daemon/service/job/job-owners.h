/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether this daemon can give a tree's files the owners that a caller requests. */

#include "job-spec.h"

/**
 * job_owners_check() - check this before a job starts
 *
 * Return: 0; -EPERM (ERROR_INVALID_OPTION) if an id map of @spec needs rights that the daemon's user does not
 * have; @error says what is required.
 */
int job_owners_check(const JobSpec *spec, Error *error);

/** job_owners_has() - whether the daemon's user may give files to @uid, in a user namespace if necessary */
bool job_owners_has(uid_t uid);
