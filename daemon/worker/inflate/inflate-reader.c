/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "inflate-reader.h"

int inflate_reader_init(InflateReader *reader, const InflateInput *input, Error *error) {
        *reader = (InflateReader){ .input = input,
                                   .buffer = malloc(READER_BUFFER_BYTES),
                                   .ended = true };
        return reader->buffer ? 0 : error_oom(error);
}

void inflate_reader_done(InflateReader *reader) {
        free(reader->buffer);
        *reader = (InflateReader){ 0 };
}

int inflate_reader_next(InflateReader *reader, InflateLayer *ret, Error *error) {
        assert(reader->start == reader->end);

        reader->start = reader->end = 0;
        reader->ended = false;
        return reader->input->next(reader->input->userdata, ret, error);
}

ssize_t inflate_reader_peek(InflateReader *reader, size_t want, Error *error) {
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

const uint8_t *inflate_reader_data(const InflateReader *reader) {
        return reader->buffer + reader->start;
}

void inflate_reader_consume(InflateReader *reader, size_t size) {
        assert(size <= reader->end - reader->start);
        reader->start += size;
        reader->consumed += size;
}

int inflate_reader_unconsume(InflateReader *reader, size_t size) {
        if (size > reader->start || size > READER_HISTORY_BYTES)
                return -ERANGE;

        reader->start -= size;
        reader->consumed -= size;
        return 0;
}
