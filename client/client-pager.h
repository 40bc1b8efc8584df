/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shows a long listing in a pager, as systemd's programs do: systemctl(1), "ENVIRONMENT".
 *
 * Without $SYSTEMD_PAGERSECURE, the pager is secure if this program does not run as the user who has logged in, as
 * with sudo: then only less is used, which can start no other program in this mode.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "base-cleanup.h"
#include "client-options.h"

#define PAGER_ARGUMENTS_MAX 16U

typedef struct ClientPager {
        pid_t pid;     /* 0 if there is none */
        int stdout_fd; /* owned; what standard output was */
} ClientPager;

#define PAGER_NULL ((ClientPager){ .stdout_fd = -EBADF })

/* What the environment asks for. */
typedef struct ClientPagerPlan {
        char *command; /* owned; what @arguments are in */
        char *arguments
                [PAGER_ARGUMENTS_MAX + 1U]; /* of the user's own pager; empty to look for one */
        bool is_wanted;                     /* otherwise everything is printed at once */
        bool is_secure;
} ClientPagerPlan;

/**
 * client_pager_plan() - choose the pager
 * @is_own_session: whether the program runs as the user who has logged in
 *
 * Fails only with -ENOMEM.
 */
int client_pager_plan(bool is_own_session, ClientPagerPlan *ret);

void client_pager_plan_done(ClientPagerPlan *plan);

/**
 * client_pager_open() - let standard output lead to a pager
 *
 * Does nothing unless that is a terminal, and with --no-pager and --json, or if no pager can be started. Call it once
 * all data have arrived: errors and questions would be hidden behind the pager.
 */
void client_pager_open(const ClientOptions *options, ClientPager *ret);

/** client_pager_close() - wait until the user has left the pager, and restore standard output; for _cleanup_() */
void client_pager_close(ClientPager *pager);
