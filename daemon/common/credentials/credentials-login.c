/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "base-secret.h"
#include "credentials-login.h"

#define TOKEN_USER "<token>"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void credentials_login_done(CredentialsLogin *login) {
        secret_free(login->username);
        secret_free(login->password);
        secret_free(login->identity_token);
        *login = (CredentialsLogin){ 0 };
}

bool credentials_login_is_set(const CredentialsLogin *login) {
        return login->username || login->identity_token;
}

/* Returns the number of bytes, or -EINVAL. Line breaks are skipped, since tools wrap long texts. */
static ssize_t decode(const char *text, char *ret) {
        size_t n_digits = 0, n_padding = 0, size = 0;
        uint32_t bits = 0;

        for (; *text != '\0'; text++) {
                const char *digit = strchr(digits, *text);

                if (*text == '\n' || *text == '\r')
                        continue;
                if (*text == '=')
                        n_padding++;
                else if (!digit || n_padding > 0)
                        return -EINVAL;

                bits = bits << 6 | (digit ? (uint32_t) (digit - digits) : 0);
                if (++n_digits % 4 == 0)
                        for (int shift = 16; shift >= 0; shift -= 8)
                                ret[size++] = (char) (bits >> shift & 0xff);
        }

        return n_digits % 4 != 0 || n_padding > 2 ? -EINVAL : (ssize_t) (size - n_padding);
}

/* @text is "USER:PASSWORD" of @size bytes and has a NUL behind it. */
static int split(char *text, size_t size, CredentialsLogin *ret) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
        char *colon;

        while (size > 0 && text[size - 1] == '\0')
                size--;
        colon = memchr(text, ':', size);
        if (!colon || memchr(text, '\0', size))
                return -EINVAL;

        *colon = '\0';
        login.username = strdup(text);
        login.password = strdup(colon + 1);
        if (!login.username || !login.password)
                return -ENOMEM;

        *ret = TAKE_STRUCT(login);
        return 0;
}

int credentials_login_decode(const char *text, CredentialsLogin *ret) {
        const size_t length = strlen(text);
        _cleanup_(secret_freep) char *plain = NULL;
        ssize_t size;

        if (length / 4 * 3 > 2 * CREDENTIALS_TEXT_MAX + 4)
                return -EINVAL;
        plain = calloc(1, length / 4 * 3 + 1);
        if (!plain)
                return -ENOMEM;

        size = decode(text, plain);
        return size < 0 ? (int) size : split(plain, (size_t) size, ret);
}

static void encode(const char *data, size_t size, char *ret) {
        for (size_t i = 0; i < size; i += 3) {
                uint32_t bits = 0;

                for (size_t j = 0; j < 3; j++)
                        bits = bits << 8 | (i + j < size ? (uint8_t) data[i + j] : 0);
                for (size_t j = 0; j < 4; j++)
                        *ret++ = (char) (i + j > size ? '=' : digits[bits >> (18 - 6 * j) & 0x3f]);
        }
        *ret = '\0';
}

int credentials_login_encode(const CredentialsLogin *login, char **ret) {
        const size_t size = strlen(login->username) + 1 + strlen(login->password);
        _cleanup_(secret_freep) char *plain = malloc(size + 1);
        char *text = malloc((size + 2) / 3 * 4 + 1);

        if (!plain || !text) {
                free(text);
                return -ENOMEM;
        }

        stpcpy(stpcpy(stpcpy(plain, login->username), ":"), login->password);
        encode(plain, size, text);
        *ret = text;
        return 0;
}

static int take_answer(const char *username, const char *secret, CredentialsLogin *ret) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
        const bool is_token = strcmp(username, TOKEN_USER) == 0;
        char *copy = strdup(secret);

        if (!copy)
                return -ENOMEM;
        if (is_token)
                login.identity_token = copy;
        else
                login.password = copy;

        if (!is_token) {
                login.username = strdup(username);
                if (!login.username)
                        return -ENOMEM;
        }

        *ret = TAKE_STRUCT(login);
        return 1;
}

int credentials_login_parse(const void *data, size_t size, CredentialsLogin *ret) {
        _cleanup_(json_decrefp) json_t *answer =
                json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
        const char *username = json_string_value(json_object_get(answer, "Username"));
        const char *secret = json_string_value(json_object_get(answer, "Secret"));

        /* RFC 7617: a user name would end at the colon. */
        if (!username || !secret || strchr(username, ':') ||
            strlen(username) > CREDENTIALS_TEXT_MAX || strlen(secret) > CREDENTIALS_TEXT_MAX)
                return -EINVAL;
        if (secret[0] == '\0')
                return username[0] == '\0' ? 0 : -EINVAL;
        return take_answer(username, secret, ret);
}
