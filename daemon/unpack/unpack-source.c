/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "unpack-source.h"

int source_init(Source *source, const UnpackInput *input, Error *error) {
        *source = (Source){ .input = input, .buffer = malloc(SOURCE_BUFFER_BYTES), .ended = true };
        return source->buffer ? 0 : error_oom(error);
}

void source_done(Source *source) {
        free(source->buffer);
        *source = (Source){ 0 };
}

int source_next(Source *source, UnpackLayer *ret, Error *error) {
        assert(source->start == source->end);

        source->start = source->end = 0;
        source->ended = false;
        return source->input->next(source->input->userdata, ret, error);
}

ssize_t source_peek(Source *source, size_t want, Error *error) {
        assert(want <= SOURCE_BUFFER_BYTES - SOURCE_HISTORY_BYTES);

        while (source->end - source->start < want && !source->ended) {
                ssize_t n;

                if (source->start > SOURCE_HISTORY_BYTES) {
                        const size_t gone = source->start - SOURCE_HISTORY_BYTES;

                        memmove(source->buffer, source->buffer + gone, source->end - gone);
                        source->end -= gone;
                        source->start -= gone;
                }

                n = source->input->read(
                        source->input->userdata, source->buffer + source->end,
                        SOURCE_BUFFER_BYTES - source->end, error);
                if (n < 0)
                        return n;
                if (n == 0)
                        source->ended = true;
                source->end += (size_t) n;
        }

        return (ssize_t) (source->end - source->start);
}

const uint8_t *source_data(const Source *source) {
        return source->buffer + source->start;
}

void source_consume(Source *source, size_t size) {
        assert(size <= source->end - source->start);
        source->start += size;
        source->consumed += size;
}

int source_unconsume(Source *source, size_t size) {
        if (size > source->start || size > SOURCE_HISTORY_BYTES)
                return -ERANGE;

        source->start -= size;
        source->consumed -= size;
        return 0;
}
