/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Platforms, as the OCI image specification names them, with Go's GOOS and GOARCH
 * (image-index.md, "platform").
 */

#include <stdbool.h>
#include <stddef.h>

#include "base-error.h"

#define PLATFORM_PART_MAX   ((size_t) 31)
#define PLATFORM_STRING_MAX (3 * (PLATFORM_PART_MAX + 1)) /* with the NUL */

typedef struct ReferencePlatform {
        char os[PLATFORM_PART_MAX + 1];           /* "linux" */
        char architecture[PLATFORM_PART_MAX + 1]; /* "amd64", "arm" */
        char variant[PLATFORM_PART_MAX + 1];      /* "v7"; empty if none */
} ReferencePlatform;

/**
 * reference_platform_parse() - read "OS/ARCH[/VARIANT]"
 *
 * Other names of an architecture are normalised: x86_64 is amd64, aarch64 arm64, armhf arm/v7, …
 *
 * Return: 0, or -EINVAL (ERROR_INVALID_OPTION).
 */
int reference_platform_parse(const char *text, ReferencePlatform *ret, Error *error);

/**
 * reference_platform_normalize() - use the specification's names, in lower case
 *
 * If both were zeroed before they were filled in, equal platforms are equal byte for byte.
 *
 * Return: 0, or -EINVAL if a part has characters other than letters, digits, '_', '.' and '-'.
 */
int reference_platform_normalize(ReferencePlatform *platform);

/**
 * reference_platform_host() - the platform of the running kernel
 *
 * Return: 0; -EOPNOTSUPP (ERROR_NO_MATCHING_PLATFORM) if the kernel's names are not valid here.
 */
int reference_platform_host(ReferencePlatform *ret, Error *error);

/** reference_platform_format() - "OS/ARCH[/VARIANT]" in @ret; returns @ret */
char *reference_platform_format(
        const ReferencePlatform *platform, char ret[static PLATFORM_STRING_MAX]);

/**
 * reference_platform_rank() - how well @offered suits @wanted
 *
 * Both normalised. Operating system and architecture must be the same. The variant falls back
 * from the wanted one down to none: v8, v7, v6, v5 for arm; v9, v8 for arm64; v4, v3, v2, v1 for
 * amd64. Wanting none means v7 for arm, v8 for arm64, v1 for amd64. For another architecture or
 * variant the offered one must be the same or none. "unknown" matches nothing.
 *
 * Return: 0 for the best, more for worse ones, -1 for no match.
 */
int reference_platform_rank(const ReferencePlatform *wanted, const ReferencePlatform *offered);
