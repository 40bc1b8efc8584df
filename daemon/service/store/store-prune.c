/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "store-catalog.h"
#include "store-disk.h"
#include "store-prune.h"

/* An image, or a blob that no image needs. */
typedef struct Victim {
        bool is_image;
        uint32_t index; /* in the catalog */
        uint64_t used_usec;
} Victim;

typedef struct Removing {
        Store *store; /* borrowed */
        StoreCatalog
                catalog; /* owned; its counts of images go down with each image that is removed */
        bool is_dry;
        StoreRemovals *removals; /* borrowed */
        const char **names; /* owned; of the images that were removed; borrowed from the catalog */
        size_t n_names;
} Removing;

static void removing_done(Removing *removing) {
        store_catalog_done(&removing->catalog);
        free(removing->names);
}

static int begin(Store *store, bool is_dry, StoreRemovals *removals, Removing *ret, Error *error) {
        int r;

        r = store_catalog_read(store, &ret->catalog, error);
        if (r < 0)
                return r;

        ret->names = calloc(ret->catalog.n_images + 1, sizeof(*ret->names));
        if (!ret->names)
                return error_oom(error);
        ret->store = store;
        ret->is_dry = is_dry;
        ret->removals = removals;
        return 0;
}

/* All partial files of a blob go with the first of them. Returns 0 if it stays, since somebody uses it. */
static int take_blob(const Removing *removing, const StoreEntry *entry) {
        int r;

        if (removing->is_dry)
                return entry->state != STORE_ENTRY_USED;
        r = store_entry_remove(removing->store, entry);
        if (r == -ENOENT && entry->is_partial)
                return 1;
        if (r == -EBUSY || r == -ENOENT)
                return 0;
        return r < 0 ? r : 1;
}

/* The blobs that only this image needs, and its name. */
static int take_image(Removing *removing, const StoreCatalogImage *image) {
        uint64_t disk_bytes = 0;
        int r = 0, q;

        for (size_t i = 0; r >= 0 && i < image->n_blobs; i++) {
                StoreCatalogBlob *blob = &removing->catalog.blobs[image->blobs[i]];

                if (--blob->n_images > 0)
                        continue;
                r = take_blob(removing, &blob->entry);
                if (r > 0)
                        disk_bytes += blob->entry.disk_bytes;
        }

        removing->names[removing->n_names++] = image->image.reference;
        q = store_removals_add(
                removing->removals, STORE_REMOVAL_IMAGE, image->image.reference, disk_bytes);
        return r < 0 ? r : q;
}

/* Returns as take_blob(). */
static int take_unnamed(const Removing *removing, const StoreEntry *entry) {
        char digest[DIGEST_STRING_MAX];
        int r, q;

        r = take_blob(removing, entry);
        if (r <= 0)
                return r;

        q = store_removals_add(
                removing->removals, STORE_REMOVAL_BLOB, digest_format(&entry->digest, digest),
                entry->disk_bytes);
        return q < 0 ? q : r;
}

/* Also after a failure: what is gone must not be in the lists. */
static int end(const Removing *removing, int result, Error *error) {
        int r = 0;

        if (!removing->is_dry && removing->removals->n > 0)
                r = store_image_forget(
                        removing->store, removing->names, removing->n_names,
                        result < 0 ? NULL : error);
        return result < 0 ? error_set_errno(error, -result, "Cannot remove from the cache") : r;
}

static int compare_use(const void *a, const void *b) {
        const Victim *x = a, *y = b;

        return (x->used_usec > y->used_usec) - (x->used_usec < y->used_usec);
}

/* All that could be removed, least recently used first. */
static int find_victims(const StoreCatalog *catalog, Victim **ret, size_t *ret_n) {
        Victim *victims = calloc(catalog->n_images + catalog->n_blobs + 1, sizeof(*victims));
        size_t n = 0;

        if (!victims)
                return -ENOMEM;

        for (size_t i = 0; i < catalog->n_images; i++)
                if (!catalog->images[i].is_used)
                        victims[n++] = (Victim){ true, (uint32_t) i, catalog->images[i].used_usec };
        for (size_t i = 0; i < catalog->n_blobs; i++)
                if (catalog->blobs[i].n_images == 0)
                        victims[n++] =
                                (Victim){ false, (uint32_t) i, catalog->blobs[i].entry.used_usec };

        if (n > 0)
                qsort(victims, n, sizeof(*victims), compare_use);
        *ret = victims;
        *ret_n = n;
        return 0;
}

/* Of @left bytes, those in other things than the removals so far. */
static int remove_until(
        Removing *removing, const StorePruning *pruning, uint64_t left, Error *error) {
        const uint64_t freed_before = removing->removals->disk_bytes;
        _cleanup_(freep) Victim *victims = NULL;
        size_t n = 0;
        int r;

        r = find_victims(&removing->catalog, &victims, &n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const uint64_t freed = removing->removals->disk_bytes - freed_before;
                const Victim *victim = &victims[i];

                if (left <= pruning->keep_bytes + freed ||
                    victim->used_usec >= pruning->before_usec)
                        break;
                r = victim->is_image
                            ? take_image(removing, &removing->catalog.images[victim->index])
                            : take_unnamed(removing, &removing->catalog.blobs[victim->index].entry);
        }
        return end(removing, r, error);
}

