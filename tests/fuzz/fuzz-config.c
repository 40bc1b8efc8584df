/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "oci-config.h"

/* What is accepted has 1 to 1000 valid diff ids and no list that is longer than its ceiling. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(oci_config_done) OciConfig config = { 0 };
        char platform[PLATFORM_STRING_MAX];
        int r;

        r = oci_config_parse(data, size, &config, &error);
        if (r < 0) {
                if (error.code != -r || !error.message || config.diff_ids)
                        __builtin_trap();
                return 0;
        }

        if (config.n_diff_ids < 1 || config.n_diff_ids > LAYERS_MAX ||
            config.n_labels > CONFIG_LABELS_MAX || config.n_env > CONFIG_ENV_MAX ||
            strlen(reference_platform_format(&config.platform, platform)) >= sizeof(platform))
                __builtin_trap();

        for (size_t i = 0; i < config.n_diff_ids; i++)
                if (!digest_is_valid(&config.diff_ids[i]))
                        __builtin_trap();
        for (size_t i = 0; i < config.n_labels; i++)
                if (!config.labels[i].name || !config.labels[i].value)
                        __builtin_trap();
        for (size_t i = 0; i < config.n_env; i++)
                if (!config.env[i])
                        __builtin_trap();
        return 0;
}
