/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "ext4-internal.h"

#define LINK_MAX_BYTES ((size_t) 4095)

typedef struct Ext4List {
        UnpackList list; /* first */
        Ext4Dir *dir;    /* stays meanwhile */
        size_t at;
        char name[EXT4_NAME_MAX + 1];
} Ext4List;

static Ext4 *ext4_of(UnpackTarget *target) {
        return (Ext4 *) target;
}

/* Finds the name, or NULL, and its hash. */
static Ext4Name *find_name(Ext4 *ext4, const Ext4Dir *dir, const char *name, uint32_t *ret_hash) {
        const size_t size = strlen(name);
        const uint32_t hash = ext4_names_hash(ext4->fs, name, size);

        if (ret_hash)
                *ret_hash = hash;
        return ext4_names_find(&dir->names, hash, name, size);
}

/* Finds the directory and the name in it: -ENOENT without @error. */
static int get_name(
        Ext4 *ext4,
        UnpackDir dir,
        const char *name,
        Ext4Dir **ret_dir,
        Ext4Name **ret,
        Error *error) {
        int r;

        r = ext4_dirs_shrink(ext4, error);
        if (r >= 0)
                r = ext4_dirs_get(ext4, (uint32_t) dir, ret_dir, error);
        if (r < 0)
                return r;

        *ret = find_name(ext4, *ret_dir, name, NULL);
        return *ret ? 0 : -ENOENT;
}

/* Likewise, and reads the inode. */
static int get_inode(
        Ext4 *ext4,
        UnpackDir dir,
        const char *name,
        uint32_t *ret_ino,
        Ext4Inode *ret,
        Error *error) {
        const Ext4Dir *child;
        Ext4Name *found;
        Ext4Dir *parent;
        int r;

        r = get_name(ext4, dir, name, &parent, &found, error);
        if (r < 0)
                return r;

        *ret_ino = found->ino;
        child = found->type == EXT2_FT_DIR ? ext4_dirs_find(ext4, found->ino) : NULL;
        if (child) {
                *ret = child->inode;
                return 0;
        }
        return ext4_inode_read(ext4, found->ino, ret, error);
}

/* A new name for a new inode: -EEXIST without @error. */
static int add_name(
        Ext4 *ext4, UnpackDir dir, const char *name, UnpackType type, uint32_t *ino, Error *error) {
        Ext4Name added = { .type = ext4_type_to_name(type) };
        const size_t size = strlen(name);
        Ext4Dir *parent;
        int r;

        if (size > EXT4_NAME_MAX)
                return error_set(
                        error, ENAMETOOLONG, ERROR_LIMIT_EXCEEDED,
                        "A name is longer than %zu bytes", EXT4_NAME_MAX);

        r = ext4_dirs_shrink(ext4, error);
        if (r >= 0)
                r = ext4_dirs_get(ext4, (uint32_t) dir, &parent, error);
        if (r < 0)
                return r;
        if (find_name(ext4, parent, name, &added.hash))
                return -EEXIST;

        if (*ino == 0) {
                r = ext4_inode_allocate(ext4, type == UNPACK_DIRECTORY, ino, error);
                if (r < 0)
                        return r;
        }

        added.ino = *ino;
        r = ext4_names_add(&parent->names, &added, name, size, error);
        if (r >= 0)
                ext4_dirs_changed(ext4, parent, true);
        return r;
}

static int on_open_root(UnpackTarget *target, UnpackDir *ret, UnpackInfo *ret_info, Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4Dir *dir;
        int r;

        r = ext4_dirs_get(ext4, EXT2_ROOT_INO, &dir, error);
        if (r < 0)
                return r;

        ext4_inode_info(EXT2_ROOT_INO, &dir->inode, ret_info);
        *ret = EXT2_ROOT_INO;
        return 0;
}

static int on_open_dir(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        UnpackDir *ret,
        UnpackInfo *ret_info,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4Dir *parent, *child;
        Ext4Name *found;
        int r;

        r = get_name(ext4, dir, name, &parent, &found, error);
        if (r < 0)
                return r;
        if (found->type != EXT2_FT_DIR)
                return -ENOTDIR;

        r = ext4_dirs_get(ext4, found->ino, &child, error);
        if (r < 0)
                return r;

        ext4_inode_info(child->ino, &child->inode, ret_info);
        *ret = child->ino;
        return 0;
}

