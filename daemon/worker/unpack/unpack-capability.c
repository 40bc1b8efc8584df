/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <endian.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "unpack-capability.h"

/* Reads the root that they are for; returns whether the format of @value is known. */
static bool read_root(const void *value, size_t size, struct vfs_ns_cap_data *data) {
        *data = (struct vfs_ns_cap_data){ 0 };
        if (size < XATTR_CAPS_SZ_2 || size > XATTR_CAPS_SZ_3)
                return false;

        memcpy(data, value, size);
        switch (le32toh(data->magic_etc) & VFS_CAP_REVISION_MASK) {
        case VFS_CAP_REVISION_2:
                return size == XATTR_CAPS_SZ_2;
        case VFS_CAP_REVISION_3:
                return size == XATTR_CAPS_SZ_3;
        default:
                return false;
        }
}

int unpack_capability_map(
        const void *value,
        size_t size,
        const IdMap *uids,
        void **ret,
        size_t *ret_size,
        Error *error) {
        struct vfs_ns_cap_data data;
        const bool is_known = read_root(value, size, &data);
        const uint32_t before = is_known ? le32toh(data.rootid) : 0;
        const uint32_t root = is_known && uids ? idmap_apply(uids, before) : before;
        void *copy;

        copy = malloc(sizeof(data) + size);
        if (!copy)
                return error_oom(error);

        memcpy(copy, value, size);
        if (root != before) {
                data.magic_etc = htole32(
                        VFS_CAP_REVISION_3 | (le32toh(data.magic_etc) & ~VFS_CAP_REVISION_MASK));
                data.rootid = htole32(root);
                memcpy(copy, &data, sizeof(data));
                size = sizeof(data);
        }

        *ret = copy;
        *ret_size = size;
        return 0;
}
