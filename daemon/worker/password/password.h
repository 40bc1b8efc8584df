/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Password hashes that a root file system understands: crypt(5). */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"
#include "unpack-tree.h"

#define ROOT_PASSWORD_MAX ((size_t) 511) /* bytes; the limit of crypt(3) */

/**
 * password_hash() - hash @password with a new salt
 * @yescrypt:   use yescrypt ("$y$"), else SHA-512 ("$6$")
 * @ret:        owned by the caller
 */
int password_hash(const char *password, bool yescrypt, char **ret, Error *error);

/**
 * password_wants_yescrypt() - whether the login programs in @tree understand yescrypt
 *
 * The first of these decides:
 * 1. ENCRYPT_METHOD in etc/login.defs or usr/etc/login.defs: yes if it is yescrypt, else no,
 * 2. a libcrypt of libxcrypt's (libcrypt.so.1.1.0, libcrypt.so.2) in usr/lib64, usr/lib, lib64, lib, or
 *    an architecture's directory in one of these (usr/lib/x86_64-linux-gnu): yes,
 * 3. no: crypt(3) of glibc and musl supports SHA-512 at most.
 */
bool password_wants_yescrypt(UnpackTree *tree);

/** password_parse_method() - the method in login.defs(5) text: 1 yescrypt, 0 another one, -ENOENT none */
int password_parse_method(const char *text);