/* Writing xattrs reads and writes the inode. */
static int write_xattrs(
        Ext4 *ext4, uint32_t ino, Ext4Inode *inode, const UnpackMeta *meta, Error *error) {
        int r;

        if (meta->n_xattrs == 0)
                return 0;
        r = ext4_inode_write(ext4, ino, inode, error);
        return r < 0 ? r : ext4_xattr_write(ext4, ino, inode, meta, error);
}

static int on_make_dir(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        UnpackDir *ret,
        UnpackInfo *ret_info,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        uint32_t ino = 0;
        Ext4Inode inode;
        Ext4Dir *made;
        int r;

        r = add_name(ext4, dir, name, UNPACK_DIRECTORY, &ino, error);
        if (r < 0)
                return r;

        ext4_inode_init(ext4, &inode, meta);
        r = write_xattrs(ext4, ino, &inode, meta, error);
        if (r >= 0)
                r = ext4_dirs_add(ext4, ino, (uint32_t) dir, &inode, &made, error);
        if (r < 0)
                return r;

        ext4_inode_info(ino, &made->inode, ret_info);
        *ret = ino;
        return 0;
}

static int on_merge_dir(
        UnpackTarget *target,
        UnpackDir *dir,
        const UnpackMeta *meta,
        UnpackInfo *info,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4Dir *merged;
        int r;

        r = ext4_dirs_shrink(ext4, error);
        if (r >= 0)
                r = ext4_dirs_get(ext4, (uint32_t) *dir, &merged, error);
        if (r < 0)
                return r;

        ext4_inode_set(ext4, &merged->inode, meta);
        ext4_dirs_changed(ext4, merged, false);
        if (ext4_xattr_has(&merged->inode)) {
                r = ext4_inode_write(ext4, merged->ino, &merged->inode, error);
                if (r >= 0)
                        r = ext4_xattr_clear(ext4, merged->ino, &merged->inode, error);
                if (r < 0)
                        return r;
        }
        r = write_xattrs(ext4, merged->ino, &merged->inode, meta, error);
        if (r < 0)
                return r;

        ext4_inode_info(merged->ino, &merged->inode, info);
        return 0;
}

static int on_close_dir(
        UnpackTarget *target, UnpackDir dir, const UnpackInfo *info, bool touched, Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4Dir *closed;
        int r;

        if (!touched)
                return 0;

        r = ext4_dirs_get(ext4, (uint32_t) dir, &closed, error);
        if (r < 0)
                return r;

        ext4_inode_set_times(&closed->inode, &info->atime, &info->mtime);
        ext4_dirs_changed(ext4, closed, false);
        return 0;
}

static int on_look(
        UnpackTarget *target, UnpackDir dir, const char *name, UnpackInfo *ret, Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4Inode inode;
        uint32_t ino;
        int r;

        r = get_inode(ext4, dir, name, &ino, &inode, error);
        if (r >= 0)
                ext4_inode_info(ino, &inode, ret);
        return r;
}

static int on_read_link(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        char *buffer,
        size_t size,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4Inode inode;
        uint32_t ino;
        ssize_t n;
        int r;

        r = get_inode(ext4, dir, name, &ino, &inode, error);
        if (r == -ENOENT)
                return error_set_errno(error, ENOENT, "Cannot read the link \"%s\"", name);
        if (r < 0)
                return r;

        n = ext4_content_read_link(ext4, ino, &inode, buffer, size, error);
        if (n < 0)
                return (int) n;
        if ((size_t) n == size)
                return error_set_errno(error, ENAMETOOLONG, "Cannot read the link \"%s\"", name);

        buffer[n] = '\0';
        return 0;
}

static int on_list_open(UnpackTarget *target, UnpackDir dir, UnpackList **ret, Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4List *list;
        int r;

        list = calloc(1, sizeof(*list));
        if (!list)
                return error_oom(error);

        r = ext4_dirs_shrink(ext4, error);
        if (r >= 0)
                r = ext4_dirs_get(ext4, (uint32_t) dir, &list->dir, error);
        if (r < 0) {
                free(list);
                return r;
        }

        list->list.dir = dir;
        list->dir->names.n_lists++;
        *ret = &list->list;
        return 0;
}

static int on_list_next(
        UnpackTarget *target,
        UnpackList *list,
        const char **ret_name,
        UnpackType *ret_type,
        Error *error) {
        Ext4List *own = (Ext4List *) list;
        const Ext4Names *names = &own->dir->names;

        while (own->at < names->n_names) {
                const Ext4Name *name = &names->names[own->at++];

                if (name->ino == 0)
                        continue;
                memcpy(own->name, ext4_names_text(names, name), name->size);
                own->name[name->size] = '\0';
                *ret_name = own->name;
                *ret_type = ext4_type_from_name(name->type);
                return 1;
        }
        return 0;
}

