/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "ext4-internal.h"
#include "unpack-acl.h"
#include "unpack-xattr.h"

typedef struct ext2_xattr_handle Handle;

static void close_handle(Handle **handle) {
        if (*handle)
                (void) ext2fs_xattrs_close(handle);
}

static bool has_prefix(const char *name, const char *prefix) {
        return strncmp(name, prefix, strlen(prefix)) == 0 && name[strlen(prefix)] != '\0';
}

/* The types for which the kernel permits an xattr of this name. */
static bool can_have(UnpackType type, const char *name) {
        if (unpack_xattr_is_acl(name))
                return type != UNPACK_SYMLINK;
        if (has_prefix(name, "user."))
                return type == UNPACK_REGULAR || type == UNPACK_DIRECTORY;
        return has_prefix(name, "trusted.") || has_prefix(name, "security.");
}

/* Whether some are in the inode itself. */
static bool has_inner(const Ext4Inode *inode) {
        const size_t at = EXT2_GOOD_OLD_INODE_SIZE + inode->large.i_extra_isize;
        uint32_t magic = 0;

        if (at <= INODE_BYTES - sizeof(magic))
                memcpy(&magic, inode->bytes + at, sizeof(magic));
        return magic == EXT2_EXT_ATTR_MAGIC;
}

bool ext4_xattr_has(const Ext4Inode *inode) {
        return inode->large.i_file_acl != 0 || inode->large.osd2.linux2.l_i_file_acl_high != 0 ||
               has_inner(inode);
}

static int open_handle(Ext4 *ext4, uint32_t ino, Handle **ret, Error *error) {
        errcode_t code;

        code = ext2fs_xattrs_open(ext4->fs, ino, ret);
        if (code == 0)
                code = ext2fs_xattrs_read(*ret);
        return code == 0 ? 0 : ext4_error(ext4, code, "Cannot read extended attributes", error);
}

/* The mode that an access ACL implies, as the kernel reads it. */
typedef struct AclMode {
        uint32_t owner, group, mask, other;
        bool has_mask, has_names;
} AclMode;

static AclMode read_acl(const uint8_t *value, size_t size) {
        AclMode acl = { 0 };

        for (const uint8_t *entry = value + 4; entry + 8 <= value + size; entry += 8) {
                uint16_t tag, permissions;

                memcpy(&tag, entry, sizeof(tag));
                memcpy(&permissions, entry + sizeof(tag), sizeof(permissions));
                permissions = le16toh(permissions) & 7;
                switch (le16toh(tag)) {
                case ACL_USER_OWNER:
                        acl.owner = permissions;
                        break;
                case ACL_GROUP_OWNER:
                        acl.group = permissions;
                        break;
                case ACL_MASK:
                        acl.mask = permissions;
                        acl.has_mask = true;
                        break;
                case ACL_OTHER:
                        acl.other = permissions;
                        break;
                default:
                        acl.has_names = true;
                        break;
                }
        }
        return acl;
}

/* Sets an access ACL that a mode cannot express, and adjusts the mode. The group bits then are those of
 * the mask, not of the group. */
static errcode_t set_access_acl(Handle *handle, const UnpackXattr *xattr, uint32_t *mode) {
        const AclMode acl = read_acl(xattr->value, xattr->size);
        uint32_t group = acl.has_mask ? acl.mask : acl.group;
        errcode_t code = 0;

        if (acl.has_names || acl.has_mask)
                code = ext2fs_xattr_set(handle, xattr->name, xattr->value, xattr->size);
        if (code == EXT2_ET_EA_NO_SPACE)
                group &= acl.group;
        *mode = (*mode & ~0777u) | acl.owner << 6 | group << 3 | acl.other;
        return code;
}

