/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A repository in a registry as a source of images. */

#include "registry-client.h"
#include "source.h"

/**
 * step_registry_source_new() - a source for the image that a reference names
 * @reference:  copied, as are @options
 * @ret:        owned by the caller
 *
 * Does not connect yet. Calls of the source fail like those of the registry client.
 */
int step_registry_source_new(
        const Reference *reference, const RegistryOptions *options, Source **ret, Error *error);
