/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

#include "sandbox-label.h"

#define LIBRARY "libselinux.so.1"

/* selinux(8), is_selinux_enabled(3), setfscreatecon(3), fsetfilecon(3) */
typedef struct Selinux {
        int (*is_enabled)(void);
        int (*set_creation_label)(const char *context);
        int (*set_file_label)(int fd, const char *context);
} Selinux;

static int load(void *library, Selinux *ret) {
        *ret = (Selinux){
                .is_enabled = dlsym(library, "is_selinux_enabled"),
                .set_creation_label = dlsym(library, "setfscreatecon_raw"),
                .set_file_label = dlsym(library, "fsetfilecon_raw"),
        };

        return ret->is_enabled && ret->set_creation_label && ret->set_file_label ? 0 : -ENOSYS;
}

int sandbox_label_new_files(int root_fd, Error *error) {
        void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
        Selinux selinux;

        /* The library stays loaded: the process lives for this step only. */
        if (!library || load(library, &selinux) < 0 || selinux.is_enabled() <= 0)
                return 0;

        if (selinux.set_file_label(root_fd, LABEL_CONTAINER_FILE) < 0 ||
            selinux.set_creation_label(LABEL_CONTAINER_FILE) < 0)
                return error_set_errno(
                        error, errno, "Cannot label the new tree " LABEL_CONTAINER_FILE);
        return 1;
}
