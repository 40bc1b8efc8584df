/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A disk worker that was taken over. When it synchronises an image, which is the last that it does with it,
 * HOSTILE says what it does instead:
 *
 *     backing     the image names /etc/shadow as its backing file
 *     data        the image keeps its data in another file
 *     snapshot    the image has a snapshot
 *     keep        it keeps a descriptor, to write with later
 *
 * Or, when it tells QEMU to open an image:
 *
 *     peek        it opens a file of the host, and ends if it can
 */

#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME        "/etc/shadow"
#define NAME_OFFSET UINT64_C(4096)
#define PEEKED      77 /* status: it could open a file */

static void put(int fd, const void *data, size_t size, off_t offset) {
        if (pwrite(fd, data, size, offset) != (ssize_t) size)
                abort();
}

static void name_backing_file(int fd) {
        const uint64_t offset = htobe64(NAME_OFFSET);
        const uint32_t size = htobe32(strlen(NAME));

        put(fd, &offset, sizeof(offset), 8);
        put(fd, &size, sizeof(size), 16);
        put(fd, NAME, strlen(NAME), NAME_OFFSET);
}

static void be_hostile(int fd) {
        static const uint64_t data_file = UINT64_C(4) << 56;
        static const uint32_t one = UINT32_C(1) << 24;
        const char *what = getenv("HOSTILE");

        if (strcmp(what, "backing") == 0)
                name_backing_file(fd);
        else if (strcmp(what, "data") == 0)
                put(fd, &data_file, sizeof(data_file), 72);
        else if (strcmp(what, "snapshot") == 0)
                put(fd, &one, sizeof(one), 60);
        else if (strcmp(what, "keep") == 0 && dup(fd) < 0)
                abort();
}

__attribute__((__visibility__("default"))) int fdatasync(int fd) {
        be_hostile(fd);
        return (int) syscall(SYS_fdatasync, fd);
}

__attribute__((__visibility__("default"))) ssize_t send(
        int fd, const void *data, size_t size, int flags) {
        if (strcmp(getenv("HOSTILE"), "peek") == 0 && memmem(data, size, "blockdev-add", 12) &&
            open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
                _exit(PEEKED);
        return sendto(fd, data, size, flags, NULL, 0);
}
