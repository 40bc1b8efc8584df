/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack.h"

#include "unpack-ring.h"

#define LARGE_ROUNDS 8

/* Where an archive ends, and what is none: a layer of an image is whole when its digest says so, a tarball when
 * it has its end-of-archive block. */

static void run_badly_naming(Fixture *f, ErrorKind kind, const char *text) {
        run_badly(f, kind);
        if (!strstr(f->error.message, text))
                fail_msg("\"%s\" is not in \"%s\"", text, f->error.message);
}

/* A file of @size bytes; what a tar writer that was not closed leaves of it. */
static void add_unpadded(Bytes *tar, const char *name, size_t size) {
        _cleanup_(freep) char *content = malloc(size + 1);

        memset(content, 'x', size);
        content[size] = '\0';
        tar_file(tar, name, content);
        tar->size -= (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

static const size_t sizes[] = {
        1,
        511,
        512,
        513,
        RING_CHUNK_BYTES - TAR_BLOCK,
        RING_CHUNK_BYTES - TAR_BLOCK - 1,
        RING_CHUNK_BYTES,
        2 * RING_CHUNK_BYTES - 1,
};

#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

UNPACK_TEST(layer_may_end_with_the_last_files_content) {
        Fixture *f = *state;

        for (size_t i = 0; i < N_SIZES; i++) {
                Bytes *tar = layer_add(f);

                tar_file(tar, "first", "1");
                add_unpadded(tar, "last", sizes[i]);
                tar_file(layer_add(f), "upper", "2");
                run_well(f);
                assert_int_equal(stat_of(f, "last").st_size, sizes[i]);
                assert_int_equal(stat_of(f, "upper").st_size, 1);
                assert_int_equal(f->n_warnings, 0);
                reset(f);
        }
}

UNPACK_TEST(layer_may_not_end_within_content) {
        Fixture *f = *state;

        for (size_t i = 0; i < N_SIZES; i++) {
                Bytes *tar = layer_add(f);

                tar_file(tar, "first", "1");
                add_unpadded(tar, "last", sizes[i]);
                tar->size--;
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                reset(f);
        }
}

UNPACK_TEST(layer_without_anything_is_an_empty_one) {
        Fixture *f = *state;

        tar_file(layer_add(f), "lower", "1");
        bytes_add(layer_add(f), "", 0);
        run_well(f);
        assert_string_equal(list(f), "0644 lower = 1\n");
}

UNPACK_TEST(tarball_without_an_end_is_refused) {
        Fixture *f = *state;

        for (size_t i = 0; i < N_SIZES; i++)
                for (int padded = 0; padded < 2; padded++) {
                        Bytes *tar = tarball_add(f);

                        tar_file(tar, "first", "1");
                        add_unpadded(tar, "last", sizes[i]);
                        if (padded)
                                bytes_pad(tar);
                        run_badly_naming(f, ERROR_CORRUPT_ARCHIVE, "may be truncated");
                        reset(f);
                }
}

UNPACK_TEST(one_block_of_zeros_is_an_end) {
        Fixture *f = *state;

        for (size_t i = 0; i < N_SIZES; i++) {
                Bytes *tar = tarball_add(f);

                add_unpadded(tar, "last", sizes[i]);
                bytes_pad(tar);
                tar_end(tar);
                tar->size -= TAR_BLOCK;
                run_well(f);
                assert_int_equal(f->n_warnings, 0);
                reset(f);
        }
}

UNPACK_TEST(header_of_what_does_not_follow_is_no_end) {
        static const char types[] = { 'x', 'g', 'V', 'L' };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(types); i++) {
                Bytes *tar = tarball_add(f);

                tar_file(tar, "first", "1");
                tar_extra(tar, types[i], "13 comment=x\n", 13);
                run_badly(f, ERROR_CORRUPT_ARCHIVE);
                reset(f);
        }
}

UNPACK_TEST(archive_cut_within_headers_is_told_to_be) {
        static const char types[] = { 'x', 'g', 'L' };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(types); i++) {
                Bytes *tar = tarball_add(f);

                tar_file(tar, "first", "1");
                tar_extra(tar, types[i], "13 comment=x\n", 13);
                tar->size -= TAR_BLOCK;
                run_badly_naming(f, ERROR_CORRUPT_ARCHIVE, "in the middle of an entry");
                reset(f);
        }
}

