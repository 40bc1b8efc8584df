/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <string.h>

#include "ext4-internal.h"

static Ext4Dir **find_bucket(Ext4 *ext4, uint32_t ino) {
        return &ext4->dirs.buckets[ino & (DIR_BUCKETS - 1)];
}

static void use_unlink(Ext4Dirs *dirs, Ext4Dir *dir) {
        if (dir->newer)
                dir->newer->older = dir->older;
        else
                dirs->newest = dir->older;
        if (dir->older)
                dir->older->newer = dir->newer;
        else
                dirs->oldest = dir->newer;
        dir->newer = dir->older = NULL;
}

static void use_link(Ext4Dirs *dirs, Ext4Dir *dir) {
        dir->older = dirs->newest;
        if (dirs->newest)
                dirs->newest->newer = dir;
        else
                dirs->oldest = dir;
        dirs->newest = dir;
}

static void account(Ext4Dirs *dirs, Ext4Dir *dir) {
        const size_t bytes = sizeof(*dir) + ext4_names_bytes(&dir->names) +
                             dir->extents.room * sizeof(Ext4Extent);

        dirs->bytes += bytes - dir->bytes;
        dir->bytes = bytes;
}

static void link_dir(Ext4 *ext4, Ext4Dir *dir) {
        Ext4Dir **bucket = find_bucket(ext4, dir->ino);

        dir->chain = *bucket;
        *bucket = dir;
        use_link(&ext4->dirs, dir);
        account(&ext4->dirs, dir);
}

static Ext4Dir *free_dir(Ext4Dir *dir) {
        if (!dir)
                return NULL;
        ext4_names_done(&dir->names);
        ext4_extents_done(&dir->extents);
        free(dir);
        return NULL;
}

DEFINE_CLEANUP(Ext4Dir, free_dir);

void ext4_dirs_forget(Ext4 *ext4, Ext4Dir *dir) {
        Ext4Dir **link = find_bucket(ext4, dir->ino);

        while (*link != dir)
                link = &(*link)->chain;
        *link = dir->chain;
        use_unlink(&ext4->dirs, dir);
        ext4->dirs.bytes -= dir->bytes;
        free_dir(dir);
}

Ext4Dir *ext4_dirs_find(Ext4 *ext4, uint32_t ino) {
        Ext4Dir *dir = *find_bucket(ext4, ino);

        while (dir && dir->ino != ino)
                dir = dir->chain;
        if (dir && ext4->dirs.newest != dir) {
                use_unlink(&ext4->dirs, dir);
                use_link(&ext4->dirs, dir);
        }
        return dir;
}

int ext4_dirs_get(Ext4 *ext4, uint32_t ino, Ext4Dir **ret, Error *error) {
        _cleanup_(free_dirp) Ext4Dir *dir = NULL;
        int r;

        *ret = ext4_dirs_find(ext4, ino);
        if (*ret)
                return 0;

        dir = calloc(1, sizeof(*dir));
        if (!dir)
                return error_oom(error);

        dir->ino = ino;
        r = ext4_inode_read(ext4, ino, &dir->inode, error);
        if (r >= 0)
                r = ext4_extents_load(ext4, ino, &dir->inode, &dir->extents, NULL, error);
        if (r >= 0)
                r = ext4_index_read(ext4, dir, error);
        if (r < 0)
                return r;

        link_dir(ext4, dir);
        *ret = TAKE_PTR(dir);
        return 0;
}

int ext4_dirs_add(
        Ext4 *ext4,
        uint32_t ino,
        uint32_t parent,
        const Ext4Inode *inode,
        Ext4Dir **ret,
        Error *error) {
        Ext4Dir *dir;

        assert(!ext4_dirs_find(ext4, ino));

        dir = calloc(1, sizeof(*dir));
        if (!dir)
                return error_oom(error);

        dir->ino = ino;
        dir->parent = parent;
        dir->inode = *inode;
        dir->names_changed = dir->inode_changed = true;
        link_dir(ext4, dir);
        *ret = dir;
        return 0;
}

void ext4_dirs_changed(Ext4 *ext4, Ext4Dir *dir, bool names) {
        dir->inode_changed = true;
        if (names) {
                dir->names_changed = true;
                account(&ext4->dirs, dir);
        }
}

static int write_dir(Ext4 *ext4, Ext4Dir *dir, Error *error) {
        const size_t links = 2 + dir->names.n_dirs;
        int r;

        if (dir->names_changed) {
                r = ext4_index_write(ext4, dir, error);
                if (r < 0)
                        return r;
                dir->names_changed = false;
                account(&ext4->dirs, dir);
        }

        /* A count that does not fit is stored as 1: the feature dir_nlink. */
        dir->inode.large.i_links_count = links > LINKS_MAX ? 1 : (uint16_t) links;
        if (dir->inode_changed) {
                r = ext4_inode_write(ext4, dir->ino, &dir->inode, error);
                if (r < 0)
                        return r;
                dir->inode_changed = false;
        }
        return 0;
}

int ext4_dirs_shrink(Ext4 *ext4, Error *error) {
        Ext4Dir *dir = ext4->dirs.oldest;

        while (dir && ext4->dirs.bytes > ext4->dirs.limit) {
                Ext4Dir *newer = dir->newer;

                if (dir->names.n_lists == 0) {
                        const int r = write_dir(ext4, dir, error);

                        if (r < 0)
                                return r;
                        ext4_dirs_forget(ext4, dir);
                }
                dir = newer;
        }
        return 0;
}

int ext4_dirs_flush(Ext4 *ext4, Error *error) {
        for (Ext4Dir *dir = ext4->dirs.oldest; dir; dir = dir->newer) {
                const int r = write_dir(ext4, dir, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Names with the head of an entry each, in leaves that are not quite full. */
static uint64_t blocks_of(const Ext4Names *names) {
        const uint64_t bytes = names->text_size + names->n_live * EXT2_DIR_ENTRY_HEADER_LEN;

        return 1 + (bytes + bytes / 4) / BLOCK_BYTES;
}

uint64_t ext4_dirs_unwritten(const Ext4 *ext4) {
        uint64_t n = 0;

        for (const Ext4Dir *dir = ext4->dirs.oldest; dir; dir = dir->newer)
                if (dir->names_changed) {
                        const uint64_t has = ext4_extents_blocks(&dir->extents);
                        const uint64_t needs = blocks_of(&dir->names);

                        n += needs > has ? needs - has : 0;
                }
        return n;
}

void ext4_dirs_done(Ext4 *ext4) {
        while (ext4->dirs.oldest)
                ext4_dirs_forget(ext4, ext4->dirs.oldest);
}
