/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <archive.h>
#include <archive_entry.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "hash.h"
#include "test-unpack-tar.h"
#include "test-unpack.h"

#define BIG_BYTES ((size_t) 1 << 20)

static void gzip_add(Bytes *out, const void *data, size_t size) {
        const size_t room = size + size / 8 + 1024;
        _cleanup_(freep) uint8_t *buffer = malloc(room);
        struct isal_zstream stream;

        isal_deflate_stateless_init(&stream);
        stream.gzip_flag = IGZIP_GZIP;
        stream.next_in = (uint8_t *) data;
        stream.avail_in = (uint32_t) size;
        stream.end_of_stream = 1;
        stream.next_out = buffer;
        stream.avail_out = (uint32_t) room;
        assert_int_equal(isal_deflate_stateless(&stream), COMP_OK);
        bytes_add(out, buffer, stream.total_out);
}

static void zstd_add(Bytes *out, const void *data, size_t size) {
        const size_t room = ZSTD_compressBound(size);
        _cleanup_(freep) void *buffer = malloc(room);
        const size_t n = ZSTD_compress(buffer, room, data, size, 1);

        assert_false(ZSTD_isError(n));
        bytes_add(out, buffer, n);
}

static void filter_add(Bytes *out, int filter, const void *data, size_t size) {
        const size_t room = size + size / 8 + 65536;
        _cleanup_(freep) void *buffer = malloc(room);
        struct archive *archive = archive_write_new();
        struct archive_entry *entry = archive_entry_new();
        size_t used = 0;

        archive_write_add_filter(archive, filter);
        (void) archive_write_set_filter_option(archive, NULL, "compression-level", "1");
        archive_write_set_format_raw(archive);
        archive_write_set_bytes_in_last_block(archive, 1);
        assert_int_equal(archive_write_open_memory(archive, buffer, room, &used), ARCHIVE_OK);
        archive_entry_set_pathname(entry, "data");
        archive_entry_set_filetype(entry, AE_IFREG);
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        assert_int_equal(archive_write_data(archive, data, size), size);
        assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
        archive_write_free(archive);
        archive_entry_free(entry);
        bytes_add(out, buffer, used);
}

static void xz_add(Bytes *out, const void *data, size_t size) {
        filter_add(out, ARCHIVE_FILTER_XZ, data, size);
}

static void bzip2_add(Bytes *out, const void *data, size_t size) {
        filter_add(out, ARCHIVE_FILTER_BZIP2, data, size);
}

static void lz4_add(Bytes *out, const void *data, size_t size) {
        /* libarchive cannot write this one. */
        static const uint8_t empty[] = { 0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7, 0x00,
                                         0x00, 0x00, 0x00, 0x05, 0x5d, 0xcc, 0x02 };

        if (size == 0)
                bytes_add(out, empty, sizeof(empty));
        else
                filter_add(out, ARCHIVE_FILTER_LZ4, data, size);
}

static void lzip_add(Bytes *out, const void *data, size_t size) {
        filter_add(out, ARCHIVE_FILTER_LZIP, data, size);
}

static const struct {
        const char *name;
        void (*add)(Bytes *out, const void *data, size_t size);
} formats[] = {
        { "gzip", gzip_add }, { "zstd", zstd_add }, { "xz", xz_add },      { "bzip2", bzip2_add },
        { "lz4", lz4_add },   { "lzip", lzip_add }, { "none", bytes_add },
};

#define N_FORMATS    (sizeof(formats) / sizeof(formats[0]))
#define N_COMPRESSED (N_FORMATS - 1)

/* Content that compresses somewhat, of more than one chunk. */
static void add_big_tar(Bytes *tar) {
        _cleanup_(freep) char *content = malloc(BIG_BYTES + 1);
        uint32_t state = 1;

        for (size_t i = 0; i < BIG_BYTES; i++) {
                state = state * 1103515245 + 12345;
                content[i] = (char) ('a' + (state >> 16) % 20);
        }
        content[BIG_BYTES] = '\0';
        tar_file(tar, "big", content);
        tar_file(tar, "small", "x");
        tar_end(tar);
}

