/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "store-catalog.h"

#define NAMED_MAX  3u /* candidates that an error names */
#define NO_BLOB    UINT32_MAX
#define HEX_DIGITS "0123456789abcdef"

/* Complete blobs by their digest. */
typedef struct BlobIndex {
        const StoreCatalogBlob **sorted; /* owned; of borrowed ones */
        size_t n;
} BlobIndex;

static void blob_index_done(BlobIndex *index) {
        free(index->sorted);
}

static int compare_digests(const Digest *a, const Digest *b) {
        if (a->algorithm != b->algorithm)
                return a->algorithm < b->algorithm ? -1 : 1;
        return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int compare_blobs(const void *a, const void *b) {
        const StoreCatalogBlob *const *x = a, *const *y = b;

        return compare_digests(&(*x)->entry.digest, &(*y)->entry.digest);
}

static int compare_to_digest(const void *key, const void *element) {
        const StoreCatalogBlob *const *blob = element;

        return compare_digests(key, &(*blob)->entry.digest);
}

static int index_blobs(const StoreCatalog *catalog, BlobIndex *ret) {
        ret->sorted = calloc(catalog->n_blobs + 1, sizeof(const StoreCatalogBlob *));
        if (!ret->sorted)
                return -ENOMEM;

        for (size_t i = 0; i < catalog->n_blobs; i++)
                if (!catalog->blobs[i].entry.is_partial)
                        ret->sorted[ret->n++] = &catalog->blobs[i];
        qsort(ret->sorted, ret->n, sizeof(const StoreCatalogBlob *), compare_blobs);
        return 0;
}

static uint32_t find_blob(
        const StoreCatalog *catalog, const BlobIndex *index, const Digest *digest) {
        const StoreCatalogBlob **found =
                bsearch(digest, index->sorted, index->n, sizeof(const StoreCatalogBlob *),
                        compare_to_digest);

        return found ? (uint32_t) (*found - catalog->blobs) : NO_BLOB;
}

static int compare_indices(const void *a, const void *b) {
        const uint32_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void image_done(StoreCatalogImage *image) {
        store_image_done(&image->image);
        free(image->blobs);
}

void store_catalog_done(StoreCatalog *catalog) {
        for (size_t i = 0; i < catalog->n_images; i++)
                image_done(&catalog->images[i]);
        free(catalog->images);
        free(catalog->blobs);
        free(catalog->users);
        *catalog = (StoreCatalog){ 0 };
}

/* Finds the blobs of an image, each once. Returns 0 if one is missing. */
static int find_blobs(
        const StoreCatalog *catalog, const BlobIndex *index, StoreCatalogImage *image) {
        const StoreImage *from = &image->image;
        size_t n = 0;

        image->blobs = calloc(2 + from->n_documents + from->n_blobs, sizeof(*image->blobs));
        if (!image->blobs)
                return -ENOMEM;

        image->blobs[n++] = find_blob(catalog, index, &from->top);
        image->blobs[n++] = find_blob(catalog, index, &from->manifest);
        for (size_t i = 0; i < from->n_documents; i++)
                image->blobs[n++] = find_blob(catalog, index, &from->documents[i]);
        for (size_t i = 0; i < from->n_blobs; i++)
                image->blobs[n++] = find_blob(catalog, index, &from->blobs[i]);

        image->used_usec =
                image->blobs[0] == NO_BLOB ? 0 : catalog->blobs[image->blobs[0]].entry.used_usec;
        image->is_used = image->blobs[0] != NO_BLOB &&
                         catalog->blobs[image->blobs[0]].entry.state == STORE_ENTRY_USED;
        qsort(image->blobs, n, sizeof(*image->blobs), compare_indices);
        for (size_t i = 0; i < n; i++)
                if (i == 0 || image->blobs[i] != image->blobs[i - 1])
                        image->blobs[image->n_blobs++] = image->blobs[i];
        return image->blobs[image->n_blobs - 1] != NO_BLOB;
}

static int add_images(StoreCatalog *catalog, StoreImage *images, size_t n) {
        _cleanup_(blob_index_done) BlobIndex index = { 0 };
        int r;

        r = index_blobs(catalog, &index);
        if (r < 0)
                return r;
        catalog->images = calloc(n + 1, sizeof(*catalog->images));
        if (!catalog->images)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                _cleanup_(image_done) StoreCatalogImage image = { .image = images[i] };

                images[i] = (StoreImage){ 0 };
                r = find_blobs(catalog, &index, &image);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                for (size_t j = 0; j < image.n_blobs; j++)
                        catalog->blobs[image.blobs[j]].n_images++;
                catalog->images[catalog->n_images++] = TAKE_STRUCT(image);
        }
        return 0;
}

static void add_up(const StoreCatalog *catalog, StoreCatalogImage *image) {
        for (size_t i = 0; i < image->n_blobs; i++) {
                const StoreCatalogBlob *blob = &catalog->blobs[image->blobs[i]];

                image->disk_bytes += blob->entry.disk_bytes;
                if (blob->n_images > 1)
                        image->shared_bytes += blob->entry.disk_bytes;
        }
}

static int compare_use(const void *a, const void *b) {
        const StoreCatalogImage *x = a, *y = b;

        return (x->used_usec > y->used_usec) - (x->used_usec < y->used_usec);
}

static int add_users(StoreCatalog *catalog) {
        size_t n = 0;

        for (size_t i = 0; i < catalog->n_blobs; i++) {
                catalog->blobs[i].first_user = n;
                n += catalog->blobs[i].n_images;
                catalog->blobs[i].n_images = 0;
        }
        catalog->users = calloc(n + 1, sizeof(*catalog->users));
        if (!catalog->users)
                return -ENOMEM;

        for (size_t i = 0; i < catalog->n_images; i++)
                for (size_t j = 0; j < catalog->images[i].n_blobs; j++) {
                        StoreCatalogBlob *blob = &catalog->blobs[catalog->images[i].blobs[j]];

                        catalog->users[blob->first_user + blob->n_images++] = (uint32_t) i;
                }
        catalog->n_users = n;
        return 0;
}

static int add_blobs(StoreCatalog *catalog, Store *store, Error *error) {
        _cleanup_(freep) StoreEntry *entries = NULL;
        int r;

        r = store_list(store, &entries, &catalog->n_blobs, error);
        if (r < 0)
                return r;
        catalog->blobs = calloc(catalog->n_blobs + 1, sizeof(*catalog->blobs));
        if (!catalog->blobs)
                return error_oom(error);

        for (size_t i = 0; i < catalog->n_blobs; i++)
                catalog->blobs[i].entry = entries[i];
        return 0;
}

int store_catalog_read(Store *store, StoreCatalog *ret, Error *error) {
        _cleanup_(store_catalog_done) StoreCatalog catalog = { 0 };
        StoreImage *images = NULL;
        size_t n = 0;
        int r;

        /* Blobs that come later are in no image of this list. */
        r = store_image_list(store, &images, &n, error);
        if (r >= 0)
                r = add_blobs(&catalog, store, error);
        if (r >= 0 && add_images(&catalog, images, n) < 0)
                r = error_oom(error);
        store_images_free(images, n);
        if (r < 0)
                return r;

        for (size_t i = 0; i < catalog.n_images; i++)
                add_up(&catalog, &catalog.images[i]);
        if (catalog.n_images > 0)
                qsort(catalog.images, catalog.n_images, sizeof(*catalog.images), compare_use);
        if (add_users(&catalog) < 0)
                return error_oom(error);
        *ret = TAKE_STRUCT(catalog);
        return 0;
}

const uint32_t *store_catalog_users(const StoreCatalog *catalog, size_t index, size_t *ret_n) {
        const size_t first = catalog->blobs[index].first_user;

        *ret_n = (index + 1 < catalog->n_blobs ? catalog->blobs[index + 1].first_user
                                               : catalog->n_users) -
                 first;
        return catalog->users + first;
}

/* "sha256:" and the digits, or only these. */
typedef struct Prefix {
        bool has_algorithm;
        DigestAlgorithm algorithm;
        const char *hex; /* borrowed */
} Prefix;

static bool parse_prefix(const char *text, Prefix *ret) {
        const char *colon = strchr(text, ':');
        size_t length;

        *ret = (Prefix){ .has_algorithm = colon, .hex = colon ? colon + 1 : text };
        for (DigestAlgorithm i = 0; colon && i < _DIGEST_ALGORITHM_MAX; i++) {
                const char *name = digest_algorithm_to_string(i);

                if (strncmp(name, text, (size_t) (colon - text)) == 0 &&
                    name[colon - text] == '\0') {
                        ret->algorithm = i;
                        colon = NULL;
                }
        }

        length = strspn(ret->hex, HEX_DIGITS);
        return !colon && length >= STORE_CATALOG_HEX_MIN && ret->hex[length] == '\0';
}

bool store_catalog_is_digest(const char *text) {
        Prefix prefix;

        return parse_prefix(text, &prefix);
}

static bool starts_with(const Digest *digest, const Prefix *prefix) {
        char hex[DIGEST_HEX_MAX];

        return (!prefix->has_algorithm || digest->algorithm == prefix->algorithm) &&
               strncmp(digest_format_hex(digest, hex), prefix->hex, strlen(prefix->hex)) == 0;
}

/* What a text could mean. */
typedef struct Candidates {
        StoreCatalogMatch first;
        unsigned n;
        FILE *names; /* of the first NAMED_MAX */
} Candidates;

static void add_candidate(Candidates *candidates, const char *reference, const Digest *digest) {
        char text[DIGEST_STRING_MAX];

        /* Blobs and several images may have one digest. */
        if (!reference && candidates->n > 0 && !candidates->first.reference &&
            digest_equal(&candidates->first.digest, digest))
                return;
        if (candidates->n < NAMED_MAX)
                (void) fprintf(
                        candidates->names, "%s%s", candidates->n > 0 ? ", " : "",
                        reference ? reference : digest_format(digest, text));
        if (candidates->n == 0)
                candidates->first =
                        (StoreCatalogMatch){ .reference = reference, .digest = *digest };
        candidates->n++;
}

static void find_candidates(
        const StoreCatalog *catalog, const char *reference, const char *text, Candidates *ret) {
        const bool is_digest = store_catalog_is_digest(text);
        Prefix prefix;

        for (size_t i = 0; reference && i < catalog->n_images; i++)
                if (strcmp(catalog->images[i].image.reference, reference) == 0)
                        add_candidate(
                                ret, catalog->images[i].image.reference,
                                &catalog->images[i].image.top);
        if (!is_digest || !parse_prefix(text, &prefix))
                return;
        for (size_t i = 0; i < catalog->n_blobs; i++)
                if (starts_with(&catalog->blobs[i].entry.digest, &prefix))
                        add_candidate(ret, NULL, &catalog->blobs[i].entry.digest);
}

int store_catalog_find(
        const StoreCatalog *catalog,
        const char *reference,
        const char *text,
        StoreCatalogMatch *ret,
        Error *error) {
        Candidates candidates = { 0 };
        _cleanup_(freep) char *names = NULL;
        size_t size = 0;

        candidates.names = open_memstream(&names, &size);
        if (!candidates.names)
                return error_oom(error);
        find_candidates(catalog, reference, text, &candidates);
        if (candidates.n > NAMED_MAX)
                (void) fprintf(candidates.names, " and %u others", candidates.n - NAMED_MAX);
        if (fclose(candidates.names) != 0)
                return error_oom(error);

        if (candidates.n == 0)
                return error_set(error, ENOENT, ERROR_NOT_FOUND, "%s is not in the cache", text);
        if (candidates.n > 1)
                return error_set(
                        error, EEXIST, ERROR_INVALID_OPTION, "\"%s\" is ambiguous: it could be %s",
                        text, names);
        *ret = candidates.first;
        return 0;
}
