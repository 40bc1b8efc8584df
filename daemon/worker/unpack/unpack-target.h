/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A destination for files: a directory, or a file system in an image.
 *
 * unpack-tree.h decides once, for every target, what a layer means: paths, links in them, whiteouts,
 * replacement, and which times are restored. A target only knows inodes, and changes one directory at
 * a time: every name that it gets is one component, not empty, not "." or "..", without a '/', and
 * must not be followed if it is a link.
 *
 * The errnos that the comments call answers are returned without @error. All calls are made by one
 * thread, except those for independent files, see below.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base-cleanup.h"
#include "base-error.h"

/* An open directory: a descriptor, or an inode number. Negative: none. */
typedef int64_t UnpackDir;

/* A directory that is being listed. The first member of a target's own structure. */
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
        UNPACK_SOCKET, /* never created; may exist */
        _UNPACK_TYPE_MAX,
} UnpackType;

typedef struct UnpackXattr {
        char *name;  /* owned by the list: "user.x", "system.posix_acl_access", … */
        void *value; /* owned by the list */
        size_t size; /* bytes */
} UnpackXattr;

/* Everything about an entry except its name and content. Release with unpack_meta_done(). */
typedef struct UnpackMeta {
        UnpackType type;
        uint32_t mode; /* permissions, 07777 */
        uint32_t uid;  /* already mapped */
        uint32_t gid;
        bool is_unmapped;      /* uid or gid is outside the ranges of its mapping, and unchanged */
        bool loses_rights;     /* internal to the target: security.capability is left out */
        uint32_t device_major; /* of devices */
        uint32_t device_minor;
        uint64_t size; /* of regular files, bytes, including holes */
        struct timespec atime;
        struct timespec mtime;
        const char *link;    /* target of a symbolic link, at most 4095 bytes; owned */
        UnpackXattr *xattrs; /* owned; no name twice; the target skips those that it cannot store */
        size_t n_xattrs;
} UnpackMeta;

/* A regular file that is being written; private to the target. NULL if that has one at a time. */
typedef struct UnpackFile UnpackFile;

/* Identifies an entry of the layers in messages. */
typedef struct UnpackEntry {
        const char *path; /* borrowed; as its layer names it; NULL between entries */
        uint64_t number;  /* among all entries of the run */
} UnpackEntry;

/* What exists under a name. */
typedef struct UnpackInfo {
        UnpackType type;
        uint32_t mode;
        uint64_t inode; /* distinguishes directories that exist at the same time */
        struct timespec atime;
        struct timespec mtime;
        bool widened; /* internal to the target: the mode is restored when it is closed */
} UnpackInfo;

typedef struct UnpackTarget UnpackTarget;

typedef struct UnpackTargetOps {
        /* Opens the root, which stays open until free(). */
        int (*open_root)(UnpackTarget *target, UnpackDir *ret, UnpackInfo *ret_info, Error *error);

        /* Opens a directory in @dir. Answers: -ENOENT, -ENOTDIR (also for a link). */
        int (*open_dir)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                UnpackDir *ret,
                UnpackInfo *ret_info,
                Error *error);

        /* Creates and opens a directory in @dir. Its times may be written when it is closed.
         * Answer: -EEXIST. */
        int (*make_dir)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                const UnpackMeta *meta,
                UnpackDir *ret,
                UnpackInfo *ret_info,
                Error *error);

        /* Gives an existing directory the metadata @meta, and removes its old xattrs. Updates @dir
         * and @info. Its times may be written when it is closed. */
        int (*merge_dir)(
                UnpackTarget *target,
                UnpackDir *dir,
                const UnpackMeta *meta,
                UnpackInfo *info,
                Error *error);

        /* Writes the times in @info if @touched, since changes inside have changed them. Does not close
         * the root. */
        int (*close_dir)(
                UnpackTarget *target,
                UnpackDir dir,
                const UnpackInfo *info,
                bool touched,
                Error *error);

        /* Inspects a name. Answer: -ENOENT. */
        int (*look)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                UnpackInfo *ret,
                Error *error);

        /* Reads the target of a link, NUL-terminated; -ENAMETOOLONG if it has @size bytes or more. */
        int (*read_link)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                char *buffer,
                size_t size,
                Error *error);

        /* Lists the names in @dir, in any order, without "." and "..". A returned name may be
         * removed before the next call. At most one list per directory at a time. list_next()
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

        /* Creates symbolic links, devices and FIFOs. Answers: -EEXIST; 1 if it was left out, with a
         * warning. */
        int (*make)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                const UnpackMeta *meta,
                Error *error);

        /* Creates a hard link to @from_name, which is not a directory. Answers: -EEXIST, -ENOENT. */
        int (*link)(
                UnpackTarget *target,
                UnpackDir from_dir,
                const char *from_name,
                UnpackDir dir,
                const char *name,
                Error *error);

        /* Write a regular file: create, write with rising offsets, finish with the same @meta, and the
         * file's entry; or discard, also after a failed write, which leaves an incomplete file. The last two release
         * the object. Ranges not written are holes. Answer of create: -EEXIST. */
        int (*create)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                const UnpackMeta *meta,
                UnpackFile **ret,
                Error *error);
        int (*write)(
                UnpackTarget *target,
                UnpackFile *file,
                uint64_t offset,
                const void *data,
                size_t size,
                Error *error);
        int (*finish)(
                UnpackTarget *target,
                UnpackFile *file,
                const UnpackEntry *entry,
                const UnpackMeta *meta,
                Error *error);
        void (*discard)(UnpackTarget *target, UnpackFile *file);

        /* Files may be written, finished and discarded by any thread, each by one at a time, during
         * other calls, until sum_up(). If not, no other call is made between create and finish, or a
         * failed write, and discard is NULL. */
        bool has_independent_files;

        /* Reads an entry's metadata; release @ret with unpack_meta_done(). Answer: -ENOENT. */
        int (*get_meta)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                UnpackMeta *ret,
                Error *error);

        /* Reads the first @size bytes of a regular file; returns how many it has read. Answers:
         * -ENOENT; -EINVAL if it is not a regular file. */
        ssize_t (*read_file)(
                UnpackTarget *target,
                UnpackDir dir,
                const char *name,
                void *buffer,
                size_t size,
                Error *error);

        /* The layer is complete, and all directories except the root are closed. May be NULL. */
        int (*end_layer)(UnpackTarget *target, Error *error);

        /* All layers are complete: warns of what was left out, with counts. May be NULL. */
        void (*sum_up)(UnpackTarget *target);

        void (*free)(UnpackTarget *target);
} UnpackTargetOps;

/* The first member of each target. */
struct UnpackTarget {
        const UnpackTargetOps *ops; /* static */

        /* Set by unpack_run() while it runs; see unpack_target_warn(). */
        void (*warning)(void *userdata, const char *text);
        void *warning_userdata;

        UnpackEntry entry; /* the current one */
};

/** unpack_target_free() - release @target */
UnpackTarget *unpack_target_free(UnpackTarget *target);

/** unpack_target_discard() - abandon a file that was created */
void unpack_target_discard(UnpackTarget *target, UnpackFile *file);

/** unpack_meta_done() - release what @meta owns; usable with _cleanup_() */
void unpack_meta_done(UnpackMeta *meta);

/** unpack_target_warn() - for targets: warn that something is left out */
void unpack_target_warn(const UnpackTarget *target, const char *text);

DEFINE_CLEANUP(UnpackTarget, unpack_target_free);
