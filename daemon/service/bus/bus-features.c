/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "bus-features.h"

static const char *const features[] = { BUS_FEATURES };

#define N_FEATURES (sizeof(features) / sizeof(features[0]))

int bus_features_append(sd_bus_message *message) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; r >= 0 && i < N_FEATURES; i++)
                r = sd_bus_message_append_basic(message, 's', features[i]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int bus_features_require(const char *word, Error *error) {
        for (size_t i = 0; i < N_FEATURES; i++)
                if (strcmp(features[i], word) == 0)
                        return 0;

        return error_set(
                error, EOPNOTSUPP, ERROR_INVALID_OPTION,
                "This virt-bootstrapd was built without support for %s", word);
}
