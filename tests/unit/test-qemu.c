/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chains of images, read back by QEMU's own tools. */

#include "test-scratch.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base-fd.h"
#include "qemu-vhost.h"
#include "qemu.h"
#include "sandbox.h"

#define SOMEBODY  4711   /* a user without privileges */
#define WORKER    61234U /* whom the worker of root becomes */
#define DISK      (UINT64_C(64) << 20)
#define BLOCK     ((size_t) 64 << 10)
#define N_MANY    200
#define DEATH_SEC 10

typedef struct Fixture {
        Scratch scratch;
        int fds[N_MANY];
        size_t n;
        unsigned char data[BLOCK];
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        scratch_init(&f->scratch);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        for (size_t i = 0; i < f->n; i++)
                close(f->fds[i]);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

static void image_path(const Fixture *f, size_t index, char ret[static SCRATCH_PATH_MAX]) {
        (void) snprintf(ret, SCRATCH_PATH_MAX, "%s/layer-%zu.qcow2", f->scratch.path, index);
}

/* Empty files that belong to @owner, in a directory that is somebody else's. */
static void make_files(Fixture *f, size_t n, uid_t owner) {
        assert_int_equal(fd_raise_limit(), 0);
        for (size_t i = 0; i < n; i++) {
                char path[SCRATCH_PATH_MAX];

                image_path(f, i, path);
                f->fds[i] = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                assert_true(f->fds[i] > STDERR_FILENO);
                assert_true(geteuid() != 0 || fchown(f->fds[i], owner, owner) == 0);
                f->n++;
        }
}

static QemuOptions options_for(Fixture *f) {
        return (QemuOptions){
                .program = "qemu-storage-daemon",
                .image_fds = f->fds,
                .n_images = f->n,
                .size = DISK,
        };
}

static Qemu *start(Fixture *f) {
        const QemuOptions options = options_for(f);
        Error error = ERROR_NULL;
        Qemu *qemu = NULL;

        if (qemu_start(&options, &qemu, &error) < 0)
                fail_msg("%s", error_text(&error));
        return qemu;
}

static Ext4Device *create(Qemu *qemu, size_t index, const char *backing_name) {
        Error error = ERROR_NULL;
        Ext4Device *device = NULL;

        if (qemu_create_image(qemu, index, backing_name, &device, &error) < 0)
                fail_msg("%s", error_text(&error));
        return device;
}

/* Returns what failed, or 0. */
static int put(Ext4Device *device, uint64_t offset, int byte, size_t size, Error *error) {
        void *buffer;
        int r;

        r = device->ops->get_buffer(device, &buffer, error);
        if (r < 0)
                return r;
        memset(buffer, byte, size);
        return device->ops->write(device, buffer, offset, size, error);
}

/* Says what is wrong: it is used in a child, too. */
static bool holds(Ext4Device *device, uint64_t offset, int byte, unsigned char *data) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (device->ops->read(device, offset, data, BLOCK, &error) < 0) {
                (void) fprintf(stderr, "# %s\n", error_text(&error));
                return false;
        }
        for (size_t i = 0; i < BLOCK; i++)
                if (data[i] != byte) {
                        (void) fprintf(stderr, "# byte %zu is %d, not %d\n", i, data[i], byte);
                        return false;
                }
        return true;
}

static void finish(Ext4Device *device) {
        assert_int_equal(device->ops->flush(device, NULL), 0);
        device->ops->free(device);
}

/* The end of @command, run in a shell in the directory of the images. */
static int shell(const Fixture *f, const char *command) {
        char text[2 * SCRATCH_PATH_MAX];

        (void) snprintf(text, sizeof(text), "cd %s && %s", f->scratch.path, command);
        return system(text);
}

static void check_content(const Fixture *f, size_t index, uint64_t offset, int byte) {
        char command[SCRATCH_PATH_MAX];

        (void) snprintf(
                command, sizeof(command),
                "! qemu-io -r -f qcow2 -c 'read -P %d %llu %zu' layer-%zu.qcow2 2>&1 | "
                "grep -E 'failed|error|verification'",
                byte, (unsigned long long) offset, BLOCK, index);
        assert_int_equal(shell(f, command), 0);
}

static void check_image(const Fixture *f, size_t index) {
        char command[SCRATCH_PATH_MAX];

        (void) snprintf(command, sizeof(command), "qemu-img check -q layer-%zu.qcow2", index);
        assert_int_equal(shell(f, command), 0);
}

