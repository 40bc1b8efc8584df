/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base-secret.h"
#include "credentials-login.h"
#include "credentials.h"
#include "fuzz.h"

#define HOST       "r.example:5000"
#define REPOSITORY "a/b"

static bool is_same(const char *a, const char *b) {
        return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What was found can be written, and is found again. */
static void check_login(const CredentialsLogin *login) {
        _cleanup_(credentials_freep) Credentials *written = credentials_new(), *again = NULL;
        _cleanup_(credentials_login_done) CredentialsLogin read = { 0 };
        _cleanup_(secret_freep) char *text = NULL;

        if (!credentials_login_is_set(login) || !login->username != !login->password)
                __builtin_trap();
        if (credentials_add(written, HOST "/" REPOSITORY, login, NULL) < 0 ||
            credentials_format(written, &text, NULL) < 0)
                __builtin_trap();
        if (strlen(text) > CREDENTIALS_FILE_MAX)
                return;

        if (credentials_parse("again", text, strlen(text), &again, NULL) < 0 ||
            credentials_find(again, HOST, REPOSITORY, &read, NULL) != 1 ||
            !is_same(login->username, read.username) || !is_same(login->password, read.password) ||
            !is_same(login->identity_token, read.identity_token))
                __builtin_trap();
}

static void check_helper(const CredentialsHelper *helper) {
        const size_t length = strlen(helper->name);

        if (length == 0 || length > CREDENTIALS_HELPER_MAX || strchr(helper->name, '/') ||
            helper->server[0] == '\0')
                __builtin_trap();
}

static void check_file(const uint8_t *data, size_t size) {
        static const char *const hosts[] = { HOST, "docker.io" };
        _cleanup_(credentials_freep) Credentials *credentials = NULL;

        if (credentials_parse("file", data, size, &credentials, NULL) < 0)
                return;

        for (size_t i = 0; i < 2; i++) {
                _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
                CredentialsHelper helper;

                if (credentials_find(credentials, hosts[i], REPOSITORY, &login, NULL) > 0)
                        check_login(&login);
                if (credentials_find_helper(credentials, hosts[i], &helper, NULL) > 0)
                        check_helper(&helper);
                if (credentials_find_store(credentials, hosts[i], &helper, NULL) > 0)
                        check_helper(&helper);
        }
}

/* A file, and a credential helper's answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };

        check_file(data, size);
        if (credentials_login_parse(data, size, &login) > 0)
                check_login(&login);
        return 0;
}
