/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Platforms, in the words of Go (GOOS, GOARCH) that the OCI image specification uses
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
        char variant[PLATFORM_PART_MAX + 1];      /* "v7"; empty when there is none */
} ReferencePlatform;

/**
 * reference_platform_parse() - read "OS/ARCH[/VARIANT]"
 *
 * Other names of an architecture are normalised: x86_64 is amd64, aarch64 arm64, armhf arm/v7, …
 *
 * Return: 0, or -EINVAL with @error set to ERROR_INVALID_OPTION; @ret untouched on failure.
 */
int reference_platform_parse(const char *text, ReferencePlatform *ret, Error *error);

/**
 * reference_platform_normalize() - put the specification's names in place of others, and lower case of upper
 *
 * Of one that was zeroed before it was filled in, two that are the same are so byte for byte.
 *
 * Return: 0, or -EINVAL for a part with other characters than letters, digits, '_', '.' and '-'.
 */
int reference_platform_normalize(ReferencePlatform *platform);

/**
 * reference_platform_host() - the platform of the running kernel
 *
 * Return: 0, or a negative errno with @error set when the kernel's names are none that fit.
 */
int reference_platform_host(ReferencePlatform *ret, Error *error);

/** reference_platform_format() - "OS/ARCH[/VARIANT]" in @ret; returns @ret */
char *reference_platform_format(
        const ReferencePlatform *platform, char ret[static PLATFORM_STRING_MAX]);

/**
 * reference_platform_rank() - how well what is @offered suits who @wanted
 *
 * Both normalised. Operating system and architecture have to be the same. The variant falls back
 * from the wanted one down to none: v8, v7, v6, v5 for arm; v9, v8 for arm64; v4, v3, v2, v1 for
 * amd64. Wanting none means v7 for arm, v8 for arm64, v1 for amd64. For another architecture or
 * variant the offered one has to be the same or none. "unknown" matches nothing.
 *
 * Return: 0 for the best, more for less good ones, -1 for what does not match.
 */
int reference_platform_rank(const ReferencePlatform *wanted, const ReferencePlatform *offered);
