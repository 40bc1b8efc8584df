/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Draws a block of lines at the end of a terminal's text, over the block drawn before.
 *
 * Between two calls the cursor is at the beginning of the block. So a terminal that breaks the lines anew when its
 * size changes moves the cursor with them, and whatever the lines have become is below it. Each change is one
 * write(2), without a moment at which the block is missing; the cursor stays visible and no mode of the terminal
 * stays changed, so that there is nothing to restore if the program is killed.
 */

#include <stdio.h>

#include "client-block.h"

typedef enum ClientTaskbar {
        TASKBAR_NONE,
        TASKBAR_SHARE, /* a percentage */
        TASKBAR_ERROR,
        TASKBAR_BUSY, /* without a percentage */
} ClientTaskbar;

typedef struct ClientScreen {
        FILE *file;            /* the terminal, unbuffered; borrowed */
        bool has_block;        /* there is one, which begins at the cursor */
        bool has_taskbar;      /* the terminal knows the sequence for it, or ignores it */
        ClientTaskbar taskbar; /* told last */
        unsigned percent;      /* told last, with TASKBAR_SHARE */
} ClientScreen;

/** client_screen_is_smart() - whether @fd is a terminal that can move its cursor */
bool client_screen_is_smart(int fd);

/** client_screen_size() - columns and rows of the terminal @fd; 80 and 24 where it does not know them */
void client_screen_size(int fd, size_t *ret_columns, size_t *ret_rows);

/** client_screen_init() - @file is an unbuffered stream to a smart terminal, as stderr may be */
void client_screen_init(ClientScreen *screen, FILE *file);

/** client_screen_draw() - show @block instead of the former one, below @text, which ends its lines; NULL: none */
void client_screen_draw(ClientScreen *screen, const char *text, const ClientBlock *block);

/** client_screen_erase() - remove the block; the cursor is where it began */
void client_screen_erase(ClientScreen *screen);

/**
 * client_screen_set_taskbar() - show progress where the desktop shows its windows: OSC 9;4
 * @percent:    with TASKBAR_SHARE
 */
void client_screen_set_taskbar(ClientScreen *screen, ClientTaskbar taskbar, unsigned percent);
