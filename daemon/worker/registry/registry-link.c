/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "registry-link.h"

#define BLANKS     " \t"
#define SEPARATORS BLANKS ";,=\""
#define NEXT       "next"

static const char *skip_blanks(const char *text) {
        return text + strspn(text, BLANKS);
}

/* Whether the blank-separated words of a relation contain "next". */
static bool has_next(const char *words, size_t size) {
        for (size_t i = 0; i < size;) {
                size_t start = i + strspn(words + i, BLANKS), length;

                if (start >= size)
                        return false;
                length = strcspn(words + start, BLANKS "\"");
                if (start + length > size)
                        length = size - start;
                if (length == strlen(NEXT) && strncasecmp(words + start, NEXT, length) == 0)
                        return true;
                i = start + length + 1;
        }

        return false;
}

/* A parameter's value: a token, or a quoted text without escapes. Returns what follows, or NULL. */
static const char *read_value(const char *text, const char **ret, size_t *ret_size) {
        if (*text != '"') {
                *ret = text;
                *ret_size = strcspn(text, SEPARATORS);
                return text + *ret_size;
        }

        *ret = ++text;
        *ret_size = strcspn(text, "\"\\");
        return text[*ret_size] == '"' ? text + *ret_size + 1 : NULL;
}

/* The parameters of one link, up to a ',' or the end. Returns what follows them, or NULL. */
static const char *read_parameters(const char *text, bool *ret_is_next) {
        bool has_relation = false, is_next = false;

        for (text = skip_blanks(text); *text == ';'; text = skip_blanks(text)) {
                const char *name = skip_blanks(text + 1), *value = "";
                size_t length = strcspn(name, SEPARATORS), size = 0;

                text = skip_blanks(name + length);
                if (*text == '=') {
                        text = read_value(skip_blanks(text + 1), &value, &size);
                        if (!text)
                                return NULL;
                }
                if (length != strlen("rel") || strncasecmp(name, "rel", length) != 0)
                        continue;

                has_relation = true;
                is_next = is_next || has_next(value, size);
        }

        *ret_is_next = is_next || !has_relation;
        return *text == ',' || *text == '\0' ? text : NULL;
}

int registry_link_next(const char *text, char ret[static REGISTRY_LINK_MAX]) {
        ret[0] = '\0';

        for (text = skip_blanks(text); *text != '\0'; text = skip_blanks(text)) {
                const char *target = text + 1;
                size_t length = strcspn(target, ">");
                bool is_next = false;

                if (*text != '<' || target[length] != '>')
                        return -EINVAL;
                text = read_parameters(target + length + 1, &is_next);
                if (!text)
                        return -EINVAL;
                if (is_next && (length == 0 || length >= REGISTRY_LINK_MAX))
                        return length == 0 ? -EINVAL : -E2BIG;
                if (is_next) {
                        memcpy(ret, target, length);
                        ret[length] = '\0';
                        return 1;
                }
                text += *text == ',';
        }

        return 0;
}
