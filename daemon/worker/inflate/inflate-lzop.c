/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <endian.h>
#include <errno.h>
#include <lzo/lzo1x.h>
#include <string.h>

#include "base-cleanup.h"
#include "inflate-decoder.h"

/*
 * lzop's container: a header, blocks of LZO1X, an empty block; then the same again, or the end. All
 * numbers are big-endian.
 *
 *     magic 9, version 2, library version 2, version needed 2, method 1, level 1, flags 4, mode 4,
 *     mtime 8, size of the name 1, name, checksum 4
 *
 *     size 4, stored size 4, Adler-32 4?, CRC-32 4?, and of the stored bytes when they are fewer:
 *     Adler-32 4?, CRC-32 4?, the stored bytes
 */
#define MAGIC        "\x89LZO\0\r\n\x1a\n"
#define MAGIC_BYTES  ((size_t) 9)
#define FIXED_BYTES  ((size_t) 34) /* up to and with the size of the name */
#define HEADER_BYTES (FIXED_BYTES + UINT8_MAX + 4)

#define BLOCK_HEADER_BYTES ((size_t) 24)
#define BLOCK_BYTES_MAX    (UINT32_C(64) << 20) /* lzop's own; two such buffers are needed */

#define VERSION_MIN 0x0940 /* of 1997; headers were shorter before */
#define VERSION_MAX 0x1040 /* may be needed at most: lzop 1.04's */
#define METHOD_MAX  3      /* 1 to 3 are LZO1X, compressed in different ways */

#define FLAG_ADLER32        UINT32_C(0x0001)
#define FLAG_STORED_ADLER32 UINT32_C(0x0002)
#define FLAG_EXTRA_FIELD    UINT32_C(0x0040)
#define FLAG_CRC32          UINT32_C(0x0100)
#define FLAG_STORED_CRC32   UINT32_C(0x0200)
#define FLAG_FILTER         UINT32_C(0x0800)
#define FLAG_HEADER_CRC32   UINT32_C(0x1000)
#define FLAGS_RESERVED      UINT32_C(0x000fc000)
#define FLAGS_NOT_SUPPORTED (FLAG_EXTRA_FIELD | FLAG_FILTER | FLAGS_RESERVED)
#define ADLER32_START       1u
#define CRC32_START         0u

typedef struct Block {
        uint32_t size; /* bytes that come out; 0: the last one */
        uint32_t stored;
        uint32_t adler32, crc32;               /* of what comes out, with FLAG_… */
        uint32_t stored_adler32, stored_crc32; /* of what is stored, with FLAG_STORED_… */
        size_t header_bytes;
} Block;

typedef struct Lzop {
        InflateReader *reader; /* borrowed */
        uint32_t flags;
        bool in_part;                   /* a header has been read, but no last block */
        uint8_t *stored, *block;        /* owned */
        size_t stored_room, block_room; /* bytes */
        size_t start, end;              /* what of @block is still to come out */
} Lzop;

static bool lzop_matches(const uint8_t *head, size_t size) {
        return size >= MAGIC_BYTES && memcmp(head, MAGIC, MAGIC_BYTES) == 0;
}

static uint16_t read_16(const uint8_t *p) {
        uint16_t value;

        memcpy(&value, p, sizeof(value));
        return be16toh(value);
}

static uint32_t read_32(const uint8_t *p) {
        uint32_t value;

        memcpy(&value, p, sizeof(value));
        return be32toh(value);
}

static int corrupt(const char *what, Error *error) {
        return error_set(error, EBADMSG, ERROR_CORRUPT_ARCHIVE, "The lzop stream %s", what);
}

static int too_short(Error *error) {
        return corrupt("ends in the middle", error);
}

static void lzop_free(InflateDecoder *decoder) {
        Lzop *lzop = (Lzop *) decoder;

        free(lzop->stored);
        free(lzop->block);
        free(lzop);
}

