/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A repository of a registry as a source of images. */

#include "registry-client.h"
#include "source.h"

/**
 * step_registry_source_new() - the image that a reference names
 * @reference:  copied, as are @options
 * @ret:        owned by the caller; untouched on failure
 *
 * Does not connect yet. What a call of the source returns is as of the registry client's.
 *
 * Return: 0, or a negative errno with @error set.
 */
int step_registry_source_new(
        const Reference *reference, const RegistryOptions *options, Source **ret, Error *error);
