/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Passwords: read once into sealed memory that travels as a descriptor, so that no bus monitor, no
 * process list and no message shows them.
 */

#include "client-options.h"

#define SECRET_BYTES_MAX ((size_t) 4096)

typedef struct Secrets {
        int password_fd;      /* owned; negative when there is none */
        int root_password_fd; /* owned; negative when there is none */
} Secrets;

#define SECRETS_NULL ((Secrets){ -EBADF, -EBADF })

/**
 * secrets_take() - turn the passwords of the command line into descriptors
 * @options:    plain passwords are overwritten in argv and gone from here
 * @ret_is_exposed: whether root's password stood on the command line, which is worth a warning; it is
 *              set also on failure
 *
 * Of "file:PATH" it is the first line. With a user name and no password it asks on the terminal. A
 * password without a user name is ignored.
 *
 * Return: 0, or a negative errno with @error set; ERROR_CANCELLED for a Ctrl-C at the question.
 */
int secrets_take(Options *options, Secrets *ret, bool *ret_is_exposed, Error *error);

/** secret_erase() - overwrite the plain passwords in argv, without reading them */
void secret_erase(Options *options);

/** secrets_done() - close them; usable with _cleanup_() */
void secrets_done(Secrets *secrets);
