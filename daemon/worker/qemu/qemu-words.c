/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "qemu-words.h"

void qemu_words(const char *text, size_t size, char ret[static DISK_WORDS_MAX]) {
        const char *line;

        while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
                size--;
        line = memrchr(text, '\n', size);
        line = line ? line + 1 : text;
        size -= (size_t) (line - text);
        if (size >= DISK_WORDS_MAX)
                size = DISK_WORDS_MAX - 1;

        for (size_t i = 0; i < size; i++)
                ret[i] = (char) (line[i] >= 0x20 && line[i] < 0x7f ? line[i] : '?');
        ret[size] = '\0';
}
