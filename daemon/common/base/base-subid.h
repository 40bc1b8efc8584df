/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which ids this user may give to its files: subuid(5), subgid(5), user_namespaces(7).
 *
 * For root, these are all ids of its user namespace. For another user, its own, and its subordinate ones,
 * which newuidmap(1) and newgidmap(1) grant in a user namespace.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "base-idmap.h"

/* Each range maps ids to themselves; for ordinary users the first one is the own id. */
typedef struct SubIds {
        IdMap uids;
        IdMap gids;
} SubIds;

/** subid_read() - the ids of this process */
int subid_read(SubIds *ret, Error *error);

/** subid_has_others() - whether there are more ids than the own user and group */
bool subid_has_others(const SubIds *ids);

/**
 * subid_find_missing() - whether a target of @map is not among @own
 * @ret:        its range
 */
bool subid_find_missing(const IdMap *own, const IdMap *map, IdRange *ret);

/**
 * subid_parse() - add the ranges that the text of a subuid(5) has for a user
 * @name:       the user's name, or NULL
 *
 * A pure function. Malformed lines, and ranges that overlap an existing one, are skipped.
 */
void subid_parse(const char *text, const char *name, uint32_t uid, IdMap *ranges);

/** subid_parse_namespace() - add the ranges that the text of a /proc/PID/uid_map has; a pure function */
void subid_parse_namespace(const char *text, IdMap *ranges);