static void write_three(Fixture *f, Qemu *qemu) {
        Ext4Device *device = create(qemu, 0, NULL);

        assert_int_equal(put(device, 0, 1, BLOCK, NULL), 0);
        assert_int_equal(put(device, 10 * BLOCK, 1, BLOCK, NULL), 0);
        finish(device);

        device = create(qemu, 1, "layer-0.qcow2");
        assert_true(holds(device, 10 * BLOCK, 1, f->data));
        assert_int_equal(put(device, 10 * BLOCK, 2, 4096, NULL), 0);
        finish(device);

        device = create(qemu, 2, "layer-1.qcow2");
        assert_int_equal(put(device, DISK - BLOCK, 3, BLOCK, NULL), 0);
        finish(device);
}

static void check_three(const Fixture *f) {
        check_content(f, 2, 0, 1);
        check_content(f, 2, DISK - BLOCK, 3);
        check_content(f, 1, DISK - BLOCK, 0);
        check_content(f, 0, 10 * BLOCK, 1);
        for (size_t i = 0; i < 3; i++)
                check_image(f, i);
        assert_int_equal(
                shell(f,
                      "qemu-io -r -f qcow2 -c 'read -P 2 640k 4k' -c 'read -P 1 644k 60k' "
                      "layer-2.qcow2 2>&1 | grep -c verification | grep -qx 0"),
                0);
}

#define QEMU_TEST(name) TEST_WITH(name, set_up, tear_down)

QEMU_TEST(chain_is_read_by_qemu) {
        Fixture *f = *state;
        Qemu *qemu;

        make_files(f, 3, 0);
        qemu = start(f);
        write_three(f, qemu);
        qemu_free(qemu);

        check_three(f);
        assert_int_equal(
                shell(f,
                      "qemu-img info --backing-chain layer-2.qcow2 > info && "
                      "grep -q '^backing file: layer-1.qcow2' info && "
                      "grep -q '^backing file: layer-0.qcow2' info && "
                      "test $(grep -c 'compat: 1.1' info) = 3 && "
                      "test $(grep -c 'backing file format: qcow2' info) = 2 && "
                      "test $(grep -c 'virtual size: 64 MiB' info) = 3"),
                0);
}

QEMU_TEST(backing_name_is_written_as_given) {
        Fixture *f = *state;
        Qemu *qemu;

        make_files(f, 2, 0);
        qemu = start(f);
        finish(create(qemu, 0, "ignored"));
        finish(create(qemu, 1, "/somewhere \"else\"/b\xc3\xa4se"));
        qemu_free(qemu);

        assert_int_equal(
                shell(f,
                      "qemu-img info -U layer-1.qcow2 > info && "
                      "grep -qF 'backing file: /somewhere \"else\"/b\xc3\xa4se' info && "
                      "qemu-img info layer-0.qcow2 > info && ! grep -q backing info"),
                0);
}

QEMU_TEST(backing_name_that_is_no_text_is_refused) {
        Fixture *f = *state;
        Error error = ERROR_NULL;
        Ext4Device *device = NULL;
        Qemu *qemu;

        make_files(f, 2, 0);
        qemu = start(f);
        finish(create(qemu, 0, NULL));
        assert_int_equal(qemu_create_image(qemu, 1, "\xff", &device, &error), -EINVAL);
        assert_null(device);
        error_clear(&error);
        qemu_free(qemu);
}

QEMU_TEST(image_that_is_there_is_used) {
        Fixture *f = *state;
        Ext4Device *device;
        Qemu *qemu;

        make_files(f, 3, 0);
        qemu = start(f);
        write_three(f, qemu);
        qemu_free(qemu);

        assert_int_equal(ftruncate(f->fds[2], 0), 0);
        qemu = start(f);
        assert_int_equal(qemu_use_image(qemu, 0, NULL), 0);
        assert_int_equal(qemu_use_image(qemu, 1, NULL), 0);
        device = create(qemu, 2, "layer-1.qcow2");
        assert_true(holds(device, 0, 1, f->data));
        assert_int_equal(put(device, DISK - BLOCK, 3, BLOCK, NULL), 0);
        finish(device);
        qemu_free(qemu);
        check_three(f);
}

