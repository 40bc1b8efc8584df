/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base-secret.h"

void secret_free(void *secret) {
        if (!secret)
                return;

        /* All of it: a text may have been cut. */
        explicit_bzero(secret, malloc_usable_size(secret));
        free(secret);
}

void secret_freep(void *secret) {
        secret_free(*(void **) secret);
}

void *secret_realloc(void *secret, size_t size) {
        const size_t old_size = secret ? malloc_usable_size(secret) : 0;
        void *moved = malloc(size);

        if (!moved)
                return NULL;

        if (secret)
                memcpy(moved, secret, old_size < size ? old_size : size);
        secret_free(secret);
        return moved;
}
