/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base-text.h"
#include "fuzz-memory-target.h"
#include "fuzz.h"
#include "unpack-run.h"

/* The input is an image of up to four layers: each is two bytes, little-endian, with how many
 * 512-byte blocks it has, and then the blocks. The last one has what is left. */
#define LAYERS_MAX 4
#define BLOCK      ((size_t) 512)

typedef struct Image {
        const uint8_t *data;
        size_t size;  /* left of the image */
        size_t layer; /* left of the layer */
        unsigned n_layers;
} Image;

static int on_next(void *userdata, InflateLayer *ret, Error *error) {
        Image *image = userdata;

        if (image->size < 2 || image->n_layers == LAYERS_MAX)
                return 0;

        image->layer = BLOCK * (image->data[0] | (size_t) image->data[1] << 8);
        image->data += 2;
        image->size -= 2;
        if (++image->n_layers == LAYERS_MAX || image->layer > image->size)
                image->layer = image->size;
        *ret = (InflateLayer){ .has_digest = true };
        return 1;
}

static ssize_t on_read(void *userdata, void *buffer, size_t size, Error *error) {
        Image *image = userdata;

        if (size > image->layer)
                size = image->layer;
        memcpy(buffer, image->data, size);
        image->data += size;
        image->size -= size;
        image->layer -= size;
        return (ssize_t) size;
}

/* Checksums hide what is behind them from the fuzzer: what looks like a header gets a right one. */
static void correct_checksums(uint8_t *data, size_t size) {
        for (size_t at = 0; at + BLOCK <= size; at++) {
                uint8_t *block = data + at;
                unsigned sum = 0;
                char text[8];

                if (memcmp(block + 257, "ustar", 5) != 0)
                        continue;

                memset(block + 148, ' ', 8);
                for (size_t i = 0; i < BLOCK; i++)
                        sum += block[i];
                (void) snprintf(text, sizeof(text), "%06o", sum & 0777777);
                memcpy(block + 148, text, 7);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) uint8_t *copy = malloc(size + 1);
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Image image = { .data = copy, .size = size };
        const InflateInput input = { .next = on_next, .read = on_read, .userdata = &image };
        UnpackOptions options = { .limits = LIMITS_DEFAULT };
        MemoryTarget *memory = memory_new();
        int r;

        MUST(copy);
        memcpy(copy, data, size);
        correct_checksums(copy, size);
        options.limits.unpacked_bytes = 4 << 20;
        options.limits.entries = 1000;
        options.limits.depth = 100;
        r = unpack_run(&input, &memory->target, &options, NULL, &error);

        memory_check_closed(memory);
        MUST(r == 0 || (r < 0 && error.code == -r && error.message));
        if (error.message) {
                _cleanup_(freep) char *printable = text_printable(error.message);

                MUST(printable && strcmp(printable, error.message) == 0);
        }
        unpack_target_free(&memory->target);
        return 0;
}
