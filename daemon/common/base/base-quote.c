/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <string.h>

#include "base-quote.h"

char *text_quote(const char *text, char ret[static TEXT_QUOTE_MAX]) {
        static const char more[] = "...";
        size_t length = strnlen(text, TEXT_QUOTE_MAX);
        size_t n = length < TEXT_QUOTE_MAX ? length : TEXT_QUOTE_MAX - sizeof(more);

        for (size_t i = 0; i < n; i++)
                ret[i] = (char) (text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');

        stpcpy(ret + n, length < TEXT_QUOTE_MAX ? "" : more);
        return ret;
}
