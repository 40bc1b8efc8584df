/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-macro.h"
#include "bus-features.h"

static const char *const features[] = { BUS_FEATURES };

int bus_features_append(sd_bus_message *message) {
        int r;

        r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(features); i++)
                r = sd_bus_message_append_basic(message, 's', features[i]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int bus_features_require(const char *word, Error *error) {
        for (size_t i = 0; i < N_ELEMENTS(features); i++)
                if (strcmp(features[i], word) == 0)
                        return 0;

        return error_set(
                error, EOPNOTSUPP, ERROR_INVALID_OPTION,
                "This virt-bootstrapd was built without support for %s", word);
}
