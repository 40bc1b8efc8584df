/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capabilities, the user, and resource limits of a worker. */

#include <stdbool.h>
#include <stdint.h>

#include "base-error.h"
#include "proto-message.h"

/** sandbox_privileges_can_write_trees() - whether owners, modes, device nodes and all xattrs can be written */
bool sandbox_privileges_can_write_trees(void);

/** sandbox_privileges_can_mount() - whether namespaces can be made without one for the user */
bool sandbox_privileges_can_mount(void);

/**
 * sandbox_privileges_drop() - keep what a step needs
 * @keep_trees: keep what sandbox_privileges_can_write_trees() looks for; nothing else ever
 *
 * Also of the bounding set. Return: 0, or a negative errno with @error set.
 */
int sandbox_privileges_drop(bool keep_trees, Error *error);

/**
 * sandbox_privileges_become_user() - root becomes @user, who has no other group, and no capability in its bounding set
 * @user:       whom the daemon named; root does not go on without
 *
 * Others stay who they are. Return: 0, or a negative errno with @error set.
 */
int sandbox_privileges_become_user(ProtoUser user, Error *error);

/** sandbox_privileges_become_builder() - the same, in the group that may use /dev/kvm */
int sandbox_privileges_become_builder(ProtoUser user, Error *error);

/**
 * sandbox_privileges_become_reader() - root becomes @user, and keeps CAP_DAC_READ_SEARCH alone
 *
 * Others, and root without that capability, stay who they are and keep nothing. Return: 0, or a negative
 * errno with @error set.
 */
int sandbox_privileges_become_reader(ProtoUser user, Error *error);

/* Private memory of a worker, bytes: a zstd window, buffers and stacks are far below it, and the names
 * of the largest layer (unpack-seen.h) are below half of it. */
#define PRIVILEGES_MEMORY_MAX (UINT64_C(1) << 30)

/** sandbox_privileges_limit() - no new privileges, no core dumps, not more than PRIVILEGES_MEMORY_MAX */
int sandbox_privileges_limit(Error *error);

/** sandbox_privileges_limit_programs() - no new privileges, no core dumps; for who starts large programs */
int sandbox_privileges_limit_programs(Error *error);

/* Private memory of a program that writes many images: stacks and tables, most of them never touched. */
#define PRIVILEGES_PROGRAM_MEMORY_MAX (UINT64_C(4) << 30)

/** sandbox_privileges_limit_program() - the same, and not more than PRIVILEGES_PROGRAM_MEMORY_MAX */
int sandbox_privileges_limit_program(Error *error);

/**
 * sandbox_privileges_seal() - nobody of the same user may look into the process, and it dies with the daemon
 *
 * After credentials have changed, which makes the kernel forget the one, and after /proc/self was
 * written to, which the other makes impossible.
 */
int sandbox_privileges_seal(Error *error);
