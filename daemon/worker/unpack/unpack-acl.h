/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * POSIX ACLs (acl(5)) as the kernel stores them in system.posix_acl_access and .posix_acl_default: a
 * version word, then eight bytes per entry: tag, permissions, id; little-endian
 * (linux/posix_acl_xattr.h).
 */

#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "base-idmap.h"

#define ACL_ENTRIES_MAX ((size_t) 8191) /* what fits into an xattr of 64 KiB */

typedef enum UnpackAclTag {
        ACL_USER_OWNER = 0x01,
        ACL_USER = 0x02,
        ACL_GROUP_OWNER = 0x04,
        ACL_GROUP = 0x08,
        ACL_MASK = 0x10,
        ACL_OTHER = 0x20,
} UnpackAclTag;

typedef struct UnpackAclEntry {
        UnpackAclTag tag;
        uint16_t permissions; /* 4 read, 2 write, 1 execute */
        uint32_t id;          /* of ACL_USER and ACL_GROUP */
} UnpackAclEntry;

/**
 * unpack_acl_format() - build the xattr's value; sorts @entries as the kernel requires
 * @ret:        owned by the caller
 */
int unpack_acl_format(
        UnpackAclEntry *entries, size_t n, void **ret, size_t *ret_size, Error *error);

/**
 * unpack_acl_map() - apply an owner mapping to an xattr's value, in place
 * @uids, @gids:        NULL: no change
 *
 * Return: 0, or -EINVAL if the value is not an ACL or names an invalid id.
 */
int unpack_acl_map(void *value, size_t size, const IdMap *uids, const IdMap *gids);
