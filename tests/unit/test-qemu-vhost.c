/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A process that does not do what QEMU does: it has the other end of the connection, and the memory. */

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "ext4-device.h"
#include "qemu-vhost-message.h"
#include "qemu-vhost.h"
#include "qemu-words.h"

#define FEATURES                                                                                   \
        (UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_BLK_F_FLUSH |                   \
         UINT64_C(1) << VIRTIO_BLK_F_DISCARD)
#define HANGS_SEC  10
#define MISBEHAVES "qemu-storage-daemon does not behave like a vhost-user-blk device"

typedef struct Head {
        uint32_t kind, flags, size;
} Head;

typedef struct Answer {
        Head head;
        uint64_t features;
} __attribute__((packed)) Answer;

typedef struct Used {
        uint16_t flags, index;
        struct vring_used_elem ring[64];
} Used;

typedef struct Fixture {
        int listening_fd, fd; /* the process's */
        QemuVhost *vhost;
        int memory_fd;
        uint8_t *memory; /* as the process has mapped it, once it has the description of it */
        uint64_t size, address;
        uint64_t descriptors, used;
        int call_fd;
} Fixture;

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        QemuVhostAddress address = { .name = { .sun_family = AF_UNIX },
                                     .size = sizeof(address.name) };
        struct sockaddr *name = (struct sockaddr *) &address.name;

        f->call_fd = f->memory_fd = -1;
        f->listening_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->listening_fd, name, sizeof(sa_family_t)), 0);
        assert_int_equal(getsockname(f->listening_fd, name, &address.size), 0);
        assert_int_equal(listen(f->listening_fd, QEMU_VHOST_BACKLOG), 0);
        assert_int_equal(qemu_vhost_connect(&address, &f->vhost, NULL), 0);
        f->fd = accept4(f->listening_fd, NULL, NULL, SOCK_CLOEXEC);
        assert_true(f->fd >= 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        qemu_vhost_free(f->vhost);
        if (f->memory)
                assert_int_equal(munmap(f->memory, f->size), 0);
        if (f->memory_fd >= 0)
                close(f->memory_fd);
        if (f->call_fd >= 0)
                close(f->call_fd);
        close(f->fd);
        close(f->listening_fd);
        free(f);
        return 0;
}

/* The answer is there before the question. */
static void answer(const Fixture *f, uint32_t kind, uint64_t features) {
        const Answer message = { { kind, 1 | 4, sizeof(features) }, features };

        assert_int_equal(send(f->fd, &message, sizeof(message), 0), sizeof(message));
}

static void check_start(const Fixture *f, int expected, const char *text) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(qemu_vhost_start(f->vhost, &error), expected);
        assert_string_equal(error_text(&error), text);
        assert_int_equal(error.kind, ERROR_WORKER_FAILED);
}

/* Receives one message with a descriptor or without: its payload. */
static int receive(const Fixture *f, void *payload, size_t size) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        Head head;
        struct iovec part = { &head, sizeof(head) };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        int fd = -1;

        assert_int_equal(recvmsg(f->fd, &message, MSG_CMSG_CLOEXEC), sizeof(head));
        if (CMSG_FIRSTHDR(&message))
                memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
        assert_true(head.size <= size);
        assert_int_equal(recv(f->fd, payload, head.size, MSG_WAITALL), head.size);
        return fd;
}

static void start(Fixture *f) {
        uint8_t payload[64];
        QemuVhostMemory memory;
        QemuVhostQueueAddress address;

        answer(f, VHOST_GET_FEATURES, FEATURES | UINT64_C(1) << VIRTIO_BLK_F_SEG_MAX);
        assert_int_equal(qemu_vhost_start(f->vhost, NULL), 0);
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(receive(f, payload, sizeof(payload)), -1);
        f->memory_fd = receive(f, &memory, sizeof(memory));
        assert_int_equal(memory.n_regions, 1);
        f->size = memory.region.size;
        f->address = memory.region.user_address;
        f->memory = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_SHARED, f->memory_fd, 0);
        assert_true(f->memory != MAP_FAILED);

        assert_int_equal(receive(f, payload, sizeof(payload)), -1);
        assert_int_equal(receive(f, payload, sizeof(payload)), -1);
        assert_int_equal(receive(f, &address, sizeof(address)), -1);
        f->descriptors = address.descriptors;
        f->used = address.used;
        f->call_fd = receive(f, payload, sizeof(payload));
        close(receive(f, payload, sizeof(payload)));
}

static void *at(const Fixture *f, uint64_t address) {
        return f->memory + (address - f->address);
}

/* The request with the descriptor @id has ended. */
static void end(const Fixture *f, uint32_t id) {
        Used *used = at(f, f->used);

        used->ring[used->index % 64].id = id;
        __atomic_store_n(&used->index, (uint16_t) (used->index + 1), __ATOMIC_RELEASE);
        assert_int_equal(eventfd_write(f->call_fd, 1), 0);
}

