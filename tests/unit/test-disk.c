/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-disk.h"

#include <sched.h>

static int test_call(Disk *disk, Error *error) {
        if (++disk->n_calls != disk->fails_at)
                return 0;
        return error_set(error, EIO, ERROR_FAILED, "The device fails");
}

static int test_device_get_buffer(Ext4Device *device, void **ret, Error *error) {
        TestDevice *test = (TestDevice *) device;

        if (test_call(test->disk, error) < 0)
                return -EIO;
        for (size_t i = 0; i < DISK_BUFFERS; i++)
                if (test->buffers[i]) {
                        *ret = TAKE_PTR(test->buffers[i]);
                        test->n_taken++;
                        assert_true(test->n_taken <= 2);
                        return 0;
                }
        fail_msg("no buffer is left");
        return -ENOBUFS;
}

static int test_device_write(
        Ext4Device *device, void *buffer, uint64_t offset, size_t size, Error *error) {
        TestDevice *test = (TestDevice *) device;

        assert_true(size % DISK_BLOCK_BYTES == 0);
        /* Two writes that meet within a cluster cost a third one. */
        assert_true(offset % DISK_BUFFER_BYTES + size <= DISK_BUFFER_BYTES);
        if (size > 0)
                assert_int_equal(pwrite(test->fd, buffer, size, (off_t) offset), size);
        test->written += size;
        test->n_writes += size > 0;
        test->n_taken--;
        for (size_t i = 0; i < DISK_BUFFERS; i++)
                if (!test->buffers[i]) {
                        test->buffers[i] = buffer;
                        return size > 0 ? test_call(test->disk, error) : 0;
                }
        fail_msg("not one of the buffers");
        return -EINVAL;
}

static int test_device_read(
        Ext4Device *device, uint64_t offset, void *data, size_t size, Error *error) {
        const TestDevice *test = (const TestDevice *) device;

        assert_int_equal(pread(test->fd, data, size, (off_t) offset), size);
        return test_call(test->disk, error);
}

static int test_device_trim(Ext4Device *device, uint64_t offset, uint64_t size, Error *error) {
        TestDevice *test = (TestDevice *) device;

        test->trimmed += size;
        assert_int_equal(
                fallocate(
                        test->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) offset,
                        (off_t) size),
                0);
        return test_call(test->disk, error);
}

static int test_device_flush(Ext4Device *device, Error *error) {
        TestDevice *test = (TestDevice *) device;

        assert_int_equal(test->n_taken, 0);
        test->n_flushes++;
        return test_call(test->disk, error);
}

static void test_device_free(Ext4Device *device) {
        TestDevice *test = (TestDevice *) device;

        closep(&test->fd);
        for (size_t i = 0; i < DISK_BUFFERS; i++)
                free(test->buffers[i]);
}

static void test_device_init(TestDevice *test, Disk *disk, const char *path, uint64_t size) {
        static const Ext4DeviceOps ops = {
                .get_buffer = test_device_get_buffer,
                .write = test_device_write,
                .read = test_device_read,
                .trim = test_device_trim,
                .flush = test_device_flush,
                .free = test_device_free,
        };

        *test = (TestDevice){ .device.ops = &ops, .disk = disk };
        test->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        assert_true(test->fd >= 0);
        assert_int_equal(ftruncate(test->fd, (off_t) size), 0);
        for (size_t i = 0; i < DISK_BUFFERS; i++) {
                test->buffers[i] = malloc(DISK_BUFFER_BYTES);
                assert_non_null(test->buffers[i]);
                memset(test->buffers[i], 0xaa, DISK_BUFFER_BYTES);
        }
}

/* What there is of @from, holes left out. */
static void test_device_copy(const TestDevice *from, const TestDevice *to) {
        off_t start = 0;

        while ((start = lseek(from->fd, start, SEEK_DATA)) >= 0) {
                off_t end = lseek(from->fd, start, SEEK_HOLE), at = start;

                while (start < end) {
                        assert_true(
                                copy_file_range(
                                        from->fd, &start, to->fd, &at, (size_t) (end - start), 0) >
                                0);
                }
        }
        assert_int_equal(errno, ENXIO);
}

char *disk_at(const Disk *disk, const char *name, char ret[static 128]) {
        (void) snprintf(ret, 128, "%s/%s", disk->path, name);
        return ret;
}

char *disk_image(const Disk *disk, size_t index, char ret[static 128]) {
        (void) snprintf(ret, 128, "%s/%zu", disk->path, index);
        return ret;
}

