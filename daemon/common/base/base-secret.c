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
