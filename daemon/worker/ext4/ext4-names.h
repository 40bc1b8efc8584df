/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The names in one directory, in memory. They have the hashes that the file system's own index has,
 * which are keyed with a random seed: nobody can choose names that collide.
 */

#include <ext2fs/ext2fs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"

#define EXT4_NAME_MAX ((size_t) 255)

/* What the names of one directory may take in memory, bytes. */
#define EXT4_NAMES_BYTES_MAX ((size_t) 384 << 20)

typedef struct Ext4Name {
        uint32_t ino; /* 0: it was removed */
        uint32_t hash;
        uint32_t text; /* where it is in the directory's text */
        uint8_t size;  /* bytes */
        uint8_t type;  /* EXT2_FT_… */
} Ext4Name;

/* Zero it; ext4_names_done(). */
typedef struct Ext4Names {
        Ext4Name *names; /* owned; in the order in which they came */
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

/** ext4_names_hash() - the hash of a name, as the index of a directory has it */
uint32_t ext4_names_hash(ext2_filsys fs, const char *name, size_t size);

/** ext4_names_text() - the bytes of a name, without a NUL */
static inline const char *ext4_names_text(const Ext4Names *names, const Ext4Name *name) {
        return names->text + name->text;
}

/** ext4_names_find() - the name of @size bytes with this @hash; NULL when there is none */
Ext4Name *ext4_names_find(const Ext4Names *names, uint32_t hash, const char *name, size_t size);

/**
 * ext4_names_add() - add a name that is not there; its position in memory is not to be relied on
 *
 * Return: 0; or a negative errno with @error set: ERROR_LIMIT_EXCEEDED when there are too many.
 */
int ext4_names_add(
        Ext4Names *names, const Ext4Name *what, const char *name, size_t size, Error *error);

/** ext4_names_remove() - remove a name of ext4_names_find() */
void ext4_names_remove(Ext4Names *names, Ext4Name *name);