static void check_big(Fixture *f) {
        assert_int_equal(stat_of(f, "big").st_size, BIG_BYTES);
        assert_int_equal(stat_of(f, "small").st_size, 1);
}

UNPACK_TEST(each_compression_is_told_by_content) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        for (size_t i = 0; i < N_FORMATS; i++) {
                formats[i].add(layer_add(f), tar.data, tar.size);
                run_well(f);
                check_big(f);
                assert_int_equal(f->progress.consumed, f->layers[0].size);
                reset(f);
        }
}

UNPACK_TEST(stream_in_several_parts_is_one) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        for (size_t i = 0; i < N_FORMATS; i++) {
                Bytes *layer = layer_add(f);

                formats[i].add(layer, tar.data, 1000);
                formats[i].add(layer, tar.data + 1000, 1);
                formats[i].add(layer, tar.data + 1001, tar.size - 1001);
                run_well(f);
                check_big(f);
                reset(f);
        }
}

UNPACK_TEST(bytes_that_come_a_few_at_a_time_are_enough) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        tar_file(&tar, "small", "x");
        tar_end(&tar);
        for (f->read_bytes = 1; f->read_bytes < 24; f->read_bytes++)
                for (size_t i = 0; i < N_FORMATS; i++) {
                        Bytes *layer = layer_add(f);

                        formats[i].add(layer, tar.data, 700);
                        formats[i].add(layer, tar.data + 700, 3);
                        formats[i].add(layer, tar.data + 703, tar.size - 703);
                        run_well(f);
                        assert_int_equal(stat_of(f, "small").st_size, 1);
                        assert_int_equal(f->progress.consumed, layer->size);
                        reset(f);
                }
}

UNPACK_TEST(skippable_frames_of_zstd_are_skipped) {
        static const uint8_t skippable[] = { 0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c' };
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;
        Bytes *layer = layer_add(f);

        add_big_tar(&tar);
        bytes_add(layer, skippable, sizeof(skippable));
        zstd_add(layer, tar.data, 5000);
        bytes_add(layer, skippable, sizeof(skippable));
        zstd_add(layer, tar.data + 5000, tar.size - 5000);
        bytes_add(layer, skippable, sizeof(skippable));
        run_well(f);
        check_big(f);
}

UNPACK_TEST(gzip_header_with_all_fields_is_read) {
        static const uint8_t header[] = { 0x1f, 0x8b, 8, 0x1c, 0,   0,   0,   0,   0,
                                          3,    4,    0, 'a',  'b', 0,   0,   'n', 'a',
                                          'm',  'e',  0, 'n',  'o', 't', 'e', 0 };
        _cleanup_(bytes_done) Bytes tar = { 0 }, plain = { 0 };
        Fixture *f = *state;
        Bytes *layer = layer_add(f);

        add_big_tar(&tar);
        gzip_add(&plain, tar.data, tar.size);
        bytes_add(layer, header, sizeof(header));
        bytes_add(layer, plain.data + 10, plain.size - 10);
        run_well(f);
        check_big(f);
}

UNPACK_TEST(gzip_header_with_reserved_flags_is_refused) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        for (uint8_t flag = 0x20; flag != 0; flag = (uint8_t) (flag << 1))
                for (size_t first = 0; first <= 5000; first += 5000) {
                        Bytes *layer = layer_add(f);
                        size_t member;

                        if (first > 0)
                                gzip_add(layer, tar.data, first);
                        member = layer->size;
                        gzip_add(layer, tar.data + first, tar.size - first);
                        layer->data[member + 3] |= flag;
                        run_badly(f, ERROR_CORRUPT_ARCHIVE);
                        assert_non_null(strstr(f->error.message, "reserved flags"));
                        reset(f);
                }
}