int disk_next_device(void *userdata, Ext4Device **ret, Error *error) {
        Disk *disk = userdata;
        TestDevice *test = &disk->devices[disk->n_devices];
        char path[128];

        if (test_call(disk, error) < 0)
                return -EIO;
        assert_true(disk->n_devices < DISK_LAYERS_MAX);
        assert_int_equal(disk->n_done, disk->n_devices);
        test_device_init(test, disk, disk_image(disk, disk->n_devices, path), disk->size);
        if (disk->n_devices > 0)
                test_device_copy(&disk->devices[disk->n_devices - 1], test);
        disk->n_devices++;
        *ret = &test->device;
        return 0;
}

static int disk_layer_done(void *userdata, Error *error) {
        Disk *disk = userdata;

        assert_int_equal(disk->n_devices, disk->n_done + 1);
        if (test_call(disk, error) < 0)
                return -EIO;
        disk->n_done++;
        return 0;
}

Ext4Options disk_options(Disk *disk) {
        return (Ext4Options){
                .size = disk->size,
                .label = disk->label,
                .scratch_fd = disk->scratch_fd,
                .next_device = disk_next_device,
                .layer_done = disk_layer_done,
                .userdata = disk,
        };
}

void disk_init(Disk *disk, uint64_t size) {
        char path[128];

        *disk = (Disk){ .size = size };
        (void) snprintf(
                disk->path, sizeof(disk->path), "%s/test-disk-XXXXXX",
                access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(disk->path));
        assert_int_equal(mkdir(disk_at(disk, "mount", path), 0755), 0);
        disk->scratch_fd = memfd_create("test", MFD_CLOEXEC);
        assert_true(disk->scratch_fd >= 0);
}

void disk_new(Disk *disk) {
        const Ext4Options options = disk_options(disk);
        Error error = ERROR_NULL;

        if (ext4_new(&options, &disk->ext4, &error) < 0)
                fail_msg("%s", error_text(&error));
}

void disk_reopen(Disk *disk) {
        Error error = ERROR_NULL;
        Ext4Options options;

        disk->ext4 = ext4_free(disk->ext4);
        close(disk->scratch_fd);
        disk->scratch_fd = memfd_create("test", MFD_CLOEXEC);
        options = disk_options(disk);
        if (ext4_open(&options, &disk->ext4, &error) < 0)
                fail_msg("%s", error_text(&error));
}

void disk_unmount(Disk *disk) {
        char path[128];

        if (disk->is_mounted)
                assert_int_equal(umount(disk_at(disk, "mount", path)), 0);
        disk->is_mounted = false;
}

void disk_done(Disk *disk) {
        char command[128];

        /* A test that failed may have left something open. */
        if (disk->is_mounted)
                (void) umount2(disk_at(disk, "mount", command), MNT_DETACH);
        disk->ext4 = ext4_free(disk->ext4);
        closep(&disk->scratch_fd);
        for (size_t i = 0; i < disk->n_devices; i++)
                (void) ext4_device_free(&disk->devices[i].device);
        (void) snprintf(command, sizeof(command), "rm -rf %s", disk->path);
        assert_int_equal(system(command), 0);
}

void disk_check(const Disk *disk, size_t index) {
        char command[256], path[128], line[512];
        FILE *output;

        (void) snprintf(
                command, sizeof(command), "/sbin/e2fsck -fn %s 2>&1",
                disk_image(disk, index, path));
        output = popen(command, "re");
        assert_non_null(output);
        while (fgets(line, sizeof(line), output))
                if (!strstr(line, "Pass ") && !strstr(line, "e2fsck 1.") &&
                    !strstr(line, " files ("))
                        print_message("%s", line);
        if (pclose(output) != 0)
                fail_msg("e2fsck does not like image %zu", index);
}

void disk_check_all(const Disk *disk) {
        for (size_t i = 0; i < disk->n_done; i++)
                disk_check(disk, i);
}

/* Sandboxes of other programs that run meanwhile would get a copy of a mount, and keep it after it is unmounted here. */
static void enter_own_mounts(void) {
        static bool is_in;

        if (is_in)
                return;
        assert_int_equal(unshare(CLONE_NEWNS), 0);
        assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        is_in = true;
}

