/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base-fd.h"
#include "store-blob.h"
#include "store-image.h"
#include "store-internal.h"

#define IMAGES_FILE     "images"
#define UNSYNCED_FILE   "images.unsynced"
#define IMAGES_FILE_MAX ((size_t) 256 << 20)       /* bytes */
#define HEAD_FORMAT     "boot %s %016" PRIx64 "\n" /* of UNSYNCED_FILE: with the checksum of the rest */
#define HEAD_MAX        (STORE_BOOT_MAX + 24)

/* All images of the store, oldest first. */
typedef struct ImageList {
        StoreImage *images; /* owned */
        size_t n;
} ImageList;

void store_image_done(StoreImage *image) {
        free(image->blobs);
        *image = (StoreImage){ 0 };
}

void store_images_free(StoreImage *images, size_t n) {
        for (size_t i = 0; i < n; i++)
                store_image_done(&images[i]);
        free(images);
}

static void image_list_done(ImageList *list) {
        store_images_free(list->images, list->n);
        *list = (ImageList){ 0 };
}

static int lock_images(Store *store, Error *error) {
        int lock = store_lock(store);

        return lock < 0 ? error_set_errno(error, -lock, "Cannot lock the cache") : lock;
}

static int add_image(ImageList *list, StoreImage **ret) {
        StoreImage *bigger;

        if (list->n == STORE_IMAGES_MAX)
                return -E2BIG;

        bigger = reallocarray(list->images, list->n + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;

        list->images = bigger;
        bigger[list->n] = (StoreImage){ 0 };
        *ret = &bigger[list->n++];
        return 0;
}

static int add_blob(StoreImage *image, const Digest *digest) {
        Digest *bigger;

        if (image->n_blobs == STORE_IMAGE_BLOBS_MAX)
                return -E2BIG;

        bigger = reallocarray(image->blobs, image->n_blobs + 1, sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;

        image->blobs = bigger;
        bigger[image->n_blobs++] = *digest;
        return 0;
}

static int add_document(StoreImage *image, const Digest *digest) {
        if (image->n_documents == STORE_IMAGE_DOCUMENTS_MAX)
                return -E2BIG;

        image->documents[image->n_documents++] = *digest;
        return 0;
}

static bool begins_image(const char *line) {
        return strncmp(line, "image ", strlen("image ")) == 0;
}

static int parse_image(ImageList *list, const char *line) {
        StoreImage image = { 0 }, *added;
        int r;

        if (sscanf(line, "image %511s", image.reference) != 1)
                return -EBADMSG;

        r = add_image(list, &added);
        if (r >= 0)
                *added = image;
        return r;
}

/* A line below an image's first one. */
static int parse_member(StoreImage *image, const char *line) {
        char digest_text[DIGEST_STRING_MAX];
        Digest digest;
        int r;

        if (sscanf(line, "top %135s %127s", digest_text, image->top_media_type) == 2)
                return digest_parse(digest_text, &image->top);
        if (sscanf(line, "manifest %135s %127s %63s", digest_text, image->manifest_media_type,
                   image->platform) == 3)
                return digest_parse(digest_text, &image->manifest);
        if (sscanf(line, "document %135s", digest_text) == 1) {
                r = digest_parse(digest_text, &digest);
                return r < 0 ? r : add_document(image, &digest);
        }
        if (sscanf(line, "blob %135s", digest_text) == 1) {
                r = digest_parse(digest_text, &digest);
                return r < 0 ? r : add_blob(image, &digest);
        }

        return -EBADMSG;
}

/* A damaged line drops its image. */
static int parse_line(ImageList *list, const char *line) {
        int r;

        if (begins_image(line))
                return parse_image(list, line);
        if (list->n == 0)
                return -EBADMSG;

        r = parse_member(&list->images[list->n - 1], line);
        if (r < 0)
                store_image_done(&list->images[--list->n]);
        return r;
}

/* Damaged entries count as missing: the list only describes what is already in the store. */
static int parse_images(Store *store, char *content, ImageList *list) {
        bool is_skipping = false; /* to the next image */
        unsigned n = 0;
        char *line;

        while (content && (line = strsep(&content, "\n"))) {
                int r;

                n++;
                if (line[0] == '\0' || (is_skipping && !begins_image(line)))
                        continue;

                r = parse_line(list, line);
                if (r == -ENOMEM)
                        return r;
                is_skipping = r < 0;
                if (is_skipping)
                        log_print(
                                store->log, LOG_WARNING,
                                "Line %u of the list of cached images is damaged; forgetting its "
                                "image",
                                n);
        }

        return 0;
}

/* What jobs have written that sync nothing: returns 0; or -ENOENT when there is nothing, or a power failure has damaged
 * it. */
static int read_unsynced(Store *store, char **ret) {
        _cleanup_(freep) char *content = NULL;
        char boot[STORE_BOOT_MAX], head[HEAD_MAX];
        size_t size, length;
        int r;

        r = file_read(store->private_fd, UNSYNCED_FILE, IMAGES_FILE_MAX, &content, &size);
        if (r < 0)
                return r;

        length = strcspn(content, "\n") + 1;
        if (length > size || sscanf(content, "boot %36s", boot) != 1)
                return -ENOENT;
        (void) snprintf(
                head, sizeof(head), HEAD_FORMAT, boot,
                store_checksum(content + length, size - length));
        if (strncmp(content, head, length) != 0)
                return -ENOENT;

        memmove(content, content + length, size - length + 1);
        *ret = TAKE_PTR(content);
        return 0;
}

static int read_images(Store *store, ImageList *ret, Error *error) {
        _cleanup_(image_list_done) ImageList list = { 0 };
        _cleanup_(freep) char *content = NULL;
        int r;

        r = read_unsynced(store, &content);
        if (r == -ENOENT)
                r = file_read(store->private_fd, IMAGES_FILE, IMAGES_FILE_MAX, &content, NULL);
        if (r < 0 && r != -ENOENT)
                return error_set_errno(error, -r, "Cannot read the list of cached images");

        r = parse_images(store, content, &list);
        if (r < 0)
                return error_oom(error);

        *ret = list;
        list = (ImageList){ 0 };
        return 0;
}

static bool has_blob(Store *store, const Digest *digest, uint64_t *ret_size) {
        struct stat st;

        if (!store_blob_look(store, digest, &st))
                return false;

        *ret_size = (uint64_t) st.st_size;
        return true;
}

static bool is_complete(Store *store, const StoreImage *image) {
        uint64_t size;

        if (!has_blob(store, &image->top, &size) || !has_blob(store, &image->manifest, &size))
                return false;

        for (size_t i = 0; i < image->n_documents; i++)
                if (!has_blob(store, &image->documents[i], &size))
                        return false;
        for (size_t i = 0; i < image->n_blobs; i++)
                if (!has_blob(store, &image->blobs[i], &size))
                        return false;

        return true;
}

static bool is_one_of(const char *const *references, size_t n, const char *reference) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(references[i], reference) == 0)
                        return true;

        return false;
}

