/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The users whom jobs belong to. */

#include <stdint.h>

#include "client-options.h"

/** client_owner_find_name() - the name of user @uid, owned by the caller; NULL if there is none
 *
 * A user id of another host has no name here.
 */
char *client_owner_find_name(const ClientOptions *options, uint32_t uid);
