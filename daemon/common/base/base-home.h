/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The directories of the user whom a process belongs to: XDG Base Directory Specification. */

/**
 * home_find_config() - the directory of an ordinary user's configuration
 * @ret:        owned by the caller; NULL for root, and if neither $XDG_CONFIG_HOME nor $HOME is an absolute path
 *
 * Return: 0; -ENOMEM.
 */
int home_find_config(char **ret);