static errcode_t set(Handle *handle, const UnpackXattr *xattr, UnpackType type, uint32_t *mode) {
        if (!can_have(type, xattr->name))
                return EXT2_ET_EA_NO_SPACE;
        if (!unpack_xattr_is_acl(xattr->name))
                return ext2fs_xattr_set(handle, xattr->name, xattr->value, xattr->size);
        if (unpack_acl_map(xattr->value, xattr->size, NULL, NULL) < 0)
                return EINVAL;
        if (strcmp(xattr->name, XATTR_ACL_DEFAULT) != 0)
                return set_access_acl(handle, xattr, mode);
        return type == UNPACK_DIRECTORY
                       ? ext2fs_xattr_set(handle, xattr->name, xattr->value, xattr->size)
                       : EACCES;
}

static void warn(Ext4 *ext4) {
        if (!ext4->warned_xattrs)
                unpack_target_warn(
                        &ext4->target,
                        "The file system cannot store all extended attributes of the image; some "
                        "are left out");
        ext4->warned_xattrs = true;
}

/* Writes those that control access, or the others. */
static int set_some(
        Ext4 *ext4,
        Handle *handle,
        const UnpackMeta *meta,
        bool of_rights,
        uint32_t *mode,
        Error *error) {
        for (size_t i = 0; i < meta->n_xattrs; i++) {
                const UnpackXattr *xattr = &meta->xattrs[i];
                errcode_t code;

                if (of_rights !=
                    (unpack_xattr_is_acl(xattr->name) || has_prefix(xattr->name, "security.")))
                        continue;

                code = set(handle, xattr, meta->type, mode);
                if (code == EXT2_ET_EA_NO_SPACE)
                        warn(ext4);
                else if (code != 0)
                        return ext4_error(ext4, code, "Cannot write an extended attribute", error);
        }
        return 0;
}

int ext4_xattr_write(
        Ext4 *ext4, uint32_t ino, Ext4Inode *inode, const UnpackMeta *meta, Error *error) {
        _cleanup_(close_handle) Handle *handle = NULL;
        uint32_t mode = meta->mode;
        int r;

        if (meta->n_xattrs == 0)
                return 0;

        r = open_handle(ext4, ino, &handle, error);
        if (r >= 0)
                r = set_some(ext4, handle, meta, true, &mode, error);
        if (r >= 0)
                r = set_some(ext4, handle, meta, false, &mode, error);
        if (r >= 0)
                r = ext4_inode_read(ext4, ino, inode, error);
        if (r < 0 || mode == meta->mode)
                return r;

        inode->large.i_mode = (uint16_t) ((inode->large.i_mode & S_IFMT) | mode);
        return ext4_inode_write(ext4, ino, inode, error);
}

/* The names of all xattrs. */
typedef struct XattrNames {
        char **names; /* owned, and what they point to */
        size_t n, room;
        bool out_of_memory;
} XattrNames;

static void names_done(XattrNames *names) {
        for (size_t i = 0; i < names->n; i++)
                free(names->names[i]);
        free(names->names);
}

static int on_name(char *name, char *value, size_t size, void *userdata) {
        XattrNames *names = userdata;

        if (names->n < names->room)
                names->names[names->n] = strdup(name);
        if (names->n == names->room || !names->names[names->n]) {
                names->out_of_memory = true;
                return XATTR_ABORT;
        }
        names->n++;
        return 0;
}

static int list(Ext4 *ext4, Handle *handle, XattrNames *ret, Error *error) {
        size_t count = 0;
        errcode_t code;

        code = ext2fs_xattrs_count(handle, &count);
        if (code == 0) {
                ret->room = count;
                ret->names = calloc(count + 1, sizeof(char *));
                if (!ret->names)
                        return error_oom(error);
                code = ext2fs_xattrs_iterate(handle, on_name, ret);
        }
        if (ret->out_of_memory)
                return error_oom(error);
        return code == 0 ? 0 : ext4_error(ext4, code, "Cannot read extended attributes", error);
}

