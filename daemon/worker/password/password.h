/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Hashes of passwords, as the root file system that they are for understands them: crypt(5). */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "unpack-tree.h"

#define ROOT_PASSWORD_MAX ((size_t) 511) /* bytes; crypt(3) takes no more */

/**
 * password_hash() - hash @password with a new salt
 * @yescrypt:   as yescrypt ("$y$"), else SHA-512 ("$6$")
 * @ret:        owned by the caller
 *
 * Return: 0, or a negative errno with @error set.
 */
int password_hash(const char *password, bool yescrypt, char **ret, Error *error);

/**
 * password_wants_yescrypt() - whether the login programs in @tree understand yescrypt
 *
 * Decided by the first of
 * 1. ENCRYPT_METHOD in etc/login.defs or usr/etc/login.defs: yescrypt if it says so, else not,
 * 2. a libcrypt of libxcrypt's (libcrypt.so.1.1.0, libcrypt.so.2) in usr/lib64, usr/lib, lib64, lib, or
 *    a directory of an architecture in one of these (usr/lib/x86_64-linux-gnu): yes,
 * 3. no: glibc's and musl's own crypt(3) end at SHA-512.
 */
bool password_wants_yescrypt(UnpackTree *tree);

/** password_parse_method() - what login.defs(5) text says: 1 yescrypt, 0 another method, -ENOENT nothing */
int password_parse_method(const char *text);
