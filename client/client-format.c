/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <string.h>

#include "base-macro.h"
#include "client-format.h"

typedef struct Suffix {
        const char *text;
        const char *format; /* by default */
        const char
                *excluded; /* the other format of a file, if the suffix says that it has not that */
        const char *instead; /* what a file of that format may be called */
} Suffix;

static const Suffix suffixes[] = {
        { ".qcow2", "qcow2", "raw", ".raw or .img" },
        { ".raw", "raw", "qcow2", ".qcow2 or .img" },
        { ".img", "raw", NULL, NULL },
};

/* NULL if the name is that of a directory. */
static const Suffix *find_suffix(const char *destination) {
        const char *slash = strrchr(destination, '/'), *name = slash ? slash + 1 : destination;
        const size_t length = strlen(name);

        for (size_t i = 0; i < N_ELEMENTS(suffixes); i++) {
                const size_t n = strlen(suffixes[i].text);

                if (length >= n && strcmp(name + length - n, suffixes[i].text) == 0)
                        return &suffixes[i];
        }

        return NULL;
}

static int check_directory(
        const char *destination, const char *format, bool flatten, Error *error) {
        const size_t length = strlen(destination);
        const bool is_file = flatten || (format && strcmp(format, "raw") == 0);

        if (!is_file || length == 0 || destination[length - 1] != '/')
                return 0;
        return error_set(
                error, EINVAL, ERROR_INVALID_OPTION,
                "\"%s\" is the name of a directory, but --%s makes a file; write it without \"/\" at its end",
                destination, flatten ? "flatten" : "format raw");
}

int client_format_choose(
        const char *destination, const char **format, bool *flatten, Error *error) {
        const Suffix *suffix = find_suffix(destination);

        if (!suffix)
                return check_directory(destination, *format, *flatten, error);

        if (*format && strcmp(*format, "dir") == 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" is the name of a disk image, but --format dir makes a directory; leave out "
                        "--format, or write \"%s/\" for a directory of this name",
                        destination, destination);
        if (*format && suffix->excluded && strcmp(*format, suffix->excluded) == 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" is the name of a %s image, but --format %s makes another one; leave out "
                        "--format, or use a name that ends in %s",
                        destination, suffix->format, *format, suffix->instead);

        if (!*format)
                *format = suffix->format;
        *flatten |= strcmp(*format, "qcow2") == 0;
        return 0;
}