/* Those with the references, and those with missing blobs. */
static void drop_images(
        Store *store, ImageList *list, const char *const *references, size_t n_references) {
        size_t kept = 0;

        for (size_t i = 0; i < list->n; i++) {
                StoreImage *image = &list->images[i];

                if (is_one_of(references, n_references, image->reference) ||
                    !is_complete(store, image))
                        store_image_done(image);
                else
                        list->images[kept++] = *image;
        }

        list->n = kept;
}

static void drop_oldest(ImageList *list) {
        store_image_done(&list->images[0]);
        memmove(&list->images[0], &list->images[1], --list->n * sizeof(list->images[0]));
}

static void print_images(const ImageList *list, FILE *f) {
        for (size_t i = 0; i < list->n; i++) {
                const StoreImage *image = &list->images[i];
                char digest[DIGEST_STRING_MAX];

                (void) fprintf(
                        f, "image %s\ntop %s %s\n", image->reference,
                        digest_format(&image->top, digest), image->top_media_type);
                (void) fprintf(
                        f, "manifest %s %s %s\n", digest_format(&image->manifest, digest),
                        image->manifest_media_type, image->platform);
                for (size_t j = 0; j < image->n_documents; j++)
                        (void) fprintf(
                                f, "document %s\n", digest_format(&image->documents[j], digest));
                for (size_t j = 0; j < image->n_blobs; j++)
                        (void) fprintf(f, "blob %s\n", digest_format(&image->blobs[j], digest));
        }
}

/* "linux/arm64/v8" as the platform object of a descriptor. */
static void print_platform(const char *platform, FILE *f) {
        char os[64] = "", architecture[64] = "", variant[64] = "";

        if (sscanf(platform, "%63[^/]/%63[^/]/%63s", os, architecture, variant) < 2)
                return;

        (void) fprintf(f, ",\"platform\":{\"architecture\":\"%s\",\"os\":\"%s\"", architecture, os);
        if (variant[0] != '\0')
                (void) fprintf(f, ",\"variant\":\"%s\"", variant);
        (void) fputc('}', f);
}

/* Nothing printed here needs an escape: see is_plain(). */
static void print_index(Store *store, const ImageList *list, FILE *f) {
        (void) fprintf(f, "{\"schemaVersion\":2,\"manifests\":[");

        for (size_t i = 0; i < list->n; i++) {
                const StoreImage *image = &list->images[i];
                char digest[DIGEST_STRING_MAX];
                uint64_t size = 0;

                (void) has_blob(store, &image->manifest, &size);
                (void) fprintf(
                        f, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%" PRIu64,
                        i > 0 ? "," : "", image->manifest_media_type,
                        digest_format(&image->manifest, digest), size);
                print_platform(image->platform, f);
                (void) fprintf(
                        f, ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}",
                        image->reference);
        }

        (void) fprintf(f, "]}\n");
}

