/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <libnbd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base-thread.h"
#include "ext4-device.h"
#include "qemu-nbd.h"
#include "qemu-words.h"

#define NAME_MAX_BYTES   ((size_t) 32)
#define HANDSHAKE_MS     30000
#define TRANSFER_BYTES   ((size_t) 32 << 20)  /* a request size that every server supports */
#define TRIM_BYTES       ((uint64_t) 1 << 30) /* requests have 32 bits for the size */
#define BUFFER_ALIGNMENT ((size_t) 4096)

typedef struct Write {
        uint64_t offset;
        size_t size;
        void *buffer; /* NULL: none */
} Write;

typedef struct Connection {
        QemuNbd *nbd;
        struct nbd_handle *handle; /* owned; used only by the thread while writes are pending */
        pthread_t thread;
        bool has_thread;
        Write current;
} Connection;

struct QemuNbd {
        char name[NAME_MAX_BYTES];
        Connection connections[DISK_NBD_CONNECTIONS];
        char *memory; /* of all buffers, owned */

        pthread_mutex_t lock; /* protects all members below, and Connection.current */
        pthread_cond_t changed;
        void *free_buffers[DISK_NBD_BUFFERS];
        size_t n_free;
        Write queue[DISK_NBD_BUFFERS]; /* in order of arrival */
        size_t n_queue;
        bool stop;
        int failed; /* errno of the first write that failed, or 0 */
};

static int code_of(struct nbd_handle *handle) {
        int code = nbd_get_errno();

        if (nbd_aio_is_dead(handle) || nbd_aio_is_closed(handle))
                return -DISK_GONE;
        return code > 0 ? code : EIO;
}

static int fail(const QemuNbd *nbd, const char *what, int code, Error *error) {
        return error_set_errno(error, code, "Cannot %s %s", what, nbd->name);
}

static bool overlaps(const Write *write, uint64_t offset, size_t size) {
        return write->buffer && offset < write->offset + write->size &&
               write->offset < offset + size;
}

static bool is_in_flight(const QemuNbd *nbd, uint64_t offset, size_t size) {
        for (size_t i = 0; i < nbd->n_queue; i++)
                if (overlaps(&nbd->queue[i], offset, size))
                        return true;
        for (size_t i = 0; i < DISK_NBD_CONNECTIONS; i++)
                if (overlaps(&nbd->connections[i].current, offset, size))
                        return true;

        return false;
}

static bool is_idle(const QemuNbd *nbd) {
        for (size_t i = 0; i < DISK_NBD_CONNECTIONS; i++)
                if (nbd->connections[i].current.buffer)
                        return false;

        return nbd->n_queue == 0;
}

static void take_write(QemuNbd *nbd, Write *ret) {
        *ret = nbd->queue[0];
        nbd->n_queue--;
        memmove(nbd->queue, nbd->queue + 1, nbd->n_queue * sizeof(*nbd->queue));
}

static void *run_connection(void *userdata) {
        Connection *connection = userdata;
        QemuNbd *nbd = connection->nbd;
        Write *current = &connection->current;

        (void) pthread_mutex_lock(&nbd->lock);
        while (!nbd->stop) {
                int code = 0;

                if (nbd->n_queue == 0) {
                        (void) pthread_cond_wait(&nbd->changed, &nbd->lock);
                        continue;
                }
                take_write(nbd, current);
                if (!nbd->failed) {
                        (void) pthread_mutex_unlock(&nbd->lock);
                        if (nbd_pwrite(
                                    connection->handle, current->buffer, current->size,
                                    current->offset, 0) < 0)
                                code = code_of(connection->handle);
                        (void) pthread_mutex_lock(&nbd->lock);
                }
                if (!nbd->failed)
                        nbd->failed = code;
                nbd->free_buffers[nbd->n_free++] = current->buffer;
                current->buffer = NULL;
                (void) pthread_cond_broadcast(&nbd->changed);
        }
        (void) pthread_mutex_unlock(&nbd->lock);
        return NULL;
}

