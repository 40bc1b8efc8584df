/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <sys/statvfs.h>

#include "base-space.h"

int space_look(int fd, uint64_t keep, Space *ret) {
        struct statvfs st;
        uint64_t automatic;

        if (fstatvfs(fd, &st) < 0)
                return -errno;

        /* A tmpfs without a limit, for one. */
        if (st.f_blocks == 0) {
                *ret = (Space){ .free = UINT64_MAX };
                return 0;
        }

        automatic = (uint64_t) st.f_blocks * st.f_frsize / SPACE_KEEP_SHARE;
        if (automatic > SPACE_KEEP_MAX)
                automatic = SPACE_KEEP_MAX;
        *ret = (Space){
                .free = (uint64_t) st.f_bavail * st.f_frsize,
                .kept = keep == SPACE_KEEP_AUTOMATIC ? automatic : keep,
        };
        return 0;
}

uint64_t space_lacks(const Space *space, uint64_t bytes) {
        uint64_t needed = bytes > UINT64_MAX - space->kept ? UINT64_MAX : bytes + space->kept;

        return needed > space->free ? needed - space->free : 0;
}
