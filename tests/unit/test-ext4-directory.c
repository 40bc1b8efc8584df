/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ext2fs/ext2fs.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "ext4-internal.h"
#include "test-ext4.h"

#define INDEX_FLAG 0x1000 /* what FS_IOC_GETFLAGS says of an indexed directory */

static bool is_indexed(int dir_fd, const char *name) {
        const int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int flags = 0;

        assert_true(fd >= 0);
        assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
        close(fd);
        return flags & INDEX_FLAG;
}

/* What names are like: the number has at least @digits. */
typedef struct Pattern {
        const char *prefix;
        int digits;
} Pattern;

static const Pattern short_names = { "d/name-", 1 }, long_names = { "d/", 255 };

static char *make_name(const Pattern *pattern, unsigned i, char ret[static 320]) {
        (void) snprintf(ret, 320, "%s%0*u", pattern->prefix, pattern->digits, i);
        return ret;
}

static void add_names(Bytes *tar, const Pattern *pattern, unsigned first, unsigned n) {
        char name[320];

        for (unsigned i = first; i < first + n; i++) {
                tar_pax(tar, "path", make_name(pattern, i, name));
                tar_file(tar, "x", "");
        }
}

/* Each name is found by the kernel, and no others are there. */
static void check_names(int dir_fd, const char *dir, const Pattern *pattern, unsigned n) {
        char name[320], path[64];
        struct stat st;

        for (unsigned i = 0; i < n; i++) {
                make_name(pattern, i, name);
                if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        fail_msg("%s is not found", name);
        }
        (void) snprintf(name, sizeof(name), "%s/nothing", dir);
        assert_int_equal(fstatat(dir_fd, name, &st, 0), -1);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir_fd, dir);
        assert_int_equal(count_names(path), n + 2);
}

EXT4_TEST(large_directory_is_indexed) {
        Fixture *f = *state;
        int fd;

        f->disk.size = 2048 * MIB;
        add_names(layer_add(f), &short_names, 0, 100000);
        run_well(f);
        fd = disk_mount(&f->disk, 0);
        if (fd < 0)
                return;
        assert_true(is_indexed(fd, "d"));
        assert_false(is_indexed(fd, "."));
        check_names(fd, "d", &short_names, 100000);
        close(fd);
}

EXT4_TEST(index_has_nodes_between_root_and_leaves) {
        Fixture *f = *state;
        int fd;

        f->disk.size = 512 * MIB;
        add_names(layer_add(f), &long_names, 0, 20000);
        run_well(f);
        assert_non_null(strstr(debugfs(f, 0, "htree_dump /d"), "Indirect levels: 1"));
        fd = disk_mount(&f->disk, 0);
        if (fd < 0)
                return;
        check_names(fd, "d", &long_names, 20000);
        close(fd);
}

EXT4_TEST(directory_grows_and_shrinks_over_layers) {
        Fixture *f = *state;
        Bytes *tar;
        char name[32];
        int fd;

        add_names(layer_add(f), &short_names, 0, 10);
        add_names(layer_add(f), &short_names, 10, 5000);
        tar = layer_add(f);
        for (unsigned i = 3; i < 5010; i++) {
                (void) snprintf(name, sizeof(name), "d/.wh.name-%u", i);
                tar_file(tar, name, "");
        }
        run_well(f);
        assert_true(f->disk.devices[2].trimmed >= 20 * DISK_BLOCK_BYTES);
        for (size_t i = 0; i < 3; i++) {
                static const unsigned counts[] = { 10, 5010, 3 };

                fd = disk_mount(&f->disk, i);
                if (fd < 0)
                        return;
                assert_int_equal(is_indexed(fd, "d"), i == 1);
                check_names(fd, "d", &short_names, counts[i]);
                close(fd);
        }
}

typedef struct Pair {
        uint32_t hash;
        unsigned number;
} Pair;

static int compare_pairs(const void *a, const void *b) {
        const Pair *x = a, *y = b;

        return (x->hash > y->hash) - (x->hash < y->hash);
}

EXT4_TEST(names_of_the_same_hash_are_found_in_two_leaves) {
        const size_t n = 300000;
        Pair *pairs = calloc(n, sizeof(*pairs));
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        unsigned n_added = 0;
        char name[320];
        int fd;

        assert_non_null(pairs);
        disk_new(&f->disk);
        memset(f->disk.ext4->fs->super->s_hash_seed, 1, 16);
        for (unsigned i = 0; i < n; i++) {
                make_name(&long_names, i, name);
                pairs[i] = (Pair){ ext4_names_hash(f->disk.ext4->fs, name + 2, 255), i };
        }
        qsort(pairs, n, sizeof(*pairs), compare_pairs);
        for (size_t i = 1; i < n; i++)
                if (pairs[i - 1].hash == pairs[i].hash) {
                        add_names(tar, &long_names, pairs[i - 1].number, 1);
                        add_names(tar, &long_names, pairs[i].number, 1);
                        n_added += 2;
                }
        assert_true(n_added > 2 * 15);
        run_well(f);

        fd = disk_mount(&f->disk, 0);
        for (size_t i = 1; fd >= 0 && i < n; i++)
                if (pairs[i - 1].hash == pairs[i].hash)
                        for (size_t j = i - 1; j <= i; j++) {
                                make_name(&long_names, pairs[j].number, name);
                                assert_int_equal(faccessat(fd, name, F_OK, 0), 0);
                        }
        closep(&fd);
        free(pairs);
}

