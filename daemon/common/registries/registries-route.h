/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where an image is fetched from. */

#include "registries.h"

#define REGISTRIES_ENDPOINTS_MAX (REGISTRIES_MIRRORS_MAX + 1)

typedef struct RegistriesEndpoint {
        char reference[REFERENCE_MAX + 1]; /* of the image there, full form */
        bool is_insecure;                  /* plain HTTP and unverified certificates are allowed */
        bool is_own;                       /* its host is the one that the image's name says */
} RegistriesEndpoint;

/* The mirrors, in the order in which they are tried, and then the registry itself. */
typedef struct RegistriesRoute {
        size_t n; /* at least 1 */
        RegistriesEndpoint endpoints[REGISTRIES_ENDPOINTS_MAX];
} RegistriesRoute;

/**
 * registries_route() - look a reference up
 * @is_insecure:        the caller allows the registry itself to be insecure; mirrors need the configuration's word
 * @ret:                owned by the caller, to be released with free()
 *
 * The table with the longest prefix counts. A prefix ends where a component of the name, the tag or the digest begins,
 * so a host without a port does not stand for the same host with one, except for that of HTTPS, 443. The prefix *.DOMAIN
 * stands for every host below DOMAIN, at any port. Hosts are compared after reference_fold_host(); if two prefixes differ
 * only in spelling, the shorter one counts. If the reference has both a tag and a digest,
 * a prefix with either one applies.
 *
 * Return: 0; -EACCES (ERROR_ACCESS_DENIED) if the reference is blocked, with a message that names file and prefix.
 */
int registries_route(
        const Registries *registries,
        const Reference *reference,
        bool is_insecure,
        RegistriesRoute **ret,
        Error *error);
