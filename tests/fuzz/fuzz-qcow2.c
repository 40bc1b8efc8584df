/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "job-qcow2.h"

#define DISK UINT64_C(5368709120) /* bytes */

/* What is taken has the disk's size, and names the backing file that it should. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const backings[] = { "", "layer-0.qcow2" };
        static const uint8_t disk[] = { 0, 0, 0, 1, 0x40, 0, 0, 0 };
        _cleanup_(freep) uint8_t *head = malloc(size > 0 ? size : 1);

        if (!head)
                return 0;

        memcpy(head, data, size);
        for (size_t i = 0; i < 2; i++) {
                const JobQcow2 want = { .size = DISK, .backing = backings[i] };

                if (job_qcow2_check(head, size, &want, NULL) < 0)
                        continue;
                if (size < 104 || memcmp(head + 24, disk, sizeof(disk)) != 0)
                        __builtin_trap();
                if (want.backing[0] != '\0' &&
                    !memmem(head, size, want.backing, strlen(want.backing)))
                        __builtin_trap();
        }
        return 0;
}
