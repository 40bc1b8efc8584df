/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An UnpackTarget in memory, which traps when it is asked for anything that no target may be asked
 * for.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "unpack-target.h"

#define MEMORY_NAMES_MAX 2048

#define MUST(condition)                                                                            \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        __builtin_trap();                                                          \
        } while (0)

/* A name in a directory. Inodes are numbers: 0 is the root. */
typedef struct MemoryName {
        int dir; /* < 0: the slot is free */
        int inode;
        char name[256];
} MemoryName;

typedef struct MemoryInode {
        UnpackInfo info;
        char *link; /* owned */
        unsigned n_open, n_names;
} MemoryInode;

typedef struct MemoryList {
        UnpackList list; /* first */
        size_t at;
} MemoryList;

typedef struct MemoryTarget {
        UnpackTarget target; /* first */
        MemoryName names[MEMORY_NAMES_MAX];
        MemoryInode inodes[MEMORY_NAMES_MAX];
        int n_inodes;
        unsigned n_lists;
        bool writing;
        uint64_t file_size, file_end;
} MemoryTarget;

static inline MemoryTarget *memory_of(UnpackTarget *target) {
        return (MemoryTarget *) target;
}

static inline void memory_check_dir(const MemoryTarget *memory, UnpackDir dir) {
        MUST(dir >= 0 && dir < memory->n_inodes);
        MUST(memory->inodes[dir].info.type == UNPACK_DIRECTORY && memory->inodes[dir].n_open > 0);
        MUST(dir == 0 || memory->inodes[dir].n_names == 1); /* not one that was removed */
        MUST(!memory->writing);
}

