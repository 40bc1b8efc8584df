/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <string.h>

#include "inflate-kind.h"

TEST(kind_is_told_by_the_bytes_at_its_place) {
        static const struct {
                size_t at;
                const char *magic, *name;
        } cases[] = {
                { 0, "PK\x03\x04", "a zip archive" },
                { 0, "070701", "a cpio archive" },
                { 0, "QFI\xfb", "a qcow2 disk image" },
                { 1080, "\x53\xef", "an ext2, ext3 or ext4 file system" },
                { 32769, "CD001", "an ISO 9660 image" },
                { 510, "\x55\xaa", "a disk image" },
                { 1, "PK\x03\x04", NULL },
                { 0, "PK", NULL },
        };
        static uint8_t head[65536];

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                const size_t end = cases[i].at + strlen(cases[i].magic);
                const char *name;

                memset(head, 0, sizeof(head));
                memcpy(head + cases[i].at, cases[i].magic, strlen(cases[i].magic));
                name = inflate_kind_of(head, end);
                if (cases[i].name)
                        assert_string_equal(name, cases[i].name);
                else
                        assert_null(name);
                assert_null(inflate_kind_of(head, end - 1));
        }
}
