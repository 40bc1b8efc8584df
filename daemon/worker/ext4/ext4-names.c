/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "ext4-names.h"

#define NAMES_MIN ((size_t) 8)
#define TEXT_MIN  ((size_t) 128)

void ext4_names_done(Ext4Names *names) {
        free(names->names);
        free(names->text);
        free(names->buckets);
        *names = (Ext4Names){ 0 };
}

size_t ext4_names_bytes(const Ext4Names *names) {
        return names->room * sizeof(*names->names) + names->text_room +
               names->n_buckets * sizeof(*names->buckets);
}

uint32_t ext4_names_hash(ext2_filsys fs, const char *name, size_t size) {
        int version = fs->super->s_def_hash_version;
        ext2_dirhash_t hash = 0, minor;

        if (fs->super->s_flags & EXT2_FLAGS_UNSIGNED_HASH)
                version += EXT2_HASH_LEGACY_UNSIGNED;
        (void) ext2fs_dirhash2(
                version, name, (int) size, NULL, 0, fs->super->s_hash_seed, &hash, &minor);
        return hash;
}

/* The preferred bucket of a hash; the next ones follow. The lowest bit is never set. */
static size_t first_bucket(const Ext4Names *names, uint32_t hash) {
        return (hash >> 1) & (names->n_buckets - 1);
}

static size_t next_bucket(const Ext4Names *names, size_t bucket) {
        return (bucket + 1) & (names->n_buckets - 1);
}

static void fill_bucket(Ext4Names *names, size_t index) {
        size_t bucket = first_bucket(names, names->names[index].hash);

        while (names->buckets[bucket] != 0)
                bucket = next_bucket(names, bucket);
        names->buckets[bucket] = (uint32_t) index + 1;
}

Ext4Name *ext4_names_find(const Ext4Names *names, uint32_t hash, const char *name, size_t size) {
        if (names->n_buckets == 0)
                return NULL;

        for (size_t bucket = first_bucket(names, hash); names->buckets[bucket] != 0;
             bucket = next_bucket(names, bucket)) {
                Ext4Name *found = &names->names[names->buckets[bucket] - 1];

                if (found->hash == hash && found->size == size &&
                    memcmp(ext4_names_text(names, found), name, size) == 0)
                        return found;
        }
        return NULL;
}

static void fill_buckets(Ext4Names *names) {
        for (size_t i = 0; i < names->n_names; i++)
                if (names->names[i].ino != 0)
                        fill_bucket(names, i);
}

/* Reuses the places of removed names. */
static void compact(Ext4Names *names) {
        size_t n = 0, text_size = 0;

        for (size_t i = 0; i < names->n_names; i++) {
                Ext4Name name = names->names[i];

                if (name.ino == 0)
                        continue;
                memmove(names->text + text_size, names->text + name.text, name.size);
                name.text = (uint32_t) text_size;
                text_size += name.size;
                names->names[n++] = name;
        }

        names->n_names = n;
        names->text_size = text_size;
        memset(names->buckets, 0, names->n_buckets * sizeof(*names->buckets));
        fill_buckets(names);
}

/* Twice as many buckets as names. */
static int grow_names(Ext4Names *names, Error *error) {
        const size_t room = names->room > 0 ? 2 * names->room : NAMES_MIN;
        uint32_t *buckets;
        Ext4Name *grown;

        buckets = calloc(2 * room, sizeof(*buckets));
        grown = reallocarray(names->names, room, sizeof(*grown));
        if (grown)
                names->names = grown;
        if (!grown || !buckets) {
                free(buckets);
                return error_oom(error);
        }

        free(names->buckets);
        names->buckets = buckets;
        names->n_buckets = 2 * room;
        names->room = room;
        fill_buckets(names);
        return 0;
}

static int grow_text(Ext4Names *names, size_t size, Error *error) {
        size_t room = names->text_room > 0 ? names->text_room : TEXT_MIN;
        char *text;

        while (room - names->text_size < size)
                room *= 2;
        text = realloc(names->text, room);
        if (!text)
                return error_oom(error);

        names->text = text;
        names->text_room = room;
        return 0;
}

int ext4_names_add(
        Ext4Names *names, const Ext4Name *what, const char *name, size_t size, Error *error) {
        Ext4Name *added;
        int r;

        assert(size > 0 && size <= EXT4_NAME_MAX && what->ino != 0);

        if (names->n_names == names->room && names->n_lists == 0 &&
            names->n_live < names->n_names / 2)
                compact(names);
        if (ext4_names_bytes(names) > EXT4_NAMES_BYTES_MAX)
                return error_set(
                        error, EFBIG, ERROR_LIMIT_EXCEEDED, "A directory has too many names");
        if (names->n_names == names->room) {
                r = grow_names(names, error);
                if (r < 0)
                        return r;
        }
        if (names->text_room - names->text_size < size) {
                r = grow_text(names, size, error);
                if (r < 0)
                        return r;
        }

        added = &names->names[names->n_names];
        *added = *what;
        added->size = (uint8_t) size;
        added->text = (uint32_t) names->text_size;
        memcpy(names->text + names->text_size, name, size);
        names->text_size += size;
        fill_bucket(names, names->n_names++);
        names->n_live++;
        names->n_dirs += what->type == EXT2_FT_DIR;
        return 0;
}

/* Closes the gap: later names may have preferred its place. */
static void empty_bucket(Ext4Names *names, size_t bucket) {
        const size_t mask = names->n_buckets - 1;

        for (size_t at = next_bucket(names, bucket); names->buckets[at] != 0;
             at = next_bucket(names, at)) {
                const Ext4Name *name = &names->names[names->buckets[at] - 1];
                const size_t wanted = first_bucket(names, name->hash);

                if (((at - wanted) & mask) < ((at - bucket) & mask))
                        continue;
                names->buckets[bucket] = names->buckets[at];
                bucket = at;
        }
        names->buckets[bucket] = 0;
}

void ext4_names_remove(Ext4Names *names, Ext4Name *name) {
        const uint32_t index = (uint32_t) (name - names->names);
        size_t bucket = first_bucket(names, name->hash);

        assert(name->ino != 0);

        while (names->buckets[bucket] != index + 1)
                bucket = next_bucket(names, bucket);
        empty_bucket(names, bucket);
        name->ino = 0;
        names->n_live--;
        names->n_dirs -= name->type == EXT2_FT_DIR;
}
