/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>
#include <strings.h>

#include "registry-host.h"

size_t registry_host_length(const char *host) {
        const char *bracket = strrchr(host, ']');

        return host[0] == '[' && bracket ? (size_t) (bracket + 1 - host) : strcspn(host, ":");
}

bool registry_host_is_address(const char *host) {
        return host[0] == '[' || strspn(host, "0123456789.") == registry_host_length(host);
}

/* Whether @entry is the first @length bytes of @host, or with a leading dot their end. */
static bool is_entry_of(const char *entry, size_t entry_length, const char *host, size_t length) {
        if (entry[0] != '.')
                return length == entry_length && strncasecmp(host, entry, length) == 0;

        return length > entry_length && entry_length > 1 && !registry_host_is_address(host) &&
               strncasecmp(host + length - entry_length, entry, entry_length) == 0;
}

bool registry_host_matches(const char *entry, size_t length, const char *host) {
        return is_entry_of(entry, length, host, strlen(host)) ||
               is_entry_of(entry, length, host, registry_host_length(host));
}
