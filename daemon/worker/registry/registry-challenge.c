/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base-macro.h"
#include "registry-challenge.h"

#define TCHAR_PUNCTUATION "!#$%&'*+-.^_`|~"
#define ALNUM             "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const struct {
        const char *name;
        size_t offset;
        size_t size;
} known_params[] = {
        { "realm", offsetof(RegistryChallenge, realm), REGISTRY_REALM_MAX },
        { "service", offsetof(RegistryChallenge, service), REGISTRY_SERVICE_MAX },
        { "scope", offsetof(RegistryChallenge, scope), REGISTRY_SCOPE_MAX },
        { "error", offsetof(RegistryChallenge, error), REGISTRY_ERROR_MAX },
};

static const char *const scheme_names[_REGISTRY_SCHEME_MAX] = {
        [REGISTRY_SCHEME_BASIC] = "basic",
        [REGISTRY_SCHEME_BEARER] = "bearer",
};

/* A piece of the input; its bytes are borrowed. */
typedef struct Slice {
        const char *start;
        size_t size;
} Slice;

static void skip_space(const char **p) {
        *p += strspn(*p, " \t");
}

/* A list may have empty elements. */
static void skip_separators(const char **p) {
        *p += strspn(*p, " \t,");
}

static Slice read_token(const char **p) {
        Slice token = { *p, strspn(*p, ALNUM TCHAR_PUNCTUATION) };

        *p += token.size;
        return token;
}

static bool slice_is(Slice slice, const char *name) {
        return strlen(name) == slice.size && strncasecmp(slice.start, name, slice.size) == 0;
}

/* "Negotiate YII=": what looks like a parameter without a value is a token68 as well. */
static bool skip_token68(const char **p) {
        const char *q = *p;

        q += strspn(q, ALNUM "-._~+/");
        if (q == *p)
                return false;
        q += strspn(q, "=");
        skip_space(&q);
        if (*q != '\0' && *q != ',')
                return false;

        *p = q;
        return true;
}

/* Whether NAME "=" comes next, which goes on with the challenge; a new one has no "=" there. */
static bool next_is_param(const char *p) {
        if (read_token(&p).size == 0)
                return false;
        skip_space(&p);
        return *p == '=';
}

/* The end of the text is one, too. */
static bool is_control(char c) {
        return (uint8_t) c < ' ' || c == '\x7f';
}

static int read_quoted(const char **p, char *ret, size_t size) {
        size_t n = 0;

        for ((*p)++; **p != '"'; (*p)++) {
                if (**p == '\\')
                        (*p)++;
                if (is_control(**p))
                        return -EINVAL;
                if (n + 1 >= size)
                        return -E2BIG;
                ret[n++] = **p;
        }

        (*p)++;
        ret[n] = '\0';
        return 0;
}

static int read_value(const char **p, char *ret, size_t size) {
        Slice token;

        if (**p == '"')
                return read_quoted(p, ret, size);

        token = read_token(p);
        if (token.size >= size)
                return -E2BIG;

        memcpy(ret, token.start, token.size);
        ret[token.size] = '\0';
        return 0;
}

static int skip_value(const char **p) {
        if (**p != '"') {
                (void) read_token(p);
                return 0;
        }

        for ((*p)++; **p != '"'; (*p)++) {
                if (**p == '\\')
                        (*p)++;
                if (**p == '\0')
                        return -EINVAL;
        }

        (*p)++;
        return 0;
}

static int read_param(const char **p, RegistryChallenge *challenge, unsigned *seen) {
        Slice name = read_token(p);

        skip_space(p);
        (*p)++; /* the "=" that next_is_param() saw */
        skip_space(p);

        for (size_t i = 0; i < N_ELEMENTS(known_params); i++) {
                char *text = (char *) challenge + known_params[i].offset;

                if (!slice_is(name, known_params[i].name))
                        continue;

                /* Two realms are ambiguous. */
                if (*seen & (1U << i))
                        return -EINVAL;

                *seen |= 1U << i;
                return read_value(p, text, known_params[i].size);
        }

        return skip_value(p);
}

static RegistryScheme scheme_from_slice(Slice name) {
        for (RegistryScheme s = 0; s < _REGISTRY_SCHEME_MAX; s++)
                if (scheme_names[s] && slice_is(name, scheme_names[s]))
                        return s;

        return REGISTRY_SCHEME_OTHER;
}

static int read_challenge(const char **p, RegistryChallenge *ret) {
        Slice name = read_token(p);
        unsigned seen = 0;

        if (name.size == 0)
                return -EINVAL;

        *ret = (RegistryChallenge){ .scheme = scheme_from_slice(name) };
        if (**p != '\0' && **p != ',' && **p != ' ' && **p != '\t')
                return -EINVAL;

        skip_space(p);
        if (skip_token68(p))
                return 0;

        while (next_is_param(*p)) {
                int r = read_param(p, ret, &seen);

                if (r < 0)
                        return r;

                skip_space(p);
                if (**p != '\0' && **p != ',')
                        return -EINVAL;
                skip_separators(p);
        }

        return 0;
}

int registry_challenges_add(RegistryChallenges *challenges, const char *text) {
        size_t n_before = challenges->n_items;

        for (skip_separators(&text); *text != '\0'; skip_separators(&text)) {
                int r = -E2BIG;

                if (challenges->n_items < REGISTRY_CHALLENGES_MAX)
                        r = read_challenge(&text, &challenges->items[challenges->n_items]);
                if (r < 0) {
                        challenges->n_items = n_before;
                        return r;
                }

                challenges->n_items++;
        }

        return 0;
}

const RegistryChallenge *registry_challenges_find(
        const RegistryChallenges *challenges, RegistryScheme scheme) {
        for (size_t i = 0; i < challenges->n_items; i++)
                if (challenges->items[i].scheme == scheme)
                        return &challenges->items[i];

        return NULL;
}
