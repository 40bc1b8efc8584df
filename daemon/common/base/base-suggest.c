/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base-suggest.h"

static unsigned least(unsigned a, unsigned b) {
        return a < b ? a : b;
}

/* The distance of Damerau and Levenshtein, without changes to what was swapped; both have at most SUGGEST_WORD_MAX bytes. */
static unsigned distance(const char *a, const char *b) {
        const size_t n = strlen(a), m = strlen(b);
        unsigned rows[3]
                     [SUGGEST_WORD_MAX +
                      1]; /* of @a's characters: the last but one, the last, this one */
        unsigned *before = rows[0], *last = rows[1], *row = rows[2];

        for (size_t j = 0; j <= m; j++)
                last[j] = (unsigned) j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *const next = before;

                row[0] = (unsigned) i;
                for (size_t j = 1; j <= m; j++) {
                        const unsigned differs = a[i - 1] != b[j - 1];

                        row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + differs);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = least(row[j], before[j - 2] + 1);
                }
                before = last;
                last = row;
                row = next;
        }

        return last[m];
}

const char *suggest_word(const char *word, const char *const *candidates, size_t n_candidates) {
        const size_t length = strlen(word);
        const char *nearest = NULL;
        unsigned best = length < 6 ? 2 : (unsigned) length / 3 + 1; /* too far */

        if (length < 2 || length > SUGGEST_WORD_MAX)
                return NULL;
        for (size_t i = 0; i < n_candidates; i++) {
                const unsigned far = strlen(candidates[i]) <= SUGGEST_WORD_MAX
                                             ? distance(word, candidates[i])
                                             : best;

                if (far < best) {
                        best = far;
                        nearest = candidates[i];
                }
        }

        return nearest;
}
