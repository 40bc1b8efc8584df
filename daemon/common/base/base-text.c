/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include "base-macro.h"
#include "base-text.h"

static const struct Utf8Lead {
        unsigned char mask, lead;
        uint32_t min; /* less would be an overlong form */
} utf8_leads[] = {
        { 0x80, 0x00, 0x0 },
        { 0xe0, 0xc0, 0x80 },
        { 0xf0, 0xe0, 0x800 },
        { 0xf8, 0xf0, 0x10000 },
};
#define N_UTF8_LEADS N_ELEMENTS(utf8_leads)

size_t text_character(const char *text, uint32_t *ret) {
        const unsigned char *p = (const unsigned char *) text;
        size_t n = 0;
        uint32_t c;

        while (n < N_UTF8_LEADS && (p[0] & utf8_leads[n].mask) != utf8_leads[n].lead)
                n++;
        if (n == N_UTF8_LEADS || p[0] == '\0')
                return 0;

        c = p[0] & (unsigned char) ~utf8_leads[n].mask;
        for (size_t i = 1; i <= n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }

        if (c < utf8_leads[n].min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;

        *ret = c;
        return n + 1;
}

size_t text_utf8_length(const char *text) {
        uint32_t c;

        return text_character(text, &c);
}

bool text_is_utf8(const char *text) {
        while (*text) {
                size_t n = text_utf8_length(text);

                if (n == 0)
                        return false;
                text += n;
        }

        return true;
}

size_t text_character_columns(const char *text, size_t *ret_bytes) {
        uint32_t c = 0;
        const size_t n = text_character(text, &c);
        const int width = n > 0 ? wcwidth((wchar_t) c) : -1;

        *ret_bytes = n > 0 ? n : 1;
        return width < 0 ? 1 : (size_t) width;
}

size_t text_columns(const char *text) {
        size_t columns = 0;

        for (size_t n; *text; text += n)
                columns += text_character_columns(text, &n);

        return columns;
}

size_t text_beginning(const char *text, size_t columns) {
        const char *p = text;

        while (*p) {
                size_t bytes;
                const size_t width = text_character_columns(p, &bytes);

                if (width > columns)
                        break;
                columns -= width;
                p += bytes;
        }

        return (size_t) (p - text);
}

const char *text_ending(const char *text, size_t columns) {
        size_t surplus = text_columns(text), bytes;

        while (surplus > columns) {
                surplus -= text_character_columns(text, &bytes);
                text += bytes;
        }

        return text;
}

bool text_is_control(uint32_t c) {
        return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

void text_make_printable(char *text) {
        const char *from = text;
        char *to = text;

        while (*from) {
                uint32_t c = 0;
                size_t n = text_character(from, &c);

                if (n > 0 && !text_is_control(c)) {
                        memmove(to, from, n);
                        to += n;
                } else
                        *to++ = c == '\n' || c == '\t' ? ' ' : '?';
                from += n > 0 ? n : 1;
        }

        *to = '\0';
}

char *text_printable(const char *text) {
        char *printable = strdup(text);

        if (printable)
                text_make_printable(printable);
        return printable;
}

char *text_quote(const char *text, char ret[static TEXT_QUOTE_MAX]) {
        static const char more[] = "...";
        size_t length = strnlen(text, TEXT_QUOTE_MAX);
        size_t n = length < TEXT_QUOTE_MAX ? length : TEXT_QUOTE_MAX - sizeof(more);

        for (size_t i = 0; i < n; i++)
                ret[i] = (char) (text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');

        stpcpy(ret + n, length < TEXT_QUOTE_MAX ? "" : more);
        return ret;
}
