/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "oci-token.h"
#include "registry-auth.h"

#define THREADS   6 /* one for each layer */
#define ROUNDS    20
#define TOKEN_MAX 16
#define YIELDS    100 /* to others, while a token is on its way */

#define BLOB_URL  "https://r.test/v2/image/blobs/x"
#define CHALLENGE "Bearer realm=\"https://auth.test/token\",service=\"r.test\""

/* A registry that takes no token but the last one, and none at all before all threads have asked. */
static struct {
        pthread_mutex_t lock;
        pthread_barrier_t all_denied;
        unsigned n_tokens;       /* that it has given out */
        unsigned n_to_be_denied; /* requests of this round that come with an old token */
        unsigned n_requests, n_with_token;
        unsigned expires_in; /* seconds, of the tokens */
        char form[256];      /* with which the last token was asked for; or empty */
        bool has_login;      /* whether there was a password, too */
} server = { .lock = PTHREAD_MUTEX_INITIALIZER, .expires_in = 300 };

static bool has_current_token(const RegistryLogin *login) {
        char token[TOKEN_MAX];

        (void) snprintf(token, sizeof(token), "token-%u", server.n_tokens);
        return login && login->token && strcmp(login->token, token) == 0;
}

static void give_token(const RegistryRequest *request, RegistryResponse *response) {
        (void) pthread_mutex_lock(&server.lock);
        (void) snprintf(server.form, sizeof(server.form), "%s", request->form ? request->form : "");
        server.has_login = request->login != NULL;
        server.n_tokens++;
        assert_true(
                asprintf(
                        &response->body, "{\"token\":\"token-%u\",\"expires_in\":%u}",
                        server.n_tokens, server.expires_in) > 0);
        (void) pthread_mutex_unlock(&server.lock);
        response->size = strlen(response->body);
        response->status = 200;
        for (int i = 0; i < YIELDS; i++)
                (void) sched_yield();
}

static void give_blob(const RegistryRequest *request, RegistryResponse *response) {
        bool is_denied, is_first;

        (void) pthread_mutex_lock(&server.lock);
        server.n_requests++;
        server.n_with_token += request->login && request->login->token;
        is_first = server.n_to_be_denied > 0;
        if (is_first)
                server.n_to_be_denied--;
        is_denied = is_first || !has_current_token(request->login);
        (void) pthread_mutex_unlock(&server.lock);

        response->status = is_denied ? 401 : 200;
        if (is_denied)
                assert_int_equal(registry_challenges_add(&response->challenges, CHALLENGE), 0);
        if (is_first)
                (void) pthread_barrier_wait(&server.all_denied);
}

/* In place of the one that asks a real registry. */
int registry_http_get(
        RegistryHttp *http,
        const RegistryRequest *request,
        RegistryResponse *response,
        Error *error) {
        registry_response_done(response);
        if (strstr(request->url, "/token"))
                give_token(request, response);
        else
                give_blob(request, response);
        return 0;
}

static void *fetch(void *userdata) {
        const RegistryRequest request = { .url = BLOB_URL };
        RegistryResponse response = { 0 };
        long status;

        assert_int_equal(registry_auth_get(userdata, NULL, &request, &response, NULL), 0);
        status = response.status;
        registry_response_done(&response);
        return status == 200 ? userdata : NULL;
}

static void fetch_by_all(RegistryAuth *auth) {
        pthread_t threads[THREADS];

        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, fetch, auth), 0);
        for (int i = 0; i < THREADS; i++) {
                void *result;

                assert_int_equal(pthread_join(threads[i], &result), 0);
                assert_ptr_equal(result, auth);
        }
}

static int reset_server(void **state) {
        server.n_tokens = server.n_requests = server.n_with_token = 0;
        server.expires_in = 300;
        return 0;
}

#define RESET_TEST(name) TEST_WITH(name, reset_server, NULL)

RESET_TEST(one_new_token_serves_all_whose_old_one_is_refused) {
        RegistryEndpoint endpoint = { .repository = "image" };
        RegistryAuth auth;

        assert_int_equal(pthread_barrier_init(&server.all_denied, NULL, THREADS), 0);
        registry_auth_init(&auth, &endpoint);
        for (unsigned i = 0; i < ROUNDS; i++) {
                server.n_to_be_denied = THREADS;
                fetch_by_all(&auth);
                assert_int_equal(server.n_tokens, i + 1);
        }
        registry_auth_done(&auth);
        (void) pthread_barrier_destroy(&server.all_denied);
}

