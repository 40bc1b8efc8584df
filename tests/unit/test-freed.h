/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Takes note when memory is given back with a text in it. Sanitizers have these functions themselves: with
 * them nothing is seen, and a test finds no text. */

#include <malloc.h>
#include <stddef.h>
#include <string.h>

static const char *freed_text; /* NULL: do not look */
static unsigned n_freed_with_text;

#ifndef __SANITIZE_ADDRESS__
void __libc_free(void *p);
void *__libc_realloc(void *p, size_t size);

static void look_at_freed(void *p) {
        if (p && freed_text && memmem(p, malloc_usable_size(p), freed_text, strlen(freed_text)))
                n_freed_with_text++;
}

void free(void *p) {
        look_at_freed(p);
        __libc_free(p);
}

/* Which may leave the old bytes where they were. */
void *realloc(void *p, size_t size) {
        look_at_freed(p);
        return __libc_realloc(p, size);
}
#endif
