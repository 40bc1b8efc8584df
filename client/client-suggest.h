/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What somebody may have meant who mistyped a word, or wrote an image's name where a URI is expected. */

#include <stddef.h>

/**
 * client_suggest_word() - the candidate that is nearest to @word
 *
 * By the number of characters that are added, missing, replaced or swapped with the next one: at most a third of the
 * word's, and one in a short word.
 *
 * Return: one of @candidates; NULL if none is near.
 */
const char *client_suggest_word(
        const char *word, const char *const *candidates, size_t n_candidates);

/**
 * client_suggest_source() - the URI for what is no URI, or one that is unknown
 * @text:       as the user wrote it, where no file is that it could mean
 *
 * Return: a clause such as "for a registry's image, use docker://docker.io/library/debian:12"; owned by the caller;
 * NULL if there is none.
 */
char *client_suggest_source(const char *text);
