/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Token servers. A registry names one of its choice, as the realm of its challenge, but the user has logged in to
 * the registry: a password or an identity token goes only to
 *
 *     the registry's own host, whatever the port,
 *     a host under its domain, if the registry is not an address and not a single label,
 *     a host that TokenServers= or the table in the source names for it.
 */

#include <stdbool.h>

#include "base-error.h"

/* A registry whose challenge names the realm; borrowed. */
typedef struct RegistryRealmOwner {
        const char *name; /* "HOST[:PORT]" as in references */
        const char *url;  /* with the host of its API */
        const char *
                token_servers; /* "REGISTRY=HOST", separated by spaces, each with a port or without */
} RegistryRealmOwner;

/** registry_realm_is_trusted() - whether the URL @realm may get credentials */
bool registry_realm_is_trusted(const RegistryRealmOwner *owner, const char *realm);

/** registry_realm_refuse() - the error if it may not; returns a negative errno */
int registry_realm_refuse(const RegistryRealmOwner *owner, const char *realm, Error *error);

/**
 * registry_realm_form() - the form with which an identity token is exchanged (RFC 6749, 6)
 * @service, @scope:    left out if empty
 * @ret:        secret, owned by the caller
 */
int registry_realm_form(
        const char *service, const char *scope, const char *token, char **ret, Error *error);
