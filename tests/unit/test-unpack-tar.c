/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-unpack-tar.h"

void bytes_done(Bytes *bytes) {
        free(bytes->data);
        *bytes = (Bytes){ 0 };
}

void bytes_add(Bytes *bytes, const void *data, size_t size) {
        if (bytes->size + size >= bytes->room) {
                bytes->room = 2 * (bytes->size + size) + TAR_BLOCK;
                bytes->data = realloc(bytes->data, bytes->room);
                assert_non_null(bytes->data);
        }
        if (size > 0)
                memcpy(bytes->data + bytes->size, data, size);
        bytes->size += size;
}

void bytes_pad(Bytes *bytes) {
        static const uint8_t zeros[TAR_BLOCK];

        bytes_add(bytes, zeros, (TAR_BLOCK - bytes->size % TAR_BLOCK) % TAR_BLOCK);
}

void tar_number(uint8_t *field, size_t size, uint64_t value) {
        if (value >> (3 * (size - 1)) == 0) {
                char text[24];

                (void) snprintf(
                        text, sizeof(text), "%0*llo", (int) size - 1, (unsigned long long) value);
                memcpy(field, text, size);
                return;
        }

        for (size_t i = size; i-- > 0; value >>= 8)
                field[i] = (uint8_t) value;
        field[0] |= 0x80;
}

void tar_checksum(uint8_t *block) {
        char text[8];
        unsigned sum = 0;

        memset(block + 148, ' ', 8);
        for (size_t i = 0; i < TAR_BLOCK; i++)
                sum += block[i];
        (void) snprintf(text, sizeof(text), "%06o", sum & 0777777);
        memcpy(block + 148, text, 7);
}

void tar_fill_header(uint8_t *block, const TarEntry *entry, size_t content_size) {
        const char type = entry->type ? entry->type : '0';
        unsigned mode = entry->mode ? entry->mode : type == '5' ? 0755 : 0644;

        if (entry->no_mode)
                mode = 0;
        memcpy(block, entry->name, strnlen(entry->name, 100));
        tar_number(block + 100, 8, mode);
        tar_number(block + 108, 8, entry->uid);
        tar_number(block + 116, 8, entry->gid);
        tar_number(block + 124, 12, entry->size ? entry->size : content_size);
        tar_number(block + 136, 12, entry->mtime ? (uint64_t) entry->mtime : 1000000000);
        block[156] = (uint8_t) type;
        if (entry->link)
                memcpy(block + 157, entry->link, strnlen(entry->link, 100));
        memcpy(block + 257, "ustar\00000", 8);
        tar_number(block + 329, 8, entry->major);
        tar_number(block + 337, 8, entry->minor);
        if (entry->prefix)
                memcpy(block + 345, entry->prefix, strnlen(entry->prefix, 155));
}

void tar_add(Bytes *tar, const TarEntry *entry) {
        const size_t content_size = entry->content ? strlen(entry->content) : 0;
        uint8_t block[TAR_BLOCK] = { 0 };

        tar_fill_header(block, entry, content_size);
        tar_checksum(block);
        bytes_add(tar, block, sizeof(block));
        bytes_add(tar, entry->content, content_size);
        bytes_pad(tar);
}

void tar_file(Bytes *tar, const char *name, const char *content) {
        tar_add(tar, &(TarEntry){ .name = name, .content = content });
}

void tar_dir(Bytes *tar, const char *name) {
        tar_add(tar, &(TarEntry){ .type = '5', .name = name });
}

void tar_symlink(Bytes *tar, const char *name, const char *link) {
        tar_add(tar, &(TarEntry){ .type = '2', .name = name, .link = link });
}

void tar_hardlink(Bytes *tar, const char *name, const char *link) {
        tar_add(tar, &(TarEntry){ .type = '1', .name = name, .link = link });
}

void tar_extra(Bytes *tar, char type, const void *data, size_t size) {
        uint8_t block[TAR_BLOCK] = { 0 };
        const TarEntry entry = { .type = type, .name = "extra", .size = size };

        tar_fill_header(block, &entry, size);
        tar_checksum(block);
        bytes_add(tar, block, sizeof(block));
        bytes_add(tar, data, size);
        bytes_pad(tar);
}

void pax_add(Bytes *records, const char *key, const void *value, size_t size) {
        const size_t rest = strlen(key) + size + 3;
        size_t length = rest + 1, digits;
        char text[32];

        for (;;) {
                digits = (size_t) snprintf(text, sizeof(text), "%zu", length);
                if (digits + rest == length)
                        break;
                length = digits + rest;
        }

        bytes_add(records, text, digits);
        bytes_add(records, " ", 1);
        bytes_add(records, key, strlen(key));
        bytes_add(records, "=", 1);
        bytes_add(records, value, size);
        bytes_add(records, "\n", 1);
}

void tar_pax_bytes(Bytes *tar, const char *key, const void *value, size_t size) {
        _cleanup_(bytes_done) Bytes records = { 0 };

        pax_add(&records, key, value, size);
        tar_extra(tar, 'x', records.data, records.size);
}

void tar_pax(Bytes *tar, const char *key, const char *value) {
        tar_pax_bytes(tar, key, value, strlen(value));
}

void tar_end(Bytes *tar) {
        static const uint8_t zeros[2 * TAR_BLOCK];

        bytes_add(tar, zeros, sizeof(zeros));
}
