/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capabilities, user, and resource limits of a worker. */

#include <stdbool.h>
#include <stdint.h>

#include "base-error.h"
#include "proto-message.h"

/** sandbox_privileges_can_write_trees() - whether owners, modes, device nodes and all xattrs can be written */
bool sandbox_privileges_can_write_trees(void);

/** sandbox_privileges_can_mount() - whether namespaces can be created without a user namespace */
bool sandbox_privileges_can_mount(void);

/**
 * sandbox_privileges_drop() - drop capabilities, also from the bounding set
 * @keep_trees: keep those that sandbox_privileges_can_write_trees() checks; else keep none
 */
int sandbox_privileges_drop(bool keep_trees, Error *error);

/**
 * sandbox_privileges_become_user() - as root, become @user, without other groups, and with an empty bounding set
 * @user:       the one that the daemon named; root fails without one
 *
 * Other users stay as they are.
 */
int sandbox_privileges_become_user(ProtoUser user, Error *error);

/** sandbox_privileges_become_builder() - likewise, in the group that may use /dev/kvm */
int sandbox_privileges_become_builder(ProtoUser user, Error *error);

/**
 * sandbox_privileges_become_reader() - as root, become @user, and keep only CAP_DAC_READ_SEARCH
 *
 * Other users, and root without that capability, stay as they are and keep no capability.
 */
int sandbox_privileges_become_reader(ProtoUser user, Error *error);

/* Private memory of a worker, bytes: a zstd window, buffers and stacks take far less, and the names of the
 * largest layer (unpack-seen.h) less than half. */
#define PRIVILEGES_MEMORY_MAX (UINT64_C(1) << 30)

/** sandbox_privileges_limit() - no new privileges, no core dumps, not more than PRIVILEGES_MEMORY_MAX */
int sandbox_privileges_limit(Error *error);

/** sandbox_privileges_limit_programs() - no new privileges, no core dumps; for steps that start large programs */
int sandbox_privileges_limit_programs(Error *error);

/* Private memory of a program that writes many images: stacks and tables, most of them never touched. */
#define PRIVILEGES_PROGRAM_MEMORY_MAX (UINT64_C(4) << 30)

/** sandbox_privileges_limit_program() - likewise, and not more than PRIVILEGES_PROGRAM_MEMORY_MAX */
int sandbox_privileges_limit_program(Error *error);

/**
 * sandbox_privileges_seal() - hide the process from others of the same user, and let it die with the daemon
 *
 * Call it after changing credentials, which resets this, and after writing to /proc/self, which then becomes
 * impossible.
 */
int sandbox_privileges_seal(Error *error);
