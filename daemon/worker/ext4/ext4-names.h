/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The names in one directory, in memory. Their hashes are those of the file system's index, with a random
 * seed: nobody can choose names that collide.
 */

#include <ext2fs/ext2fs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

#define EXT4_NAME_MAX ((size_t) 255)

/* Memory for the names of one directory, bytes, at most. */
#define EXT4_NAMES_BYTES_MAX ((size_t) 384 << 20)

typedef struct Ext4Name {
        uint32_t ino; /* 0: removed */
        uint32_t hash;
        uint32_t text; /* offset in the directory's text */
        uint8_t size;  /* bytes */
        uint8_t type;  /* EXT2_FT_… */
} Ext4Name;

/* Initialize with zeros, release with ext4_names_done(). */
typedef struct Ext4Names {
        Ext4Name *names; /* owned; in the order of addition */
        size_t n_names, room;
        size_t n_live;  /* not removed */
        size_t n_dirs;  /* of these, directories */
        size_t n_lists; /* readers that rely on positions in @names */
        char *text;     /* owned */
        size_t text_size, text_room;
        uint32_t *buckets; /* owned; one more than an index, 0 when empty */
        size_t n_buckets;  /* a power of two, or 0 */
} Ext4Names;

/** ext4_names_done() - release what @names owns, and make it empty */
void ext4_names_done(Ext4Names *names);

/** ext4_names_bytes() - memory that @names takes */
size_t ext4_names_bytes(const Ext4Names *names);

/** ext4_names_hash() - the hash of a name in the index of a directory */
uint32_t ext4_names_hash(ext2_filsys fs, const char *name, size_t size);

/** ext4_names_text() - the bytes of a name, without a NUL */
static inline const char *ext4_names_text(const Ext4Names *names, const Ext4Name *name) {
        return names->text + name->text;
}

/** ext4_names_find() - the name of @size bytes with this @hash; NULL if there is none */
Ext4Name *ext4_names_find(const Ext4Names *names, uint32_t hash, const char *name, size_t size);

/**
 * ext4_names_add() - add a name that does not exist yet; may move all names in memory
 *
 * ERROR_LIMIT_EXCEEDED if there are too many.
 */
int ext4_names_add(
        Ext4Names *names, const Ext4Name *what, const char *name, size_t size, Error *error);

/** ext4_names_remove() - remove a name that ext4_names_find() returned */
void ext4_names_remove(Ext4Names *names, Ext4Name *name);