static void on_list_close(UnpackTarget *target, UnpackList *list) {
        ((Ext4List *) list)->dir->names.n_lists--;
        free(list);
}

/* With its content and its xattrs. */
static int free_inode(Ext4 *ext4, uint32_t ino, bool is_dir, Error *error) {
        Ext4Inode inode;
        int r;

        r = ext4_inode_read(ext4, ino, &inode, error);
        if (r >= 0)
                r = ext4_xattr_clear(ext4, ino, &inode, error);
        if (r >= 0)
                r = ext4_extents_free(ext4, ino, &inode, error);
        if (r < 0)
                return r;

        ext2fs_inode_alloc_stats2(ext4->fs, ino, -1, is_dir);
        inode = (Ext4Inode){ 0 };
        return ext4_inode_write(ext4, ino, &inode, error);
}

static int remove_dir(Ext4 *ext4, uint32_t ino, Error *error) {
        Ext4Dir *dir;
        int r;

        r = ext4_dirs_get(ext4, ino, &dir, error);
        if (r < 0)
                return r;
        if (dir->names.n_live > 0)
                return -ENOTEMPTY;

        /* Freeing reads the inode, which must have all blocks. */
        r = ext4_inode_write(ext4, ino, &dir->inode, error);
        if (r >= 0)
                r = free_inode(ext4, ino, true, error);
        if (r >= 0)
                ext4_dirs_forget(ext4, dir);
        return r;
}

static int remove_link(Ext4 *ext4, uint32_t ino, Error *error) {
        Ext4Inode inode;
        int r;

        r = ext4_inode_read(ext4, ino, &inode, error);
        if (r < 0)
                return r;
        if (inode.large.i_links_count <= 1)
                return free_inode(ext4, ino, false, error);

        inode.large.i_links_count--;
        return ext4_inode_write(ext4, ino, &inode, error);
}

static int on_remove(
        UnpackTarget *target, UnpackDir dir, const char *name, bool is_dir, Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4Dir *parent;
        Ext4Name *found;
        int r;

        r = get_name(ext4, dir, name, &parent, &found, error);
        if (r >= 0 && is_dir != (found->type == EXT2_FT_DIR))
                r = is_dir ? -ENOTDIR : -EISDIR;
        if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR)
                return error_set_errno(error, -r, "Cannot remove \"%s\"", name);
        if (r >= 0)
                r = is_dir ? remove_dir(ext4, found->ino, error)
                           : remove_link(ext4, found->ino, error);
        if (r < 0)
                return r;

        ext4_names_remove(&parent->names, found);
        ext4_dirs_changed(ext4, parent, true);
        return 0;
}

static int put_link(Ext4 *ext4, uint32_t ino, Ext4Inode *inode, const char *link, Error *error) {
        const size_t size = strlen(link);
        int r;

        if (size > LINK_MAX_BYTES)
                return error_set_errno(error, ENAMETOOLONG, "Cannot create a link");
        if (size <= FAST_LINK_MAX) {
                memcpy(inode->large.i_block, link, size);
                ext4_inode_set_size(inode, size);
                return 0;
        }

        ext4_content_begin(ext4, ino);
        r = ext4_content_write(ext4, 0, link, size, error);
        return r < 0 ? r : ext4_content_end(ext4, inode, size, error);
}

static int on_make(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        uint32_t ino = 0;
        Ext4Inode inode;
        int r;

        r = add_name(ext4, dir, name, meta->type, &ino, error);
        if (r < 0)
                return r;

        ext4_inode_init(ext4, &inode, meta);
        if (meta->type == UNPACK_SYMLINK) {
                r = put_link(ext4, ino, &inode, meta->link, error);
                if (r < 0)
                        return r;
        }
        r = ext4_inode_write(ext4, ino, &inode, error);
        return r < 0 ? r : ext4_xattr_write(ext4, ino, &inode, meta, error);
}

