/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * File capabilities (capabilities(7)) as the kernel keeps them in security.capability: version 2 is for
 * the root of the initial user namespace, version 3 names the root whose namespace they count in
 * (linux/capability.h).
 */

#include <stddef.h>

#include "base-error.h"
#include "base-idmap.h"

/**
 * unpack_capability_map() - apply an owner mapping: capabilities count in the namespace of the mapped root
 * @uids:       NULL: as it is
 * @ret:        owned by the caller; what is not understood stays as it is
 *
 * Return: 0, or -ENOMEM with @error set.
 */
int unpack_capability_map(
        const void *value,
        size_t size,
        const IdMap *uids,
        void **ret,
        size_t *ret_size,
        Error *error);
