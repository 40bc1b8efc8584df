/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base-macro.h"
#include "base-text.h"
#include "reference-platform.h"

#define VARIANTS_MAX 4

/* Names that the kernel, Debian and others use. */
static const struct {
        const char *name;
        const char *architecture;
        const char *variant;
} aliases[] = {
        { "x86_64", "amd64", "" },    { "x86-64", "amd64", "" },
        { "i386", "386", "" },        { "i486", "386", "" },
        { "i586", "386", "" },        { "i686", "386", "" },
        { "x86", "386", "" },         { "aarch64", "arm64", "" },
        { "armhf", "arm", "v7" },     { "armel", "arm", "v6" },
        { "armv5tel", "arm", "v5" },  { "armv5tejl", "arm", "v5" },
        { "armv6l", "arm", "v6" },    { "armv6", "arm", "v6" },
        { "armv7l", "arm", "v7" },    { "armv7", "arm", "v7" },
        { "armv8l", "arm", "v8" },    { "powerpc64le", "ppc64le", "" },
        { "ppc64el", "ppc64le", "" }, { "loongarch64", "loong64", "" },
};

/* Each also runs programs for those after it. */
static const struct {
        const char *architecture;
        const char *assumed; /* the default variant */
        const char *variants[VARIANTS_MAX];
} fallbacks[] = {
        { "arm", "v7", { "v8", "v7", "v6", "v5" } },
        { "arm64", "v8", { "v9", "v8" } },
        { "amd64", "v1", { "v4", "v3", "v2", "v1" } },
};

static int normalize_part(char *part) {
        for (char *p = part; *p; p++) {
                if (!isascii(*p) || (!isalnum(*p) && !strchr("_.-", *p)))
                        return -EINVAL;
                *p = (char) tolower(*p);
        }

        return 0;
}

int reference_platform_normalize(ReferencePlatform *platform) {
        char *variant = platform->variant;

        if (normalize_part(platform->os) < 0 || normalize_part(platform->architecture) < 0 ||
            normalize_part(variant) < 0)
                return -EINVAL;

        for (size_t i = 0; i < N_ELEMENTS(aliases); i++)
                if (strcmp(platform->architecture, aliases[i].name) == 0) {
                        memset(platform->architecture, 0, sizeof(platform->architecture));
                        stpcpy(platform->architecture, aliases[i].architecture);
                        if (variant[0] == '\0')
                                stpcpy(variant, aliases[i].variant);
                        break;
                }

        if (strncmp(platform->architecture, "arm", 3) == 0 && isdigit(variant[0]) &&
            variant[1] == '\0') {
                variant[1] = variant[0];
                variant[0] = 'v';
                variant[2] = '\0';
        }

        return 0;
}

/* Copies up to the next '/'; returns the rest, or NULL if the part is empty or too long. */
static const char *take_part(const char *text, char ret[static PLATFORM_PART_MAX + 1]) {
        size_t length = strcspn(text, "/");

        if (length == 0 || length > PLATFORM_PART_MAX)
                return NULL;

        memcpy(ret, text, length);
        ret[length] = '\0';
        return text + length;
}

int reference_platform_parse(const char *text, ReferencePlatform *ret, Error *error) {
        ReferencePlatform platform = { 0 };
        char quoted[TEXT_QUOTE_MAX];
        const char *p;

        p = take_part(text, platform.os);
        if (p)
                p = *p == '/' ? take_part(p + 1, platform.architecture) : NULL;
        if (p && *p == '/')
                p = take_part(p + 1, platform.variant);

        if (!p || *p != '\0' || reference_platform_normalize(&platform) < 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Invalid platform '%s': expected OS/ARCH[/VARIANT], such as linux/arm64 or "
                        "linux/arm/v7",
                        text_quote(text, quoted));

        *ret = platform;
        return 0;
}

int reference_platform_host(ReferencePlatform *ret, Error *error) {
        ReferencePlatform platform = { 0 };
        struct utsname name;

        if (uname(&name) < 0)
                return error_set_errno(error, errno, "Cannot determine this machine's platform");
        if (!take_part(name.sysname, platform.os) ||
            !take_part(name.machine, platform.architecture) ||
            reference_platform_normalize(&platform) < 0)
                return error_set(
                        error, EOPNOTSUPP, ERROR_NO_MATCHING_PLATFORM,
                        "This machine's platform has no name; specify one with --platform");

        *ret = platform;
        return 0;
}

char *reference_platform_format(
        const ReferencePlatform *platform, char ret[static PLATFORM_STRING_MAX]) {
        char *p = stpcpy(stpcpy(stpcpy(ret, platform->os), "/"), platform->architecture);

        if (platform->variant[0] != '\0')
                stpcpy(stpcpy(p, "/"), platform->variant);
        return ret;
}

static int rank_in(const char *const *variants, const char *wanted, const char *offered) {
        int first = -1, i;

        for (i = 0; i < VARIANTS_MAX && variants[i]; i++) {
                if (first < 0 && strcmp(variants[i], wanted) == 0)
                        first = i;
                if (first >= 0 && strcmp(variants[i], offered) == 0)
                        return i - first;
        }

        if (first >= 0 && offered[0] == '\0')
                return i - first;
        return -1;
}

static int rank_variant(const ReferencePlatform *wanted, const char *offered) {
        const char *variant = wanted->variant;

        for (size_t i = 0; i < N_ELEMENTS(fallbacks); i++)
                if (strcmp(wanted->architecture, fallbacks[i].architecture) == 0) {
                        int rank;

                        if (variant[0] == '\0')
                                variant = fallbacks[i].assumed;
                        rank = rank_in(fallbacks[i].variants, variant, offered);
                        if (rank >= 0)
                                return rank;
                        break;
                }

        if (strcmp(variant, offered) == 0)
                return 0;
        return offered[0] == '\0' ? 1 : -1;
}

int reference_platform_rank(const ReferencePlatform *wanted, const ReferencePlatform *offered) {
        if (strcmp(wanted->os, offered->os) != 0 ||
            strcmp(wanted->architecture, offered->architecture) != 0 ||
            strcmp(offered->os, "unknown") == 0 || strcmp(offered->architecture, "unknown") == 0)
                return -1;

        return rank_variant(wanted, offered->variant);
}
