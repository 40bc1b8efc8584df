/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "fuzz.h"
#include "unpack-path.h"

static void check_component(const char *name, size_t size) {
        if (size == 0 || size > NAME_BYTES_MAX || (size == 1 && name[0] == '.') ||
            (size == 2 && memcmp(name, "..", 2) == 0) || memchr(name, '/', size))
                __builtin_trap();
}

/* A path that is accepted consists of plain components, is a fixed point, and a whiteout never
 * removes more than one name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const Limits limits = LIMITS_DEFAULT;
        const char *name = NULL;
        UnpackPath path, again;
        size_t n = 0;

        if (unpack_path_init(&path, (const char *) data, size, &limits, NULL) < 0)
                return 0;
        if (path.size > size || strlen(path.text) != path.size)
                __builtin_trap();

        for (const char *p = path.text; *p != '\0'; n++) {
                const size_t length = strcspn(p, "/");

                check_component(p, length);
                p += length;
                p += *p == '/';
        }
        if (n != path.n_components)
                __builtin_trap();

        if (unpack_path_init(&again, path.text, path.size, &limits, NULL) < 0 ||
            strcmp(again.text, path.text) != 0)
                __builtin_trap();

        if (unpack_whiteout_parse(&path, &name) == WHITEOUT_NAME)
                check_component(name, strlen(name));
        else if (name)
                __builtin_trap();
        return 0;
}
