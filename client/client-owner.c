/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "client-owner.h"

#define PASSWD_BYTES_MAX ((size_t) 64 << 10)

char *client_owner_find_name(const ClientOptions *options, uint32_t uid) {
        _cleanup_(freep) char *buffer = NULL;
        struct passwd entry, *found = NULL;

        if (options->transport == TRANSPORT_HOST)
                return NULL;

        buffer = malloc(PASSWD_BYTES_MAX);
        if (!buffer || getpwuid_r(uid, &entry, buffer, PASSWD_BYTES_MAX, &found) != 0 || !found)
                return NULL;
        return *found->pw_name ? strdup(found->pw_name) : NULL;
}
