/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a caller wants done. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base-cleanup.h"
#include "base-digest.h"
#include "base-idmap.h"

typedef struct JobSpec {
        char *source;      /* owned, as all that follow; as the caller wrote it */
        char *destination; /* absolute path; NULL to inspect only */
        char *platform;    /* OS/ARCH[/VARIANT], or NULL */
        char *username;    /* or NULL */
        bool has_digest;
        Digest digest; /* the image must have this one, when @has_digest */
        bool not_secure;
        bool no_cache;
        bool offline;
        bool overwrite;
        IdMap uids;
        IdMap gids;
        int password_fd;      /* owned, as all that follow; or -EBADF */
        int root_password_fd; /* its first line is root's new password */
        int destination_fd;
        uid_t owner; /* the caller */
} JobSpec;

/** job_spec_new() - one that wants nothing yet; NULL when out of memory */
JobSpec *job_spec_new(void);

/** job_spec_free() - release @spec (may be NULL) */
JobSpec *job_spec_free(JobSpec *spec);

DEFINE_CLEANUP(JobSpec, job_spec_free);
