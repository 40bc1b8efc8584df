/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The answer of a token server, as the token specification of the distribution project has it. */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

#define OCI_TOKEN_DOCUMENT_MAX    ((size_t) 1 << 20)   /* bytes of the answer */
#define OCI_TOKEN_MAX             ((size_t) 128 << 10) /* bytes of the token */
#define OCI_TOKEN_EXPIRES_DEFAULT UINT64_C(60)         /* seconds; the least there is, too */
#define OCI_TOKEN_EXPIRES_MAX     UINT64_C(86400)      /* more is taken for this */

typedef struct OciToken {
        char *token;         /* owned, secret; printable ASCII without blanks */
        uint64_t expires_in; /* seconds from when it was asked for */
} OciToken;

/**
 * oci_token_set_up() - make jansson clear all memory that it frees, since it may contain tokens
 *
 * This affects the whole process, which must still be single-threaded.
 */
void oci_token_set_up(void);

/**
 * oci_token_parse() - read a token server's answer
 *
 * "token" or, when that is missing or empty, "access_token"; "expires_in" in seconds.
 *
 * Return: 0; -EFBIG, -ENOMEM or -EBADMSG with @error set (ERROR_REGISTRY_ERROR, which never quotes
 * the answer); @ret untouched on failure.
 */
int oci_token_parse(const void *data, size_t size, OciToken *ret, Error *error);

/** oci_token_done() - scrub and release what @token owns; usable with _cleanup_() */
void oci_token_done(OciToken *token);
