/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base-macro.h"
#include "inflate-kind.h"

/* The first match wins. */
static const struct {
        size_t at; /* bytes */
        const char *magic;
        const char *name;
} kinds[] = {
        { 0, "PK\x03\x04", "a zip archive" },
        { 0, "PK\x05\x06", "a zip archive" },
        { 0, "070701", "a cpio archive" },
        { 0, "070702", "a cpio archive" },
        { 0, "070707", "a cpio archive" },
        { 0, "\xc7\x71", "a cpio archive" },
        { 0, "\x71\xc7", "a cpio archive" },
        { 0, "7z\xbc\xaf\x27\x1c", "a 7z archive" },
        { 0, "Rar!\x1a\x07", "a RAR archive" },
        { 0, "!<arch>\n", "an ar archive, such as a Debian package" },
        { 0, "\xed\xab\xee\xdb", "an RPM package" },
        { 0, "\x1f\x9d", "a file made by the program compress" },
        { 0, "QFI\xfb", "a qcow2 disk image" },
        { 0, "KDMV", "a VMDK disk image" },
        { 0, "hsqs", "a squashfs image" },
        { 0, "XFSB", "an XFS file system" },
        { 0, "<!DOCTYPE html", "a web page" },
        { 0, "<!doctype html", "a web page" },
        { 0, "<html", "a web page" },
        { 512, "EFI PART", "a disk image" },
        { 1080, "\x53\xef", "an ext2, ext3 or ext4 file system" },
        { 32769, "CD001", "an ISO 9660 image" },
        { 65600, "_BHRfS_M", "a btrfs file system" },
        { 510, "\x55\xaa", "a disk image" },
};

#define N_KINDS N_ELEMENTS(kinds)

const char *inflate_kind_of(const uint8_t *head, size_t size) {
        for (size_t i = 0; i < N_KINDS; i++) {
                const size_t length = strlen(kinds[i].magic);

                if (size >= kinds[i].at + length &&
                    memcmp(head + kinds[i].at, kinds[i].magic, length) == 0)
                        return kinds[i].name;
        }

        return NULL;
}