UNPACK_TEST(truncated_stream_is_refused) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        for (size_t i = 0; i < N_COMPRESSED; i++) {
                _cleanup_(bytes_done) Bytes whole = { 0 };

                formats[i].add(&whole, tar.data, tar.size);
                for (size_t k = 0; k < 4; k++) {
                        const size_t cuts[] = { 1, 5, 9, 100000 };

                        bytes_add(layer_add(f), whole.data, whole.size - cuts[k]);
                        run_badly(f, ERROR_CORRUPT_ARCHIVE);
                        reset(f);
                }
        }
}

UNPACK_TEST(something_behind_the_stream_is_refused) {
        static const char *const tails[] = {
                "x", "garbage of some length", "\x1f", "\x28\xb5", "LZ", "\x89L", "BZ"
        };
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        for (size_t i = 0; i < N_COMPRESSED; i++) {
                _cleanup_(bytes_done) Bytes whole = { 0 };

                formats[i].add(&whole, tar.data, tar.size);
                for (size_t k = 0; k < sizeof(tails) / sizeof(tails[0]); k++) {
                        Bytes *layer = layer_add(f);

                        bytes_add(layer, whole.data, whole.size);
                        bytes_add(layer, tails[k], strlen(tails[k]));
                        run_badly(f, ERROR_CORRUPT_ARCHIVE);
                        reset(f);
                }
        }
}

UNPACK_TEST(zeros_behind_the_stream_do_not_matter) {
        static const uint8_t zeros[1000];
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        for (size_t i = 0; i < N_FORMATS; i++) {
                Bytes *layer = layer_add(f);

                formats[i].add(layer, tar.data, tar.size);
                bytes_add(layer, zeros, sizeof(zeros));
                run_well(f);
                check_big(f);
                assert_int_equal(f->n_warnings, 0);
                assert_int_equal(f->progress.consumed, layer->size);
                reset(f);
        }
}

UNPACK_TEST(something_behind_a_compressed_tarball_is_left_out_with_a_warning) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        for (size_t i = 0; i < N_COMPRESSED; i++) {
                Bytes *tarball = tarball_add(f);

                formats[i].add(tarball, tar.data, tar.size);
                bytes_add(tarball, "-- signature", 12);
                if (formats[i].add == xz_add)
                        run_badly(f, ERROR_CORRUPT_ARCHIVE);
                else
                        run_well(f);
                assert_int_equal(f->n_warnings, i + 1 - (i >= 2));
                assert_string_equal(f->warnings, "Data after the compressed stream is ignored");
                reset(f);
        }
}

UNPACK_TEST(tarball_that_ends_before_its_compression_is_taken_with_a_warning) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        tar_file(&tar, "small", "x");
        for (size_t i = 0; i < N_COMPRESSED; i++) {
                for (size_t cut = 0; cut < 2; cut++) {
                        formats[i].add(tarball_add(f), tar.data, tar.size - 100 * cut);
                        run_well(f);
                        assert_int_equal(stat_of(f, "small").st_size, 1);
                        assert_non_null(strstr(f->warnings, "end-of-archive block"));
                        assert_int_equal(f->n_warnings, 1 + cut + 2 * i);
                        reset(f);
                }

                /* What follows may have been a part. */
                formats[i].add(tarball_add(f), tar.data, tar.size);
                bytes_add(&f->layers[0], "\x1f", 1);
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                reset(f);
        }
}

UNPACK_TEST(wrong_byte_in_the_stream_is_refused) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        for (size_t i = 0; i < N_COMPRESSED; i++) {
                Bytes *layer = layer_add(f);

                formats[i].add(layer, tar.data, tar.size);
                /* zstd has no checksum unless asked for. */
                if (formats[i].add == zstd_add)
                        layer->data[5] ^= 0x40;
                else
                        layer->data[layer->size - 6] ^= 0x40;
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                reset(f);
        }
}

UNPACK_TEST(compression_inside_compression_is_no_tar) {
        _cleanup_(bytes_done) Bytes tar = { 0 }, once = { 0 };
        Fixture *f = *state;

        add_big_tar(&tar);
        bzip2_add(&once, tar.data, tar.size);
        xz_add(layer_add(f), once.data, once.size);
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}

