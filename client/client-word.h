/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A word of a shell's command line. */

#include <stdio.h>

/** client_word_print() - print @word so that a shell takes it as one, as it is; in quotes only if necessary */
void client_word_print(const char *word, FILE *file);
