/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-number.h"
#include "store-internal.h"
#include "store-unpacked.h"

bool store_unpacked_find(Store *store, const Digest *digest, uint64_t *ret) {
        _cleanup_(freep) char *text = NULL;
        char name[STORE_NAME_MAX];

        if (file_read(
                    store->unpacked_fd, store_blob_name(digest, name), STORE_RECORD_MAX, &text,
                    NULL) < 0)
                return false;

        text[strcspn(text, "\n")] = '\0';
        return number_parse(text, UINT64_MAX, ret) >= 0;
}

void store_unpacked_record(Store *store, const Digest *digest, uint64_t bytes) {
        char name[STORE_NAME_MAX], text[32];
        uint64_t recorded;

        if (store_unpacked_find(store, digest, &recorded) && recorded <= bytes)
                return;

        /* After a power failure the file may be empty, which is no figure. */
        (void) snprintf(text, sizeof(text), "%" PRIu64 "\n", bytes);
        (void) store_write(
                store->unpacked_fd, store_blob_name(digest, name), text, strlen(text), true);
}

void store_unpacked_forget(Store *store, const Digest *digest) {
        char name[STORE_NAME_MAX];

        (void) unlinkat(store->unpacked_fd, store_blob_name(digest, name), 0);
}
