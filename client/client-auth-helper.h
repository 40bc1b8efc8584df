/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Credential helpers, as Docker defines them: programs that keep a user's passwords. */

#include <stdint.h>

#include "base-error.h"
#include "credentials.h"

#define CLIENT_AUTH_HELPER_USEC                                                                    \
        UINT64_C(120000000) /* it may ask its user for a passphrase meanwhile */
#define CLIENT_AUTH_HELPER_ANSWER_MAX ((size_t) 256 << 10) /* bytes */

/**
 * client_auth_helper_ask() - run "docker-credential-NAME get"
 * @usec:       how long it may take
 *
 * It gets the server on standard input, and this program's environment and standard error.
 *
 * Return: 1 with @ret set; 0 if it has no credentials for the server; a negative errno with @error set.
 */
int client_auth_helper_ask(
        const CredentialsHelper *helper, uint64_t usec, CredentialsLogin *ret, Error *error);