static int connect_socket(const QemuNbdAddress *address, int *ret, Error *error) {
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const struct timeval limit = { .tv_sec = HANDSHAKE_MS / 1000 };

        /* If somebody else has filled the server's queue, connecting would block. */
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
            connect(fd, (const struct sockaddr *) &address->name, address->size) < 0) {
                if (errno == ECONNREFUSED || errno == ECONNRESET)
                        errno = -DISK_GONE;
                return error_set_errno(error, errno, "Cannot connect to qemu-storage-daemon");
        }

        *ret = TAKE_FD(fd);
        return 0;
}

static int shake_hands(const QemuNbd *nbd, Connection *connection, int fd, Error *error) {
        struct nbd_handle *handle = connection->handle;

        if (nbd_set_opt_mode(handle, true) < 0 || nbd_set_export_name(handle, nbd->name) < 0) {
                (void) close(fd);
                return fail(nbd, "connect to", code_of(handle), error);
        }

        if (nbd_aio_connect_socket(handle, fd) < 0)
                return fail(nbd, "connect to", code_of(handle), error);
        while (nbd_aio_is_connecting(handle)) {
                int r = nbd_poll(handle, HANDSHAKE_MS);

                if (r == 0)
                        return fail(nbd, "connect to", ETIMEDOUT, error);
                if (r < 0)
                        break;
        }
        return nbd_aio_is_negotiating(handle) ? 0 : fail(nbd, "connect to", code_of(handle), error);
}

static int connect_one(
        QemuNbd *nbd, Connection *connection, const QemuNbdAddress *address, Error *error) {
        int fd, r;

        connection->nbd = nbd;
        connection->handle = nbd_create();
        if (!connection->handle)
                return error_oom(error);

        r = connect_socket(address, &fd, error);
        return r < 0 ? r : shake_hands(nbd, connection, fd, error);
}