/* The list that was synced stays: after a power failure it is what there is. */
static int write_unsynced(Store *store, const char *images, size_t size) {
        _cleanup_(freep) char *text = NULL;
        int length;

        length = asprintf(
                &text, HEAD_FORMAT "%s", store->boot, store_checksum(images, size), images);
        if (length < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return store_write(store->private_fd, UNSYNCED_FILE, text, (size_t) length, true);
}

static int write_synced(Store *store, const char *images, size_t size) {
        int r = store_write(store->private_fd, IMAGES_FILE, images, size, false);

        if (r < 0 || unlinkat(store->private_fd, UNSYNCED_FILE, 0) < 0)
                return r < 0 || errno == ENOENT ? r : -errno;
        return fd_sync(store->private_fd);
}

static int write_images(Store *store, const ImageList *list, bool no_sync, Error *error) {
        _cleanup_(freep) char *images = NULL, *index = NULL;
        size_t images_size = 0, index_size = 0;
        FILE *f;
        int r;

        f = open_memstream(&images, &images_size);
        if (!f)
                return error_oom(error);
        print_images(list, f);
        if (fclose(f) != 0)
                return error_oom(error);

        f = open_memstream(&index, &index_size);
        if (!f)
                return error_oom(error);
        print_index(store, list, f);
        if (fclose(f) != 0)
                return error_oom(error);

        r = (no_sync ? write_unsynced : write_synced)(store, images, images_size);
        if (r >= 0)
                r = store_write(store->root_fd, "index.json", index, index_size, no_sync);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot write the list of cached images");
        return 0;
}

/* Whether index.json and a line of the list can contain @text verbatim. */
static bool is_plain(const char *text) {
        for (const char *p = text; *p; p++)
                if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
                        return false;
        return text[0] != '\0';
}

int store_image_add(Store *store, const StoreImage *image, bool no_sync, Error *error) {
        _cleanup_(image_list_done) ImageList list = { 0 };
        _cleanup_(store_unlockp) int lock = -EBADF;
        const char *reference = image->reference;
        StoreImage *added;
        int r;

        if (!is_plain(image->reference) || !is_plain(image->top_media_type) ||
            !is_plain(image->manifest_media_type) || !is_plain(image->platform))
                return error_set(
                        error, EINVAL, ERROR_INVALID_REFERENCE,
                        "The image's reference, media type or platform cannot be stored");

        lock = lock_images(store, error);
        if (lock < 0)
                return lock;

        r = read_images(store, &list, error);
        if (r < 0)
                return r;

        drop_images(store, &list, &reference, 1);
        if (list.n == STORE_IMAGES_MAX)
                drop_oldest(&list);
        r = add_image(&list, &added);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot record the image");

        *added = *image;
        added->blobs = NULL;
        added->n_blobs = 0;
        for (size_t i = 0; r >= 0 && i < image->n_blobs; i++)
                r = add_blob(added, &image->blobs[i]);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot record the image");

        return write_images(store, &list, no_sync, error);
}

int store_image_find(Store *store, const char *reference, StoreImage *ret, Error *error) {
        _cleanup_(image_list_done) ImageList list = { 0 };
        _cleanup_(store_unlockp) int lock = -EBADF;
        int r;

        lock = lock_images(store, error);
        if (lock < 0)
                return lock;

        r = read_images(store, &list, error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < list.n; i++)
                if (strcmp(list.images[i].reference, reference) == 0) {
                        *ret = list.images[i];
                        list.images[i] = (StoreImage){ 0 };
                        return 1;
                }

        return 0;
}

bool store_image_has_document(const StoreImage *image, const Digest *digest) {
        for (size_t i = 0; i < image->n_documents; i++)
                if (digest_equal(&image->documents[i], digest))
                        return true;

        return false;
}

int store_image_list(Store *store, StoreImage **ret, size_t *ret_n, Error *error) {
        _cleanup_(store_unlockp) int lock = lock_images(store, error);
        ImageList list;
        int r;

        r = lock < 0 ? lock : read_images(store, &list, error);
        if (r < 0)
                return r;

        *ret = list.images;
        *ret_n = list.n;
        return 0;
}

int store_image_forget(Store *store, const char *const *references, size_t n, Error *error) {
        _cleanup_(image_list_done) ImageList list = { 0 };
        _cleanup_(store_unlockp) int lock = -EBADF;
        int r;

        lock = lock_images(store, error);
        if (lock < 0)
                return lock;

        r = read_images(store, &list, error);
        if (r < 0)
                return r;

        drop_images(store, &list, references, n);
        return write_images(store, &list, false, error);
}

int store_image_refresh(Store *store, Error *error) {
        return store_image_forget(store, NULL, 0, error);
}

int store_image_recover(Store *store, Error *error) {
        _cleanup_(freep) char *content = NULL;
        char boot[STORE_BOOT_MAX];
        int r;

        r = file_read(store->private_fd, UNSYNCED_FILE, IMAGES_FILE_MAX, &content, NULL);
        if (r == -ENOENT)
                return 0;
        if (r >= 0 && sscanf(content, "boot %36s", boot) == 1 && store_is_this_boot(store, boot))
                return 0;
        return store_image_refresh(store, error);
}
