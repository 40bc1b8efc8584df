/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "ext4-internal.h"

int ext4_output_flush(Ext4 *ext4, Error *error) {
        Ext4Output *output = &ext4->output;

        if (!output->buffer)
                return 0;
        return ext4_device_write(
                ext4->device, TAKE_PTR(output->buffer), output->start * DISK_BLOCK_BYTES,
                output->n_blocks * BLOCK_BYTES, error);
}

static int new_buffer(Ext4 *ext4, uint64_t start, Error *error) {
        Ext4Output *output = &ext4->output;
        void *buffer;
        int r;

        r = ext4_output_flush(ext4, error);
        if (r >= 0)
                r = ext4_device(ext4, error);
        if (r >= 0)
                r = ext4_device_get_buffer(ext4->device, &buffer, error);
        if (r < 0)
                return r;

        output->buffer = buffer;
        output->start = start;
        output->n_blocks = 0;
        return 0;
}

int ext4_output_add(Ext4 *ext4, uint64_t block, uint64_t n, uint8_t **ret, Error *error) {
        Ext4Output *output = &ext4->output;
        int r;

        if (!output->buffer || block % WINDOW_BLOCKS == 0 ||
            output->start + output->n_blocks != block) {
                r = new_buffer(ext4, block, error);
                if (r < 0)
                        return r;
        }

        *ret = output->buffer + output->n_blocks * BLOCK_BYTES;
        output->n_blocks += (size_t) n;
        return 0;
}

uint8_t *ext4_output_last(const Ext4 *ext4) {
        return ext4->output.buffer + (ext4->output.n_blocks - 1) * BLOCK_BYTES;
}

void ext4_output_done(Ext4 *ext4) {
        if (ext4->output.buffer && ext4->device)
                (void) ext4_device_write(ext4->device, TAKE_PTR(ext4->output.buffer), 0, 0, NULL);
}
