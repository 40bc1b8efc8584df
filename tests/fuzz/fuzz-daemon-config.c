/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "fuzz.h"

static uint32_t count(const ConfigArguments *arguments) {
        const char *one = NULL;
        uint32_t n = 0;

        while ((one = config_arguments_next(arguments, one)))
                n++;
        return n;
}

/* Whatever a file says, what is configured stays in its bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Config config = CONFIG_DEFAULT;

        config_apply("fuzz", (const char *) data, size, NULL, &config);
        if (config.jobs_max < 1 || config.jobs_max > 1000 || config.limits.layers < 1 ||
            config.limits.layers > 1000 || config.limits.path_bytes > 4095 ||
            config.limits.name_bytes > 255 || config.limits.unpacked_bytes == 0 ||
            config.builder.n > CONFIG_ARGUMENTS_MAX || count(&config.builder) != config.builder.n)
                __builtin_trap();
        return 0;
}