EXT4_TEST(directories_that_do_not_fit_into_memory_come_and_go) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[64];

        disk_new(&f->disk);
        /* A worker, its buffers and QEMU have 64 MiB of their own. */
        assert_true(f->disk.ext4->dirs.limit <= 16 * MIB);
        f->disk.ext4->dirs.limit = 16384;
        for (unsigned i = 0; i < 2000; i++) {
                (void) snprintf(name, sizeof(name), "d-%u/sub-%u", i % 100, i);
                tar_dir(tar, name);
        }
        for (unsigned i = 0; i < 2000; i++) {
                (void) snprintf(name, sizeof(name), "d-%u/sub-%u/file", i % 100, i);
                tar_file(tar, name, "x");
        }
        tar = layer_add(f);
        for (unsigned i = 0; i < 100; i += 3) {
                (void) snprintf(name, sizeof(name), "d-%u/.wh..wh..opq", i);
                tar_file(tar, name, "");
        }
        run_well(f);
        assert_true(f->disk.ext4->dirs.bytes < 2 * 16384);
        compare(f);
}

EXT4_TEST(subdirectories_over_the_limit_of_links_are_counted_as_one) {
        const unsigned n = 65100;
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[64];
        struct stat st;
        int fd;

        f->disk.size = 2048 * MIB;
        for (unsigned i = 0; i < n; i++) {
                (void) snprintf(name, sizeof(name), "d/%u", i);
                tar_dir(tar, name);
        }
        run_well(f);
        fd = disk_mount(&f->disk, 0);
        if (fd < 0)
                return;
        check_names(fd, "d", &(Pattern){ "d/", 1 }, n);
        assert_int_equal(fstatat(fd, "d", &st, 0), 0);
        assert_int_equal(st.st_nlink, 1);
        assert_int_equal(fstatat(fd, "d/77", &st, 0), 0);
        assert_int_equal(st.st_nlink, 2);
        close(fd);
}

EXT4_TEST(same_name_over_and_over_takes_no_space) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        const Ext4Dir *dir;

        for (unsigned i = 0; i < 20000; i++)
                tar_file(tar, i % 2 ? "one" : "two", "");
        run_well(f);
        dir = ext4_dirs_find(f->disk.ext4, EXT2_ROOT_INO);
        assert_non_null(dir);
        assert_true(ext4_names_bytes(&dir->names) < 4096);
        compare(f);
}

EXT4_TEST(links_are_counted_up_to_their_limit) {
        Fixture *f = *state;
        Bytes *tar = layer_add(f);
        char name[32];
        int r;

        f->disk.size = 256 * MIB;
        tar_file(tar, "file", "x");
        for (unsigned i = 1; i < LINKS_MAX; i++) {
                (void) snprintf(name, sizeof(name), "d/%u", i);
                tar_hardlink(tar, name, "file");
        }
        tar_hardlink(tar, "d/1", "file");
        run_well(f);
        tar_hardlink(layer_add(f), "one-more", "file");
        r = run_into(f, ext4_target(f->disk.ext4));
        assert_int_equal(r, -EMLINK);
        assert_non_null(strstr(error_text(&f->error), "Cannot create a hard link"));
}

/* The kernel writes to it as to any other. */
static void check_writable(Fixture *f, size_t index) {
        static const char script[] =
                "for i in $(seq 1 300); do echo $i > new-$i; done;"
                "for i in $(seq 1 2 400); do rm name-$i; done;"
                "mkdir dir; ln name-0 dir/link; rm new-7";
        char command[1024], path[128], where[128];

        disk_unmount(&f->disk);
        (void) snprintf(
                command, sizeof(command),
                "set -e; mount -t ext4 -o loop %s %s; cd %s/d; %s; cd /; umount %s",
                disk_image(&f->disk, index, path), disk_at(&f->disk, "mount", where), where, script,
                where);
        assert_int_equal(system(command), 0);
        disk_check(&f->disk, index);
}

EXT4_TEST(kernel_can_go_on_with_it) {
        Fixture *f = *state;
        int fd;

        add_names(layer_add(f), &short_names, 0, 2000);
        run_well(f);
        fd = disk_mount(&f->disk, 0);
        if (fd < 0)
                return;
        close(fd);
        check_writable(f, 0);

        /* And what the kernel left can be gone on with. */
        disk_reopen(&f->disk);
        f->n_layers = 0;
        bytes_done(&f->layers[0]);
        tar_file(layer_add(f), "d/new-10", "other");
        tar_file(layer_add(f), "d/.wh.new-9", "");
        run_well(f);
        fd = disk_mount(&f->disk, 2);
        assert_true(fd >= 0);
        assert_int_equal(faccessat(fd, "d/new-8", F_OK, 0), 0);
        assert_int_equal(faccessat(fd, "d/new-9", F_OK, 0), -1);
        assert_int_equal(faccessat(fd, "d/dir/link", F_OK, 0), 0);
        close(fd);
}

EXT4_TEST(e2fsck_has_nothing_to_optimise) {
        char command[256], path[128];
        Fixture *f = *state;

        add_names(layer_add(f), &short_names, 0, 3000);
        run_well(f);
        (void) snprintf(
                command, sizeof(command), "/sbin/e2fsck -fyD %s >/dev/null 2>&1; test $? -le 1",
                disk_image(&f->disk, 0, path));
        assert_int_equal(system(command), 0);
        disk_check(&f->disk, 0);
}
