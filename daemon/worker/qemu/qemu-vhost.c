/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "base-fd.h"
#include "ext4-device.h"
#include "qemu-vhost-message.h"
#include "qemu-vhost.h"
#include "qemu-words.h"

#define SECTOR_BYTES  512u
#define TRIM_BYTES    (UINT64_C(16) << 20) /* of one request: QEMU's limit */
#define ANSWER_SEC    30
#define QUEUE_ENTRIES 64u /* a power of two; each request has DESCRIPTORS of them */
#define DESCRIPTORS   3u  /* of a request: its head, data, status */
#define FEATURES                                                                                   \
        (UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << VIRTIO_BLK_F_FLUSH |                   \
         UINT64_C(1) << VIRTIO_BLK_F_DISCARD)

static_assert(
        QEMU_VHOST_BUFFERS * DESCRIPTORS <= QUEUE_ENTRIES, "the queue has room for all requests");

/* The two halves of the queue (VIRTIO 1.2, 2.7), little-endian: requests for QEMU, and those that it has ended. */
typedef struct Available {
        uint16_t flags;
        uint16_t index;
        uint16_t ring[QUEUE_ENTRIES];
        uint16_t used_event;
} Available;

typedef struct Used {
        uint16_t flags;
        uint16_t index;
        struct vring_used_elem ring[QUEUE_ENTRIES];
        uint16_t available_event;
} Used;

typedef struct Request {
        struct virtio_blk_outhdr head;
        struct virtio_blk_discard_write_zeroes range;
        uint8_t status;
} Request;

/* Shared with QEMU, which may write anything into it at any time. */
typedef struct Shared {
        struct vring_desc descriptors[QUEUE_ENTRIES];
        Available available;
        Used used;
        Request requests[QEMU_VHOST_BUFFERS];
        _Alignas(4096) uint8_t buffers[QEMU_VHOST_BUFFERS][DISK_BUFFER_BYTES];
} Shared;

/* A request that can be made, and its buffer. */
typedef struct Slot {
        bool is_taken;   /* the caller has the buffer */
        bool is_pending; /* QEMU has the request … */
        uint64_t offset; /* … which concerns this range */
        uint64_t size;
} Slot;

struct QemuVhost {
        int fd;               /* owned; connected to QEMU */
        int kick_fd, call_fd; /* owned; events for QEMU and from it */
        int memory_fd;        /* owned */
        Shared *shared;       /* owned; a mapping of it */
        Slot slots[QEMU_VHOST_BUFFERS];
        uint16_t n_made, n_ended; /* requests; they wrap around */
        int failed;               /* errno of the first request that failed, or 0 */
        int broken;               /* why nothing more will be heard, a negative errno, or 0 */
};

static int gone(QemuVhost *vhost, Error *error) {
        vhost->broken = DISK_GONE;
        return error_set(
                error, -DISK_GONE, ERROR_WORKER_FAILED,
                "qemu-storage-daemon closed its connection");
}

static int misbehaved(QemuVhost *vhost, Error *error) {
        vhost->broken = -EBADMSG;
        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "qemu-storage-daemon does not behave like a vhost-user-blk device");
}

static int connect_socket(const QemuVhostAddress *address, int *ret, Error *error) {
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const struct timeval limit = { .tv_sec = ANSWER_SEC };

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
            connect(fd, (const struct sockaddr *) &address->name, address->size) < 0 ||
            fcntl(fd, F_SETFL, 0) < 0)
                return error_set_errno(error, errno, "Cannot connect to qemu-storage-daemon");

        *ret = TAKE_FD(fd);
        return 0;
}

