/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "password.h"
#include "unpack-tree-internal.h"

#define LOGIN_DEFS_MAX ((size_t) 256 << 10)
#define LIBRARY_MAX    (16 << 20)
#define METHOD_BLANKS  " \t\""

#define ARCHITECTURES_MAX ((size_t) 16) /* architecture directories to inspect in one directory */
#define DIRECTORY_MAX     64            /* bytes of such a path, with the NUL */

int password_parse_method(const char *text) {
        static const char key[] = "ENCRYPT_METHOD";
        int found = -ENOENT;

        for (const char *line = text; line; line = strchr(line, '\n')) {
                size_t size;

                line += strspn(line, " \t\n");
                if (strncmp(line, key, strlen(key)) != 0)
                        continue;

                line += strlen(key);
                size = strspn(line, METHOD_BLANKS);
                if (size == 0)
                        continue;
                line += size;
                size = strcspn(line, METHOD_BLANKS "\r\n");
                found = size == strlen("yescrypt") && strncasecmp(line, "yescrypt", size) == 0;
        }

        return found;
}

/* A failed probe finds nothing: such errors do not concern the password. */
static int read_method(UnpackTree *tree, const char *path) {
        UnpackTarget *target = tree->target;
        _cleanup_(freep) char *text = NULL;
        char name[NAME_BYTES_MAX + 1];
        UnpackNode *node;
        ssize_t n;

        if (unpack_tree_find(tree, path, &node, name, NULL) <= 0)
                return -ENOENT;

        text = malloc(LOGIN_DEFS_MAX + 2);
        if (!text)
                return -ENOMEM;
        n = target->ops->read_file(target, node->dir, name, text, LOGIN_DEFS_MAX + 1, NULL);
        if (n < 0 || (size_t) n > LOGIN_DEFS_MAX)
                return -ENOENT;

        text[n] = '\0';
        return password_parse_method(text);
}

/* Directories of one architecture each, below @directory, as Debian has them: usr/lib/x86_64-linux-gnu. */
static size_t find_architectures(
        UnpackTree *tree,
        const char *directory,
        char ret[static ARCHITECTURES_MAX][DIRECTORY_MAX]) {
        UnpackTarget *target = tree->target;
        UnpackType type = UNPACK_REGULAR;
        char inside[DIRECTORY_MAX];
        const char *name;
        UnpackNode *node;
        UnpackList *list;
        UnpackPath path;
        size_t n = 0;

        (void) snprintf(inside, sizeof(inside), "%s/any", directory);
        if (unpack_path_init(&path, inside, strlen(inside), tree->limits, NULL) < 0 ||
            unpack_tree_resolve(tree, &path, NULL, &node, NULL) <= 0 ||
            target->ops->list_open(target, node->dir, &list, NULL) < 0)
                return 0;

        while (n < ARCHITECTURES_MAX &&
               target->ops->list_next(target, list, &name, &type, NULL) > 0)
                if (type == UNPACK_DIRECTORY && strstr(name, "-linux-gnu") &&
                    snprintf(ret[n], DIRECTORY_MAX, "%s/%s", directory, name) < DIRECTORY_MAX)
                        n++;
        target->ops->list_close(target, list);
        return n;
}

static bool is_library(UnpackTree *tree, const char *directory, const char *file) {
        UnpackTarget *target = tree->target;
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        char path[2 * DIRECTORY_MAX], name[NAME_BYTES_MAX + 1];
        UnpackNode *node;

        (void) snprintf(path, sizeof(path), "%s/%s", directory, file);
        return unpack_tree_find(tree, path, &node, name, NULL) > 0 &&
               target->ops->get_meta(target, node->dir, name, &meta, NULL) >= 0 &&
               meta.type == UNPACK_REGULAR && meta.size > 0 && meta.size <= LIBRARY_MAX;
}

/* libxcrypt's libcrypt. */
static bool is_in(UnpackTree *tree, const char *directory) {
        return is_library(tree, directory, "libcrypt.so.1.1.0") ||
               is_library(tree, directory, "libcrypt.so.2");
}

static bool has_library(UnpackTree *tree) {
        static const char *const directories[] = { "usr/lib64", "usr/lib", "lib64", "lib" };

        for (size_t i = 0; i < N_ELEMENTS(directories); i++) {
                char found[ARCHITECTURES_MAX][DIRECTORY_MAX];
                size_t n;

                if (is_in(tree, directories[i]))
                        return true;
                n = find_architectures(tree, directories[i], found);
                for (size_t k = 0; k < n; k++)
                        if (is_in(tree, found[k]))
                                return true;
        }
        return false;
}

bool password_wants_yescrypt(UnpackTree *tree) {
        static const char *const files[] = { "etc/login.defs", "usr/etc/login.defs" };

        for (size_t i = 0; i < N_ELEMENTS(files); i++) {
                int r = read_method(tree, files[i]);

                if (r >= 0)
                        return r > 0;
        }

        return has_library(tree);
}

static char *hash_with(const char *password, const char *salt, struct crypt_data *data) {
        char *hash = NULL;

        errno = EINVAL;
        if (crypt_rn(password, salt, data, (int) sizeof(*data)))
                hash = strdup(data->output);

        explicit_bzero(data, sizeof(*data));
        return hash;
}

int password_hash(const char *password, bool yescrypt, char **ret, Error *error) {
        char salt[CRYPT_GENSALT_OUTPUT_SIZE], *hash;
        _cleanup_(freep) struct crypt_data *data = NULL;

        if (strlen(password) > ROOT_PASSWORD_MAX)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Root's password is longer than %zu bytes", ROOT_PASSWORD_MAX);
        if (!crypt_gensalt_rn(yescrypt ? "$y$" : "$6$", 0, NULL, 0, salt, sizeof(salt)))
                return error_set_errno(error, errno, "Cannot generate a salt for root's password");

        data = calloc(1, sizeof(*data));
        if (!data)
                return error_oom(error);

        hash = hash_with(password, salt, data);
        if (!hash)
                return error_set_errno(error, errno, "Cannot hash root's password");

        *ret = hash;
        return 0;
}
