/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>

#include "unpack-target.h"

UnpackTarget *unpack_target_free(UnpackTarget *target) {
        if (target)
                target->ops->free(target);
        return NULL;
}

void unpack_target_discard(UnpackTarget *target, UnpackFile *file) {
        if (target->ops->discard)
                target->ops->discard(target, file);
}

void unpack_meta_done(UnpackMeta *meta) {
        for (size_t i = 0; i < meta->n_xattrs; i++) {
                free(meta->xattrs[i].name);
                free(meta->xattrs[i].value);
        }

        free(meta->xattrs);
        free((void *) meta->link);
        *meta = (UnpackMeta){ 0 };
}

void unpack_target_warn(const UnpackTarget *target, const char *text) {
        if (target->warning)
                target->warning(target->warning_userdata, text);
}