int disk_mount(Disk *disk, size_t index) {
        char command[512], path[128], where[128];

        if (geteuid() != 0)
                return -1;
        enter_own_mounts();
        disk_unmount(disk);
        (void) snprintf(
                command, sizeof(command), "mount -t ext4 -o loop,ro %s %s 2>/dev/null",
                disk_image(disk, index, path), disk_at(disk, "mount", where));
        if (system(command) != 0) {
                print_message("cannot mount\n");
                return -1;
        }
        disk->is_mounted = true;
        return open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void same_xattrs(const char *a, const char *b) {
        static char names_a[DISK_COMPARE_MAX], names_b[DISK_COMPARE_MAX];
        static char value_a[DISK_COMPARE_MAX], value_b[DISK_COMPARE_MAX];
        const ssize_t size_a = llistxattr(a, names_a, sizeof(names_a));
        const ssize_t size_b = llistxattr(b, names_b, sizeof(names_b));

        if (size_a != size_b)
                fail_msg("%s: %zd bytes of names, not %zd", b, size_b, size_a);
        for (const char *name = names_a; name < names_a + size_a; name += strlen(name) + 1) {
                const ssize_t n = lgetxattr(a, name, value_a, sizeof(value_a));

                if (n != lgetxattr(b, name, value_b, sizeof(value_b)) ||
                    memcmp(value_a, value_b, (size_t) n) != 0)
                        fail_msg("%s: %s differs", b, name);
        }
}

static void same_content(const char *a, const char *b) {
        static uint8_t block_a[65536], block_b[65536];
        const int fd_a = open(a, O_RDONLY | O_CLOEXEC), fd_b = open(b, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        assert_true(fd_a >= 0 && fd_b >= 0);
        do {
                n = read(fd_a, block_a, sizeof(block_a));
                if (n < 0 || read(fd_b, block_b, sizeof(block_b)) != n ||
                    memcmp(block_a, block_b, (size_t) n) != 0)
                        fail_msg("%s has other content", b);
        } while (n > 0);
        close(fd_a);
        close(fd_b);
}

/* Looking at @path has changed when it was looked at. */
static void restore_atime(const char *path, const struct stat *st) {
        const struct timespec times[2] = { st->st_atim, st->st_mtim };

        assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void same_entry(const char *a, const char *b) {
        char link_a[4096] = { 0 }, link_b[4096] = { 0 };
        struct stat x, y;

        if (lstat(a, &x) < 0 || lstat(b, &y) < 0)
                fail_msg("%s or %s is not there", a, b);
#define SAME(member)                                                                               \
        if (x.member != y.member)                                                                  \
        fail_msg("%s: " #member " is %lld, not %lld", b, (long long) y.member, (long long) x.member)
        SAME(st_mode);
        SAME(st_uid);
        SAME(st_gid);
        SAME(st_rdev);
        SAME(st_mtim.tv_sec);
        SAME(st_mtim.tv_nsec);
        if (!S_ISDIR(x.st_mode)) {
                SAME(st_nlink);
                SAME(st_size);
        }
        /* Unpacking looks at directories and links, too. */
        if (S_ISREG(x.st_mode)) {
                SAME(st_atim.tv_sec);
                SAME(st_atim.tv_nsec);
        }
#undef SAME
        if (S_ISREG(x.st_mode))
                same_content(a, b);
        if (S_ISLNK(x.st_mode)) {
                assert_true(readlink(a, link_a, sizeof(link_a)) > 0);
                assert_true(readlink(b, link_b, sizeof(link_b)) > 0);
                assert_string_equal(link_b, link_a);
        }
        same_xattrs(a, b);
        restore_atime(a, &x);
}

size_t count_names(const char *path) {
        DIR *dir = opendir(path);
        size_t n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

void same_tree(const char *a, const char *b) {
        nlink_t n_dirs = 0;
        struct stat st;
        DIR *dir;

        if (strlen(a) > DISK_PATH_MAX || strlen(b) > DISK_PATH_MAX)
                return;
        assert_int_equal(lstat(a, &st), 0);
        dir = opendir(a);
        assert_non_null(dir);
        if (count_names(a) != count_names(b))
                fail_msg("%s has %zu names, not %zu", b, count_names(b), count_names(a));
        for (struct dirent *entry; (entry = readdir(dir));) {
                char path_a[4200], path_b[4200];

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                (void) snprintf(path_a, sizeof(path_a), "%s/%s", a, entry->d_name);
                (void) snprintf(path_b, sizeof(path_b), "%s/%s", b, entry->d_name);
                same_entry(path_a, path_b);
                if (entry->d_type == DT_DIR) {
                        n_dirs++;
                        same_tree(path_a, path_b);
                }
        }
        closedir(dir);
        restore_atime(a, &st);
        assert_int_equal(lstat(b, &st), 0);
        if (st.st_nlink != 2 + n_dirs)
                fail_msg("%s has %lu links", b, (unsigned long) st.st_nlink);
}