/* The content of a tar with one file, as a program makes it. */
static void program_add(Bytes *out, const char *command) {
        uint8_t buffer[4096];
        char path[] = "/tmp/test-unpack-tar-XXXXXX", line[128];
        _cleanup_(bytes_done) Bytes tar = { 0 };
        const int fd = mkstemp(path);
        FILE *pipe;
        size_t n;

        tar_file(&tar, "file", "made by a program, by a program, by a program");
        tar_end(&tar);
        assert_int_equal(write(fd, tar.data, tar.size), tar.size);
        close(fd);
        (void) snprintf(line, sizeof(line), "%s -c < %s", command, path);
        pipe = popen(line, "re");
        assert_non_null(pipe);
        while ((n = fread(buffer, 1, sizeof(buffer), pipe)) > 0)
                bytes_add(out, buffer, n);
        assert_int_equal(pclose(pipe), 0);
        assert_int_equal(unlink(path), 0);
}

UNPACK_TEST(what_the_programs_make_is_read) {
        static const char *const commands[] = {
                "gzip",      "zstd -q", "zstd -q --check", "xz",         "xz -C crc32",
                "bzip2",     "lz4 -q",  "lz4 -q -l",       "lz4 -q -BD", "lz4 -q -B4 -BX",
                "lz4 -q -9", "lzip",    "lzip -0",
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
                char line[64], program[16] = "";

                assert_int_equal(sscanf(commands[i], "%15s", program), 1);
                (void) snprintf(line, sizeof(line), "command -v %s > /dev/null", program);
                if (system(line) != 0) {
                        print_message("%s is not installed\n", program);
                        continue;
                }
                program_add(layer_add(f), commands[i]);
                run_well(f);
                assert_string_equal(
                        list(f), "0644 file = made by a program, by a program, by a program\n");
                assert_int_equal(unlinkat(f->fd, "file", 0), 0);
                reset(f);
        }
}

UNPACK_TEST(part_without_content_adds_nothing) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;

        tar_file(&tar, "small", "x");
        tar_end(&tar);
        for (size_t i = 0; i < N_COMPRESSED; i++) {
                Bytes *layer;

                /* ISA-L's function makes no such member, and libarchive takes such a frame for the
                 * end: see below. */
                if (formats[i].add == gzip_add || formats[i].add == lz4_add)
                        continue;
                layer = layer_add(f);
                formats[i].add(layer, "", 0);
                formats[i].add(layer, tar.data, tar.size);
                formats[i].add(layer, "", 0);
                run_well(f);
                assert_string_equal(list(f), "0644 small = x\n");
                reset(f);
        }
}

UNPACK_TEST(lz4_frame_without_content_may_be_the_last_one_only) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;
        Bytes *layer = layer_add(f);

        tar_file(&tar, "small", "x");
        tar_end(&tar);
        lz4_add(layer, tar.data, tar.size);
        lz4_add(layer, "", 0);
        run_well(f);
        assert_string_equal(list(f), "0644 small = x\n");

        lz4_add(layer, tar.data, tar.size);
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}

UNPACK_TEST(dictionary_over_the_limit_is_refused_in_each_member) {
        static const uint8_t xz_256_mib[] = {
                0xfd, '7',  'z',  'X',  'Z',  0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46,
                0x02, 0x00, 0x21, 0x01, 0x20, 0x00, 0x00, 0x00, 0x09, 0x88, 0xa5, 0x76,
        };
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;
        size_t second;

        tar_file(&tar, "small", "x");
        tar_end(&tar);
        for (int i = 0; i < 2; i++) {
                Bytes *layer = layer_add(f);

                if (i == 1)
                        lzip_add(layer, tar.data, 512);
                second = layer->size;
                lzip_add(layer, tar.data + 512 * i, tar.size - 512 * (size_t) i);
                layer->data[second + 5] = 27; /* 128 MiB */
                run_well(f);
                layer->data[second + 5] = 28 | 7 << 5; /* 144 MiB */
                run_badly(f, ERROR_LIMIT_EXCEEDED);
                assert_non_null(strstr(f->error.message, "134217728"));
                reset(f);
        }

        bytes_add(layer_add(f), xz_256_mib, sizeof(xz_256_mib));
        run_badly(f, ERROR_LIMIT_EXCEEDED);
}

