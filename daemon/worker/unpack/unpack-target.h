/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where files are written to: a directory, or a file system in an image.
 *
 * What a layer means is decided once, by unpack-tree.h, for every target: paths, links in them,
 * whiteouts, what replaces what, whose times are kept. A target only knows inodes, and changes one
 * directory at a time: every name that it gets is one component, not empty, not "." or "..",
 * without a '/', and is never to be followed when it is a link.
 *
 * Calls return 0 or a negative errno. They set @error then, except for the errnos that the comments
 * name as answers. All calls come from one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base-cleanup.h"
#include "base-error.h"

/* A directory that is open: a descriptor, or an inode number. Negative: none. */
typedef int64_t UnpackDir;

/* A directory that is being listed. The first member of what a target has of that. */
typedef struct UnpackList {
        UnpackDir dir; /* borrowed */
} UnpackList;

typedef enum UnpackType {
        UNPACK_REGULAR,
        UNPACK_DIRECTORY,
        UNPACK_SYMLINK,
        UNPACK_CHARACTER_DEVICE,
        UNPACK_BLOCK_DEVICE,
        UNPACK_FIFO,
        UNPACK_SOCKET, /* never made; may be found */
        _UNPACK_TYPE_MAX,
} UnpackType;

typedef struct UnpackXattr {
        char *name;  /* owned by the list: "user.x", "system.posix_acl_access", … */
        void *value; /* owned by the list */
        size_t size; /* bytes */
} UnpackXattr;

/* What an entry is, apart from its name and content. unpack_meta_done() releases what it owns. */
typedef struct UnpackMeta {
        UnpackType type;
        uint32_t mode; /* permissions, 07777 */
        uint32_t uid;  /* already mapped */
        uint32_t gid;
        bool is_unmapped; /* one of the two is outside of the ranges of its mapping, and as it was */
        bool loses_rights;     /* the target's own: security.capability is left out */
        uint32_t device_major; /* of devices */
        uint32_t device_minor;
        uint64_t size; /* of regular files, bytes; holes count */
        struct timespec atime;
        struct timespec mtime;
        const char *link;    /* of symbolic links: where it points, at most 4095 bytes; owned */
        UnpackXattr *xattrs; /* owned; no name twice; the target skips what it cannot keep */
        size_t n_xattrs;
} UnpackMeta;

/* What is there. */
typedef struct UnpackInfo {
        UnpackType type;
        uint32_t mode;
        uint64_t inode; /* tells the directories that exist at a time apart */
        struct timespec atime;
        struct timespec mtime;
        bool widened; /* the target's own: the mode is written again when it is closed */
} UnpackInfo;

typedef struct UnpackTarget UnpackTarget;

typedef struct UnpackTargetOps {
        /* The root; it stays open until free(). */
        int (*open_root)(UnpackTarget *target, UnpackDir *ret, UnpackInfo *ret_info, Error *error);

        /* A directory in @dir. Answers: -ENOENT, -ENOTDIR (also for a link). */
        int (*open_dir)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                UnpackDir *ret,
                UnpackInfo *ret_info,
                Error *error);

        /* A new directory in @dir, open. Its times need not be written before it is closed.
         * Answer: -EEXIST. */
        int (*make_dir)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                const UnpackMeta *meta,
                UnpackDir *ret,
                UnpackInfo *ret_info,
                Error *error);

        /* A directory that is there takes over @meta, and no xattr that it had before is left.
         * Updates @dir and @info. Its times need not be written before it is closed. */
        int (*merge_dir)(
                UnpackTarget *target,
                UnpackDir *dir,
                const UnpackMeta *meta,
                UnpackInfo *info,
                Error *error);

        /* Writes the times in @info when @touched, since what happened inside changed them. The
         * root is not closed by this. */
        int (*close_dir)(
                UnpackTarget *target,
                UnpackDir dir,
                const UnpackInfo *info,
                bool touched,
                Error *error);

        /* Answer: -ENOENT. */
        int (*look)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                UnpackInfo *ret,
                Error *error);

        /* Reads where a link points; -ENAMETOOLONG when that has @size bytes or more.
         * NUL-terminated. */
        int (*read_link)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                char *buffer,
                size_t size,
                Error *error);

        /* The names in @dir, in any order, without "." and "..". A name that was returned may be
         * removed before the next is asked for. At most one list a directory at a time. list_next()
         * returns 1, or 0 at the end. */
        int (*list_open)(UnpackTarget *target, UnpackDir dir, UnpackList **ret, Error *error);
        int (*list_next)(
                UnpackTarget *target,
                UnpackList *list,
                const char **ret_name,
                UnpackType *ret_type,
                Error *error);
        void (*list_close)(UnpackTarget *target, UnpackList *list);

        /* Removes a name. Answer for directories: -ENOTEMPTY. */
        int (*remove)(
                UnpackTarget *target, UnpackDir dir, const char *name, bool is_dir, Error *error);

        /* Links, devices and FIFOs. Answers: -EEXIST; 1 when it was left out, with a warning. */
        int (*make)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                const UnpackMeta *meta,
                Error *error);

        /* Another name for @from_name, which is no directory. Answers: -EEXIST, -ENOENT. */
        int (*link)(
                UnpackTarget *target,
                UnpackDir from_dir,
                const char *from_name,
                UnpackDir dir,
                const char *name,
                Error *error);

        /* A regular file: create, write with rising offsets, finish. Between create and finish, or
         * a failed write, no other call is made. What is not written is a hole. Answer of create:
         * -EEXIST. */
        int (*create)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                const UnpackMeta *meta,
                Error *error);
        int (*write)(
                UnpackTarget *target, uint64_t offset, const void *data, size_t size, Error *error);
        int (*finish)(UnpackTarget *target, const UnpackMeta *meta, Error *error);

        /* What an entry is, its content left out. To be released with unpack_meta_done().
         * Answer: -ENOENT. */
        int (*get_meta)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                UnpackMeta *ret,
                Error *error);

        /* The first @size bytes of a regular file. Returns how many there were. Answers: -ENOENT;
         * -EINVAL when it is no regular file. */
        ssize_t (*read_file)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                void *buffer,
                size_t size,
                Error *error);

        /* The layer is complete: all directories but the root were closed. NULL when that is of no
         * interest to the target. */
        int (*end_layer)(UnpackTarget *target, Error *error);

        /* All layers are complete: warns of what was left out on the way, and how often. NULL when there is
         * nothing that could be. */
        void (*sum_up)(UnpackTarget *target);

        void (*free)(UnpackTarget *target);
} UnpackTargetOps;

/* The first member of each target. */
struct UnpackTarget {
        const UnpackTargetOps *ops; /* static */

        /* Set by unpack_run() for its time; see unpack_target_warn(). */
        void (*warning)(void *userdata, const char *text);
        void *warning_userdata;

        /* Borrowed; whose turn it is, as its layer names it; NULL between entries. */
        const char *entry;
};

/** unpack_target_free() - release @target (may be NULL) */
UnpackTarget *unpack_target_free(UnpackTarget *target);

/** unpack_meta_done() - release what @meta owns; usable with _cleanup_() */
void unpack_meta_done(UnpackMeta *meta);

/** unpack_target_warn() - for targets: something is left out */
void unpack_target_warn(const UnpackTarget *target, const char *text);

DEFINE_CLEANUP(UnpackTarget, unpack_target_free);
