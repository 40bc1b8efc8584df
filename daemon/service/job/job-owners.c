/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base-program.h"
#include "base-subid.h"
#include "job-owners.h"

static int check_map(
        const IdMap *own, const IdMap *map, const char *option, const char *file, Error *error) {
        IdRange missing;

        if (!subid_find_missing(own, map, &missing))
                return 0;
        return error_set(
                error, EPERM, ERROR_INVALID_OPTION,
                "Option \"%s\" cannot map to the ids %u to %u, which this user may not give to files: that "
                "requires root, subordinate ids in %s, or the format qcow2, which keeps all owners",
                option, missing.target, missing.target + (missing.count - 1), file);
}

static int check_program(const char *name, Error *error) {
        _cleanup_(freep) char *path = NULL;
        int r;

        r = program_find(name, &path, error);
        if (r != -ENOENT)
                return r;
        return error_set(
                error, EPERM, ERROR_INVALID_OPTION,
                "An id map requires root, or %s, which is not installed, for this user's subordinate ids, "
                "or the format qcow2, which keeps all owners",
                name);
}

int job_owners_check(const JobSpec *spec, Error *error) {
        SubIds own;
        int r;

        if (spec->format != JOB_FORMAT_DIR || spec->uids.n_ranges + spec->gids.n_ranges == 0)
                return 0;

        r = subid_read(&own, error);
        if (r >= 0)
                r = check_map(&own.uids, &spec->uids, "uidmap", "/etc/subuid", error);
        if (r >= 0)
                r = check_map(&own.gids, &spec->gids, "gidmap", "/etc/subgid", error);
        if (r < 0 || geteuid() == 0 || !subid_has_others(&own))
                return r;

        r = check_program("newuidmap", error);
        return r < 0 ? r : check_program("newgidmap", error);
}

bool job_owners_has(uid_t uid) {
        SubIds own;

        return subid_read(&own, NULL) >= 0 && own.uids.n_ranges > 0 && idmap_covers(&own.uids, uid);
}
