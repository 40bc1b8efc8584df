/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "unpack-target.h"

UnpackTarget *unpack_target_free(UnpackTarget *target) {
        if (target)
                target->ops->free(target);
        return NULL;
}

void unpack_target_warn(const UnpackTarget *target, const char *text) {
        if (target->warning)
                target->warning(target->warning_userdata, text);
}
