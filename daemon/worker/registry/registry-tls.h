/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What certs.d says about a registry (containers-certs.d(5)):
 *
 *     DIR/HOST[:PORT]/NAME.crt                 a CA, in addition to the system's
 *     DIR/HOST[:PORT]/NAME.cert, NAME.key      the client certificate
 *
 * All of it is read at once, so that nothing has to be readable later. As for other clients, it
 * holds for every host that the registry sends to as well.
 */

#include <stddef.h>

#include "base-error.h"

#define REGISTRY_TLS_FILES_MAX ((size_t) 64)
#define REGISTRY_TLS_FILE_MAX  ((size_t) 1024 * 1024)
#define REGISTRY_TLS_AUTHORITIES_MAX                                                               \
        ((size_t) 8 * 1024 * 1024) /* the system's and the registry's */

/* PEM texts, owned; NULL when there is none. */
typedef struct RegistryTls {
        char *authorities; /* the system's and the registry's; NULL: only the system's */
        char *certificate;
        char *key; /* secret */
} RegistryTls;

/**
 * registry_tls_load() - read what there is for a registry
 * @certs_dir:          directory to look in; NULL: the first of /etc/containers/certs.d and
 *                      /etc/docker/certs.d that has a directory for @host
 * @host:               "HOST[:PORT]" as in the reference
 * @system_authorities: path of the system's bundle; NULL when there is none
 *
 * Return: 0, also when there is nothing; or a negative errno with @error set (ERROR_TLS_ERROR for
 * half a pair, or more than one).
 */
int registry_tls_load(
        const char *certs_dir,
        const char *host,
        const char *system_authorities,
        RegistryTls *ret,
        Error *error);

/** registry_tls_done() - release what @tls owns; usable with _cleanup_() */
void registry_tls_done(RegistryTls *tls);
