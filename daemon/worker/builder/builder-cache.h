/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The templates that virt-builder has downloaded for root, in a directory of root's beside the places of the
 * builders ("templates"). A build gets those of its own template as hard links, which it can read and not
 * change, and leaves new ones only of that template, once all its programs have ended. So a build that
 * somebody has taken over can deceive later builds of the same template at most, and these only where its
 * source is not signed: virt-builder checks each time what it finds in its cache. libguestfs' appliance,
 * which nobody could check, is made anew for each build.
 */

#include "builder-place.h"

/** builder_cache_lend() - make a cache in a place for another user; returns 0, or -errno with @error set */
int builder_cache_lend(const BuilderPlace *place, const char *template, Error *error);

/**
 * builder_cache_keep() - keep what was downloaded into that cache
 *
 * No program that has worked in @place may still run. Return: 0, or a negative errno with @error set.
 */
int builder_cache_keep(const BuilderPlace *place, const char *template, Error *error);
