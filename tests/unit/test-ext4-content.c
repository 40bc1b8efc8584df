/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-ext4.h"

#define BLOCK ((size_t) DISK_BLOCK_BYTES)
#define GIB   (UINT64_C(1) << 30)

/* The target itself: what the unpacker would call. */
static UnpackTarget *open_target(Fixture *f, UnpackDir *ret_root) {
        UnpackInfo info;
        UnpackTarget *target;

        if (!f->disk.ext4)
                disk_new(&f->disk);
        target = ext4_target(f->disk.ext4);
        assert_int_equal(target->ops->open_root(target, ret_root, &info, NULL), 0);
        assert_int_equal(info.type, UNPACK_DIRECTORY);
        return target;
}

static const UnpackMeta file_meta = { .type = UNPACK_REGULAR, .mode = 0644 };

static void end_layer(Fixture *f) {
        assert_int_equal(ext4_end_layer(f->disk.ext4, NULL), 0);
        disk_check_all(&f->disk);
}

static void fill(uint8_t *block, uint64_t seed) {
        for (size_t i = 0; i < BLOCK; i++)
                block[i] = (uint8_t) (seed + i * 7 + seed / 256);
}

/* A file of @n blocks that have holes of a block between them. */
static void make_pieces(Fixture *f, const char *name, uint64_t n) {
        uint8_t block[4096];
        UnpackDir root;
        UnpackTarget *target = open_target(f, &root);
        UnpackFile *file = NULL;

        assert_int_equal(target->ops->create(target, root, name, &file_meta, &file, NULL), 0);
        for (uint64_t i = 0; i < n; i++) {
                fill(block, i);
                assert_int_equal(
                        target->ops->write(target, file, 2 * i * BLOCK, block, BLOCK, NULL), 0);
        }
        assert_int_equal(target->ops->finish(target, file, &target->entry, &file_meta, NULL), 0);
}

static void check_pieces(int dir_fd, const char *name, uint64_t n) {
        const int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
        static const uint8_t zeros[4096];
        uint8_t block[4096], got[4096];
        struct stat st;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_size, (2 * n - 1) * BLOCK);
        assert_true((uint64_t) st.st_blocks >= 8 * n && (uint64_t) st.st_blocks < 8 * n + n + 64);
        for (uint64_t i = 0; i < n; i++) {
                fill(block, i);
                assert_int_equal(pread(fd, got, BLOCK, (off_t) (2 * i * BLOCK)), BLOCK);
                assert_memory_equal(got, block, BLOCK);
                if (i + 1 == n)
                        break;
                assert_int_equal(pread(fd, got, BLOCK, (off_t) ((2 * i + 1) * BLOCK)), BLOCK);
                assert_memory_equal(got, zeros, BLOCK);
        }
        close(fd);
}

EXT4_TEST(files_of_many_pieces_have_trees) {
        static const uint64_t counts[] = { 1, 4, 5, 340, 341, 1360, 1361, 5000 };
        static const size_t n = sizeof(counts) / sizeof(counts[0]);
        Fixture *f = *state;
        char name[32];
        int fd;

        for (size_t i = 0; i < n; i++) {
                (void) snprintf(name, sizeof(name), "f-%zu", i);
                make_pieces(f, name, counts[i]);
        }
        end_layer(f);
        fd = disk_mount(&f->disk, 0);
        for (size_t i = 0; fd >= 0 && i < n; i++) {
                (void) snprintf(name, sizeof(name), "f-%zu", i);
                check_pieces(fd, name, counts[i]);
        }
        closep(&fd);
}

EXT4_TEST(removing_files_of_many_pieces_frees_their_trees) {
        Fixture *f = *state;
        UnpackDir root;
        UnpackTarget *target = open_target(f, &root);
        unsigned long before;

        make_pieces(f, "stays", 10);
        end_layer(f);
        before = number_of(f, 0, "\nFree blocks:");
        make_pieces(f, "goes", 5000);
        end_layer(f);
        assert_true(number_of(f, 1, "\nFree blocks:") < before);
        assert_int_equal(target->ops->remove(target, root, "goes", false, NULL), 0);
        end_layer(f);
        assert_int_equal(number_of(f, 2, "\nFree blocks:"), before);
        assert_true(f->disk.devices[2].trimmed >= 5000 * BLOCK + 16 * BLOCK);
}

