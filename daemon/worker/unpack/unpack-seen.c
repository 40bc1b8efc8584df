/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "unpack-seen.h"

#define SLOTS_MIN ((size_t) 1 << 10)

struct UnpackSeen {
        uint64_t key[2];
        uint64_t *slots; /* owned; open addressing, 0 is free */
        size_t n_slots;  /* a power of two */
        size_t n_used;   /* at most three quarters */
        size_t names_max;
};

int unpack_seen_new(size_t names_max, UnpackSeen **ret, Error *error) {
        UnpackSeen *seen = calloc(1, sizeof(*seen));

        if (!seen)
                return error_oom(error);

        seen->names_max = names_max;
        if (getrandom(seen->key, sizeof(seen->key), GRND_NONBLOCK) < 0)
                seen->key[0] = (uint64_t) (uintptr_t) seen;

        *ret = seen;
        return 0;
}

UnpackSeen *unpack_seen_free(UnpackSeen *seen) {
        if (!seen)
                return NULL;

        free(seen->slots);
        free(seen);
        return NULL;
}

void unpack_seen_clear(UnpackSeen *seen) {
        free(seen->slots);
        seen->slots = NULL;
        seen->n_slots = seen->n_used = 0;
}

static uint64_t rotate(uint64_t value, unsigned bits) {
        return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[static 4]) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[static 4], uint64_t word) {
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
}

/* SipHash-1-3 of the inode and the name; never 0. */
static uint64_t hash_name(const UnpackSeen *seen, uint64_t inode, const char *name) {
        uint64_t v[4] = { seen->key[0] ^ 0x736f6d6570736575, seen->key[1] ^ 0x646f72616e646f6d,
                          seen->key[0] ^ 0x6c7967656e657261, seen->key[1] ^ 0x7465646279746573 };
        size_t left = strlen(name);
        uint64_t hash, word = (uint64_t) left << 56;

        sip_word(v, inode);
        for (; left >= 8; left -= 8, name += 8) {
                uint64_t eight;

                memcpy(&eight, name, 8);
                sip_word(v, eight);
        }
        for (size_t i = 0; i < left; i++)
                word |= (uint64_t) (uint8_t) name[i] << (8 * i);
        sip_word(v, word);

        v[2] ^= 0xff;
        for (int i = 0; i < 3; i++)
                sip_round(v);
        hash = v[0] ^ v[1] ^ v[2] ^ v[3];
        return hash ? hash : 1;
}

/* The hash's slot, or the free one where it would be. */
static size_t find_slot(const uint64_t *slots, size_t n_slots, uint64_t hash) {
        size_t i = (size_t) hash & (n_slots - 1);

        while (slots[i] != 0 && slots[i] != hash)
                i = (i + 1) & (n_slots - 1);
        return i;
}

static int grow(UnpackSeen *seen, Error *error) {
        const size_t n_slots = seen->n_slots ? 2 * seen->n_slots : SLOTS_MIN;
        uint64_t *slots;

        slots = calloc(n_slots, sizeof(*slots));
        if (!slots)
                return error_oom(error);

        for (size_t i = 0; i < seen->n_slots; i++)
                if (seen->slots[i] != 0)
                        slots[find_slot(slots, n_slots, seen->slots[i])] = seen->slots[i];

        free(seen->slots);
        seen->slots = slots;
        seen->n_slots = n_slots;
        return 0;
}

int unpack_seen_add(UnpackSeen *seen, uint64_t inode, const char *name, Error *error) {
        const uint64_t hash = hash_name(seen, inode, name);
        int r;

        if (seen->n_slots > 0 && seen->slots[find_slot(seen->slots, seen->n_slots, hash)] != 0)
                return 0;
        if (seen->n_used == seen->names_max)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED, "A layer changes more than %zu names",
                        seen->names_max);
        if (seen->n_used == seen->n_slots / 4 * 3) {
                r = grow(seen, error);
                if (r < 0)
                        return r;
        }

        seen->slots[find_slot(seen->slots, seen->n_slots, hash)] = hash;
        seen->n_used++;
        return 0;
}

bool unpack_seen_has(const UnpackSeen *seen, uint64_t inode, const char *name) {
        const uint64_t hash = hash_name(seen, inode, name);

        return seen->n_slots > 0 && seen->slots[find_slot(seen->slots, seen->n_slots, hash)] != 0;
}