QEMU_TEST(later_write_of_the_same_place_wins) {
        Fixture *f = *state;
        Ext4Device *device;
        Qemu *qemu;

        make_files(f, 1, 0);
        qemu = start(f);
        device = create(qemu, 0, NULL);
        /* The small one would overtake the large one. */
        for (uint64_t i = 0; i < 48; i++) {
                assert_int_equal(put(device, i << 20, 1, DISK_BUFFER_BYTES, NULL), 0);
                assert_int_equal(put(device, ((i + 1) << 20) - BLOCK, 2, BLOCK, NULL), 0);
        }
        for (uint64_t i = 0; i < 48; i++)
                assert_true(holds(device, ((i + 1) << 20) - BLOCK, 2, f->data));
        finish(device);
        qemu_free(qemu);
}

QEMU_TEST(any_bytes_can_be_read) {
        static const struct {
                size_t offset, size;
        } parts[] = { { 0, 1 },
                      { 511, 2 },
                      { 1000, 4097 },
                      { 3, DISK_BUFFER_BYTES },
                      { 5, 2 * DISK_BUFFER_BYTES } };
        Fixture *f = *state;
        unsigned char *data = malloc(3 * DISK_BUFFER_BYTES);
        Ext4Device *device;
        Qemu *qemu;

        assert_non_null(data);
        make_files(f, 1, 0);
        qemu = start(f);
        device = create(qemu, 0, NULL);
        for (size_t i = 0; i < 3; i++) {
                unsigned char *buffer;

                assert_int_equal(device->ops->get_buffer(device, (void **) &buffer, NULL), 0);
                for (size_t j = 0; j < DISK_BUFFER_BYTES; j++)
                        buffer[j] = (unsigned char) ((i * DISK_BUFFER_BYTES + j) % 251);
                assert_int_equal(
                        device->ops->write(
                                device, buffer, i * DISK_BUFFER_BYTES, DISK_BUFFER_BYTES, NULL),
                        0);
        }

        for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
                assert_int_equal(
                        device->ops->read(device, parts[i].offset, data, parts[i].size, NULL), 0);
                for (size_t j = 0; j < parts[i].size; j++)
                        assert_int_equal(data[j], (parts[i].offset + j) % 251);
        }
        free(data);
        finish(device);
        qemu_free(qemu);
}

QEMU_TEST(trimmed_clusters_take_no_space) {
        Fixture *f = *state;
        Ext4Device *device;
        Qemu *qemu;

        make_files(f, 2, 0);
        qemu = start(f);
        device = create(qemu, 0, NULL);
        for (uint64_t i = 0; i < 32; i++)
                assert_int_equal(put(device, i << 20, 1, DISK_BUFFER_BYTES, NULL), 0);
        assert_int_equal(device->ops->trim(device, 0, UINT64_C(16) << 20, NULL), 0);
        assert_true(holds(device, 0, 0, f->data));
        finish(device);

        device = create(qemu, 1, "layer-0.qcow2");
        assert_int_equal(device->ops->trim(device, 0, DISK, NULL), 0);
        assert_true(holds(device, UINT64_C(20) << 20, 0, f->data));
        finish(device);
        qemu_free(qemu);

        assert_int_equal(
                shell(f,
                      "qemu-img check layer-0.qcow2 | grep -q '^256/1024 ' && "
                      "test $(du -k layer-0.qcow2 | cut -f1) -lt 18000 && "
                      "test $(du -k layer-1.qcow2 | cut -f1) -lt 1000"),
                0);
        check_image(f, 1);
}

QEMU_TEST(images_come_in_order) {
        Fixture *f = *state;
        Ext4Device *device, *other = NULL;
        Qemu *qemu;

        make_files(f, 3, 0);
        qemu = start(f);
        assert_int_equal(qemu_create_image(qemu, 1, "x", &other, NULL), -EINVAL);
        device = create(qemu, 0, NULL);
        assert_int_equal(qemu_create_image(qemu, 1, "x", &other, NULL), -EINVAL);
        finish(device);
        finish(create(qemu, 1, "x"));
        assert_int_equal(qemu_use_image(qemu, 1, NULL), -EINVAL);
        qemu_free(qemu);
}

QEMU_TEST(many_images_at_once) {
        Fixture *f = *state;
        Ext4Device *device = NULL;
        Qemu *qemu;

        make_files(f, N_MANY, 0);
        qemu = start(f);
        for (size_t i = 0; i < N_MANY; i++) {
                char below[32];

                (void) snprintf(below, sizeof(below), "layer-%zu.qcow2", i - 1);
                device = create(qemu, i, below);
                assert_int_equal(put(device, i * BLOCK, (int) i + 1, BLOCK, NULL), 0);
                if (i == N_MANY - 1)
                        for (size_t j = 0; j < N_MANY; j++)
                                assert_true(holds(device, j * BLOCK, (int) j + 1, f->data));
                finish(device);
        }
        qemu_free(qemu);
        check_image(f, N_MANY - 1);
}

