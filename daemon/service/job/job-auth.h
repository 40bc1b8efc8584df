/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The administrator's credentials for registries: a file that the daemon opens, and a fetch worker reads. */

#include "config.h"
#include "job-spec.h"

/**
 * job_auth_open() - open AuthFile= for a job that comes without credentials of its own
 * @ret_fd:     owned by the caller
 *
 * Only for root and the daemon's own user: what the administrator may fetch is not for everybody.
 *
 * Return: 1 with @ret_fd set; 0 if the job gets none; a negative errno with @error set if a file that was
 * configured cannot be opened.
 */
int job_auth_open(const Config *config, const JobSpec *spec, int *ret_fd, Error *error);
