/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base-cleanup.h"
#include "password.h"
#include "unpack-tree-internal.h"

#define LOGIN_DEFS_MAX ((size_t) 256 << 10)
#define LIBRARY_MAX    (16 << 20)
#define METHOD_BLANKS  " \t\""

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

/* A probe that fails finds nothing: what is wrong there is not the password's business. */
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

static bool is_library(UnpackTree *tree, const char *directory, const char *file) {
        UnpackTarget *target = tree->target;
        _cleanup_(unpack_meta_done) UnpackMeta meta = { 0 };
        char path[128], name[NAME_BYTES_MAX + 1];
        UnpackNode *node;

        (void) snprintf(path, sizeof(path), "%s/%s", directory, file);
        return unpack_tree_find(tree, path, &node, name, NULL) > 0 &&
               target->ops->get_meta(target, node->dir, name, &meta, NULL) >= 0 &&
               meta.type == UNPACK_REGULAR && meta.size > 0 && meta.size <= LIBRARY_MAX;
}

bool password_wants_yescrypt(UnpackTree *tree) {
        static const char *const files[] = { "etc/login.defs", "usr/etc/login.defs" };
        static const char *const names[] = { "libcrypt.so.1.1.0", "libcrypt.so.2" };
        static const char *const directories[] = {
                "usr/lib64",
                "usr/lib",
                "lib64",
                "lib",
                "usr/lib/x86_64-linux-gnu",
                "usr/lib/aarch64-linux-gnu",
                "usr/lib/arm-linux-gnueabihf",
                "usr/lib/arm-linux-gnueabi",
                "usr/lib/i386-linux-gnu",
                "usr/lib/powerpc64le-linux-gnu",
                "usr/lib/riscv64-linux-gnu",
                "usr/lib/s390x-linux-gnu",
                "usr/lib/mips64el-linux-gnuabi64",
                "usr/lib/loongarch64-linux-gnu",
                "lib/x86_64-linux-gnu",
                "lib/aarch64-linux-gnu",
                "lib/arm-linux-gnueabihf",
                "lib/arm-linux-gnueabi",
                "lib/i386-linux-gnu",
                "lib/powerpc64le-linux-gnu",
                "lib/riscv64-linux-gnu",
                "lib/s390x-linux-gnu",
                "lib/mips64el-linux-gnuabi64",
        };

        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                int r = read_method(tree, files[i]);

                if (r >= 0)
                        return r > 0;
        }

        for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
                for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
                        if (is_library(tree, directories[i], names[k]))
                                return true;
        return false;
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
                return error_set_errno(error, errno, "Cannot make a salt for root's password");

        data = calloc(1, sizeof(*data));
        if (!data)
                return error_oom(error);

        hash = hash_with(password, salt, data);
        if (!hash)
                return error_set_errno(error, errno, "Cannot hash root's password");

        *ret = hash;
        return 0;
}