int qemu_nbd_connect(const QemuNbdAddress *address, const char *name, QemuNbd **ret, Error *error) {
        _cleanup_(qemu_nbd_freep) QemuNbd *nbd = calloc(1, sizeof(*nbd));
        int r;

        if (!nbd)
                return error_oom(error);
        (void) pthread_mutex_init(&nbd->lock, NULL);
        (void) pthread_cond_init(&nbd->changed, NULL);
        (void) snprintf(nbd->name, sizeof(nbd->name), "%s", name);

        nbd->memory = aligned_alloc(BUFFER_ALIGNMENT, DISK_NBD_BUFFERS * DISK_BUFFER_BYTES);
        if (!nbd->memory)
                return error_oom(error);
        for (size_t i = 0; i < DISK_NBD_BUFFERS; i++)
                nbd->free_buffers[nbd->n_free++] = nbd->memory + i * DISK_BUFFER_BYTES;

        for (size_t i = 0; i < DISK_NBD_CONNECTIONS; i++) {
                r = connect_one(nbd, &nbd->connections[i], address, error);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(nbd);
        return 0;
}

int qemu_nbd_start(QemuNbd *nbd, Error *error) {
        for (size_t i = 0; i < DISK_NBD_CONNECTIONS; i++) {
                Connection *connection = &nbd->connections[i];
                int r;

                if (nbd_opt_go(connection->handle) < 0)
                        return fail(nbd, "open", code_of(connection->handle), error);
                r = thread_start(&connection->thread, run_connection, connection);
                if (r < 0)
                        return error_set_errno(error, -r, "Cannot start a thread");
                connection->has_thread = true;
        }
        return 0;
}

QemuNbd *qemu_nbd_free(QemuNbd *nbd) {
        if (!nbd)
                return NULL;

        (void) pthread_mutex_lock(&nbd->lock);
        nbd->stop = true;
        (void) pthread_cond_broadcast(&nbd->changed);
        (void) pthread_mutex_unlock(&nbd->lock);

        for (size_t i = 0; i < DISK_NBD_CONNECTIONS; i++) {
                Connection *connection = &nbd->connections[i];

                if (connection->has_thread)
                        (void) pthread_join(connection->thread, NULL);
                nbd_close(connection->handle);
        }
        (void) pthread_cond_destroy(&nbd->changed);
        (void) pthread_mutex_destroy(&nbd->lock);
        free(nbd->memory);
        free(nbd);
        return NULL;
}

int qemu_nbd_get_buffer(QemuNbd *nbd, void **ret, Error *error) {
        int code;

        (void) pthread_mutex_lock(&nbd->lock);
        while (nbd->n_free == 0)
                (void) pthread_cond_wait(&nbd->changed, &nbd->lock);
        code = nbd->failed;
        if (code == 0)
                *ret = nbd->free_buffers[--nbd->n_free];
        (void) pthread_mutex_unlock(&nbd->lock);

        return code > 0 ? fail(nbd, "write", code, error) : 0;
}

int qemu_nbd_write(QemuNbd *nbd, void *buffer, uint64_t offset, size_t size, Error *error) {
        int code;

        (void) pthread_mutex_lock(&nbd->lock);
        while (is_in_flight(nbd, offset, size))
                (void) pthread_cond_wait(&nbd->changed, &nbd->lock);
        code = nbd->failed;
        if (code == 0 && size > 0)
                nbd->queue[nbd->n_queue++] = (Write){ offset, size, buffer };
        else
                nbd->free_buffers[nbd->n_free++] = buffer;
        (void) pthread_cond_broadcast(&nbd->changed);
        (void) pthread_mutex_unlock(&nbd->lock);

        return code > 0 ? fail(nbd, "write", code, error) : 0;
}

/* From here until the next write the caller may use the connections. */
static int wait_idle(QemuNbd *nbd, Error *error) {
        int code;

        (void) pthread_mutex_lock(&nbd->lock);
        while (!is_idle(nbd))
                (void) pthread_cond_wait(&nbd->changed, &nbd->lock);
        code = nbd->failed;
        (void) pthread_mutex_unlock(&nbd->lock);

        return code > 0 ? fail(nbd, "write", code, error) : 0;
}

int qemu_nbd_read(QemuNbd *nbd, uint64_t offset, void *data, size_t size, Error *error) {
        struct nbd_handle *handle = nbd->connections[0].handle;
        int r;

        r = wait_idle(nbd, error);
        if (r < 0)
                return r;

        for (size_t done = 0, n; done < size; done += n) {
                n = size - done < TRANSFER_BYTES ? size - done : TRANSFER_BYTES;
                if (nbd_pread(handle, (char *) data + done, n, offset + done, 0) < 0)
                        return fail(nbd, "read", code_of(handle), error);
        }
        return 0;
}

int qemu_nbd_trim(QemuNbd *nbd, uint64_t offset, uint64_t size, Error *error) {
        struct nbd_handle *handle = nbd->connections[0].handle;
        int r;

        r = wait_idle(nbd, error);
        if (r < 0)
                return r;

        for (uint64_t done = 0, n; done < size; done += n) {
                n = size - done < TRIM_BYTES ? size - done : TRIM_BYTES;
                if (nbd_trim(handle, n, offset + done, 0) < 0)
                        return fail(nbd, "trim", code_of(handle), error);
        }
        return 0;
}

int qemu_nbd_flush(QemuNbd *nbd, Error *error) {
        struct nbd_handle *handle = nbd->connections[0].handle;
        int r;

        r = wait_idle(nbd, error);
        if (r < 0)
                return r;

        /* Makes QEMU write its cached image tables. */
        return nbd_flush(handle, 0) < 0 ? fail(nbd, "flush", code_of(handle), error) : 0;
}
