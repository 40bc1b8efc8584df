/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base-fd.h"
#include "unpack-brought.h"

#define SLOTS_MIN ((size_t) 1 << 10)
#define SLOTS_MAX ((size_t) 1 << 20) /* 8 MiB; more is written to the file */
#define RUNS_MAX  ((size_t) 256)     /* each of at least SLOTS_MAX / 2 hashes */
#define WINDOW    ((size_t) 2048)    /* hashes that are read at once */

/* Sorted hashes in the file. */
typedef struct HashRun {
        uint64_t offset; /* bytes */
        uint64_t n;      /* hashes */
} HashRun;

struct UnpackBrought {
        int (*scratch)(void *userdata, Error *error);
        void *userdata; /* borrowed */
        uint64_t key[2];
        uint64_t *slots; /* owned; open addressing, 0 is free */
        size_t n_slots;  /* a power of two */
        size_t n_used;
        int fd; /* owned; the file, or < 0 */
        uint64_t file_bytes;
        HashRun runs[RUNS_MAX];
        size_t n_runs;
};

int unpack_brought_new(
        int (*scratch)(void *userdata, Error *error),
        void *userdata,
        UnpackBrought **ret,
        Error *error) {
        _cleanup_(unpack_brought_freep) UnpackBrought *brought = NULL;

        brought = calloc(1, sizeof(*brought));
        if (!brought)
                return error_oom(error);

        brought->scratch = scratch;
        brought->userdata = userdata;
        brought->fd = -EBADF;
        if (getrandom(brought->key, sizeof(brought->key), GRND_NONBLOCK) < 0)
                brought->key[0] = (uint64_t) (uintptr_t) brought;

        *ret = TAKE_PTR(brought);
        return 0;
}

UnpackBrought *unpack_brought_free(UnpackBrought *brought) {
        if (!brought)
                return NULL;

        closep(&brought->fd);
        free(brought->slots);
        free(brought);
        return NULL;
}

void unpack_brought_clear(UnpackBrought *brought) {
        free(brought->slots);
        brought->slots = NULL;
        brought->n_slots = brought->n_used = brought->n_runs = 0;
        brought->file_bytes = 0;
        closep(&brought->fd);
        brought->fd = -EBADF;
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
static uint64_t hash_name(const UnpackBrought *brought, uint64_t inode, const char *name) {
        uint64_t v[4] = { brought->key[0] ^ 0x736f6d6570736575,
                          brought->key[1] ^ 0x646f72616e646f6d,
                          brought->key[0] ^ 0x6c7967656e657261,
                          brought->key[1] ^ 0x7465646279746573 };
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

static int grow(UnpackBrought *brought, Error *error) {
        const size_t n_slots = brought->n_slots ? 2 * brought->n_slots : SLOTS_MIN;
        uint64_t *slots;

        slots = calloc(n_slots, sizeof(*slots));
        if (!slots)
                return error_oom(error);

        for (size_t i = 0; i < brought->n_slots; i++)
                if (brought->slots[i] != 0)
                        slots[find_slot(slots, n_slots, brought->slots[i])] = brought->slots[i];

        free(brought->slots);
        brought->slots = slots;
        brought->n_slots = n_slots;
        return 0;
}

static int compare_hashes(const void *a, const void *b) {
        const uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return (x > y) - (x < y);
}

/* Moves what is in memory to the end of the file. */
static int spill(UnpackBrought *brought, Error *error) {
        const size_t n = brought->n_used, bytes = n * sizeof(uint64_t);
        size_t used = 0;
        int r;

        if (brought->n_runs == RUNS_MAX)
                return error_set(
                        error, E2BIG, ERROR_LIMIT_EXCEEDED, "A layer changes too many names");
        if (brought->fd < 0) {
                brought->fd = brought->scratch(brought->userdata, error);
                if (brought->fd < 0)
                        return brought->fd;
        }

        for (size_t i = 0; i < brought->n_slots; i++)
                if (brought->slots[i] != 0)
                        brought->slots[used++] = brought->slots[i];
        assert(used == n);
        qsort(brought->slots, n, sizeof(uint64_t), compare_hashes);

        r = fd_pwrite_full(brought->fd, brought->slots, bytes, brought->file_bytes);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot write a temporary file");

        brought->runs[brought->n_runs++] = (HashRun){ brought->file_bytes, n };
        brought->file_bytes += bytes;
        memset(brought->slots, 0, brought->n_slots * sizeof(uint64_t));
        brought->n_used = 0;
        return 0;
}

int unpack_brought_add(UnpackBrought *brought, uint64_t inode, const char *name, Error *error) {
        const uint64_t hash = hash_name(brought, inode, name);
        size_t slot;
        int r = 0;

        if (brought->n_used >= brought->n_slots / 4 * 3)
                r = brought->n_slots < SLOTS_MAX ? grow(brought, error) : spill(brought, error);
        if (r < 0)
                return r;

        slot = find_slot(brought->slots, brought->n_slots, hash);
        if (brought->slots[slot] == 0) {
                brought->slots[slot] = hash;
                brought->n_used++;
        }
        return 0;
}

static int read_window(
        UnpackBrought *brought,
        const HashRun *run,
        uint64_t first,
        size_t n,
        uint64_t *ret,
        Error *error) {
        ssize_t got = fd_pread_full(
                brought->fd, ret, n * sizeof(uint64_t), run->offset + first * sizeof(uint64_t));

        if (got < 0)
                return error_set_errno(error, (int) -got, "Cannot read a temporary file");
        if ((size_t) got != n * sizeof(uint64_t))
                return error_set(error, EIO, ERROR_FAILED, "A temporary file was cut short");
        return 0;
}

/* Hashes are spread evenly, so each is near the place that its value says. */
static int run_has(UnpackBrought *brought, const HashRun *run, uint64_t hash, Error *error) {
        uint64_t window[WINDOW], first;
        const size_t n = run->n < WINDOW ? (size_t) run->n : WINDOW;
        const uint64_t last = run->n - n;
        int r;

        first = (uint64_t) (((unsigned __int128) hash * run->n) >> 64);
        first = first > n / 2 ? first - n / 2 : 0;
        if (first > last)
                first = last;

        for (;;) {
                r = read_window(brought, run, first, n, window, error);
                if (r < 0)
                        return r;

                /* Windows overlap by one, so that no hash is between two. */
                if (hash < window[0] && first > 0)
                        first = first > n - 1 ? first - (n - 1) : 0;
                else if (hash > window[n - 1] && first < last)
                        first = first + (n - 1) < last ? first + (n - 1) : last;
                else
                        break;
        }

        return bsearch(&hash, window, n, sizeof(hash), compare_hashes) != NULL;
}

int unpack_brought_has(UnpackBrought *brought, uint64_t inode, const char *name, Error *error) {
        const uint64_t hash = hash_name(brought, inode, name);
        int r;

        if (brought->n_slots > 0 &&
            brought->slots[find_slot(brought->slots, brought->n_slots, hash)] != 0)
                return 1;

        for (size_t i = 0; i < brought->n_runs; i++) {
                r = run_has(brought, &brought->runs[i], hash, error);
                if (r != 0)
                        return r;
        }

        return 0;
}
