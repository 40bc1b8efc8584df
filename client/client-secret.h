/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Passwords: read once into sealed memory that travels as a descriptor, so that no bus monitor, no
 * process list and no message shows them.
 */

#include "client-options.h"

#define SECRET_BYTES_MAX ((size_t) 4096)

typedef struct ClientSecrets {
        int password_fd;      /* owned; negative when there is none */
        int root_password_fd; /* owned; negative when there is none */
} ClientSecrets;

#define SECRETS_NULL ((ClientSecrets){ -EBADF, -EBADF })

/**
 * client_secrets_take() - turn the passwords of the command line into descriptors
 * @options:    plain passwords are overwritten in argv and gone from here
 * @ret_is_exposed: whether root's password stood on the command line, which is worth a warning; it is
 *              set also on failure
 *
 * Of "file:PATH" it is the first line. With a user name and no password it asks on the terminal. A
 * password without a user name is ignored.
 *
 * Return: 0, or a negative errno with @error set; ERROR_CANCELLED for a Ctrl-C at the question.
 */
int client_secrets_take(
        ClientOptions *options, ClientSecrets *ret, bool *ret_is_exposed, Error *error);

/** client_secret_erase() - overwrite the plain passwords in argv, without reading them */
void client_secret_erase(ClientOptions *options);

/** client_secrets_done() - close them; usable with _cleanup_() */
void client_secrets_done(ClientSecrets *secrets);
