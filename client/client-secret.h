/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Passwords, and what else the user logs in with, are read once into sealed memory that is passed as a
 * descriptor, so that no bus monitor, process list or message shows them.
 */

#include "client-options.h"

#define SECRET_BYTES_MAX ((size_t) 4096)

typedef struct ClientSecrets {
        int password_fd;      /* owned; negative if there is none */
        int root_password_fd; /* owned; negative if there is none */
        int auth_fd;          /* owned; of client_auth_take(); negative if there is none */
} ClientSecrets;

#define SECRETS_NULL ((ClientSecrets){ -EBADF, -EBADF, -EBADF })

/**
 * client_secrets_take() - turn the passwords of the command line into descriptors
 * @options:    plain passwords are overwritten in argv and removed from @options
 * @ret_is_exposed: whether root's password was given on the command line, which deserves a warning;
 *              set even on failure
 *
 * "file:PATH" stands for the first line of that file. If a user name is given without a password, the
 * user is asked for it on the terminal. A password without a user name is ignored.
 *
 * If the user presses Ctrl-C when asked, @error has the kind ERROR_CANCELLED.
 */
int client_secrets_take(
        ClientOptions *options, ClientSecrets *ret, bool *ret_is_exposed, Error *error);

/** client_secrets_rewind() - let the descriptors be read once more, for another call to the daemon */
int client_secrets_rewind(const ClientSecrets *secrets, Error *error);

/** client_secret_seal() - copy a secret into sealed memory; @ret_fd is owned by the caller */
int client_secret_seal(const char *secret, size_t size, int *ret_fd, Error *error);

/** client_secret_erase() - overwrite the plain passwords in argv without using them */
void client_secret_erase(ClientOptions *options);

/** client_secrets_done() - close the descriptors; usable with _cleanup_() */
void client_secrets_done(ClientSecrets *secrets);
