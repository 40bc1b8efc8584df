/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "client-screen.h"

#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT    24

#define ERASE_LINE  "\033[K" /* from the cursor on, … */
#define ERASE_BELOW "\033[J" /* … and all lines below */
#define WRAP_OFF    "\033[?7l"
#define WRAP_ON     "\033[?7h"
#define UP          "\033[%zuA"
#define TASKBAR     "\033]9;4;%u;%u\033\\"

static bool is_terminal_named(const char *name) {
        const char *term = getenv("TERM");

        return strcmp(term ? term : "", name) == 0;
}

bool client_screen_is_smart(int fd) {
        return isatty(fd) && !is_terminal_named("") && !is_terminal_named("dumb");
}

void client_screen_size(int fd, size_t *ret_columns, size_t *ret_rows) {
        struct winsize size = { 0 };

        (void) ioctl(fd, TIOCGWINSZ, &size);
        *ret_columns = size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
        *ret_rows = size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
}

void client_screen_init(ClientScreen *screen, FILE *file) {
        /* The console of Linux would print a part of the sequence. */
        *screen = (ClientScreen){ .file = file, .has_taskbar = !is_terminal_named("linux") };
}

/* What does not arrive is drawn again soon. */
static void send(const ClientScreen *screen, const char *text, size_t size) {
        (void) fwrite(text, 1, size, screen->file);
}

static void compose(FILE *file, const char *text, const ClientBlock *block) {
        (void) fprintf(file, "\r%s%s" WRAP_OFF, text ? ERASE_BELOW : "", text ? text : "");
        for (size_t i = 0; i < block->n_lines; i++)
                (void) fprintf(file, "%s%s" ERASE_LINE, i > 0 ? "\n" : "", block->lines[i]);
        (void) fputs(ERASE_BELOW WRAP_ON "\r", file);
        if (block->n_lines > 1)
                (void) fprintf(file, UP, block->n_lines - 1);
}

void client_screen_draw(ClientScreen *screen, const char *text, const ClientBlock *block) {
        _cleanup_(freep) char *frame = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&frame, &size);

        if (!file)
                return;

        compose(file, text, block);
        if (fclose(file) != 0)
                return;
        send(screen, frame, size);
        screen->has_block = true;
}

void client_screen_erase(ClientScreen *screen) {
        if (!screen->has_block)
                return;

        send(screen, "\r" ERASE_BELOW, strlen("\r" ERASE_BELOW));
        screen->has_block = false;
}

void client_screen_set_taskbar(ClientScreen *screen, ClientTaskbar taskbar, unsigned percent) {
        static const unsigned codes[] = {
                [TASKBAR_NONE] = 0,
                [TASKBAR_SHARE] = 1,
                [TASKBAR_ERROR] = 2,
                [TASKBAR_BUSY] = 3,
        };
        char text[sizeof(TASKBAR) + 16];
        int n;

        if (!screen->has_taskbar ||
            (taskbar == screen->taskbar && (taskbar == TASKBAR_NONE || percent == screen->percent)))
                return;

        screen->taskbar = taskbar;
        screen->percent = percent;

        n = snprintf(text, sizeof(text), TASKBAR, codes[taskbar], percent);
        send(screen, text, (size_t) n);
}
