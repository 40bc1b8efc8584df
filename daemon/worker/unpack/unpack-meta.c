/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <archive.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base-macro.h"
#include "unpack-acl.h"
#include "unpack-capability.h"
#include "unpack-meta.h"
#include "unpack-path.h"
#include "unpack-xattr.h"

#define ID_MAX    INT64_C(0xfffffffe) /* the next number is not an id: chown(2) */
#define MAJOR_MAX UINT32_C(0xfff)     /* limits of the kernel: 12 and 20 bits */
#define MINOR_MAX UINT32_C(0xfffff)

static UnpackType read_type(struct archive_entry *entry) {
        static const struct {
                __LA_MODE_T from;
                UnpackType to;
        } types[] = {
                { AE_IFREG, UNPACK_REGULAR },      { AE_IFDIR, UNPACK_DIRECTORY },
                { AE_IFLNK, UNPACK_SYMLINK },      { AE_IFCHR, UNPACK_CHARACTER_DEVICE },
                { AE_IFBLK, UNPACK_BLOCK_DEVICE }, { AE_IFIFO, UNPACK_FIFO },
                { AE_IFSOCK, UNPACK_SOCKET },
        };

        for (size_t i = 0; i < N_ELEMENTS(types); i++)
                if (types[i].from == archive_entry_filetype(entry))
                        return types[i].to;

        return _UNPACK_TYPE_MAX;
}

/* Returns 1 if it is outside the ranges of @map. */
static int read_id(int64_t id, const IdMap *map, uint32_t *ret, Error *error) {
        if (id < 0 || id > ID_MAX)
                return error_set(
                        error, ERANGE, ERROR_UNSAFE_ARCHIVE,
                        "Its owner or group %" PRId64 " is out of range", id);

        *ret = map ? idmap_apply(map, (uint32_t) id) : (uint32_t) id;
        return map && !idmap_covers(map, (uint32_t) id);
}

static int read_device(UnpackMeta *meta, struct archive_entry *entry, Error *error) {
        const uint64_t major = archive_entry_rdevmajor(entry),
                       minor = archive_entry_rdevminor(entry);

        if (meta->type != UNPACK_CHARACTER_DEVICE && meta->type != UNPACK_BLOCK_DEVICE)
                return 0;
        if (major > MAJOR_MAX || minor > MINOR_MAX)
                return error_set(
                        error, ERANGE, ERROR_UNSAFE_ARCHIVE,
                        "Its device number %" PRIu64 ":%" PRIu64 " is out of range", major, minor);

        meta->device_major = (uint32_t) major;
        meta->device_minor = (uint32_t) minor;
        return 0;
}

static void read_times(UnpackMeta *meta, struct archive_entry *entry) {
        meta->mtime = (struct timespec){
                .tv_sec = archive_entry_mtime(entry),
                .tv_nsec = archive_entry_mtime_nsec(entry),
        };
        meta->atime = meta->mtime;
        if (archive_entry_atime_is_set(entry))
                meta->atime = (struct timespec){
                        .tv_sec = archive_entry_atime(entry),
                        .tv_nsec = archive_entry_atime_nsec(entry),
                };
}

static UnpackXattr *find_xattr(UnpackMeta *meta, const char *name) {
        for (UnpackXattr *xattr = meta->xattrs; xattr < meta->xattrs + meta->n_xattrs; xattr++)
                if (xattr->name && strcmp(xattr->name, name) == 0)
                        return xattr;
        return NULL;
}

/* Takes over @value, also on failure. The last of two with the same name wins. */
static int add_xattr(UnpackMeta *meta, const char *name, void *value, size_t size, Error *error) {
        UnpackXattr *xattr = find_xattr(meta, name);

        if (!xattr) {
                char *copy = strdup(name);

                assert(meta->n_xattrs < XATTRS_MAX);
                if (!copy) {
                        free(value);
                        return error_oom(error);
                }
                xattr = &meta->xattrs[meta->n_xattrs++];
                *xattr = (UnpackXattr){ .name = copy };
        }

        free(xattr->value);
        xattr->value = value;
        xattr->size = size;
        return 0;
}

static int read_xattr(
        UnpackMeta *meta,
        const char *name,
        const void *value,
        size_t size,
        const UnpackMetaRules *rules,
        Error *error) {
        void *copy;
        int r;

        /* The labels of the machine that made the image mean nothing here. */
        if (strcmp(name, "security.selinux") == 0)
                return 0;
        if (strlen(name) > NAME_BYTES_MAX)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "It has an extended attribute with a name of more than %zu bytes",
                        NAME_BYTES_MAX);
        if (size > rules->limits->xattr_bytes)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "It has an extended attribute of more than %" PRIu64
                        " bytes" LIMIT_KEY("XattrSize"),
                        rules->limits->xattr_bytes);

        if (strcmp(name, XATTR_CAPABILITY) == 0) {
                r = unpack_capability_map(value, size, rules->capability_uids, &copy, &size, error);
                return r < 0 ? r : add_xattr(meta, name, copy, size, error);
        }

        copy = malloc(size + 1);
        if (!copy)
                return error_oom(error);

        memcpy(copy, value, size);
        if (unpack_xattr_is_acl(name) && unpack_acl_map(copy, size, rules->uids, rules->gids) < 0) {
                free(copy);
                return error_set(error, EINVAL, ERROR_CORRUPT_ARCHIVE, "Its ACL is invalid");
        }

        return add_xattr(meta, name, copy, size, error);
}

