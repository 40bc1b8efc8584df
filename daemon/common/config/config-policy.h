/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the signature policy is: in the file that SignaturePolicy= names, else in the first of these that exists:
 * $XDG_CONFIG_HOME/containers/policy.json, for an ordinary user, and /etc/containers/policy.json. Nothing is read here.
 */

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_POLICY_PATH_MAX ((size_t) 1024) /* bytes, with the NUL */
#define CONFIG_POLICIES_MAX    ((size_t) 2)

typedef struct ConfigPolicy {
        char path
                [CONFIG_POLICY_PATH_MAX]; /* [Registry] SignaturePolicy=; empty: one of the defaults */
        char defaults[CONFIG_POLICIES_MAX]
                     [CONFIG_POLICY_PATH_MAX]; /* in order; empty ones are none */
} ConfigPolicy;

/**
 * config_policy_set() - let @value be the policy, or with an empty one the defaults again
 *
 * Return: whether it is an absolute path. What is not one is set all the same: where it should be is no policy that
 * accepts anything.
 */
bool config_policy_set(ConfigPolicy *policy, const char *value);

/** config_policy_set_defaults() - find the defaults of this process's user */
void config_policy_set_defaults(ConfigPolicy *policy);

/** config_policy_path() - the one that counts now, which need not exist if it was set; NULL if there is none */
const char *config_policy_path(const ConfigPolicy *policy);