static int on_link(
        UnpackTarget *target,
        UnpackDir from_dir,
        const char *from_name,
        UnpackDir dir,
        const char *name,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        UnpackInfo info;
        Ext4Inode inode;
        uint32_t ino;
        int r;

        r = get_inode(ext4, from_dir, from_name, &ino, &inode, error);
        if (r < 0)
                return r;

        ext4_inode_info(ino, &inode, &info);
        if (inode.large.i_links_count >= LINKS_MAX) {
                Ext4Dir *parent;

                /* Remove the existing name first: it may be one of the links. */
                r = ext4_dirs_get(ext4, (uint32_t) dir, &parent, error);
                if (r >= 0 && find_name(ext4, parent, name, NULL))
                        return -EEXIST;
                return r < 0 ? r : error_set_errno(error, EMLINK, "Cannot create a hard link");
        }

        r = add_name(ext4, dir, name, info.type, &ino, error);
        if (r < 0)
                return r;

        inode.large.i_links_count++;
        return ext4_inode_write(ext4, ino, &inode, error);
}

static int on_create(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        UnpackFile **ret,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        uint32_t ino = 0;
        int r;

        r = add_name(ext4, dir, name, UNPACK_REGULAR, &ino, error);
        if (r < 0)
                return r;

        ext4_content_begin(ext4, ino);
        *ret = NULL;
        return 0;
}

static int on_write(
        UnpackTarget *target,
        UnpackFile *file,
        uint64_t offset,
        const void *data,
        size_t size,
        Error *error) {
        return ext4_content_write(ext4_of(target), offset, data, size, error);
}

static int on_finish(
        UnpackTarget *target,
        UnpackFile *file,
        const UnpackEntry *entry,
        const UnpackMeta *meta,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        const uint32_t ino = ext4->content.ino;
        Ext4Inode inode;
        int r;

        ext4_inode_init(ext4, &inode, meta);
        r = ext4_content_end(ext4, &inode, meta->size, error);
        if (r >= 0)
                r = ext4_inode_write(ext4, ino, &inode, error);
        return r < 0 ? r : ext4_xattr_write(ext4, ino, &inode, meta, error);
}

static int get_link(
        Ext4 *ext4, uint32_t ino, const Ext4Inode *inode, UnpackMeta *meta, Error *error) {
        char *link = malloc(LINK_MAX_BYTES + 1);
        ssize_t n;

        if (!link)
                return error_oom(error);

        meta->link = link;
        n = ext4_content_read_link(ext4, ino, inode, link, LINK_MAX_BYTES, error);
        if (n < 0)
                return (int) n;
        link[n] = '\0';
        return 0;
}

static int on_get_meta(
        UnpackTarget *target, UnpackDir dir, const char *name, UnpackMeta *ret, Error *error) {
        Ext4 *ext4 = ext4_of(target);
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        Ext4Inode inode;
        uint32_t ino;
        int r;

        r = get_inode(ext4, dir, name, &ino, &inode, error);
        if (r < 0)
                return r;

        ext4_inode_meta(&inode, &meta);
        r = ext4_xattr_read(ext4, ino, &inode, &meta, error);
        if (r >= 0 && meta.type == UNPACK_SYMLINK)
                r = get_link(ext4, ino, &inode, &meta, error);
        if (r < 0)
                return r;

        *ret = TAKE_STRUCT(meta);
        return 0;
}

static ssize_t on_read_file(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        void *buffer,
        size_t size,
        Error *error) {
        Ext4 *ext4 = ext4_of(target);
        Ext4Inode inode;
        UnpackInfo info;
        uint32_t ino;
        int r;

        r = get_inode(ext4, dir, name, &ino, &inode, error);
        if (r < 0)
                return r;

        ext4_inode_info(ino, &inode, &info);
        if (info.type != UNPACK_REGULAR)
                return -EINVAL;
        return ext4_content_read(ext4, ino, &inode, buffer, size, error);
}

static int on_end_layer(UnpackTarget *target, Error *error) {
        return ext4_end_layer(ext4_of(target), error);
}

const UnpackTargetOps ext4_target_ops = {
        .open_root = on_open_root,
        .open_dir = on_open_dir,
        .make_dir = on_make_dir,
        .merge_dir = on_merge_dir,
        .close_dir = on_close_dir,
        .look = on_look,
        .read_link = on_read_link,
        .list_open = on_list_open,
        .list_next = on_list_next,
        .list_close = on_list_close,
        .remove = on_remove,
        .make = on_make,
        .link = on_link,
        .create = on_create,
        .write = on_write,
        .finish = on_finish,
        .get_meta = on_get_meta,
        .read_file = on_read_file,
        .end_layer = on_end_layer,
};
