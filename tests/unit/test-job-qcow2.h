/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The header of a qcow2 image as QEMU 7.2 writes it, for a disk of @size bytes on top of @backing. */

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define QCOW2_SIZE           1024 /* bytes of a header with all that belongs to it */
#define QCOW2_EXTENSIONS     112  /* where the first one begins */
#define QCOW2_FORMAT         UINT32_C(0xe2792aca)
#define QCOW2_FEATURES       UINT32_C(0x6803f857)
#define QCOW2_DATA_FILE      UINT32_C(0x44415441)
#define QCOW2_BACKING_OFFSET 512

static inline void put32(uint8_t *head, size_t offset, uint32_t value) {
        value = htobe32(value);
        memcpy(head + offset, &value, sizeof(value));
}

static inline void put64(uint8_t *head, size_t offset, uint64_t value) {
        value = htobe64(value);
        memcpy(head + offset, &value, sizeof(value));
}

/* Returns where the next extension begins. */
static inline size_t put_extension(uint8_t *head, size_t at, uint32_t type, const char *text) {
        put32(head, at, type);
        put32(head, at + 4, (uint32_t) strlen(text));
        memcpy(head + at + 8, text, strlen(text));
        return at + 8 + (strlen(text) + 7) / 8 * 8;
}

static inline void put_qcow2(uint8_t head[static QCOW2_SIZE], uint64_t size, const char *backing) {
        size_t at = QCOW2_EXTENSIONS;

        memset(head, 0, QCOW2_SIZE);
        memcpy(head, "QFI\xfb", 4);
        put32(head, 4, 3);
        put32(head, 20, 16);
        put64(head, 24, size);
        put32(head, 96, 4);
        put32(head, 100, QCOW2_EXTENSIONS);
        if (backing[0] != '\0') {
                put64(head, 8, QCOW2_BACKING_OFFSET);
                put32(head, 16, (uint32_t) strlen(backing));
                memcpy(head + QCOW2_BACKING_OFFSET, backing, strlen(backing));
                at = put_extension(head, at, QCOW2_FORMAT, "qcow2");
        }
        (void) put_extension(head, at, QCOW2_FEATURES, "names of features");
}
