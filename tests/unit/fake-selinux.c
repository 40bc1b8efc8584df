/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stands for libselinux.so.1 in test-worker-label: notes what it was asked for in the environment. */

#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((__visibility__("default")))

EXPORT int is_selinux_enabled(void);
EXPORT int setfscreatecon_raw(const char *context);
EXPORT int fsetfilecon_raw(int fd, const char *context);

int is_selinux_enabled(void) {
        const char *enabled = getenv("FAKE_SELINUX_ENABLED");

        return enabled && strcmp(enabled, "1") == 0;
}

int setfscreatecon_raw(const char *context) {
        return setenv("FAKE_SELINUX_CREATE", context, 1);
}

int fsetfilecon_raw(int fd, const char *context) {
        return fd >= 0 ? setenv("FAKE_SELINUX_FILE", context, 1) : -1;
}
