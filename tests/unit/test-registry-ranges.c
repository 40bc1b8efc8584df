/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A registry of this program's own: registry-http.h is its own, too. */

#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "registry-ranges.h"

#define SIZE  (REGISTRY_BLOB_LARGE_BYTES + (UINT64_C(5) << 20) + 7)
#define PIECE ((size_t) 65536)
#define SLOW_NSEC                                                                                  \
        600000000L /* REGISTRY_RANGES_BYTES take longer than REGISTRY_RANGES_SLOW_BYTES allows */
#define FAILS_AT    (3 * REGISTRY_RANGES_BYTES)
#define FAILS_NEVER UINT64_MAX

static struct {
        pthread_mutex_t lock;
        bool is_slow;
        uint64_t fails_at; /* the range that begins there is denied */
        unsigned n_requests, n_now, n_most;
} server = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The content: each piece has a byte of its own. */
static void fill(uint8_t piece[static PIECE], uint64_t offset) {
        memset(piece, (int) (offset / PIECE % 251), PIECE);
}

int registry_http_new(const RegistryHttpSettings *settings, RegistryHttp **ret, Error *error) {
        *ret = malloc(1);
        return *ret ? 0 : error_oom(error);
}

RegistryHttp *registry_http_free(RegistryHttp *http) {
        free(http);
        return NULL;
}

static void enter(void) {
        const struct timespec pause = { .tv_nsec = SLOW_NSEC };

        (void) pthread_mutex_lock(&server.lock);
        server.n_requests++;
        server.n_now++;
        if (server.n_most < server.n_now)
                server.n_most = server.n_now;
        (void) pthread_mutex_unlock(&server.lock);
        if (server.is_slow)
                (void) nanosleep(&pause, NULL);
}

static void leave(void) {
        (void) pthread_mutex_lock(&server.lock);
        server.n_now--;
        (void) pthread_mutex_unlock(&server.lock);
}

static int send_range(
        const RegistryRequest *request, RegistryResponse *response, uint64_t end, Error *error) {
        uint8_t piece[PIECE];
        int r = 0;

        response->status = 206;
        response->content_length = end - request->range_start;
        (void) snprintf(
                response->content_range, sizeof(response->content_range),
                "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, request->range_start, end - 1, SIZE);
        for (uint64_t at = request->range_start; r >= 0 && at < end; at += PIECE) {
                const size_t n = end - at < PIECE ? (size_t) (end - at) : PIECE;

                fill(piece, at);
                r = request->on_body(request->userdata, response, piece, n, error);
        }
        return r;
}

int registry_http_get(
        RegistryHttp *http,
        const RegistryRequest *request,
        RegistryResponse *response,
        Error *error) {
        int r = 0;

        registry_response_done(response);
        enter();
        if (request->range_start == server.fails_at)
                response->status = 404;
        else
                r = send_range(
                        request, response, request->range_end > 0 ? request->range_end : SIZE,
                        error);
        leave();
        response->failure = r < 0 ? REGISTRY_FAILURE_FINAL : REGISTRY_FAILURE_NONE;
        return r;
}

static int on_data(void *userdata, const void *data, size_t size, Error *error) {
        uint64_t *position = userdata;

        for (size_t at = 0; at < size; at += PIECE) {
                uint8_t piece[PIECE];

                fill(piece, *position + at);
                assert_memory_equal(
                        (const uint8_t *) data + at, piece, size - at < PIECE ? size - at : PIECE);
        }
        *position += size;
        return 0;
}

/* Returns what came of it; @ret_position: bytes that were handed on. */
static int get(bool is_slow, uint64_t fails_at, uint64_t *ret_position, Error *error) {
        RegistryEndpoint endpoint = {
                .host = "r.test",
                .repository = "image",
                .scheme = "https",
                .lock = PTHREAD_MUTEX_INITIALIZER,
        };
        const RegistryHttpSettings settings = { .insecure = false };
        const Digest digest = { .algorithm = DIGEST_SHA256 };
        const RegistryBlobRequest request = {
                .digest = &digest,
                .size = SIZE,
                .write = on_data,
                .userdata = ret_position,
        };
        RegistryAuth auth;
        int r;

        *ret_position = 0;
        server.is_slow = is_slow;
        server.fails_at = fails_at;
        server.n_requests = server.n_most = 0;
        registry_auth_init(&auth, &endpoint);
        assert_true(registry_ranges_may_help(&request));
        r = registry_ranges_get(&endpoint, &auth, NULL, &settings, &request, error);
        registry_auth_done(&auth);
        assert_int_equal(server.n_now, 0);
        return r;
}

TEST(ranges_come_side_by_side_and_are_handed_on_in_order) {
        uint64_t position;

        assert_int_equal(get(true, FAILS_NEVER, &position, NULL), 0);
        assert_int_equal(position, SIZE);
        assert_int_equal(server.n_most, REGISTRY_RANGES_MAX);
        assert_int_equal(
                server.n_requests, (SIZE + REGISTRY_RANGES_BYTES - 1) / REGISTRY_RANGES_BYTES);
}

TEST(fast_registry_sends_the_rest_as_a_whole) {
        uint64_t position;

        assert_int_equal(get(false, FAILS_NEVER, &position, NULL), 0);
        assert_int_equal(position, SIZE);
        assert_int_equal(server.n_most, 1);
        assert_int_equal(server.n_requests, 2);
}

TEST(range_that_is_denied_ends_the_blob_behind_what_came_before) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        uint64_t position;

        assert_true(get(true, FAILS_AT, &position, &error) < 0);
        assert_int_equal(error.kind, ERROR_NOT_FOUND);
        assert_true(position <= FAILS_AT && position % REGISTRY_RANGES_BYTES == 0);
}
