/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <string.h>

#include "base-cleanup.h"
#include "fuzz.h"
#include "source-path.h"

/* Relative, and without a component that is empty, "." or "..". */
static bool is_clean(const char *path) {
        if (*path == '\0' || strlen(path) > SOURCE_PATH_MAX)
                return false;

        for (;;) {
                const size_t length = strcspn(path, "/");

                if (length == 0 || (length == 1 && path[0] == '.') ||
                    (length == 2 && path[0] == '.' && path[1] == '.'))
                        return false;
                path += length;
                if (*path == '\0')
                        return true;
                path++;
        }
}

/* Two lines: a member's name, and where a link there points to. What is accepted is clean and stays
 * as it is when it is cleaned again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(freep) char *text = strndup((const char *) data, size);
        char name[SOURCE_PATH_MAX + 1], again[SOURCE_PATH_MAX + 1], target[SOURCE_PATH_MAX + 1];
        char *link;

        if (!text)
                return 0;
        link = strchrnul(text, '\n');
        if (*link)
                *link++ = '\0';

        if (source_path_clean(text, name) < 0)
                return 0;
        if (!is_clean(name) || source_path_clean(name, again) < 0 || strcmp(name, again) != 0)
                __builtin_trap();

        if (source_path_follow(name, link, target) < 0)
                return 0;
        if (!is_clean(target) || link[0] == '/')
                __builtin_trap();
        return 0;
}