static void write_something(const Fixture *f) {
        void *buffer;

        assert_int_equal(qemu_vhost_get_buffer(f->vhost, &buffer, NULL), 0);
        memset(buffer, 7, 4096);
        assert_int_equal(qemu_vhost_write(f->vhost, buffer, 8192, 4096, NULL), 0);
}

#define VHOST_TEST(name) TEST_WITH(name, set_up, tear_down)

VHOST_TEST(answer_to_another_question_is_refused) {
        const Fixture *f = *state;

        answer(f, VHOST_FEATURES, FEATURES);
        check_start(f, -EBADMSG, MISBEHAVES);
}

VHOST_TEST(device_without_a_needed_feature_is_refused) {
        const Fixture *f = *state;

        answer(f, VHOST_GET_FEATURES, FEATURES & ~(UINT64_C(1) << VIRTIO_BLK_F_DISCARD));
        check_start(f, -EBADMSG, MISBEHAVES);
}

VHOST_TEST(process_that_leaves_is_gone) {
        const Fixture *f = *state;

        assert_int_equal(shutdown(f->fd, SHUT_RDWR), 0);
        check_start(f, DISK_GONE, "qemu-storage-daemon closed its connection");
}

/* Else touching what was cut off would end the worker. */
VHOST_TEST(size_of_the_memory_stays) {
        Fixture *f = *state;

        start(f);
        assert_int_equal(ftruncate(f->memory_fd, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(ftruncate(f->memory_fd, (off_t) f->size + 4096), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(fcntl(f->memory_fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
        assert_int_equal(errno, EPERM);
        write_something(f);
}

VHOST_TEST(request_describes_what_to_write) {
        Fixture *f = *state;
        const struct vring_desc *descriptors;
        const struct virtio_blk_outhdr *head;

        start(f);
        write_something(f);
        descriptors = at(f, f->descriptors);
        head = at(f, descriptors[0].addr);
        assert_int_equal(head->type, VIRTIO_BLK_T_OUT);
        assert_int_equal(head->sector, 16);
        assert_int_equal(descriptors[1].len, 4096);
        assert_int_equal(*(uint8_t *) at(f, descriptors[1].addr), 7);

        *(uint8_t *) at(f, descriptors[2].addr) = VIRTIO_BLK_S_OK;
        end(f, 0);
        assert_int_equal(qemu_vhost_wait(f->vhost, NULL), 0);
}

VHOST_TEST(request_that_fails_is_told_by_the_next_call) {
        Fixture *f = *state;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        void *buffer;

        start(f);
        write_something(f);
        *(uint8_t *) at(f, ((struct vring_desc *) at(f, f->descriptors))[2].addr) =
                VIRTIO_BLK_S_IOERR;
        end(f, 0);
        assert_int_equal(qemu_vhost_get_buffer(f->vhost, &buffer, &error), -EIO);
        assert_string_equal(error_text(&error), "Cannot write a disk image: Input/output error");
}

static void check_end(Fixture *f, uint32_t id) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        start(f);
        write_something(f);
        end(f, id);
        assert_int_equal(qemu_vhost_flush(f->vhost, &error), -EBADMSG);
        assert_string_equal(error_text(&error), MISBEHAVES);
}

VHOST_TEST(request_that_was_not_made_cannot_end) {
        check_end(*state, 3);
}

VHOST_TEST(descriptor_within_a_request_cannot_end) {
        check_end(*state, 1);
}

VHOST_TEST(request_that_cannot_exist_cannot_end) {
        check_end(*state, UINT32_MAX - UINT32_MAX % 3);
}

/* It stays, and never ends the request that is pending. */
VHOST_TEST(process_that_has_misbehaved_is_not_waited_for) {
        Fixture *f = *state;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        void *buffer;

        alarm(HANGS_SEC);
        check_end(f, 3);
        assert_int_equal(qemu_vhost_wait(f->vhost, &error), -EBADMSG);
        assert_string_equal(error_text(&error), MISBEHAVES);
        end(f, 0);
        assert_int_equal(qemu_vhost_wait(f->vhost, NULL), -EBADMSG);
        assert_int_equal(qemu_vhost_get_buffer(f->vhost, &buffer, NULL), -EBADMSG);
        assert_int_equal(qemu_vhost_flush(f->vhost, NULL), -EBADMSG);
        alarm(0);
}

VHOST_TEST(connection_that_ends_while_requests_are_pending_is_gone) {
        Fixture *f = *state;
        _cleanup_(error_clear) Error error = ERROR_NULL;

        start(f);
        write_something(f);
        assert_int_equal(shutdown(f->fd, SHUT_RDWR), 0);
        assert_int_equal(qemu_vhost_flush(f->vhost, &error), DISK_GONE);
        assert_string_equal(error_text(&error), "qemu-storage-daemon closed its connection");
}
