/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which ids this user may give to its files: subuid(5), subgid(5), user_namespaces(7).
 *
 * Of root these are all that its user namespace has. Of another user its own, and its subordinate ones,
 * which newuidmap(1) and newgidmap(1) give it in a user namespace.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "base-idmap.h"

/* Each range is one of ids that stay what they are; of users the first one is the own id. */
typedef struct SubIds {
        IdMap uids;
        IdMap gids;
} SubIds;

/** subid_read() - those of this process; returns 0, or a negative errno with @error set */
int subid_read(SubIds *ret, Error *error);

/** subid_has_others() - whether there are more than the own user and group */
bool subid_has_others(const SubIds *ids);

/**
 * subid_find_missing() - whether a target of @map is not among @own
 * @ret:        the range of it
 */
bool subid_find_missing(const IdMap *own, const IdMap *map, IdRange *ret);

/**
 * subid_parse() - add the ranges that the text of a subuid(5) has for a user
 * @name:       the user's name, or NULL
 *
 * A pure function. Lines that are malformed, and ranges that overlap one that is there, are passed over.
 */
void subid_parse(const char *text, const char *name, uint32_t uid, IdMap *ranges);

/** subid_parse_namespace() - add the ranges that the text of a /proc/PID/uid_map has; a pure function */
void subid_parse_namespace(const char *text, IdMap *ranges);
