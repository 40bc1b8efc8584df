/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "job-qcow2.h"

#define MAGIC   UINT32_C(0x514649fb)
#define VERSION UINT32_C(3)

#define CLUSTER_BITS_MIN 9
#define CLUSTER_BITS_MAX 21

/* Offsets in the header. */
#define BACKING_OFFSET     8
#define BACKING_SIZE       16
#define CLUSTER_BITS       20
#define DISK_SIZE          24
#define CRYPT_METHOD       32
#define N_SNAPSHOTS        60
#define INCOMPATIBLE       72
#define AUTOCLEAR          88
#define HEADER_SIZE        100
#define COMPRESSION_TYPE   104
#define HEADER_SIZE_MIN    UINT32_C(104)
#define EXTENSION_HEAD     8 /* bytes: type and size */
#define EXTENSION_ALIGN    8
#define EXTENSION_END      UINT32_C(0)
#define EXTENSION_FORMAT   UINT32_C(0xe2792aca) /* of the backing file */
#define EXTENSION_FEATURES UINT32_C(0x6803f857) /* names for messages */

static uint32_t get32(const uint8_t *head, size_t offset) {
        uint32_t value;

        memcpy(&value, head + offset, sizeof(value));
        return be32toh(value);
}

static uint64_t get64(const uint8_t *head, size_t offset) {
        uint64_t value;

        memcpy(&value, head + offset, sizeof(value));
        return be64toh(value);
}

static int wrong(Error *error, const char *what) {
        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED, "A disk image is not as requested: %s", what);
}

static int check_fields(const uint8_t *head, const JobQcow2 *want, Error *error) {
        const uint32_t cluster_bits = get32(head, CLUSTER_BITS);

        if (get32(head, 0) != MAGIC || get32(head, 4) != VERSION)
                return wrong(error, "it is not a qcow2 image of version 3");
        if (cluster_bits < CLUSTER_BITS_MIN || cluster_bits > CLUSTER_BITS_MAX)
                return wrong(error, "its clusters have an unusable size");
        if (get64(head, DISK_SIZE) != want->size)
                return wrong(error, "its disk has the wrong size");
        if (get32(head, CRYPT_METHOD) != 0)
                return wrong(error, "it is encrypted");
        if (get32(head, N_SNAPSHOTS) != 0)
                return wrong(error, "it has snapshots");
        if (get64(head, INCOMPATIBLE) != 0 || get64(head, AUTOCLEAR) != 0)
                return wrong(error, "it has a feature that was not requested");
        return 0;
}

/* The limit for everything that belongs to the header. */
static size_t head_size(const uint8_t *head, size_t size) {
        const size_t cluster = (size_t) 1 << get32(head, CLUSTER_BITS);

        return cluster < size ? cluster : size;
}

static int check_backing(const uint8_t *head, size_t size, const JobQcow2 *want, Error *error) {
        const uint64_t offset = get64(head, BACKING_OFFSET);
        const uint32_t length = get32(head, BACKING_SIZE);

        if (want->backing[0] == '\0')
                return offset == 0 && length == 0 ? 0 : wrong(error, "it has a backing file");
        if (offset == 0)
                return wrong(error, "it has no backing file");
        if (length != strlen(want->backing) || offset > size || length > size - offset ||
            memcmp(head + offset, want->backing, length) != 0)
                return wrong(error, "it names the wrong backing file");
        return 0;
}

static bool is_format(const uint8_t *data, size_t size) {
        return size == strlen("qcow2") && memcmp(data, "qcow2", size) == 0;
}

static int check_extensions(const uint8_t *head, size_t size, const JobQcow2 *want, Error *error) {
        const bool has_backing = want->backing[0] != '\0';
        size_t at = get32(head, HEADER_SIZE);
        bool has_format = false;

        while (size - at >= EXTENSION_HEAD && get32(head, at) != EXTENSION_END) {
                const uint32_t type = get32(head, at);
                const size_t length = get32(head, at + 4), room = size - at - EXTENSION_HEAD;

                at += EXTENSION_HEAD;
                if (length > room || room - length < EXTENSION_ALIGN)
                        return wrong(error, "its header has no end");
                if (type == EXTENSION_FORMAT && has_backing && is_format(head + at, length))
                        has_format = true;
                else if (type != EXTENSION_FEATURES)
                        return wrong(error, "its header has an extension that was not requested");
                at += (length + EXTENSION_ALIGN - 1) / EXTENSION_ALIGN * EXTENSION_ALIGN;
        }

        if (size - at < EXTENSION_HEAD)
                return wrong(error, "its header has no end");
        return !has_backing || has_format
                       ? 0
                       : wrong(error, "it does not declare that its backing file is qcow2");
}

int job_qcow2_check(const uint8_t *head, size_t size, const JobQcow2 *want, Error *error) {
        uint32_t header_size;
        int r;

        if (size < HEADER_SIZE_MIN)
                return wrong(error, "it ends within its header");
        r = check_fields(head, want, error);
        if (r < 0)
                return r;

        size = head_size(head, size);
        header_size = get32(head, HEADER_SIZE);
        if (header_size < HEADER_SIZE_MIN || header_size % 8 != 0 || header_size > size)
                return wrong(error, "its header has an unusable size");
        if (header_size > COMPRESSION_TYPE && head[COMPRESSION_TYPE] != 0)
                return wrong(error, "it has a feature that was not requested");

        r = check_backing(head, size, want, error);
        return r < 0 ? r : check_extensions(head, size, want, error);
}
