/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The WWW-Authenticate header (RFC 9110, 11.6.1), as far as registries use it: Basic (RFC 7617) and
 * Bearer (RFC 6750 and the token specification of the distribution project).
 */

#include <stddef.h>

#define REGISTRY_CHALLENGES_MAX ((size_t) 8)

/* Bytes of the parameters that are used, with the NUL. */
#define REGISTRY_REALM_MAX   ((size_t) 1024)
#define REGISTRY_SERVICE_MAX ((size_t) 256)
#define REGISTRY_SCOPE_MAX   ((size_t) 1024)
#define REGISTRY_ERROR_MAX   ((size_t) 64)

typedef enum RegistryScheme {
        REGISTRY_SCHEME_OTHER, /* one that is not supported, such as Negotiate */
        REGISTRY_SCHEME_BASIC,
        REGISTRY_SCHEME_BEARER,
        _REGISTRY_SCHEME_MAX,
} RegistryScheme;

/* A parameter that was not there is empty. No text holds a control character. */
typedef struct RegistryChallenge {
        RegistryScheme scheme;
        char realm[REGISTRY_REALM_MAX];
        char service[REGISTRY_SERVICE_MAX];
        char scope[REGISTRY_SCOPE_MAX];
        char error[REGISTRY_ERROR_MAX];
} RegistryChallenge;

/* All challenges of one response, in order. */
typedef struct RegistryChallenges {
        RegistryChallenge items[REGISTRY_CHALLENGES_MAX];
        size_t n_items;
} RegistryChallenges;

/**
 * registry_challenges_add() - add what one header says
 * @text:       the header's value
 *
 * Return: 0; -EINVAL when the value breaks the grammar, -E2BIG when a parameter that is used, or the
 * number of challenges, is above its ceiling; @challenges untouched then.
 */
int registry_challenges_add(RegistryChallenges *challenges, const char *text);

/** registry_challenges_find() - the first challenge of @scheme, or NULL */
const RegistryChallenge *registry_challenges_find(
        const RegistryChallenges *challenges, RegistryScheme scheme);
