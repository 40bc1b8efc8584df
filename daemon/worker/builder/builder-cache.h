/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The templates that virt-builder has downloaded for root, in a directory owned by root beside the places of
 * the builders ("templates"). A build gets the files of its own template as hard links, read-only, and only
 * new files of this template are kept, after all programs of the build have ended. A hijacked build can
 * therefore at most deceive later builds of the same template, and only if its source is not signed:
 * virt-builder verifies everything that it finds in its cache. The appliance of libguestfs cannot be
 * verified, and is rebuilt for each build.
 */

#include "builder-place.h"

/** builder_cache_lend() - create a cache in a place for another user */
int builder_cache_lend(const BuilderPlace *place, const char *template, Error *error);

/**
 * builder_cache_keep() - keep new downloads in that cache
 *
 * No program that has used @place may still be running.
 */
int builder_cache_keep(const BuilderPlace *place, const char *template, Error *error);
