/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "registry-address.h"
#include "registry-guard.h"
#include "registry-host.h"
#include "registry-url.h"

static bool is_listed(const char *list, const char *host) {
        for (const char *p = list + strspn(list, " "); *p != '\0';) {
                const size_t length = strcspn(p, " ");

                if (registry_host_matches(p, length, host))
                        return true;
                p += length;
                p += strspn(p, " ");
        }

        return false;
}

bool registry_guard_is_foreign(const RegistryGuard *guard, const char *url) {
        char host[REGISTRY_HOST_MAX];

        return !registry_url_same_host(url, guard->home_url) &&
               !is_listed(guard->private_hosts, registry_url_host(url, host));
}

bool registry_guard_takes_name(const RegistryGuard *guard, const char *url) {
        char host[REGISTRY_HOST_MAX];

        if (!guard->proxy->is_named || !registry_guard_is_foreign(guard, url))
                return true;
        if (registry_url_is_private(url))
                return false;

        (void) registry_url_host(url, host);
        host[registry_host_length(host)] = '\0';
        return !registry_address_name_is_private(host);
}

static bool is_home_locked(const RegistryGuardHome *home, const char *address) {
        return address[0] != '\0' &&
               (strcmp(address, home->peers[0]) == 0 || strcmp(address, home->peers[1]) == 0);
}

bool registry_guard_takes_address(
        const RegistryGuard *guard, const char *url, const struct sockaddr *address) {
        char text[INET6_ADDRSTRLEN];
        bool is_home, is_public;

        if (!registry_address_is_private(address) || registry_proxy_is_at(guard->proxy, address))
                return true;

        (void) pthread_mutex_lock(&guard->home->lock);
        is_home = is_home_locked(guard->home, registry_address_format(address, text));
        is_public = guard->home->is_public;
        (void) pthread_mutex_unlock(&guard->home->lock);

        /* A registry of the Internet does not move into a network of ours. */
        return is_home || (!registry_guard_is_foreign(guard, url) &&
                           !(is_public && registry_url_same_host(url, guard->home_url)));
}

void registry_guard_note_answer(
        const RegistryGuard *guard, const char *url, const struct sockaddr *address) {
        RegistryGuardHome *home = guard->home;

        if (!registry_url_same_host(url, guard->home_url) ||
            registry_proxy_is_at(guard->proxy, address))
                return;

        (void) pthread_mutex_lock(&home->lock);
        if (!registry_address_is_private(address))
                home->is_public = true;
        if (!home->is_public)
                (void) registry_address_format(
                        address, home->peers[address->sa_family == AF_INET6]);
        (void) pthread_mutex_unlock(&home->lock);
}

int registry_guard_refuse(const char *from, const char *to, Error *error) {
        if (!from)
                return error_set(
                        error, EPROTO, ERROR_REGISTRY_ERROR,
                        "The registry refers to %s, which is at a private address "
                        "(PrivateHosts= in virt-bootstrapd.conf would allow it)",
                        to);

        return error_set(
                error, EPROTO, ERROR_REGISTRY_ERROR,
                "%s redirects to %s, which is at a private address "
                "(PrivateHosts= in virt-bootstrapd.conf would allow it)",
                from, to);
}
