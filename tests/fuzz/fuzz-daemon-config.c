/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "fuzz.h"

/* Whatever a file says, what is configured stays in its bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Config config = CONFIG_DEFAULT;

        config_apply("fuzz", (const char *) data, size, NULL, &config);
        if (config.jobs_max < 1 || config.jobs_max > 1000 || config.limits.layers < 1 ||
            config.limits.layers > 1000 || config.limits.path_bytes > 4095 ||
            config.limits.name_bytes > 255 || config.limits.unpacked_bytes == 0)
                __builtin_trap();
        return 0;
}
