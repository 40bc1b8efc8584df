/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base-cleanup.h"
#include "base-secret.h"
#include "password-shadow.h"
#include "password.h"
#include "unpack-tree-internal.h"

#define ROOT_PREFIX     "root:"
#define SHADOW_PATH     "etc/shadow"
#define SHADOW_NAME     "shadow"
#define SECONDS_PER_DAY 86400

/* The first line for root, without its newline. */
static const char *find_root(const char *text, const char *end, const char **ret_end) {
        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t) (end - text));
                const char *line_end = newline ? newline : end;

                if ((size_t) (line_end - text) >= strlen(ROOT_PREFIX) &&
                    memcmp(text, ROOT_PREFIX, strlen(ROOT_PREFIX)) == 0) {
                        *ret_end = line_end;
                        return text;
                }

                text = newline ? newline + 1 : end;
        }

        return NULL;
}

int password_shadow_edit(
        const char *text, size_t size, const char *hash, long day, char **ret, size_t *ret_size) {
        const char *const end = text + size;
        const char *line, *line_end = end, *hash_start, *hash_end, *day_end;
        char fields[32];
        size_t before, after, hash_size, fields_size;
        char *edited, *p;

        if (size > SHADOW_BYTES_MAX)
                return -EFBIG;
        if (strpbrk(hash, ":\n"))
                return -EINVAL;

        line = find_root(text, end, &line_end);
        if (!line)
                return -ENOENT;

        hash_start = line + strlen(ROOT_PREFIX);
        hash_end = memchr(hash_start, ':', (size_t) (line_end - hash_start));
        if (!hash_end)
                return -EINVAL;
        day_end = memchr(hash_end + 1, ':', (size_t) (line_end - hash_end - 1));
        if (!day_end)
                day_end = line_end;

        (void) snprintf(fields, sizeof(fields), ":%ld", day);
        fields_size = strlen(fields);
        hash_size = strlen(hash);
        before = (size_t) (hash_start - text);
        after = (size_t) (end - day_end);

        edited = malloc(before + hash_size + fields_size + after + 1);
        if (!edited)
                return -ENOMEM;

        p = mempcpy(edited, text, before);
        p = mempcpy(p, hash, hash_size);
        p = mempcpy(p, fields, fields_size);
        p = mempcpy(p, day_end, after);
        *p = '\0';

        *ret = edited;
        *ret_size = (size_t) (p - edited);
        return 0;
}

static int no_shadow(Error *error) {
        return error_set(
                error, ENOENT, ERROR_UNSUPPORTED_IMAGE,
                "There is no etc/shadow, in which --root-password would be set");
}

/* Finds its directory. */
static int find_shadow(UnpackTree *tree, UnpackNode **ret, Error *error) {
        UnpackPath path;
        int r;

        r = unpack_path_init(&path, SHADOW_PATH, strlen(SHADOW_PATH), tree->limits, error);
        if (r >= 0)
                r = unpack_tree_resolve(tree, &path, NULL, ret, error);
        if (r < 0)
                return error_prefix(error, "Cannot find etc/shadow");
        return r > 0 ? 0 : no_shadow(error);
}

static int get_shadow_meta(
        const UnpackTree *tree, const UnpackNode *etc, UnpackMeta *ret, Error *error) {
        UnpackTarget *target = tree->target;
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        int r;

        r = target->ops->get_meta(target, etc->dir, SHADOW_NAME, &meta, error);
        if (r == -ENOENT)
                return no_shadow(error);
        if (r < 0)
                return error_prefix(error, "Cannot stat etc/shadow");
        if (meta.type != UNPACK_REGULAR)
                return error_set(
                        error, EINVAL, ERROR_UNSUPPORTED_IMAGE, "etc/shadow is not a regular file");
        if (meta.size > SHADOW_BYTES_MAX)
                return error_set(
                        error, EFBIG, ERROR_UNSUPPORTED_IMAGE,
                        "etc/shadow is larger than %zu bytes", SHADOW_BYTES_MAX);

        *ret = TAKE_STRUCT(meta);
        return 0;
}

static int edit(
        const char *text,
        size_t size,
        const char *hash,
        char **ret,
        size_t *ret_size,
        Error *error) {
        const long day = (long) (time(NULL) / SECONDS_PER_DAY);
        int r;

        r = password_shadow_edit(text, size, hash, day, ret, ret_size);
        if (r == -ENOENT)
                return error_set(
                        error, ENOENT, ERROR_UNSUPPORTED_IMAGE, "etc/shadow has no line for root");
        if (r == -EINVAL)
                return error_set(
                        error, EINVAL, ERROR_UNSUPPORTED_IMAGE,
                        "The line for root in etc/shadow is malformed");
        return r < 0 ? error_set_errno(error, -r, "Cannot edit etc/shadow") : 0;
}

static int replace_shadow(
        const UnpackTree *tree,
        UnpackNode *etc,
        UnpackMeta *meta,
        const char *text,
        size_t size,
        Error *error) {
        UnpackTarget *target = tree->target;
        UnpackFile *file = NULL;
        int r;

        meta->size = size;
        (void) clock_gettime(CLOCK_REALTIME, &meta->mtime);
        meta->atime = meta->mtime;

        etc->touched = true;
        r = target->ops->remove(target, etc->dir, SHADOW_NAME, false, error);
        if (r >= 0)
                r = target->ops->create(target, etc->dir, SHADOW_NAME, meta, &file, error);
        if (r == -EEXIST)
                return error_set(
                        error, EEXIST, ERROR_FAILED,
                        "It was created by someone else in the meantime");
        if (r < 0)
                return r;

        r = target->ops->write(target, file, 0, text, size, error);
        if (r < 0) {
                unpack_target_discard(target, file);
                return r;
        }
        return target->ops->finish(target, file, &target->entry, meta, error);
}

static int set_hash(
        UnpackTree *tree, UnpackNode *etc, const char *password, bool yescrypt, Error *error) {
        UnpackTarget *target = tree->target;
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        _cleanup_(secret_freep) char *hash = NULL, *text = NULL, *edited = NULL;
        size_t edited_size = 0;
        ssize_t size;
        int r;

        r = get_shadow_meta(tree, etc, &meta, error);
        if (r < 0)
                return r;

        text = malloc(meta.size + 1);
        if (!text)
                return error_oom(error);
        size = target->ops->read_file(target, etc->dir, SHADOW_NAME, text, meta.size, error);
        if (size == -ENOENT || size == -EINVAL)
                return no_shadow(error);
        if (size < 0)
                return error_prefix(error, "Cannot read etc/shadow");

        r = password_hash(password, yescrypt, &hash, error);
        if (r < 0)
                return r;
        r = edit(text, (size_t) size, hash, &edited, &edited_size, error);
        if (r < 0)
                return r;

        r = replace_shadow(tree, etc, &meta, edited, edited_size, error);
        return r < 0 ? error_prefix(error, "Cannot replace etc/shadow") : 0;
}

int password_set_root(UnpackTarget *target, const char *password, Error *error) {
        static const Limits limits = LIMITS_DEFAULT;
        _cleanup_(unpack_tree_freep) UnpackTree *tree = NULL;
        UnpackNode *etc = NULL;
        bool yescrypt;
        int r;

        r = unpack_tree_new(target, &limits, 0, 0, &tree, error);
        if (r < 0)
                return r;

        yescrypt = password_wants_yescrypt(tree);
        r = find_shadow(tree, &etc, error);
        if (r < 0)
                return r;
        r = set_hash(tree, etc, password, yescrypt, error);
        return r < 0 ? r : unpack_tree_flush(tree, error);
}