static int lzop_new(
        InflateReader *reader, const Limits *limits, InflateDecoder **ret, Error *error) {
        Lzop *lzop;

        if (lzo_init() != LZO_E_OK)
                return error_set(error, ENOSYS, ERROR_FAILED, "liblzo2 does not work");

        lzop = calloc(1, sizeof(*lzop));
        if (!lzop)
                return error_oom(error);

        lzop->reader = reader;
        *ret = (InflateDecoder *) lzop;
        return 0;
}

/* The header at @data: how long it is, and what flags it has. */
static int parse_header(
        const uint8_t *data, size_t size, uint32_t *ret_flags, size_t *ret_size, Error *error) {
        const size_t covered = FIXED_BYTES - MAGIC_BYTES; /* by the checksum, without the name */
        size_t name_bytes;
        uint32_t flags, checksum;

        if (size < FIXED_BYTES)
                return too_short(error);

        flags = read_32(data + 17);
        if (read_16(data + 9) < VERSION_MIN || read_16(data + 13) > VERSION_MAX || data[15] < 1 ||
            data[15] > METHOD_MAX || (flags & FLAGS_NOT_SUPPORTED))
                return corrupt("is of a kind that is not supported", error);

        name_bytes = data[FIXED_BYTES - 1];
        if (size < FIXED_BYTES + name_bytes + 4)
                return too_short(error);

        checksum = flags & FLAG_HEADER_CRC32
                           ? lzo_crc32(CRC32_START, data + MAGIC_BYTES, covered + name_bytes)
                           : lzo_adler32(ADLER32_START, data + MAGIC_BYTES, covered + name_bytes);
        if (checksum != read_32(data + FIXED_BYTES + name_bytes))
                return corrupt("has a header with a wrong checksum", error);

        *ret_flags = flags;
        *ret_size = FIXED_BYTES + name_bytes + 4;
        return 0;
}

/* The header of the next part: 1; 0 at the end of the stream. */
static int next_part(Lzop *lzop, Error *error) {
        ssize_t available;
        size_t size = 0;
        int r;

        available = inflate_reader_peek(lzop->reader, HEADER_BYTES, error);
        if (available < 0)
                return (int) available;
        if (!lzop_matches(inflate_reader_data(lzop->reader), (size_t) available))
                return 0;

        r = parse_header(
                inflate_reader_data(lzop->reader), (size_t) available, &lzop->flags, &size, error);
        if (r < 0)
                return r;

        inflate_reader_consume(lzop->reader, size);
        lzop->in_part = true;
        return 1;
}

/* A number that is there only with @flag. */
static uint32_t optional_32(uint32_t flags, uint32_t flag, const uint8_t *data, size_t *at) {
        if (!(flags & flag))
                return 0;

        *at += 4;
        return read_32(data + *at - 4);
}

/* @size bytes at @data may be too few for the header, and zeros follow them then. */
static int parse_block(
        const uint8_t data[static BLOCK_HEADER_BYTES],
        size_t size,
        uint32_t flags,
        Block *ret,
        Error *error) {
        Block block = { .size = read_32(data), .stored = read_32(data + 4) };
        size_t at = 8;

        if (size < 4 || (block.size > 0 && size < at))
                return too_short(error);
        if (block.size == 0) {
                *ret = (Block){ .header_bytes = 4 };
                return 0;
        }
        if (block.size > BLOCK_BYTES_MAX)
                return corrupt("has a block of more than 64 MiB", error);
        if (block.stored == 0 || block.stored > block.size)
                return corrupt("has a block that is larger than its content", error);

        block.adler32 = optional_32(flags, FLAG_ADLER32, data, &at);
        block.crc32 = optional_32(flags, FLAG_CRC32, data, &at);
        if (block.stored < block.size) {
                block.stored_adler32 = optional_32(flags, FLAG_STORED_ADLER32, data, &at);
                block.stored_crc32 = optional_32(flags, FLAG_STORED_CRC32, data, &at);
        }
        block.header_bytes = at;

        *ret = block;
        return 0;
}

static bool is_intact(
        uint32_t flags,
        uint32_t adler32_flag,
        uint32_t adler32,
        uint32_t crc32_flag,
        uint32_t crc32,
        const uint8_t *data,
        size_t size) {
        if ((flags & adler32_flag) && lzo_adler32(ADLER32_START, data, size) != adler32)
                return false;
        return !(flags & crc32_flag) || lzo_crc32(CRC32_START, data, size) == crc32;
}