static pid_t child_of_this(void) {
        FILE *file = fopen("/proc/thread-self/children", "re");
        int pid = 0;

        assert_non_null(file);
        assert_int_equal(fscanf(file, "%d", &pid), 1);
        assert_int_equal(fclose(file), 0);
        return pid;
}

static void check_death(const Error *error) {
        if (!strstr(error_text(error),
                    "qemu-storage-daemon ended unexpectedly: killed by signal 9 (Killed)"))
                fail_msg("%s", error_text(error));
        assert_int_equal(error->kind, ERROR_WORKER_FAILED);
}

QEMU_TEST(death_during_writes_is_told_at_once) {
        Fixture *f = *state;
        Error error = ERROR_NULL;
        Ext4Device *device;
        Qemu *qemu;
        int r = 0;

        make_files(f, 2, 0);
        qemu = start(f);
        device = create(qemu, 0, NULL);
        alarm(DEATH_SEC);
        for (size_t i = 0; r >= 0; i++) {
                if (i == 100)
                        assert_int_equal(kill(child_of_this(), SIGKILL), 0);
                r = put(device, (i % 60) << 20, 1, DISK_BUFFER_BYTES, &error);
        }
        check_death(&error);
        error_clear(&error);

        assert_true(device->ops->flush(device, &error) < 0);
        check_death(&error);
        error_clear(&error);
        device->ops->free(device);

        device = NULL;
        assert_true(qemu_create_image(qemu, 1, "below", &device, &error) < 0);
        check_death(&error);
        error_clear(&error);
        assert_null(device);
        qemu_free(qemu);
        alarm(0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

/* QEMU serves the first one, and others may know the address. */
QEMU_TEST(connection_behind_that_of_somebody_else_is_refused) {
        QemuVhostAddress address = { .name = { .sun_family = AF_UNIX },
                                     .size = sizeof(address.name) };
        struct sockaddr *name = (struct sockaddr *) &address.name;
        const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        _cleanup_(error_clear) Error error = ERROR_NULL;
        QemuVhost *vhost = NULL;

        assert_int_equal(bind(server, name, sizeof(sa_family_t)), 0);
        assert_int_equal(getsockname(server, name, &address.size), 0);
        assert_int_equal(listen(server, QEMU_VHOST_BACKLOG), 0);
        assert_int_equal(connect(other, name, address.size), 0);

        assert_int_equal(qemu_vhost_connect(&address, &vhost, &error), -EAGAIN);
        assert_null(vhost);
        assert_string_equal(
                error_text(&error),
                "Cannot connect to qemu-storage-daemon: Resource temporarily unavailable");
        close(other);
        close(server);
}

QEMU_TEST(images_of_a_chain_need_no_connections_of_their_own) {
        Fixture *f = *state;
        unsigned n_fds;
        Qemu *qemu;

        make_files(f, 3, 0);
        qemu = start(f);
        n_fds = scratch_count_fds();
        for (size_t i = 0; i < 3; i++) {
                Ext4Device *device = create(qemu, i, "below");

                assert_int_equal(put(device, 0, 1, BLOCK, NULL), 0);
                assert_int_equal(scratch_count_fds(), n_fds);
                finish(device);
        }
        qemu_free(qemu);
}

QEMU_TEST(nothing_is_left_of_the_process) {
        Fixture *f = *state;
        Qemu *qemu;
        pid_t pid;

        make_files(f, 1, 0);
        qemu = start(f);
        pid = child_of_this();
        qemu_free(qemu);
        assert_int_equal(kill(pid, 0), -1);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

QEMU_TEST(missing_program_is_named_with_its_package) {
        Fixture *f = *state;
        QemuOptions options = options_for(f);
        Error error = ERROR_NULL;
        Qemu *qemu = NULL;

        options.program = "/nowhere/qemu-storage-daemon";
        assert_int_equal(qemu_start(&options, &qemu, &error), -ENOENT);
        assert_int_equal(error.kind, ERROR_NOT_FOUND);
        assert_string_equal(
                error_text(&error),
                "/nowhere/qemu-storage-daemon is not installed; on Debian it is in the package "
                "qemu-system-common");
        error_clear(&error);

        options.program = "qemu-storage-daemon-that-is-nowhere";
        assert_int_equal(qemu_start(&options, &qemu, NULL), -ENOENT);
        assert_null(qemu);
}

QEMU_TEST(last_words_of_the_program_are_told) {
        Fixture *f = *state;
        QemuOptions options = options_for(f);
        Error error = ERROR_NULL;
        Qemu *qemu = NULL;
        char path[SCRATCH_PATH_MAX];
        FILE *file;

        (void) snprintf(path, sizeof(path), "%s/program", f->scratch.path);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(
                fputs("#!/bin/sh\necho first >&2\nprintf 'last\\033[1m words\\n' >&2\nexit 3\n",
                      file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0755), 0);

        options.program = path;
        assert_int_equal(qemu_start(&options, &qemu, &error), -EPIPE);
        assert_string_equal(
                error_text(&error),
                "qemu-storage-daemon ended unexpectedly with status 3: last?[1m words");
        assert_int_equal(error.kind, ERROR_WORKER_FAILED);
        error_clear(&error);
}

static int refuse(void *userdata, Error *error) {
        return error_set(error, EPERM, ERROR_ACCESS_DENIED, "No %s", (const char *) userdata);
}

QEMU_TEST(failure_to_confine_is_told) {
        Fixture *f = *state;
        QemuOptions options = options_for(f);
        Error error = ERROR_NULL;
        Qemu *qemu = NULL;
        char what[] = "walls";

        options.confine = refuse;
        options.userdata = what;
        assert_int_equal(qemu_start(&options, &qemu, &error), -EPERM);
        assert_string_equal(error_text(&error), "No walls");
        assert_int_equal(error.kind, ERROR_ACCESS_DENIED);
        error_clear(&error);
}

/* As the worker does it. Asserts of cmocka do not work in a child. */
static int write_in_sandbox(Fixture *f, Error *error) {
        const ProtoUser user = { WORKER, WORKER };
        SandboxFiles files = { SANDBOX_YES, user, f->fds, f->n };
        QemuOptions options = options_for(f);
        _cleanup_(qemu_freep) Qemu *qemu = NULL;
        int r;

        options.confine = sandbox_confine;
        options.userdata = &files;
        r = sandbox_leave_network(user, error);
        if (r >= 0)
                r = qemu_start(&options, &qemu, error);
        if (r >= 0)
                r = sandbox_enter_disk(SANDBOX_YES, user, error);
        for (size_t i = 0; r >= 0 && i < 3; i++) {
                static const uint64_t offsets[] = { 0, 10 * BLOCK, DISK - BLOCK };
                static const size_t sizes[] = { BLOCK, 4096, BLOCK };
                Ext4Device *device;

                r = qemu_create_image(
                        qemu, i, i == 1 ? "layer-0.qcow2" : "layer-1.qcow2", &device, error);
                if (r < 0)
                        break;
                if (i == 0)
                        r = put(device, 10 * BLOCK, 1, BLOCK, error);
                if (r >= 0)
                        r = put(device, offsets[i], (int) i + 1, sizes[i], error);
                if (r >= 0 && !holds(device, 0, 1, f->data))
                        r = error_set(error, EIO, ERROR_FAILED, "Image %zu reads wrong", i);
                if (r >= 0)
                        r = device->ops->trim(device, DISK / 2, DISK / 4, error);
                if (r >= 0)
                        r = device->ops->flush(device, error);
                device->ops->free(device);
        }
        return r;
}

static void check_sandbox(Fixture *f, uid_t uid) {
        int status;
        pid_t pid;

        if (geteuid() != 0)
                skip();
        make_files(f, 3, uid == 0 ? WORKER : uid);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                Error error = ERROR_NULL;

                if (uid != 0 && (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0 ||
                                 prctl(PR_SET_DUMPABLE, 1) < 0))
                        _exit(2);
                if (write_in_sandbox(f, &error) >= 0)
                        _exit(0);
                (void) fprintf(stderr, "# %s\n", error_text(&error));
                _exit(1);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        check_three(f);
}

QEMU_TEST(sandbox_of_root_can_write_images) {
        check_sandbox(*state, 0);
}

QEMU_TEST(sandbox_of_a_user_can_write_images) {
        check_sandbox(*state, SOMEBODY);
}
