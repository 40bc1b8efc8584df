/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON in the tests of oci/. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "test.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define SHA_A "sha256:" HEX_A
#define SHA_B "sha256:" HEX_B
#define SHA_C "sha256:" HEX_C

/* @text with '"' for each '\'', so that it is readable here; owned by the caller. */
char *json_text(const char *text);

/* @element @n times with ',' between, inside @before and @after; owned by the caller. */
char *json_repeat(const char *before, const char *element, size_t n, const char *after);

/* That @r and @error are a failure of @kind whose message has @part in it. */
void assert_failure(int r, const Error *error, ErrorKind kind, const char *part);