EXT4_TEST(free_space_in_pieces_is_used) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];

        /* All of it, but for every other file; then one file into the holes. */
        for (unsigned i = 0; i < 2600; i++) {
                (void) snprintf(name, sizeof(name), "d/f-%u", i);
                add_content(tar, name, 5 * BLOCK, i);
        }
        tar = layer_add(f);
        for (unsigned i = 0; i < 2600; i += 2) {
                (void) snprintf(name, sizeof(name), "d/.wh.f-%u", i);
                tar_file(tar, name, "");
        }
        add_content(layer_add(f), "large", 22 * MIB, 9);
        run_well(f);
        compare(f);
}

EXT4_TEST(sparse_files_stay_sparse) {
        Fixture *f = *state;
        UnpackMeta meta = file_meta;
        UnpackDir root;
        UnpackTarget *target = open_target(f, &root);
        UnpackFile *file = NULL;
        char got[8] = { 0 };
        struct stat st;
        int fd;

        assert_int_equal(target->ops->create(target, root, "sparse", &meta, &file, NULL), 0);
        assert_int_equal(target->ops->write(target, file, 100, "low", 3, NULL), 0);
        assert_int_equal(target->ops->write(target, file, 200, "near", 4, NULL), 0);
        assert_int_equal(target->ops->write(target, file, 5 * GIB - 2, "high", 4, NULL), 0);
        meta.size = 20 * GIB + 1;
        assert_int_equal(target->ops->finish(target, file, &target->entry, &meta, NULL), 0);
        meta.size = 7 * GIB;
        assert_int_equal(target->ops->create(target, root, "hole", &meta, &file, NULL), 0);
        assert_int_equal(target->ops->finish(target, file, &target->entry, &meta, NULL), 0);
        end_layer(f);

        fd = disk_mount(&f->disk, 0);
        if (fd < 0)
                return;
        assert_int_equal(fstatat(fd, "hole", &st, 0), 0);
        assert_int_equal(st.st_size, 7 * GIB);
        assert_int_equal(st.st_blocks, 0);
        assert_int_equal(fstatat(fd, "sparse", &st, 0), 0);
        assert_int_equal(st.st_size, 20 * GIB + 1);
        assert_int_equal(st.st_blocks, 3 * 8);
        close(fd);
        fd = open(strcat(disk_at(&f->disk, "mount", (char[128]){ 0 }), "/sparse"), O_RDONLY);
        assert_int_equal(pread(fd, got, 7, 198), 7);
        assert_memory_equal(got, "\0\0near\0", 7);
        assert_int_equal(pread(fd, got, 6, (off_t) (5 * GIB - 3)), 6);
        assert_memory_equal(got, "\0high\0", 6);
        close(fd);
}

EXT4_TEST(file_over_16_tib_is_too_large) {
        Fixture *f = *state;
        UnpackMeta meta = file_meta;
        UnpackDir root;
        UnpackTarget *target = open_target(f, &root);
        UnpackFile *file = NULL;

        assert_int_equal(target->ops->create(target, root, "a", &meta, &file, NULL), 0);
        assert_int_equal(
                target->ops->write(target, file, 16 * 1024 * GIB, "x", 1, &f->error), -EFBIG);
        assert_non_null(strstr(error_text(&f->error), "too large for the file system"));
}

