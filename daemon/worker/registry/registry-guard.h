/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keeps a registry from sending its client into networks that only this machine can reach.
 *
 * A realm, a redirect or a foreign URL names a host of the registry's choice. Such a host is connected to
 * only at a public address (registry-address.h), at the registry's own, or when the administrator lists it.
 * The address is looked at when the connection is made, since a name may resolve differently each time. A
 * proxy resolves names itself: there the name is also resolved here, and refused when it is private. The proxy's own
 * addresses (registry-proxy.h) may be any.
 */

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base-error.h"
#include "registry-proxy.h"

/* What is known of the registry's own addresses; shared by threads, as are connections. Zeroed: nothing. */
typedef struct RegistryGuardHome {
        pthread_mutex_t lock;
        char peers[2]
                  [INET6_ADDRSTRLEN]; /* private IPv4 and IPv6 address that it has answered from */
        bool is_public;               /* it has answered from a public address */
} RegistryGuardHome;

typedef struct RegistryGuard {
        const char *home_url; /* borrowed; with the registry's host */
        /* Borrowed; "HOST" or "HOST:PORT", separated by spaces. A name with a leading dot stands for all
         * names that end so, and not for an address. */
        const char *private_hosts;
        const RegistryProxy *proxy; /* borrowed; for the request that is made */
        RegistryGuardHome *home;    /* borrowed */
} RegistryGuard;

/** registry_guard_is_foreign() - whether connections for @url have to be looked at */
bool registry_guard_is_foreign(const RegistryGuard *guard, const char *url);

/** registry_guard_takes_name() - whether a proxy, if there is one, may be asked for @url */
bool registry_guard_takes_name(const RegistryGuard *guard, const char *url);

/** registry_guard_takes_address() - whether @address may be connected to for @url */
bool registry_guard_takes_address(
        const RegistryGuard *guard, const char *url, const struct sockaddr *address);

/** registry_guard_note_answer() - @url was answered from @address: it may be the registry's own */
void registry_guard_note_answer(
        const RegistryGuard *guard, const char *url, const struct sockaddr *address);

/**
 * registry_guard_refuse() - the error of a refusal
 * @from:       the host that redirected; NULL: the registry sent there
 * @to:         the host at the private address
 */
int registry_guard_refuse(const char *from, const char *to, Error *error);