UNPACK_TEST(zstd_window_over_the_limit_is_refused) {
        /* A frame header with a window of 2^28 bytes, then an empty last block. */
        static const uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x90, 0x01, 0x00, 0x00 };
        Fixture *f = *state;

        bytes_add(layer_add(f), frame, sizeof(frame));
        run_badly(f, ERROR_LIMIT_EXCEEDED);
}

UNPACK_TEST(bomb_ends_at_the_ratio) {
        _cleanup_(freep) uint8_t *zeros = calloc(1, 64 << 20);
        Fixture *f = *state;

        f->options.limits.ratio_floor_bytes = 16 << 20;
        zstd_add(layer_add(f), zeros, 64 << 20);
        run_badly(f, ERROR_LIMIT_EXCEEDED);
        assert_non_null(strstr(f->error.message, "1000:1"));
        reset(f);

        f->options.limits.ratio_floor_bytes = 128 << 20;
        zstd_add(layer_add(f), zeros, 64 << 20);
        run_well(f);
        assert_int_equal(f->progress.unpacked, 64 << 20);
}

UNPACK_TEST(bytes_and_layers_have_a_ceiling) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        add_big_tar(tar);
        f->options.limits.unpacked_bytes = tar->size - 1;
        run_badly(f, ERROR_LIMIT_EXCEEDED);
        error_clear(&f->error);
        f->options.limits.unpacked_bytes = tar->size;
        run_well(f);

        tar_end(layer_add(f));
        f->options.limits.unpacked_bytes = UINT64_MAX;
        f->options.limits.layers = 1;
        run_badly(f, ERROR_LIMIT_EXCEEDED);
}

UNPACK_TEST(layer_of_zeros_is_an_empty_one) {
        Fixture *f = *state;

        tar_end(layer_add(f));
        run_well(f);
        assert_string_equal(list(f), "");
}

UNPACK_TEST(what_is_no_tar_is_refused) {
        static const char text[] = "This is no archive, although it is long enough to be one, ";
        Fixture *f = *state;

        bytes_add(layer_add(f), "short", 5);
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
        reset(f);

        for (int i = 0; i < 50; i++)
                bytes_add(i == 0 ? layer_add(f) : &f->layers[0], text, strlen(text));
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}

UNPACK_TEST(lzop_is_refused_with_what_to_do_about_it) {
        static const uint8_t start[] = {
                0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n', 0x10, 0x40
        };
        Fixture *f = *state;

        bytes_add(layer_add(f), start, sizeof(start));
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
        assert_non_null(strstr(
                error_text(&f->error),
                "It is compressed with lzop, which is not supported; decompress it first: lzop -d"));
        reset(f);

        /* A part of the magic is nobody's. */
        bytes_add(layer_add(f), start, 8);
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
        assert_null(strstr(error_text(&f->error), "lzop"));
}

UNPACK_TEST(truncated_tar_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        add_big_tar(tar);
        tar->size = 100000;
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}

UNPACK_TEST(damaged_header_is_refused) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);

        tar_file(tar, "a", "x");
        tar_file(tar, "b", "x");
        tar->data[1024 + 3] ^= 1;
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
}

UNPACK_TEST(each_error_names_the_layer) {
        /* Told by who parses, who inflates the first bytes, and who inflates others. */
        static const char *const texts[] = { "short", "BZh9 no bzip2", "\x1f\x8b no gzip" };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                bytes_add(layer_add(f), texts[i], strlen(texts[i]));
                f->infos[0].digest = (Digest){ DIGEST_SHA256, { 0xab } };
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                assert_int_equal(strncmp(f->error.message, "Layer sha256:ab00", 17), 0);
                reset(f);
        }
}

