/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base-text.h"
#include "client-wrap.h"

size_t client_wrap_columns(int fd) {
        struct winsize size;

        if (!isatty(fd))
                return SIZE_MAX;
        return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                    : WRAP_HELP_COLUMNS;
}

size_t client_wrap_line(const char *text, size_t columns, size_t *ret_skip) {
        size_t n = 0, used = 0, blank = 0;

        while (text[n] != '\0') {
                size_t bytes, width = text_character_columns(text + n, &bytes);

                if (n > 0 && used + width > columns)
                        break;
                if (text[n] == ' ')
                        blank = n;
                used += width;
                n += bytes;
        }

        /* A blank that no longer fits ends the line as well. */
        if (text[n] != '\0' && text[n] != ' ' && blank > 0)
                n = blank;
        *ret_skip = n + strspn(text + n, " ");
        while (n > 0 && text[n - 1] == ' ')
                n--;
        return n;
}

void client_wrap_print(const char *text, size_t columns, size_t indent, FILE *file) {
        for (bool is_first = true; is_first || *text != '\0'; is_first = false) {
                size_t skip, n = client_wrap_line(text, columns, &skip);

                (void) fprintf(file, "%*s%.*s\n", is_first ? 0 : (int) indent, "", (int) n, text);
                text += skip;
        }
}
