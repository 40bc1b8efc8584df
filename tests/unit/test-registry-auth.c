/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool has_current_token(const RegistryLogin *login) {
        char token[TOKEN_MAX];

        (void) snprintf(token, sizeof(token), "token-%u", server.n_tokens);
        return login && login->token && strcmp(login->token, token) == 0;
}

static void give_token(RegistryResponse *response) {
        (void) pthread_mutex_lock(&server.lock);
        server.n_tokens++;
        assert_true(
                asprintf(
                        &response->body, "{\"token\":\"token-%u\",\"expires_in\":300}",
                        server.n_tokens) > 0);
        (void) pthread_mutex_unlock(&server.lock);
        response->size = strlen(response->body);
        response->status = 200;
        for (int i = 0; i < YIELDS; i++)
                (void) sched_yield();
}

static void give_blob(const RegistryRequest *request, RegistryResponse *response) {
        bool is_denied, is_first;

        (void) pthread_mutex_lock(&server.lock);
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
                give_token(response);
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

static void one_new_token_serves_all_whose_old_one_is_refused(void **state) {
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_new_token_serves_all_whose_old_one_is_refused),
        };

        return cmocka_run_group_tests_name("registry-auth", tests, NULL, NULL);
}
