/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which word somebody may have meant who mistyped one: a command, an option, a key. */

#include <stddef.h>

#define SUGGEST_WORD_MAX 64u /* bytes; nothing is like a longer word */

/**
 * suggest_word() - the candidate that is nearest to @word
 *
 * By the number of characters that are added, missing, replaced or swapped with the next one: at most a third of the
 * word's, and one in a short word.
 *
 * Return: one of @candidates; NULL if none is near.
 */
const char *suggest_word(const char *word, const char *const *candidates, size_t n_candidates);