RESET_TEST(token_that_has_expired_is_not_sent) {
        RegistryEndpoint endpoint = { .repository = "image" };
        RegistryAuth auth;

        registry_auth_init(&auth, &endpoint);
        assert_ptr_equal(fetch(&auth), &auth);
        assert_ptr_equal(fetch(&auth), &auth);
        assert_int_equal(server.n_requests, 3); /* the first one had no token yet */
        assert_int_equal(server.n_with_token, 2);
        assert_int_equal(server.n_tokens, 1);

        /* The registry would take it: it does not look at the time. */
        auth.expires_usec = 0;
        assert_ptr_equal(fetch(&auth), &auth);
        assert_int_equal(server.n_requests, 5);
        assert_int_equal(server.n_with_token, 3);
        assert_int_equal(server.n_tokens, 2);
        registry_auth_done(&auth);
}

static uint64_t now_usec(void) {
        struct timespec ts;

        assert_int_equal(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

RESET_TEST(token_counts_for_a_minute_at_least) {
        static const struct {
                unsigned expires_in;
                uint64_t seconds;
        } cases[] = {
                { 1, OCI_TOKEN_EXPIRES_DEFAULT },
                { 59, OCI_TOKEN_EXPIRES_DEFAULT },
                { 61, 61 },
                { 3600, 3600 },
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                RegistryEndpoint endpoint = { .repository = "image" };
                const uint64_t before = now_usec();
                RegistryAuth auth;

                server.expires_in = cases[i].expires_in;
                registry_auth_init(&auth, &endpoint);
                assert_ptr_equal(fetch(&auth), &auth);
                assert_true(auth.expires_usec >= before + cases[i].seconds * USEC_PER_SEC);
                assert_true(auth.expires_usec <= now_usec() + cases[i].seconds * USEC_PER_SEC);
                registry_auth_done(&auth);
        }
        assert_int_equal(OCI_TOKEN_EXPIRES_DEFAULT, 60);
}

static int get(RegistryEndpoint *endpoint, Error *error) {
        const RegistryRequest request = { .url = BLOB_URL };
        RegistryResponse response = { 0 };
        RegistryAuth auth;
        int r;

        registry_auth_init(&auth, endpoint);
        r = registry_auth_get(&auth, NULL, &request, &response, error);
        registry_response_done(&response);
        registry_auth_done(&auth);
        return r;
}

RESET_TEST(identity_token_is_exchanged_for_a_token) {
        RegistryEndpoint endpoint = {
                .repository = "image",
                .name = "r.test",
                .url = (char *) "https://r.test/",
                .token_servers = (char *) "r.test=auth.test",
                .login = { (char *) "me", (char *) "", (char *) "geheim" },
        };

        assert_int_equal(get(&endpoint, NULL), 0);
        assert_int_equal(server.n_with_token, 1);
        assert_string_equal(
                server.form,
                "grant_type=refresh_token&client_id=virt-bootstrap&service=r.test"
                "&scope=repository%3Aimage%3Apull&refresh_token=geheim");
        assert_false(server.has_login);
}

RESET_TEST(password_is_sent_without_a_form) {
        RegistryEndpoint endpoint = {
                .repository = "image",
                .name = "r.test",
                .url = (char *) "https://r.test/",
                .token_servers = (char *) "r.test=auth.test",
                .login = { (char *) "me", (char *) "geheim", NULL },
        };

        assert_int_equal(get(&endpoint, NULL), 0);
        assert_string_equal(server.form, "");
        assert_true(server.has_login);
}

RESET_TEST(nothing_secret_goes_to_a_host_of_the_registrys_choice) {
        const CredentialsLogin logins[] = {
                { (char *) "me", (char *) "geheim", NULL },
                { NULL, NULL, (char *) "geheim" },
        };

        for (size_t i = 0; i < N_ELEMENTS(logins); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                RegistryEndpoint endpoint = {
                        .repository = "image",
                        .name = "r.test",
                        .url = (char *) "https://r.test/",
                        .token_servers = (char *) "",
                        .login = logins[i],
                };

                assert_true(get(&endpoint, &error) < 0);
                assert_int_equal(error.kind, ERROR_REGISTRY_ERROR);
                assert_string_equal(
                        error_text(&error),
                        "Cannot get a token: r.test wants its credentials to be sent to auth.test, "
                        "which is not its own host (TokenServers= in virt-bootstrapd.conf would "
                        "allow it)");
                assert_int_equal(server.n_tokens, 0);
        }
}