/* QEMU has the descriptor, too: if it could shrink the memory, touching that would end this process. */
static int map_memory(QemuVhost *vhost, Error *error) {
        void *shared;

        vhost->memory_fd = memfd_create("disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (vhost->memory_fd < 0 || ftruncate(vhost->memory_fd, sizeof(Shared)) < 0 ||
            fcntl(vhost->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                return error_set_errno(error, errno, "Cannot create shared memory");

        shared =
                mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, vhost->memory_fd, 0);
        if (shared == MAP_FAILED)
                return error_set_errno(error, errno, "Cannot map shared memory");
        vhost->shared = shared;
        return 0;
}

int qemu_vhost_connect(const QemuVhostAddress *address, QemuVhost **ret, Error *error) {
        _cleanup_(qemu_vhost_freep) QemuVhost *vhost = calloc(1, sizeof(*vhost));
        int r;

        if (!vhost)
                return error_oom(error);

        vhost->fd = vhost->memory_fd = -EBADF;
        vhost->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        vhost->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (vhost->kick_fd < 0 || vhost->call_fd < 0)
                return error_set_errno(error, errno, "Cannot create an event descriptor");
        r = map_memory(vhost, error);
        if (r >= 0)
                r = connect_socket(address, &vhost->fd, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(vhost);
        return 0;
}

static uint64_t address_of(const volatile void *memory) {
        return (uint64_t) (uintptr_t) memory;
}

/* The addresses of memory are the same for requests and for the queue: this process's. */
static int describe_queue(QemuVhost *vhost, Error *error) {
        const Shared *shared = vhost->shared;
        const QemuVhostMemory memory = {
                .n_regions = 1,
                .region = { address_of(shared), sizeof(*shared), address_of(shared), 0 },
        };
        const QemuVhostQueue size = { .value = QUEUE_ENTRIES };
        const QemuVhostQueue base = { .value = 0 };
        const QemuVhostQueueAddress address = {
                .descriptors = address_of(shared->descriptors),
                .used = address_of(&shared->used),
                .available = address_of(&shared->available),
        };
        const uint64_t queue = 0;
        int r;

        r = qemu_vhost_send(vhost->fd, VHOST_MEMORY, &memory, sizeof(memory), vhost->memory_fd);
        if (r >= 0)
                r = qemu_vhost_send(vhost->fd, VHOST_QUEUE_SIZE, &size, sizeof(size), -EBADF);
        if (r >= 0)
                r = qemu_vhost_send(vhost->fd, VHOST_QUEUE_BASE, &base, sizeof(base), -EBADF);
        if (r >= 0)
                r = qemu_vhost_send(
                        vhost->fd, VHOST_QUEUE_ADDRESS, &address, sizeof(address), -EBADF);
        if (r >= 0)
                r = qemu_vhost_send(
                        vhost->fd, VHOST_QUEUE_CALL, &queue, sizeof(queue), vhost->call_fd);
        if (r >= 0)
                r = qemu_vhost_send(
                        vhost->fd, VHOST_QUEUE_KICK, &queue, sizeof(queue), vhost->kick_fd);
        return r < 0 ? gone(vhost, error) : 0;
}

int qemu_vhost_start(QemuVhost *vhost, Error *error) {
        const uint64_t features = FEATURES;
        uint64_t offered;
        int r;

        r = qemu_vhost_send(vhost->fd, VHOST_GET_FEATURES, NULL, 0, -EBADF);
        if (r >= 0)
                r = qemu_vhost_receive(vhost->fd, VHOST_GET_FEATURES, &offered, sizeof(offered));
        if (r == -EBADMSG || (r >= 0 && (offered & features) != features))
                return misbehaved(vhost, error);
        if (r >= 0)
                r = qemu_vhost_send(vhost->fd, VHOST_OWNER, NULL, 0, -EBADF);
        if (r >= 0)
                r = qemu_vhost_send(vhost->fd, VHOST_FEATURES, &features, sizeof(features), -EBADF);
        return r < 0 ? gone(vhost, error) : describe_queue(vhost, error);
}

QemuVhost *qemu_vhost_free(QemuVhost *vhost) {
        if (!vhost)
                return NULL;

        closep(&vhost->fd);
        closep(&vhost->kick_fd);
        closep(&vhost->call_fd);
        closep(&vhost->memory_fd);
        if (vhost->shared)
                (void) munmap(vhost->shared, sizeof(Shared));
        free(vhost);
        return NULL;
}

/* Takes note of a request that has ended. */
static int end_request(QemuVhost *vhost, uint32_t id, Error *error) {
        const size_t index = id / DESCRIPTORS;

        if (id % DESCRIPTORS != 0 || index >= QEMU_VHOST_BUFFERS || !vhost->slots[index].is_pending)
                return misbehaved(vhost, error);

        vhost->slots[index].is_pending = false;
        if (vhost->shared->requests[index].status != VIRTIO_BLK_S_OK && vhost->failed == 0)
                vhost->failed = EIO;
        return 0;
}

/* Fails for good after the first such failure: the requests that are pending then will not end. */
static int end_requests(QemuVhost *vhost, Error *error) {
        const Used *used = &vhost->shared->used;
        int r = 0;

        if (vhost->broken != 0)
                return vhost->broken == DISK_GONE ? gone(vhost, error) : misbehaved(vhost, error);

        while (r >= 0 &&
               le16toh(__atomic_load_n(&used->index, __ATOMIC_ACQUIRE)) != vhost->n_ended) {
                const uint32_t *id = &used->ring[vhost->n_ended++ % QUEUE_ENTRIES].id;

                /* Read once: it may change. */
                r = end_request(vhost, le32toh(__atomic_load_n(id, __ATOMIC_RELAXED)), error);
        }
        return r;
}

/* Waits for an event: the caller looks for its condition before each. */
static int wait_for_event(QemuVhost *vhost, Error *error) {
        struct pollfd fds[] = {
                { .fd = vhost->call_fd, .events = POLLIN },
                { .fd = vhost->fd, .events = POLLIN },
        };
        eventfd_t count;

        while (poll(fds, 2, -1) < 0)
                if (errno != EINTR)
                        return error_set_errno(error, errno, "Cannot wait for qemu-storage-daemon");
        /* It has nothing to say. */
        if (fds[1].revents != 0)
                return gone(vhost, error);

        (void) eventfd_read(vhost->call_fd, &count);
        return end_requests(vhost, error);
}

static int check(const QemuVhost *vhost, const char *what, Error *error) {
        return vhost->failed > 0
                       ? error_set_errno(error, vhost->failed, "Cannot %s a disk image", what)
                       : 0;
}

static bool overlaps(const QemuVhost *vhost, uint64_t offset, uint64_t size) {
        for (size_t i = 0; i < QEMU_VHOST_BUFFERS; i++) {
                const Slot *slot = &vhost->slots[i];

                if (slot->is_pending && offset < slot->offset + slot->size &&
                    slot->offset < offset + size)
                        return true;
        }
        return false;
}

static Slot *find_free(QemuVhost *vhost) {
        for (size_t i = 0; i < QEMU_VHOST_BUFFERS; i++)
                if (!vhost->slots[i].is_taken && !vhost->slots[i].is_pending)
                        return &vhost->slots[i];
        return NULL;
}

static int take_slot(QemuVhost *vhost, Slot **ret, Error *error) {
        int r;

        r = end_requests(vhost, error);
        while (r >= 0 && !(*ret = find_free(vhost)))
                r = wait_for_event(vhost, error);
        if (r < 0)
                return r;

        (*ret)->is_taken = true;
        return 0;
}

static size_t index_of(const QemuVhost *vhost, const Slot *slot) {
        return (size_t) (slot - vhost->slots);
}

/* Hands the request of a taken slot to QEMU, which writes @data only to read the disk. */
static void make_request(
        QemuVhost *vhost, Slot *slot, uint32_t type, const void *data, size_t data_size) {
        const size_t index = index_of(vhost, slot);
        const uint16_t first = (uint16_t) (index * DESCRIPTORS);
        Shared *shared = vhost->shared;
        struct vring_desc *descriptors = shared->descriptors + first;
        Request *request = &shared->requests[index];

        request->head = (struct virtio_blk_outhdr){
                .type = htole32(type),
                .sector =
                        htole64(type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_OUT
                                        ? slot->offset / SECTOR_BYTES
                                        : 0),
        };
        request->status = UINT8_MAX;
        descriptors[0] = (struct vring_desc){
                .addr = htole64(address_of(&request->head)),
                .len = htole32(sizeof(request->head)),
                .flags = htole16(VRING_DESC_F_NEXT),
                .next = htole16((uint16_t) (first + (data_size > 0 ? 1 : 2))),
        };
        descriptors[1] = (struct vring_desc){
                .addr = htole64(address_of(data)),
                .len = htole32((uint32_t) data_size),
                .flags = htole16(
                        VRING_DESC_F_NEXT | (type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0)),
                .next = htole16((uint16_t) (first + 2)),
        };
        descriptors[2] = (struct vring_desc){
                .addr = htole64(address_of(&request->status)),
                .len = htole32(sizeof(request->status)),
                .flags = htole16(VRING_DESC_F_WRITE),
        };

        shared->available.ring[vhost->n_made++ % QUEUE_ENTRIES] = htole16(first);
        __atomic_store_n(&shared->available.index, htole16(vhost->n_made), __ATOMIC_RELEASE);
        slot->is_taken = false;
        slot->is_pending = true;
        (void) eventfd_write(vhost->kick_fd, 1);
}

/* Waits for earlier requests that concern a part of the same range. */
static int reserve(QemuVhost *vhost, Slot *slot, uint64_t offset, uint64_t size, Error *error) {
        int r;

        r = end_requests(vhost, error);
        while (r >= 0 && overlaps(vhost, offset, size))
                r = wait_for_event(vhost, error);
        slot->offset = offset;
        slot->size = size;
        return r;
}

int qemu_vhost_wait(QemuVhost *vhost, Error *error) {
        int r;

        r = end_requests(vhost, error);
        while (r >= 0 && overlaps(vhost, 0, UINT64_MAX))
                r = wait_for_event(vhost, error);
        return r;
}

int qemu_vhost_get_buffer(QemuVhost *vhost, void **ret, Error *error) {
        Slot *slot;
        int r;

        r = take_slot(vhost, &slot, error);
        if (r < 0)
                return r;
        r = check(vhost, "write", error);
        if (r < 0) {
                slot->is_taken = false;
                return r;
        }

        *ret = vhost->shared->buffers[index_of(vhost, slot)];
        return 0;
}

int qemu_vhost_write(QemuVhost *vhost, void *buffer, uint64_t offset, size_t size, Error *error) {
        Slot *slot = &vhost
                              ->slots[(size_t) ((uint8_t *) buffer - vhost->shared->buffers[0]) /
                                      DISK_BUFFER_BYTES];
        int r = 0;

        if (size > 0)
                r = reserve(vhost, slot, offset, size, error);
        if (r >= 0)
                r = check(vhost, "write", error);
        if (r < 0 || size == 0) {
                slot->is_taken = false;
                return r;
        }

        make_request(vhost, slot, VIRTIO_BLK_T_OUT, buffer, size);
        return 0;
}

/* Of a disk's sectors, whole ones are read. */
static int read_piece(
        QemuVhost *vhost, Slot *slot, uint64_t offset, void *data, size_t size, Error *error) {
        const uint8_t *buffer = vhost->shared->buffers[index_of(vhost, slot)];
        const size_t before = offset % SECTOR_BYTES;
        const size_t whole = (before + size + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
        int r;

        r = reserve(vhost, slot, offset - before, whole, error);
        if (r < 0) {
                slot->is_taken = false;
                return r;
        }

        make_request(vhost, slot, VIRTIO_BLK_T_IN, buffer, whole);
        while (r >= 0 && slot->is_pending)
                r = wait_for_event(vhost, error);
        if (r >= 0)
                r = check(vhost, "read", error);
        if (r >= 0)
                memcpy(data, buffer + before, size);
        return r;
}

int qemu_vhost_read(QemuVhost *vhost, uint64_t offset, void *data, size_t size, Error *error) {
        for (size_t done = 0, n; done < size; done += n) {
                const size_t room = DISK_BUFFER_BYTES - (offset + done) % SECTOR_BYTES;
                Slot *slot;
                int r;

                n = size - done < room ? size - done : room;
                r = take_slot(vhost, &slot, error);
                if (r >= 0)
                        r = read_piece(
                                vhost, slot, offset + done, (uint8_t *) data + done, n, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int trim_piece(QemuVhost *vhost, Slot *slot, uint64_t offset, uint64_t size, Error *error) {
        Request *request = &vhost->shared->requests[index_of(vhost, slot)];
        int r;

        r = reserve(vhost, slot, offset, size, error);
        if (r < 0) {
                slot->is_taken = false;
                return r;
        }

        request->range = (struct virtio_blk_discard_write_zeroes){
                .sector = htole64(offset / SECTOR_BYTES),
                .num_sectors = htole32((uint32_t) (size / SECTOR_BYTES)),
        };
        make_request(vhost, slot, VIRTIO_BLK_T_DISCARD, &request->range, sizeof(request->range));
        return 0;
}

int qemu_vhost_trim(QemuVhost *vhost, uint64_t offset, uint64_t size, Error *error) {
        for (uint64_t done = 0, n; done < size; done += n) {
                Slot *slot;
                int r;

                n = size - done < TRIM_BYTES ? size - done : TRIM_BYTES;
                r = take_slot(vhost, &slot, error);
                if (r >= 0)
                        r = trim_piece(vhost, slot, offset + done, n, error);
                if (r < 0)
                        return r;
        }
        return check(vhost, "trim", error);
}

int qemu_vhost_flush(QemuVhost *vhost, Error *error) {
        Slot *slot;
        int r;

        r = qemu_vhost_wait(vhost, error);
        if (r >= 0)
                r = check(vhost, "write", error);
        if (r >= 0)
                r = take_slot(vhost, &slot, error);
        if (r < 0)
                return r;

        /* Makes QEMU write its cached image tables. */
        slot->offset = 0;
        slot->size = 1;
        make_request(vhost, slot, VIRTIO_BLK_T_FLUSH, NULL, 0);
        r = qemu_vhost_wait(vhost, error);
        return r < 0 ? r : check(vhost, "flush", error);
}