EXT4_TEST(pieces_out_of_order_are_refused) {
        Fixture *f = *state;
        UnpackDir root;
        UnpackTarget *target = open_target(f, &root);
        UnpackFile *file = NULL;

        assert_int_equal(target->ops->create(target, root, "a", &file_meta, &file, NULL), 0);
        assert_int_equal(target->ops->write(target, file, 8192, "abc", 3, NULL), 0);
        assert_int_equal(target->ops->write(target, file, 8194, "x", 1, &f->error), -EINVAL);
        assert_int_equal(f->error.kind, ERROR_CORRUPT_ARCHIVE);
}

EXT4_TEST(largest_file_is_clean) {
        Fixture *f = *state;
        UnpackMeta meta = file_meta;
        UnpackDir root;
        UnpackTarget *target = open_target(f, &root);
        UnpackFile *file = NULL;
        struct stat st;
        int fd;

        meta.size = 16 * 1024 * GIB - BLOCK;
        assert_int_equal(target->ops->create(target, root, "a", &meta, &file, NULL), 0);
        assert_int_equal(target->ops->write(target, file, meta.size - 1, "x", 1, NULL), 0);
        assert_int_equal(target->ops->finish(target, file, &target->entry, &meta, NULL), 0);
        end_layer(f);
        fd = disk_mount(&f->disk, 0);
        if (fd < 0)
                return;
        assert_int_equal(fstatat(fd, "a", &st, 0), 0);
        assert_int_equal(st.st_size, meta.size);
        close(fd);
}

EXT4_TEST(content_can_be_read_back) {
        Fixture *f = *state;
        UnpackDir root;
        UnpackTarget *target = open_target(f, &root);
        uint8_t got[3 * 4096], block[4096];

        make_pieces(f, "file", 3);
        for (unsigned layer = 0; layer < 2; layer++) {
                memset(got, 0xff, sizeof(got));
                assert_int_equal(
                        target->ops->read_file(target, root, "file", got, sizeof(got), NULL),
                        sizeof(got));
                fill(block, 0);
                assert_memory_equal(got, block, BLOCK);
                assert_int_equal(got[BLOCK], 0);
                fill(block, 1);
                assert_memory_equal(got + 2 * BLOCK, block, BLOCK);
                end_layer(f);
        }
        assert_int_equal(target->ops->read_file(target, root, "none", got, 1, NULL), -ENOENT);
        assert_int_equal(target->ops->read_file(target, root, "file", got, 0, NULL), 0);
}

static void check_round(Fixture *f, unsigned round) {
        const int fd = disk_mount(&f->disk, round);
        char name[300];

        if (fd < 0)
                return;
        (void) snprintf(name, sizeof(name), "pieces-%u-5", round);
        check_pieces(fd, name, 2000);
        for (unsigned i = 0; i < 400; i++) {
                (void) snprintf(name, sizeof(name), "%u-%0200u", round, i);
                check_pieces(fd, name, 2);
        }
        close(fd);
        disk_unmount(&f->disk);
}

EXT4_TEST(freed_blocks_become_metadata_and_content_again) {
        Fixture *f = *state;
        UnpackDir root;
        UnpackTarget *target = open_target(f, &root);
        char name[300];

        /* What is in the way of the cursor each time around is another thing. */
        for (unsigned i = 0; i < 3; i++) {
                for (unsigned j = 0; j < 6; j++) {
                        (void) snprintf(name, sizeof(name), "pieces-%u-%u", i, j);
                        make_pieces(f, name, 2000);
                        if (j > 0) {
                                (void) snprintf(name, sizeof(name), "pieces-%u-%u", i, j - 1);
                                assert_int_equal(
                                        target->ops->remove(target, root, name, false, NULL), 0);
                        }
                }
                for (unsigned j = 0; j < 400; j++) {
                        (void) snprintf(name, sizeof(name), "%u-%0200u", i, j);
                        make_pieces(f, name, 2);
                        if (i > 0) {
                                (void) snprintf(name, sizeof(name), "%u-%0200u", i - 1, j);
                                assert_int_equal(
                                        target->ops->remove(target, root, name, false, NULL), 0);
                        }
                }
                end_layer(f);
                check_round(f, i);
        }
}
