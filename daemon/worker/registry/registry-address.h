/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which addresses are not on the public Internet (the registries of RFC 6890). */

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/**
 * registry_address_is_private() - whether @address is for this machine or its own networks
 *
 * Loopback, link-local (where clouds keep their metadata), private, shared, benchmarking (198.18.0.0/15) and
 * unspecified addresses, also when an IPv6 address carries such an IPv4 one (mapped, translated, NAT64, 6to4,
 * Teredo), or one in a place that only the network knows. Anything but IP is private.
 */
bool registry_address_is_private(const struct sockaddr *address);

/**
 * registry_address_name_is_private() - whether the host @name has such an address
 *
 * Resolves it, which may wait for a name server. A name that does not resolve has none.
 */
bool registry_address_name_is_private(const char *name);

/** registry_address_format() - @address as text, without its port; empty for what is not IP; returns @ret */
const char *registry_address_format(
        const struct sockaddr *address, char ret[static INET6_ADDRSTRLEN]);

/** registry_address_is() - whether @text is what registry_address_format() makes of @address */
bool registry_address_is(const struct sockaddr *address, const char *text);