static int read_acl(
        UnpackMeta *meta,
        struct archive_entry *entry,
        int type,
        const UnpackMetaRules *rules,
        Error *error) {
        static const struct {
                int from;
                UnpackAclTag to;
        } tags[] = {
                { ARCHIVE_ENTRY_ACL_USER, ACL_USER },
                { ARCHIVE_ENTRY_ACL_GROUP, ACL_GROUP },
                { ARCHIVE_ENTRY_ACL_USER_OBJ, ACL_USER_OWNER },
                { ARCHIVE_ENTRY_ACL_GROUP_OBJ, ACL_GROUP_OWNER },
                { ARCHIVE_ENTRY_ACL_MASK, ACL_MASK },
                { ARCHIVE_ENTRY_ACL_OTHER, ACL_OTHER },
        };
        const bool is_default = type == ARCHIVE_ENTRY_ACL_TYPE_DEFAULT;
        const int count = archive_entry_acl_reset(entry, type);
        _cleanup_(freep) UnpackAclEntry *entries = NULL;
        int a_type, permset, tag, qual, r;
        const char *name;
        void *value;
        size_t n = 0, size;

        if (count <= 0)
                return 0;
        if ((size_t) count > ACL_ENTRIES_MAX)
                return error_set(error, E2BIG, ERROR_LIMIT_EXCEEDED, "Its ACL is too long");

        entries = calloc((size_t) count, sizeof(*entries));
        if (!entries)
                return error_oom(error);

        while (archive_entry_acl_next(entry, type, &a_type, &permset, &tag, &qual, &name) ==
               ARCHIVE_OK) {
                for (size_t i = 0; i < N_ELEMENTS(tags); i++)
                        if (tags[i].from == tag)
                                entries[n].tag = tags[i].to;
                if (entries[n].tag == 0 || n == (size_t) count)
                        return error_set(
                                error, EINVAL, ERROR_CORRUPT_ARCHIVE, "Its ACL is invalid");
                if ((entries[n].tag == ACL_USER || entries[n].tag == ACL_GROUP) && qual < 0)
                        return 1;

                entries[n].permissions = (uint16_t) (permset & 7);
                entries[n++].id = (uint32_t) qual;
        }

        r = unpack_acl_format(entries, n, &value, &size, error);
        if (r < 0)
                return r;
        if (unpack_acl_map(value, size, rules->uids, rules->gids) < 0) {
                free(value);
                return error_set(error, EINVAL, ERROR_CORRUPT_ARCHIVE, "Its ACL is invalid");
        }
        return add_xattr(
                meta, is_default ? XATTR_ACL_DEFAULT : XATTR_ACL_ACCESS, value, size, error);
}

static int read_xattrs(
        UnpackMeta *meta, struct archive_entry *entry, const UnpackMetaRules *rules, Error *error) {
        const int count = archive_entry_xattr_reset(entry);
        const char *name;
        const void *value;
        size_t size;
        int r;

        if (count <= 0 && !archive_entry_acl_types(entry))
                return 0;
        if (count < 0 || (size_t) count > XATTRS_MAX - 2)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED,
                        "It has more than %zu extended attributes", XATTRS_MAX - 2);

        meta->xattrs = calloc((size_t) count + 2, sizeof(*meta->xattrs));
        if (!meta->xattrs)
                return error_oom(error);

        while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
                r = read_xattr(meta, name, value, size, rules, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_acls(
        UnpackMeta *meta, struct archive_entry *entry, const UnpackMetaRules *rules, Error *error) {
        static const int types[] = { ARCHIVE_ENTRY_ACL_TYPE_ACCESS,
                                     ARCHIVE_ENTRY_ACL_TYPE_DEFAULT };
        int r, skipped = 0;

        for (size_t i = 0; i < 2; i++) {
                if (!(archive_entry_acl_types(entry) & types[i]))
                        continue;
                r = read_acl(meta, entry, types[i], rules, error);
                if (r < 0)
                        return r;
                skipped = skipped || r > 0;
        }
        return skipped;
}

int unpack_meta_read(
        UnpackMeta *meta, struct archive_entry *entry, const UnpackMetaRules *rules, Error *error) {
        int64_t size;
        int r;

        *meta = (UnpackMeta){ .type = read_type(entry) };

        r = read_id(archive_entry_uid(entry), rules->uids, &meta->uid, error);
        if (r < 0)
                return r;
        meta->is_unmapped = r > 0;
        r = read_id(archive_entry_gid(entry), rules->gids, &meta->gid, error);
        if (r < 0)
                return r;
        meta->is_unmapped = meta->is_unmapped || r > 0;
        r = read_device(meta, entry, error);
        if (r < 0)
                return r;

        size = archive_entry_size(entry);
        if (size < 0)
                return error_set(error, EINVAL, ERROR_CORRUPT_ARCHIVE, "Its size is negative");
        meta->size = (uint64_t) size;
        meta->mode = archive_entry_perm(entry) & 07777;
        read_times(meta, entry);

        r = read_xattrs(meta, entry, rules, error);
        if (r < 0)
                return r;
        return read_acls(meta, entry, rules, error);
}
