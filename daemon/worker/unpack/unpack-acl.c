/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unpack-acl.h"

#define ACL_VERSION 2u
#define NO_ID       UINT32_C(0xffffffff)

typedef struct RawEntry {
        uint16_t tag;
        uint16_t permissions;
        uint32_t id;
} RawEntry;

static int compare_entries(const void *a, const void *b) {
        const UnpackAclEntry *x = a, *y = b;

        if (x->tag != y->tag)
                return x->tag < y->tag ? -1 : 1;
        return (x->id > y->id) - (x->id < y->id);
}

int unpack_acl_format(
        UnpackAclEntry *entries, size_t n, void **ret, size_t *ret_size, Error *error) {
        const uint32_t version = htole32(ACL_VERSION);
        const size_t size = sizeof(version) + n * sizeof(RawEntry);
        uint8_t *value;

        assert(n <= ACL_ENTRIES_MAX);

        value = malloc(size);
        if (!value)
                return error_oom(error);

        qsort(entries, n, sizeof(*entries), compare_entries);
        memcpy(value, &version, sizeof(version));
        for (size_t i = 0; i < n; i++) {
                const bool named = entries[i].tag == ACL_USER || entries[i].tag == ACL_GROUP;
                const RawEntry raw = {
                        .tag = htole16((uint16_t) entries[i].tag),
                        .permissions = htole16(entries[i].permissions),
                        .id = htole32(named ? entries[i].id : NO_ID),
                };

                memcpy(value + sizeof(version) + i * sizeof(raw), &raw, sizeof(raw));
        }

        *ret = value;
        *ret_size = size;
        return 0;
}

/* As the kernel requires: each owner once, in this order, and a mask if users or groups are named. */
static bool is_complete(const uint8_t *value, size_t size) {
        static const UnpackAclTag next[] = { ACL_USER_OWNER, ACL_GROUP_OWNER, ACL_OTHER };
        bool has_names = false, has_mask = false;
        size_t n_owners = 0;

        for (size_t at = sizeof(uint32_t); at < size; at += sizeof(RawEntry)) {
                RawEntry raw;
                unsigned tag;

                memcpy(&raw, value + at, sizeof(raw));
                tag = le16toh(raw.tag);
                if ((le16toh(raw.permissions) & ~7) != 0)
                        return false;
                if (n_owners < 3 && tag == next[n_owners])
                        n_owners++;
                else if (
                        (tag == ACL_USER && n_owners == 1) ||
                        (tag == ACL_GROUP && n_owners == 2 && !has_mask))
                        has_names = true;
                else if (tag == ACL_MASK && n_owners == 2 && !has_mask)
                        has_mask = true;
                else
                        return false;
        }

        return n_owners == 3 && (has_mask || !has_names);
}

int unpack_acl_map(void *value, size_t size, const IdMap *uids, const IdMap *gids) {
        uint8_t *p = value;
        uint32_t version;

        if (size < sizeof(version) || (size - sizeof(version)) % sizeof(RawEntry) != 0)
                return -EINVAL;
        memcpy(&version, p, sizeof(version));
        if (le32toh(version) != ACL_VERSION ||
            (size > sizeof(version) && !is_complete(value, size)))
                return -EINVAL;

        for (size_t at = sizeof(version); at < size; at += sizeof(RawEntry)) {
                const IdMap *map;
                RawEntry raw;

                memcpy(&raw, p + at, sizeof(raw));
                if (le16toh(raw.tag) == ACL_USER)
                        map = uids;
                else if (le16toh(raw.tag) == ACL_GROUP)
                        map = gids;
                else
                        continue;

                if (le32toh(raw.id) == NO_ID)
                        return -EINVAL;
                if (map)
                        raw.id = htole32(idmap_apply(map, le32toh(raw.id)));
                memcpy(p + at, &raw, sizeof(raw));
        }

        return 0;
}
