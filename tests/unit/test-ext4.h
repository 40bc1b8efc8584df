/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Unpacks layers into a chain of images, and compares what the kernel finds there with what unpacking
 * them into a directory makes. */

#include "test-disk.h"
#include "unpack-directory.h"

#define MIB (UINT64_C(1) << 20)

/* Layers, unpacked into a disk and, to compare, into a directory. */
typedef struct Fixture {
        Disk disk;
        char path[64];
        Bytes layers[DISK_LAYERS_MAX];
        size_t n_layers, at, offset;
        Error error;
        unsigned n_warnings;
        uint64_t consumed; /* as was told last */
} Fixture;

static inline int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        disk_init(&f->disk, 64 * MIB);
        strcpy(f->path, "/tmp/test-ext4-XXXXXX");
        assert_non_null(mkdtemp(f->path));
        assert_int_equal(chmod(f->path, 0755), 0);
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        Fixture *f = *state;
        char command[128];

        disk_done(&f->disk);
        (void) snprintf(command, sizeof(command), "rm -rf %s", f->path);
        assert_int_equal(system(command), 0);
        for (size_t i = 0; i < DISK_LAYERS_MAX; i++)
                bytes_done(&f->layers[i]);
        error_clear(&f->error);
        free(f);
        return 0;
}

static inline Bytes *layer_add(Fixture *f) {
        assert_true(f->n_layers < DISK_LAYERS_MAX);
        return &f->layers[f->n_layers++];
}

static inline int on_next(void *userdata, InflateLayer *ret, Error *error) {
        Fixture *f = userdata;

        if (f->at == f->n_layers)
                return 0;
        *ret = (InflateLayer){ .has_digest = true };
        f->at++;
        f->offset = 0;
        return 1;
}

static inline ssize_t on_read(void *userdata, void *buffer, size_t size, Error *error) {
        Fixture *f = userdata;
        const Bytes *layer = &f->layers[f->at - 1];
        const size_t left = layer->size - f->offset;
        const size_t n = left < size ? left : size;

        if (n > 0)
                memcpy(buffer, layer->data + f->offset, n);
        f->offset += n;
        return (ssize_t) n;
}

static inline void on_warning(void *userdata, const char *text) {
        Fixture *f = userdata;

        f->n_warnings++;
}

static inline void on_progress(void *userdata, const UnpackProgress *progress) {
        Fixture *f = userdata;

        f->consumed = progress->consumed;
}

static inline int run_into(Fixture *f, UnpackTarget *target) {
        const InflateInput input = { .next = on_next, .read = on_read, .userdata = f };
        const UnpackEvents events = {
                .progress = on_progress,
                .warning = on_warning,
                .userdata = f,
        };

        f->at = 0;
        f->consumed = 0;
        return unpack_run(&input, target, NULL, &events, &f->error);
}

static inline void run_well(Fixture *f) {
        if (!f->disk.ext4)
                disk_new(&f->disk);
        if (run_into(f, ext4_target(f->disk.ext4)) < 0)
                fail_msg("%s: %s", error_kind_to_bus_name(f->error.kind), error_text(&f->error));
        assert_int_equal(f->disk.n_done, f->disk.n_devices);
        disk_check_all(&f->disk);
}

/* The last image has what unpacking into a directory makes. */
static inline void compare(Fixture *f) {
        _cleanup_(unpack_target_freep) UnpackTarget *target = NULL;
        const int root = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char where[128];
        int fd;

        fd = disk_mount(&f->disk, f->disk.n_done - 1);
        if (fd < 0) {
                close(root);
                return;
        }

        assert_int_equal(unpack_directory_new(root, true, &target, &f->error), 0);
        if (run_into(f, target) < 0)
                fail_msg("%s", error_text(&f->error));
        same_tree(f->path, disk_at(&f->disk, "mount", where));
        close(root);
        close(fd);
}

/* The answer of one line of debugfs. */
static inline char *debugfs(Fixture *f, size_t index, const char *request) {
        static char answer[65536];
        char command[512], path[128];
        FILE *output;
        size_t n;

        (void) snprintf(
                command, sizeof(command), "/sbin/debugfs -R '%s' %s 2>/dev/null", request,
                disk_image(&f->disk, index, path));
        output = popen(command, "re");
        assert_non_null(output);
        n = fread(answer, 1, sizeof(answer) - 1, output);
        answer[n] = '\0';
        assert_int_equal(pclose(output), 0);
        return answer;
}

/* A number of the super block, after @key. */
static inline unsigned long number_of(Fixture *f, size_t index, const char *key) {
        const char *line = strstr(debugfs(f, index, "stats -h"), key);

        assert_non_null(line);
        return strtoul(line + strlen(key), NULL, 10);
}

/* A file of @size bytes that differ from those of another @seed. */
static inline void add_content(Bytes *tar, const char *name, size_t size, unsigned seed) {
        char *content = malloc(size + 1);

        assert_non_null(content);
        for (size_t i = 0; i < size; i++)
                content[i] = (char) ('A' + (i * 31 + i / 4096 + seed) % 61);
        content[size] = '\0';
        tar_file(tar, name, content);
        free(content);
}

#define EXT4_TEST(name) TEST_WITH(name, set_up, tear_down)