static int make_room(uint8_t **buffer, size_t *room, size_t size, Error *error) {
        uint8_t *larger;

        if (*room >= size)
                return 0;

        /* What it holds is not needed. */
        free(*buffer);
        *buffer = NULL;
        *room = 0;
        larger = malloc(size);
        if (!larger)
                return error_oom(error);

        *buffer = larger;
        *room = size;
        return 0;
}

static int read_stored(Lzop *lzop, uint8_t *to, size_t size, Error *error) {
        while (size > 0) {
                ssize_t n;

                n = inflate_reader_peek(lzop->reader, 1, error);
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        return too_short(error);
                if ((size_t) n > size)
                        n = (ssize_t) size;

                memcpy(to, inflate_reader_data(lzop->reader), (size_t) n);
                inflate_reader_consume(lzop->reader, (size_t) n);
                to += n;
                size -= (size_t) n;
        }

        return 0;
}

/* What is stored, into @lzop->block. */
static int inflate_block(Lzop *lzop, const Block *block, Error *error) {
        lzo_uint size = block->size;
        int r;

        r = make_room(&lzop->block, &lzop->block_room, block->size, error);
        if (r < 0)
                return r;
        if (block->stored == block->size)
                return read_stored(lzop, lzop->block, block->stored, error);

        r = make_room(&lzop->stored, &lzop->stored_room, block->stored, error);
        if (r < 0)
                return r;
        r = read_stored(lzop, lzop->stored, block->stored, error);
        if (r < 0)
                return r;
        if (!is_intact(
                    lzop->flags, FLAG_STORED_ADLER32, block->stored_adler32, FLAG_STORED_CRC32,
                    block->stored_crc32, lzop->stored, block->stored))
                return corrupt("has a wrong checksum", error);

        r = lzo1x_decompress_safe(lzop->stored, block->stored, lzop->block, &size, NULL);
        if (r != LZO_E_OK || size != block->size)
                return corrupt("has invalid data", error);
        return 0;
}

static int next_block(Lzop *lzop, Error *error) {
        uint8_t header[BLOCK_HEADER_BYTES] = { 0 };
        Block block = { 0 };
        ssize_t available;
        int r;

        available = inflate_reader_peek(lzop->reader, sizeof(header), error);
        if (available < 0)
                return (int) available;
        if ((size_t) available > sizeof(header))
                available = (ssize_t) sizeof(header);
        memcpy(header, inflate_reader_data(lzop->reader), (size_t) available);

        r = parse_block(header, (size_t) available, lzop->flags, &block, error);
        if (r < 0)
                return r;
        if ((size_t) available < block.header_bytes)
                return too_short(error);

        inflate_reader_consume(lzop->reader, block.header_bytes);
        if (block.size == 0) {
                lzop->in_part = false;
                return 0;
        }

        r = inflate_block(lzop, &block, error);
        if (r < 0)
                return r;
        if (!is_intact(
                    lzop->flags, FLAG_ADLER32, block.adler32, FLAG_CRC32, block.crc32, lzop->block,
                    block.size))
                return corrupt("has a wrong checksum", error);

        lzop->start = 0;
        lzop->end = block.size;
        return 0;
}

static ssize_t lzop_read(InflateDecoder *decoder, void *buffer, size_t size, Error *error) {
        Lzop *lzop = (Lzop *) decoder;

        while (lzop->start == lzop->end) {
                int r;

                if (lzop->in_part)
                        r = next_block(lzop, error);
                else {
                        r = next_part(lzop, error);
                        if (r == 0)
                                return 0;
                }
                if (r < 0)
                        return r;
        }

        if (size > lzop->end - lzop->start)
                size = lzop->end - lzop->start;
        memcpy(buffer, lzop->block + lzop->start, size);
        lzop->start += size;
        return (ssize_t) size;
}

const InflateDecoderOps inflate_decoder_lzop = {
        .matches = lzop_matches,
        .new = lzop_new,
        .read = lzop_read,
        .free = lzop_free,
        .has_end = true,
};