/* libext2fs leaves an empty block. */
static int free_block(Ext4 *ext4, uint32_t ino, Ext4Inode *inode, Error *error) {
        errcode_t code;

        if (ext2fs_file_acl_block(ext4->fs, &inode->small) == 0)
                return 0;

        code = ext2fs_free_ext_attr(ext4->fs, ino, &inode->large);
        return code == 0 ? ext4_inode_write(ext4, ino, inode, error)
                         : ext4_error(ext4, code, "Cannot remove extended attributes", error);
}

int ext4_xattr_clear(Ext4 *ext4, uint32_t ino, Ext4Inode *inode, Error *error) {
        _cleanup_(close_handle) Handle *handle = NULL;
        _cleanup_(names_done) XattrNames names = { 0 };
        int r;

        if (!ext4_xattr_has(inode))
                return 0;

        r = open_handle(ext4, ino, &handle, error);
        if (r >= 0)
                r = list(ext4, handle, &names, error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < names.n; i++) {
                const errcode_t code = ext2fs_xattr_remove(handle, names.names[i]);

                if (code != 0)
                        return ext4_error(ext4, code, "Cannot remove an extended attribute", error);
        }
        r = ext4_inode_read(ext4, ino, inode, error);
        return r < 0 ? r : free_block(ext4, ino, inode, error);
}

static int copy_value(
        Ext4 *ext4, Handle *handle, const char *name, UnpackXattr *ret, Error *error) {
        void *value = NULL;
        size_t size = 0;
        errcode_t code;

        code = ext2fs_xattr_get(handle, name, &value, &size);
        if (code != 0)
                return ext4_error(ext4, code, "Cannot read an extended attribute", error);

        ret->value = malloc(size + 1);
        if (ret->value && size > 0)
                memcpy(ret->value, value, size);
        ret->size = size;
        (void) ext2fs_free_mem(&value);
        return ret->value ? 0 : error_oom(error);
}

int ext4_xattr_read(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, UnpackMeta *meta, Error *error) {
        _cleanup_(close_handle) Handle *handle = NULL;
        _cleanup_(names_done) XattrNames names = { 0 };
        UnpackXattr *xattrs;
        int r;

        if (!ext4_xattr_has(inode))
                return 0;

        r = open_handle(ext4, ino, &handle, error);
        if (r >= 0)
                r = list(ext4, handle, &names, error);
        if (r < 0)
                return r;

        xattrs = calloc(names.n + 1, sizeof(*xattrs));
        if (!xattrs)
                return error_oom(error);

        meta->xattrs = xattrs;
        for (size_t i = 0; i < names.n; i++) {
                xattrs[i].name = TAKE_PTR(names.names[i]);
                meta->n_xattrs++;
                r = copy_value(ext4, handle, xattrs[i].name, &xattrs[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int ext4_xattr_map(
        Ext4 *ext4,
        uint32_t ino,
        const Ext4Inode *inode,
        const IdMap *uids,
        const IdMap *gids,
        Error *error) {
        static const char *const names[] = { XATTR_ACL_ACCESS, XATTR_ACL_DEFAULT };
        _cleanup_(close_handle) Handle *handle = NULL;
        int r;

        if (!ext4_xattr_has(inode))
                return 0;

        r = open_handle(ext4, ino, &handle, error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < 2; i++) {
                void *value = NULL;
                size_t size = 0;
                errcode_t code;

                code = ext2fs_xattr_get(handle, names[i], &value, &size);
                if (code == EXT2_ET_EA_KEY_NOT_FOUND)
                        continue;
                if (code == 0) {
                        code = -unpack_acl_map(value, size, uids, gids);
                        if (code == 0)
                                code = ext2fs_xattr_set(handle, names[i], value, size);
                        (void) ext2fs_free_mem(&value);
                }
                if (code != 0)
                        return ext4_error(ext4, code, "Cannot map the owners in an ACL", error);
        }
        return 0;
}
