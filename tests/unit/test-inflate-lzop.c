/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-inflate-lzop.h"
#include "test-unpack.h"

static void checksums_of_each_kind_are_checked(void **state) {
        static const uint32_t flags[] = { 0x1, 0x2, 0x3, 0x100, 0x200, 0x300, 0x1001, 0x1303 };
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        tar_file(&tar, "small", "x");
        tar_end(&tar);
        for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
                Bytes *layer = layer_add(f);
                const size_t block = LZOP_NAME_OFFSET + 2 + 4;

                lzop_add_with(layer, flags[i], tar.data, tar.size);
                run_well(f);

                /* The first checksum of the block, then the last, then the header's. */
                for (size_t k = 0; k < 3; k++) {
                        size_t at = k == 2 ? block - 1 : block + 8;

                        for (uint32_t bits = flags[i] & 0x303; k == 1 && (bits &= bits - 1);)
                                at += 4;
                        layer->data[at] ^= 1;
                        run_badly(f, ERROR_CORRUPT_ARCHIVE);
                        assert_non_null(strstr(f->error.message, "a wrong checksum"));
                        error_clear(&f->error);
                        layer->data[at] ^= 1;
                }
                reset(f);
        }
}

/* Flips bits of a header, of which the checksum is made right again. */
static void header_of_another_kind_is_refused(void **state) {
        static const struct {
                size_t at;
                uint8_t value;
        } cases[] = {
                { 9, 0x09 },                /* the version, before 0x0940 */
                { 13, 0x10 },               /* what lzop is needed */
                { 15, 0 },    { 15, 4 },    /* the method */
                { 19, 0x08 }, { 19, 0x40 }, /* a filter; reserved */
                { 20, 0x41 },               /* an extra field */
        };
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        tar_file(&tar, "small", "x");
        tar_end(&tar);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Bytes *layer = layer_add(f);
                uint32_t checksum;

                lzop_add(layer, tar.data, tar.size);
                layer->data[cases[i].at] = cases[i].value;
                if (cases[i].at == 9)
                        layer->data[10] = 0x3f;
                if (cases[i].at == 13)
                        layer->data[14] = 0x50;
                checksum = htobe32(lzo_adler32(1, layer->data + 9, LZOP_NAME_OFFSET + 2 - 9));
                memcpy(layer->data + LZOP_NAME_OFFSET + 2, &checksum, 4);
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                assert_non_null(strstr(f->error.message, "not supported"));
                reset(f);
        }
}

static void block_that_lies_is_refused(void **state) {
        static const struct {
                uint32_t size, stored;
                const char *says;
        } cases[] = {
                { 0xffffffff, 4, "more than 64 MiB" },
                { (64 << 20) + 1, 4, "more than 64 MiB" },
                { 4, 5, "larger than its content" },
                { 4, 0, "larger than its content" },
                { 9, 8, "invalid data" },        /* four come out */
                { 9, 5, "invalid data" },        /* the end marker is missing */
                { 64 << 20, 8, "invalid data" }, /* far from it */
        };
        static const uint8_t abcd[] = { 0x15, 'a', 'b', 'c', 'd', 0x11, 0, 0 };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Bytes *layer = layer_add(f);

                lzop_header_add(layer, 0);
                be32_add(layer, cases[i].size);
                be32_add(layer, cases[i].stored);
                bytes_add(layer, abcd, sizeof(abcd));
                be32_add(layer, 0);
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                assert_non_null(strstr(f->error.message, cases[i].says));
                reset(f);
        }
}

static void block_that_is_stored_as_it_is_has_one_set_of_checksums(void **state) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;
        Bytes *layer = layer_add(f);

        tar_file(&tar, "small", "x");
        tar_end(&tar);
        lzop_add_with(layer, 0x303, tar.data, 4);
        lzop_add_with(layer, 0x202, tar.data + 4, 4);
        lzop_add_with(layer, 0x101, tar.data + 8, tar.size - 8);
        run_well(f);
        assert_string_equal(list(f), "0644 small = x\n");
}

static void stream_that_ends_anywhere_is_refused(void **state) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, whole = { 0 };
        Fixture *f = *state;

        tar_file(&tar, "small", "x");
        tar_end(&tar);
        lzop_add_with(&whole, 0x303, tar.data, tar.size);
        for (size_t size = 9; size < whole.size; size++) {
                bytes_add(layer_add(f), whole.data, size);
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                assert_non_null(strstr(f->error.message, "ends in the middle"));
                reset(f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                UNPACK_CASE(checksums_of_each_kind_are_checked),
                UNPACK_CASE(header_of_another_kind_is_refused),
                UNPACK_CASE(block_that_lies_is_refused),
                UNPACK_CASE(block_that_is_stored_as_it_is_has_one_set_of_checksums),
                UNPACK_CASE(stream_that_ends_anywhere_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
