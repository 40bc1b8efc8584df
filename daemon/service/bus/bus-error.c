/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "bus-internal.h"

int bus_error_set(sd_bus_error *ret_error, const Error *error) {
        return sd_bus_error_set(ret_error, error_kind_to_bus_name(error->kind), error_text(error));
}
