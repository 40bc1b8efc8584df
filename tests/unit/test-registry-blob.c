/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Against a server in a thread. What libcurl is told passes by here, so that nobody waits for as long as it says. */

#include "test-scratch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "hash.h"
#include "registry-auth.h"
#include "registry-blob.h"

#define CONTENT      "half and the rest"
#define HALF         ((size_t) 4)
#define REQUESTS_MAX 4U
#define PATIENCE_SEC 10 /* of the server with a client that does not hang up */

/* What the code asked for; and what is slow here, where the few bytes that came count for seconds. */
static long stall_sec, stall_bytes;
#define SLOW 1000L

#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
        CURLcode (*real)(CURL *, CURLoption, ...);
        va_list arguments;
        CURLcode r;

        *(void **) &real = dlsym(RTLD_NEXT, "curl_easy_setopt");
        va_start(arguments, option);
        if (option == CURLOPT_LOW_SPEED_TIME) {
                stall_sec = va_arg(arguments, long);
                r = real(easy, option, 1L);
        } else if (option == CURLOPT_LOW_SPEED_LIMIT) {
                stall_bytes = va_arg(arguments, long);
                r = real(easy, option, SLOW);
        } else
                r = real(easy, option, va_arg(arguments, void *));
        va_end(arguments);
        return r;
}

typedef struct Fixture {
        Scratch scratch;
        int fd; /* owned; listens */
        pthread_t thread;
        bool stalls;                 /* the first answer, half-way */
        unsigned n_requests, n_left; /* those, and the ones whose client hung up before the end */
        char requests[REQUESTS_MAX][1024];

        RegistryLoop *loop; /* owned */
        RegistryHttp *http; /* owned */
        RegistryTls tls;
        RegistryGuardHome home;
        RegistryEndpoint endpoint;
        RegistryAuth auth;
        char url[REGISTRY_HOST_MAX], got[64];
} Fixture;

static void say(int fd, const char *head, size_t first, size_t length) {
        char text[256];

        (void) snprintf(
                text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%.*s", head,
                strlen(CONTENT) - first, (int) length, CONTENT + first);
        (void) !write(fd, text, strlen(text));
}

static void answer(Fixture *f, int fd, const char *request) {
        char head[128], byte;

        if (f->stalls && f->n_requests == 1) {
                say(fd, "200 OK", 0, HALF);
                f->n_left += read(fd, &byte, 1) == 0;
        } else if (strstr(request, "Range: ")) {
                (void) snprintf(
                        head, sizeof(head),
                        "206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu", HALF,
                        strlen(CONTENT) - 1, strlen(CONTENT));
                say(fd, head, HALF, strlen(CONTENT) - HALF);
        } else
                say(fd, "200 OK", 0, strlen(CONTENT));
}

/* One request each connection. */
static void *serve(void *userdata) {
        const struct timeval patience = { .tv_sec = PATIENCE_SEC };
        Fixture *f = userdata;
        int fd;

        while ((fd = accept(f->fd, NULL, NULL)) >= 0) {
                char *request = f->requests[f->n_requests % REQUESTS_MAX];

                (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
                f->n_requests++;
                if (read(fd, request, sizeof(f->requests[0]) - 1) > 0)
                        answer(f, fd, request);
                (void) close(fd);
        }
        return NULL;
}

static void start_server(Fixture *f) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(f->fd, (struct sockaddr *) &address, size), 0);
        assert_int_equal(listen(f->fd, REQUESTS_MAX), 0);
        assert_int_equal(getsockname(f->fd, (struct sockaddr *) &address, &size), 0);
        (void) snprintf(
                f->endpoint.host, sizeof(f->endpoint.host), "127.0.0.1:%u",
                ntohs(address.sin_port));
        (void) snprintf(f->url, sizeof(f->url), "http://%s/", f->endpoint.host);
        assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        RegistryHttpSettings settings;

        scratch_init(&f->scratch);
        f->endpoint = (RegistryEndpoint){
                .repository = "image",
                .insecure = true,
                .scheme = "http",
        };
        start_server(f);
        assert_int_equal(registry_loop_new(&f->loop, NULL), 0);
        settings = (RegistryHttpSettings){
                .tls = &f->tls,
                .insecure = true,
                .home_url = f->url,
                .private_hosts = "",
                .home = &f->home,
                .loop = f->loop,
        };
        assert_int_equal(registry_http_new(&settings, &f->http, NULL), 0);
        registry_auth_init(&f->auth, &f->endpoint);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        registry_auth_done(&f->auth);
        registry_http_free(f->http);
        registry_loop_free(f->loop);
        (void) shutdown(f->fd, SHUT_RDWR);
        assert_int_equal(pthread_join(f->thread, NULL), 0);
        (void) close(f->fd);
        scratch_done(&f->scratch);
        free(f);
        return 0;
}

#define BLOB_TEST(name) TEST_WITH(name, set_up, tear_down)

static int take(void *userdata, const void *data, size_t size, Error *error) {
        Fixture *f = userdata;

        (void) strncat(f->got, data, size);
        return 0;
}

static void fetch(Fixture *f) {
        RegistryBlobRequest request = { .size = strlen(CONTENT), .write = take, .userdata = f };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Digest digest;

        assert_int_equal(hash_buffer(DIGEST_SHA256, CONTENT, strlen(CONTENT), &digest, NULL), 0);
        request.digest = &digest;
        if (registry_blob_get(&f->endpoint, &f->auth, f->http, &request, &error) < 0)
                fail_msg("%s", error_text(&error));
        assert_string_equal(f->got, CONTENT);
}

BLOB_TEST(transfer_that_stalls_is_taken_up_where_it_stood) {
        Fixture *f = *state;

        f->stalls = true;
        fetch(f);
        assert_int_equal(f->n_left, 1);
        assert_int_equal(f->n_requests, 2);
        assert_null(strstr(f->requests[0], "Range: "));
        assert_non_null(strstr(f->requests[1], "Range: bytes=4-\r\n"));
        assert_int_equal(stall_sec, 30);
        assert_int_equal(stall_bytes, 1);
}

BLOB_TEST(netrc_is_not_read) {
        Fixture *f = *state;

        scratch_write(&f->scratch, ".netrc", "machine 127.0.0.1 login me password geheim\n");
        assert_int_equal(setenv("HOME", f->scratch.path, 1), 0);
        fetch(f);
        assert_int_equal(f->n_requests, 1);
        assert_null(strstr(f->requests[0], "Authorization"));
}
