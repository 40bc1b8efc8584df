/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fuzz.h"
#include "inflate.h"

typedef struct Blob {
        const uint8_t *data;
        size_t size;
        bool given;
} Blob;

static int on_next(void *userdata, InflateLayer *ret, Error *error) {
        Blob *blob = userdata;

        if (blob->given)
                return 0;
        blob->given = true;
        *ret = (InflateLayer){ 0 };
        return 1;
}

static ssize_t on_read(void *userdata, void *buffer, size_t size, Error *error) {
        Blob *blob = userdata;

        if (size > blob->size)
                size = blob->size;
        memcpy(buffer, blob->data, size);
        blob->data += size;
        blob->size -= size;
        return (ssize_t) size;
}

/* What comes out is within the limits, and a stream that ends well has used all of its bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static uint8_t buffer[65536];
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(inflate_freep) Inflate *inflate = NULL;
        Blob blob = { .data = data, .size = size };
        const InflateInput input = { .next = on_next, .read = on_read, .userdata = &blob };
        Limits limits = LIMITS_DEFAULT;
        InflateLayer layer;
        uint64_t total = 0;
        ssize_t n;

        limits.unpacked_bytes = 1 << 20;
        limits.zstd_window_bytes = 1 << 20;
        if (inflate_new(&input, &limits, &inflate, NULL) < 0)
                return 0;

        n = inflate_next(inflate, &layer, &error);
        if (n > 0)
                do {
                        n = inflate_read(inflate, buffer, sizeof(buffer), &error);
                        if (n > (ssize_t) sizeof(buffer))
                                __builtin_trap();
                        total += n > 0 ? (uint64_t) n : 0;
                } while (n == (ssize_t) sizeof(buffer));
        while (n >= 0 && (n = inflate_pass_rest(inflate, &error)) > 0)
                continue;

        if (total > limits.unpacked_bytes || (n < 0) != (error.code > 0))
                __builtin_trap();
        if (n >= 0 && inflate_consumed(inflate) != size)
                __builtin_trap();
        return 0;
}