static uint64_t blob_bytes(const StoreCatalog *catalog) {
        uint64_t sum = 0;

        for (size_t i = 0; i < catalog->n_blobs; i++)
                sum += catalog->blobs[i].entry.disk_bytes;
        return sum;
}

int store_prune(Store *store, const StorePruning *pruning, StoreRemovals *ret, Error *error) {
        _cleanup_(removing_done) Removing removing = { 0 };
        StoreDiskPruning disks = {
                .keep_bytes = pruning->keep_bytes,
                .before_usec = pruning->before_usec,
                .is_forced = pruning->is_forced,
                .is_dry = pruning->is_dry,
        };
        uint64_t left_disks = 0;
        int r;

        r = begin(store, pruning->is_dry, ret, &removing, error);
        if (r < 0)
                return r;

        /* Disk images first: they can be recreated without the network. */
        disks.other_bytes = blob_bytes(&removing.catalog);
        r = store_disk_prune(store, &disks, ret, &left_disks, error);
        return r < 0 ? r : remove_until(&removing, pruning, disks.other_bytes + left_disks, error);
}

int store_prunable(Store *store, uint64_t *ret, Error *error) {
        const StorePruning all = { .before_usec = STORE_PRUNE_ANY, .is_dry = true };
        _cleanup_(store_removals_done) StoreRemovals removals = { 0 };
        _cleanup_(removing_done) Removing removing = { 0 };
        uint64_t disk_bytes = 0;
        int r;

        r = begin(store, true, &removals, &removing, error);
        if (r >= 0)
                r = remove_until(&removing, &all, UINT64_MAX, error);
        if (r >= 0)
                r = store_disk_prunable(store, &disk_bytes, error);
        if (r < 0)
                return r;

        *ret = removals.disk_bytes + disk_bytes;
        return 0;
}

static bool is_meant(const StoreCatalogImage *image, const StoreCatalogMatch *match) {
        if (match->reference)
                return match->reference == image->image.reference;
        return digest_equal(&image->image.top, &match->digest) ||
               digest_equal(&image->image.manifest, &match->digest);
}

static int refuse_used(const char *text, Error *error) {
        return error_set(
                error, EBUSY, ERROR_CACHE_BUSY, "%s cannot be removed: a job uses it", text);
}

/* Returns the number of images. */
static int remove_images(
        Removing *removing, const StoreCatalogMatch *match, const char *text, Error *error) {
        const StoreCatalog *catalog = &removing->catalog;
        int r = 0;

        for (size_t i = 0; i < catalog->n_images; i++)
                if (is_meant(&catalog->images[i], match) && catalog->images[i].is_used)
                        return refuse_used(text, error);
        for (size_t i = 0; r >= 0 && i < catalog->n_images; i++)
                if (is_meant(&catalog->images[i], match))
                        r = take_image(removing, &catalog->images[i]);

        r = end(removing, r, error);
        return r < 0 ? r : (int) removing->n_names;
}

/* Images that need the blob are of no use without it. */
static int forget_images(Removing *removing, size_t index) {
        const uint32_t *users;
        size_t n;
        int r = 0;

        users = store_catalog_users(&removing->catalog, index, &n);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                const char *name = removing->catalog.images[users[i]].image.reference;

                removing->names[removing->n_names++] = name;
                r = store_removals_add(removing->removals, STORE_REMOVAL_IMAGE, name, 0);
        }
        return r;
}

static int remove_blobs(
        Removing *removing, const StoreCatalogMatch *match, const char *text, Error *error) {
        const StoreCatalog *catalog = &removing->catalog;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < catalog->n_blobs; i++) {
                const StoreEntry *entry = &catalog->blobs[i].entry;

                if (!digest_equal(&entry->digest, &match->digest))
                        continue;
                r = take_unnamed(removing, entry);
                if (r > 0 && !entry->is_partial)
                        r = forget_images(removing, i);
        }

        r = end(removing, r, error);
        return r < 0 || removing->removals->n > 0 ? r : refuse_used(text, error);
}

int store_remove(
        Store *store, const char *reference, const char *text, StoreRemovals *ret, Error *error) {
        _cleanup_(removing_done) Removing removing = { 0 };
        StoreCatalogMatch match;
        int r;

        r = begin(store, false, ret, &removing, error);
        if (r >= 0)
                r = store_catalog_find(&removing.catalog, reference, text, &match, error);
        if (r >= 0)
                r = remove_images(&removing, &match, text, error);
        return r != 0 ? (r < 0 ? r : 0) : remove_blobs(&removing, &match, text, error);
}
