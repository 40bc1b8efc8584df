/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One login: as an entry of a file states it, and as a credential helper does. */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "credentials.h"

/**
 * credentials_login_decode() - user name and password from an entry's "auth"
 * @text:       base64 (RFC 4648, 4) of "USER:PASSWORD"; NUL bytes at the end are padding
 *
 * Return: 0; -ENOMEM; -EINVAL if it is something else; @ret untouched on failure.
 */
int credentials_login_decode(const char *text, CredentialsLogin *ret);

/** credentials_login_encode() - the reverse; @ret is secret, and owned by the caller */
int credentials_login_encode(const CredentialsLogin *login, char **ret);

/**
 * credentials_login_parse() - read a credential helper's answer
 *
 * {"Username": USER, "Secret": PASSWORD}, where the user "<token>" means that the secret is an identity token.
 *
 * Return: 1 with @ret set; 0 if both are empty; -EINVAL if it is something else, -ENOMEM.
 */
int credentials_login_parse(const void *data, size_t size, CredentialsLogin *ret);

/** credentials_login_is_set() - whether there is anything to log in with */
bool credentials_login_is_set(const CredentialsLogin *login);

/** credentials_login_done() - clear and release what @login owns; usable with _cleanup_() */
void credentials_login_done(CredentialsLogin *login);
