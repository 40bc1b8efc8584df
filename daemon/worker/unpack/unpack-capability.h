/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * File capabilities (capabilities(7)) as the kernel stores them in security.capability: version 2 is for
 * the root of the initial user namespace, version 3 names the root of the namespace in which they are valid
 * (linux/capability.h).
 */

#include <stddef.h>

#include "base-error.h"
#include "base-idmap.h"

/**
 * unpack_capability_map() - apply an owner mapping: they become valid in the namespace of the mapped root
 * @uids:       NULL: no change
 * @ret:        owned by the caller; a copy of @value if its format is unknown
 */
int unpack_capability_map(
        const void *value,
        size_t size,
        const IdMap *uids,
        void **ret,
        size_t *ret_size,
        Error *error);