UNPACK_TEST(what_follows_the_end_is_left_out) {
        Fixture *f = *state;
        Bytes *tar = tarball_add(f);

        tar_file(tar, "first", "1");
        tar_end(tar);
        tar_file(tar, "second", "2");
        run_well(f);
        assert_string_equal(list(f), "0644 first = 1\n");
        assert_int_equal(f->progress.consumed, tar->size);
}

UNPACK_TEST(tarball_without_entries_is_refused) {
        Fixture *f = *state;

        bytes_add(tarball_add(f), "", 0);
        run_badly_naming(f, ERROR_CORRUPT_ARCHIVE, "It is empty");
        reset(f);

        tar_end(tarball_add(f));
        run_badly_naming(f, ERROR_NO_LAYERS, "without entries");
        reset(f);

        /* As git archive makes it of an empty tree. */
        tar_extra(tarball_add(f), 'g', "19 comment=nothing\n", 19);
        tar_end(&f->layers[0]);
        run_badly_naming(f, ERROR_NO_LAYERS, "without entries");
}

UNPACK_TEST(other_files_are_called_by_their_names) {
        static const struct {
                size_t at;
                const char *magic, *text;
        } cases[] = {
                { 0, "PK\x03\x04", "It is a zip archive" },
                { 0, "070701", "It is a cpio archive" },
                { 1080, "\x53\xef", "It is an ext2, ext3 or ext4 file system" },
                { 0, "text", "It is not a tar archive" },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Bytes *tar = tarball_add(f);

                for (int k = 0; k < 4; k++)
                        tar_end(tar);
                memcpy(tar->data + cases[i].at, cases[i].magic, strlen(cases[i].magic));
                run_badly_naming(f, ERROR_CORRUPT_ARCHIVE, cases[i].text);
                reset(f);
        }
}

UNPACK_TEST(old_archives_are_read) {
        Fixture *f = *state;
        Bytes *tar = tarball_add(f);
        TarEntry entries[] = {
                { .type = '0', .name = "dir/", .mode = 0755 },
                { .type = '0', .name = "dir/file", .content = "1" },
        };

        for (size_t i = 0; i < 2; i++) {
                const size_t at = tar->size;

                tar_add(tar, &entries[i]);
                /* Of Version 7: without magic, names of owners, and a type. */
                tar->data[at + 156] = '\0';
                memset(tar->data + at + 257, 0, TAR_BLOCK - 257);
                tar_checksum(tar->data + at);
        }
        tar_end(tar);
        run_well(f);
        assert_string_equal(list(f), "0755 dir/\n0644 dir/file = 1\n");
}

UNPACK_TEST(entries_of_gnu_backups_are_understood) {
        Fixture *f = *state;
        Bytes *tar = tarball_add(f);

        tar_add(tar, &(TarEntry){ .type = 'V', .name = "Label of the volume" });
        tar_add(tar, &(TarEntry){ .type = 'D', .name = "dir/", .mode = 0755, .content = "Yfile" });
        tar_file(tar, "dir/file", "1");
        tar_end(tar);
        run_well(f);
        assert_string_equal(list(f), "0755 dir/\n0644 dir/file = 1\n");
}

UNPACK_TEST(rest_of_a_file_from_another_volume_is_refused) {
        Fixture *f = *state;
        Bytes *tar = tarball_add(f);

        tar_add(tar, &(TarEntry){ .type = 'M', .name = "file", .content = "rest" });
        tar_end(tar);
        run_badly_naming(f, ERROR_CORRUPT_ARCHIVE, "Cannot unpack \"file\": It continues a file");
        assert_string_equal(list(f), "");
}

/* Adds what fills the ring more than once. */
static void add_large(Bytes *tar, const char *name) {
        const size_t size = 3 * (size_t) RING_CHUNKS * RING_CHUNK_BYTES;
        _cleanup_(freep) char *content = malloc(size + 1);

        memset(content, 'x', size);
        content[size] = '\0';
        tar_file(tar, name, content);
}

/* Whoever waits for room, or for more, has to hear of it: where the threads are then differs each time. */
UNPACK_TEST(entry_that_fails_amid_a_large_archive_ends_it) {
        Fixture *f = *state;
        Bytes *tar = tarball_add(f);

        add_large(tar, "before");
        tar_hardlink(tar, "link", "nothing");
        add_large(tar, "after");
        tar_end(tar);
        for (int i = 0; i < LARGE_ROUNDS; i++) {
                run_badly_naming(f, ERROR_CORRUPT_ARCHIVE, "hard link to \"nothing\"");
                error_clear(&f->error);
                assert_int_equal(unlinkat(f->fd, "before", 0), 0);
        }
}
