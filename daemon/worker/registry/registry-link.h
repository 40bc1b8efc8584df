/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Link header (RFC 8288), as far as registries use it: where the next page of a list is. */

#include <stddef.h>

#define REGISTRY_LINK_MAX ((size_t) 2048) /* bytes of a target, with the NUL */

/**
 * registry_link_next() - find the target of the relation "next"
 * @text:       the header's value
 * @ret:        a URL or a part of one, as it was written; empty unless 1 is returned
 *
 * A link without a relation counts as well: some registries leave it out.
 *
 * Return: 1, or 0 if there is none; -EINVAL when the value breaks the grammar, -E2BIG when the target is too long.
 */
int registry_link_next(const char *text, char ret[static REGISTRY_LINK_MAX]);
