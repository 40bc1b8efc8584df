/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* "HOST[:PORT]": a name, an IPv4 address, or an IPv6 address in brackets. */

#include <stdbool.h>
#include <stddef.h>

/** registry_host_length() - how much of @host precedes the port */
size_t registry_host_length(const char *host);

/** registry_host_is_address() - whether it is an address rather than a name */
bool registry_host_is_address(const char *host);

/**
 * registry_host_matches() - whether an entry of the configuration is for @host
 * @entry:      "HOST", which is for all ports, or "HOST:PORT"; a leading dot stands for all names that end so, but
 *              not for addresses
 * @length:     bytes of @entry
 */
bool registry_host_matches(const char *entry, size_t length, const char *host);
