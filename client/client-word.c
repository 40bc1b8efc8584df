/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "client-word.h"

/* The characters of a word that no shell treats specially. */
#define PLAIN_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-"

void client_word_print(const char *word, FILE *file) {
        if (*word != '\0' && word[strspn(word, PLAIN_CHARACTERS)] == '\0') {
                (void) fputs(word, file);
                return;
        }

        (void) fputc('\'', file);
        for (; *word != '\0'; word++)
                if (*word == '\'')
                        (void) fputs("'\\''", file);
                else
                        (void) fputc(*word, file);
        (void) fputc('\'', file);
}