static inline void memory_check_name(const char *name) {
        MUST(name[0] != '\0' && strlen(name) <= 255);
        MUST(strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/'));
}

static inline void memory_check_meta(const UnpackMeta *meta) {
        MUST(meta->type < UNPACK_SOCKET && meta->mode <= 07777);
        MUST(meta->uid != UINT32_MAX && meta->gid != UINT32_MAX);
        MUST(meta->device_major <= 0xfff && meta->device_minor <= 0xfffff);
        MUST(meta->type != UNPACK_SYMLINK || (meta->link[0] != '\0' && strlen(meta->link) <= 4095));
        MUST(meta->mtime.tv_nsec >= 0 && meta->mtime.tv_nsec < 1000000000);
        MUST(meta->atime.tv_nsec >= 0 && meta->atime.tv_nsec < 1000000000);
        for (size_t i = 0; i < meta->n_xattrs; i++) {
                MUST(meta->xattrs[i].size <= 64 << 10);
                for (size_t k = 0; k < i; k++)
                        MUST(strcmp(meta->xattrs[i].name, meta->xattrs[k].name) != 0);
        }
}

static inline MemoryName *memory_find(MemoryTarget *memory, UnpackDir dir, const char *name) {
        memory_check_dir(memory, dir);
        memory_check_name(name);
        for (size_t i = 0; i < MEMORY_NAMES_MAX; i++)
                if (memory->names[i].dir == dir && strcmp(memory->names[i].name, name) == 0)
                        return &memory->names[i];
        return NULL;
}

static inline int memory_add(
        MemoryTarget *memory, UnpackDir dir, const char *name, int inode, Error *error) {
        for (size_t i = 0; i < MEMORY_NAMES_MAX; i++)
                if (memory->names[i].dir < 0) {
                        memory->names[i].dir = (int) dir;
                        memory->names[i].inode = inode;
                        strcpy(memory->names[i].name, name);
                        memory->inodes[inode].n_names++;
                        return 0;
                }
        return error_set_errno(error, ENOSPC, "Full");
}

static inline int memory_new_inode(
        MemoryTarget *memory,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        Error *error) {
        int inode = memory->n_inodes;

        memory_check_meta(meta);
        if (memory_find(memory, dir, name))
                return -EEXIST;
        if (inode == MEMORY_NAMES_MAX)
                return error_set_errno(error, ENOSPC, "Full");

        memory->n_inodes++;
        memory->inodes[inode].info = (UnpackInfo){
                .type = meta->type,
                .mode = meta->mode,
                .inode = (uint64_t) inode,
                .mtime = meta->mtime,
        };
        if (meta->link)
                memory->inodes[inode].link = strdup(meta->link);
        return memory_add(memory, dir, name, inode, error) < 0 ? -ENOSPC : inode;
}

static inline int memory_open(
        MemoryTarget *memory, int inode, UnpackDir *ret, UnpackInfo *ret_info) {
        memory->inodes[inode].n_open++;
        *ret = inode;
        *ret_info = memory->inodes[inode].info;
        return 0;
}

static inline int memory_open_root(
        UnpackTarget *target, UnpackDir *ret, UnpackInfo *ret_info, Error *error) {
        MemoryTarget *memory = memory_of(target);
        return memory_open(memory, 0, ret, ret_info);
}

static inline int memory_open_dir(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        UnpackDir *ret,
        UnpackInfo *ret_info,
        Error *error) {
        MemoryTarget *memory = memory_of(target);
        const MemoryName *found = memory_find(memory, dir, name);

        if (!found)
                return -ENOENT;
        if (memory->inodes[found->inode].info.type != UNPACK_DIRECTORY)
                return -ENOTDIR;
        return memory_open(memory, found->inode, ret, ret_info);
}

static inline int memory_make_dir(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        UnpackDir *ret,
        UnpackInfo *ret_info,
        Error *error) {
        MemoryTarget *memory = memory_of(target);
        int inode;

        MUST(meta->type == UNPACK_DIRECTORY);
        inode = memory_new_inode(memory, dir, name, meta, error);
        return inode < 0 ? inode : memory_open(memory, inode, ret, ret_info);
}

static inline int memory_merge_dir(
        UnpackTarget *target,
        UnpackDir *dir,
        const UnpackMeta *meta,
        UnpackInfo *info,
        Error *error) {
        MemoryTarget *memory = memory_of(target);
        memory_check_dir(memory, *dir);
        memory_check_meta(meta);
        MUST(meta->type == UNPACK_DIRECTORY);
        info->mode = meta->mode;
        info->mtime = meta->mtime;
        return 0;
}

static inline int memory_close_dir(
        UnpackTarget *target, UnpackDir dir, const UnpackInfo *info, bool touched, Error *error) {
        MemoryTarget *memory = memory_of(target);

        MUST(dir >= 0 && dir < memory->n_inodes && memory->inodes[dir].n_open > 0);
        if (dir != 0)
                memory->inodes[dir].n_open--;
        return 0;
}

static inline int memory_look(
        UnpackTarget *target, UnpackDir dir, const char *name, UnpackInfo *ret, Error *error) {
        MemoryTarget *memory = memory_of(target);
        const MemoryName *found = memory_find(memory, dir, name);

        if (!found)
                return -ENOENT;
        *ret = memory->inodes[found->inode].info;
        return 0;
}

static inline int memory_read_link(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        char *buffer,
        size_t size,
        Error *error) {
        MemoryTarget *memory = memory_of(target);
        const MemoryName *found = memory_find(memory, dir, name);

        MUST(found && memory->inodes[found->inode].info.type == UNPACK_SYMLINK);
        MUST(strlen(memory->inodes[found->inode].link) < size);
        strcpy(buffer, memory->inodes[found->inode].link);
        return 0;
}

static inline int memory_list_open(
        UnpackTarget *target, UnpackDir dir, UnpackList **ret, Error *error) {
        MemoryTarget *memory = memory_of(target);

        memory_check_dir(memory, dir);
        *ret = calloc(1, sizeof(MemoryList));
        (*ret)->dir = dir;
        memory->n_lists++;
        return 0;
}

static inline int memory_list_next(
        UnpackTarget *target,
        UnpackList *list,
        const char **ret_name,
        UnpackType *ret_type,
        Error *error) {
        MemoryTarget *memory = memory_of(target);
        MemoryList *own = (MemoryList *) list;

        memory_check_dir(memory, list->dir);
        for (; own->at < MEMORY_NAMES_MAX; own->at++) {
                const MemoryName *name = &memory->names[own->at];

                if (name->dir != list->dir)
                        continue;
                *ret_name = name->name;
                *ret_type = memory->inodes[name->inode].info.type;
                own->at++;
                return 1;
        }
        return 0;
}

static inline void memory_list_close(UnpackTarget *target, UnpackList *list) {
        MemoryTarget *memory = memory_of(target);
        memory->n_lists--;
        free(list);
}

static inline int memory_remove(
        UnpackTarget *target, UnpackDir dir, const char *name, bool is_dir, Error *error) {
        MemoryTarget *memory = memory_of(target);
        MemoryName *found = memory_find(memory, dir, name);
        int inode;

        MUST(found);
        inode = found->inode;
        MUST((memory->inodes[inode].info.type == UNPACK_DIRECTORY) == is_dir);
        for (size_t i = 0; is_dir && i < MEMORY_NAMES_MAX; i++)
                if (memory->names[i].dir == inode)
                        return -ENOTEMPTY;
        MUST(memory->inodes[inode].n_open == 0);
        memory->inodes[inode].n_names--;
        found->dir = -1;
        return 0;
}

static inline int memory_make(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        Error *error) {
        MemoryTarget *memory = memory_of(target);
        int inode;

        MUST(meta->type != UNPACK_DIRECTORY && meta->type != UNPACK_REGULAR);
        inode = memory_new_inode(memory, dir, name, meta, error);
        return inode < 0 ? inode : 0;
}

static inline int memory_link(
        UnpackTarget *target,
        UnpackDir from_dir,
        const char *from_name,
        UnpackDir dir,
        const char *name,
        Error *error) {
        MemoryTarget *memory = memory_of(target);
        const MemoryName *from = memory_find(memory, from_dir, from_name);

        if (memory_find(memory, dir, name))
                return -EEXIST;
        if (!from)
                return -ENOENT;
        MUST(memory->inodes[from->inode].info.type != UNPACK_DIRECTORY);
        return memory_add(memory, dir, name, from->inode, error);
}

static inline int memory_create(
        UnpackTarget *target,
        UnpackDir dir,
        const char *name,
        const UnpackMeta *meta,
        UnpackFile **ret,
        Error *error) {
        MemoryTarget *memory = memory_of(target);
        int inode;

        MUST(meta->type == UNPACK_REGULAR);
        inode = memory_new_inode(memory, dir, name, meta, error);
        if (inode < 0)
                return inode;

        memory->writing = true;
        memory->file_size = meta->size;
        memory->file_end = 0;
        *ret = NULL;
        return 0;
}

static inline int memory_write(
        UnpackTarget *target,
        UnpackFile *file,
        uint64_t offset,
        const void *data,
        size_t size,
        Error *error) {
        MemoryTarget *memory = memory_of(target);

        MUST(memory->writing && size > 0 && offset >= memory->file_end);
        MUST(offset <= memory->file_size && size <= memory->file_size - offset);
        memory->file_end = offset + size;
        return 0;
}

static inline int memory_finish(
        UnpackTarget *target,
        UnpackFile *file,
        const UnpackEntry *entry,
        const UnpackMeta *meta,
        Error *error) {
        MemoryTarget *memory = memory_of(target);

        MUST(memory->writing && meta->size == memory->file_size);
        memory->writing = false;
        return 0;
}

/* The target's inodes are all closed but the root. */
static inline void memory_check_closed(const MemoryTarget *memory) {
        for (int i = 1; i < memory->n_inodes; i++)
                MUST(memory->inodes[i].n_open == 0);
        MUST(memory->n_lists == 0);
}

static inline void memory_free(UnpackTarget *target) {
        MemoryTarget *memory = memory_of(target);

        for (int i = 0; i < memory->n_inodes; i++)
                free(memory->inodes[i].link);
        free(memory);
}

static inline MemoryTarget *memory_new(void) {
        static const UnpackTargetOps ops = {
                .open_root = memory_open_root,
                .open_dir = memory_open_dir,
                .make_dir = memory_make_dir,
                .merge_dir = memory_merge_dir,
                .close_dir = memory_close_dir,
                .look = memory_look,
                .read_link = memory_read_link,
                .list_open = memory_list_open,
                .list_next = memory_list_next,
                .list_close = memory_list_close,
                .remove = memory_remove,
                .make = memory_make,
                .link = memory_link,
                .create = memory_create,
                .write = memory_write,
                .finish = memory_finish,
                .free = memory_free,
        };
        MemoryTarget *memory = calloc(1, sizeof(*memory));

        MUST(memory);
        memory->target.ops = &ops;
        for (size_t i = 0; i < MEMORY_NAMES_MAX; i++)
                memory->names[i].dir = -1;
        memory->inodes[0].info = (UnpackInfo){ .type = UNPACK_DIRECTORY, .mode = 0755 };
        memory->inodes[0].n_names = 1;
        memory->n_inodes = 1;
        return memory;
}
