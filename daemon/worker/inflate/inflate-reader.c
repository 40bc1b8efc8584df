/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "inflate-reader.h"

int reader_init(Reader *reader, const UnpackInput *input, Error *error) {
        *reader = (Reader){ .input = input, .buffer = malloc(READER_BUFFER_BYTES), .ended = true };
        return reader->buffer ? 0 : error_oom(error);
}

void reader_done(Reader *reader) {
        free(reader->buffer);
        *reader = (Reader){ 0 };
}

int reader_next(Reader *reader, UnpackLayer *ret, Error *error) {
        assert(reader->start == reader->end);

        reader->start = reader->end = 0;
        reader->ended = false;
        return reader->input->next(reader->input->userdata, ret, error);
}

ssize_t reader_peek(Reader *reader, size_t want, Error *error) {
        assert(want <= READER_BUFFER_BYTES - READER_HISTORY_BYTES);

        while (reader->end - reader->start < want && !reader->ended) {
                ssize_t n;

                if (reader->start > READER_HISTORY_BYTES) {
                        const size_t gone = reader->start - READER_HISTORY_BYTES;

                        memmove(reader->buffer, reader->buffer + gone, reader->end - gone);
                        reader->end -= gone;
                        reader->start -= gone;
                }

                n = reader->input->read(
                        reader->input->userdata, reader->buffer + reader->end,
                        READER_BUFFER_BYTES - reader->end, error);
                if (n < 0)
                        return n;
                if (n == 0)
                        reader->ended = true;
                reader->end += (size_t) n;
        }

        return (ssize_t) (reader->end - reader->start);
}

const uint8_t *reader_data(const Reader *reader) {
        return reader->buffer + reader->start;
}

void reader_consume(Reader *reader, size_t size) {
        assert(size <= reader->end - reader->start);
        reader->start += size;
        reader->consumed += size;
}

int reader_unconsume(Reader *reader, size_t size) {
        if (size > reader->start || size > READER_HISTORY_BYTES)
                return -ERANGE;

        reader->start -= size;
        reader->consumed -= size;
        return 0;
}