UNPACK_TEST(error_of_a_tarball_is_for_the_caller_to_name) {
        Fixture *f = *state;

        bytes_add(tarball_add(f), "short", 5);
        run_badly(f, ERROR_CORRUPT_ARCHIVE);
        assert_string_equal(f->error.message, "It is not a tar archive");
}

UNPACK_TEST(diff_id_covers_everything_up_to_the_end) {
        _cleanup_(bytes_done) Bytes tar = { 0 };
        Fixture *f = *state;
        InflateLayer *info = &f->infos[0];

        tar_file(&tar, "a", "x");
        tar_end(&tar);
        bytes_add(&tar, "behind the end marker", 21);
        gzip_add(layer_add(f), tar.data, tar.size);
        info->has_diff_id = true;
        for (DigestAlgorithm algorithm = 0; algorithm < _DIGEST_ALGORITHM_MAX; algorithm++) {
                assert_int_equal(
                        hash_buffer(algorithm, tar.data, tar.size, &info->diff_id, NULL), 0);
                run_well(f);

                info->diff_id.bytes[0] ^= 1;
                run_badly(f, ERROR_DIGEST_MISMATCH);
                error_clear(&f->error);
        }
}

static int fail_next(void *userdata, InflateLayer *ret, Error *error) {
        return error_set(error, EPIPE, ERROR_INTERRUPTED, "next");
}

static ssize_t fail_read(void *userdata, void *buffer, size_t size, Error *error) {
        return error_set(error, EPIPE, ERROR_INTERRUPTED, "read");
}

UNPACK_TEST(failure_of_the_input_reaches_the_caller) {
        Fixture *f = *state;

        for (int i = 0; i < 2; i++) {
                const InflateInput input = {
                        .next = i == 0 ? fail_next : on_next,
                        .read = fail_read,
                        .userdata = f,
                };
                _cleanup_(unpack_target_freep) UnpackTarget *target = NULL;

                f->n_layers = 1;
                f->at = 0;
                assert_int_equal(unpack_directory_new(f->fd, false, &target, NULL), 0);
                assert_int_equal(unpack_run(&input, target, NULL, NULL, &f->error), -EPIPE);
                assert_string_equal(f->error.message, i == 0 ? "next" : "read");
                error_clear(&f->error);
        }
}

/* An input whose second read waits until it is cancelled. */
typedef struct Waiting {
        int pipe_fds[2];
        unsigned n_next, n_reads;
} Waiting;

static int waiting_next(void *userdata, InflateLayer *ret, Error *error) {
        Waiting *waiting = userdata;

        *ret = (InflateLayer){ 0 };
        return waiting->n_next++ == 0;
}

static ssize_t waiting_read(void *userdata, void *buffer, size_t size, Error *error) {
        Waiting *waiting = userdata;
        char byte;

        memset(buffer, 'x', size);
        if (waiting->n_reads++ < 3)
                return (ssize_t) size;
        (void) !read(waiting->pipe_fds[0], &byte, 1);
        return error_set(error, ECANCELED, ERROR_CANCELLED, "cancelled");
}

static void waiting_cancel(void *userdata) {
        Waiting *waiting = userdata;

        assert_int_equal(write(waiting->pipe_fds[1], "x", 1), 1);
}

UNPACK_TEST(failure_of_the_writer_cancels_an_input_that_waits) {
        Fixture *f = *state;
        _cleanup_(unpack_target_freep) UnpackTarget *target = NULL;
        Waiting waiting = { 0 };
        const InflateInput input = {
                .next = waiting_next,
                .read = waiting_read,
                .cancel = waiting_cancel,
                .userdata = &waiting,
        };

        assert_int_equal(pipe(waiting.pipe_fds), 0);
        assert_int_equal(unpack_directory_new(f->fd, false, &target, NULL), 0);
        assert_int_equal(unpack_run(&input, target, NULL, NULL, &f->error), -EBADMSG);
        assert_int_equal(f->error.kind, ERROR_CORRUPT_ARCHIVE);
        close(waiting.pipe_fds[0]);
        close(waiting.pipe_fds[1]);
}
