/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which addresses are not on the public Internet (the registries of RFC 6890). */

#include <stdbool.h>
#include <sys/socket.h>

/**
 * registry_address_is_private() - whether @address is for this machine or its own networks
 *
 * Loopback, link-local (where clouds keep their metadata), private, shared and unspecified
 * addresses, also when an IPv6 address carries such an IPv4 one. Anything but IP is private.
 */
bool registry_address_is_private(const struct sockaddr *address);

/**
 * registry_address_name_is_private() - whether the host @name has such an address
 *
 * Resolves it, which may wait for a name server. A name that does not resolve has none.
 */
bool registry_address_name_is_private(const char *name);

/**
 * registry_address_is_of_proxy() - whether @address and its port are those of @proxy
 * @proxy:      as in https_proxy: "HOST", "HOST:PORT" or a URL
 */
bool registry_address_is_of_proxy(const struct sockaddr *address, const char *proxy);
