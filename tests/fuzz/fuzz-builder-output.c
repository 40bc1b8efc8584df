/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "builder-output.h"
#include "fuzz.h"

/* Whatever virt-builder prints, progress stays in its bounds and does not fall. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        BuilderOutput output = BUILDER_OUTPUT_NULL;
        char line[512];

        while (size > 0) {
                const uint8_t *end = memchr(data, '\n', size);
                size_t length = end ? (size_t) (end - data) : size;
                size_t n = length < sizeof(line) ? length : sizeof(line) - 1;
                uint32_t before = output.permille;
                const char *warning;

                memcpy(line, data, n);
                line[n] = '\0';
                warning = builder_output_read(&output, line);
                if (output.permille < before || output.permille >= 1000 ||
                    output.permille_max > 1000 || output.permille >= output.permille_max ||
                    (warning && (warning < line || warning > line + n)))
                        __builtin_trap();

                length += end != NULL;
                data += length;
                size -= length;
        }
        return 0;
}
