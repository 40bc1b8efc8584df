/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "registry-loop.h"

#define THREADS    6
#define ROUNDS     20
#define REQUESTS   (THREADS * ROUNDS)
#define ANSWER     "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhere"
#define ANSWER_MAX 16

/* Answers one request each connection. */
typedef struct Server {
        char url[64];
        int fd; /* owned */
        pthread_t thread;
} Server;

static void *serve(void *userdata) {
        const Server *server = userdata;
        int fd;

        while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
                char request[1024];

                if (read(fd, request, sizeof(request)) > 0)
                        (void) !write(fd, ANSWER, strlen(ANSWER));
                (void) close(fd);
        }
        return NULL;
}

static void server_start(Server *server) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(server->fd, (struct sockaddr *) &address, size), 0);
        assert_int_equal(listen(server->fd, REQUESTS), 0);
        assert_int_equal(getsockname(server->fd, (struct sockaddr *) &address, &size), 0);
        (void) snprintf(
                server->url, sizeof(server->url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
        assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(Server *server) {
        (void) shutdown(server->fd, SHUT_RDWR);
        assert_int_equal(pthread_join(server->thread, NULL), 0);
        (void) close(server->fd);
}

static size_t on_data(char *data, size_t size, size_t n, void *userdata) {
        (void) strncat(userdata, data, n < ANSWER_MAX / 2 ? n : 0);
        return n;
}

static CURLcode get(RegistryLoop *loop, const char *url, char ret[static ANSWER_MAX]) {
        CURL *easy = curl_easy_init();
        CURLcode code;

        ret[0] = '\0';
        assert_non_null(easy);
        (void) curl_easy_setopt(easy, CURLOPT_URL, url);
        (void) curl_easy_setopt(easy, CURLOPT_PROXY, "");
        (void) curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
        (void) curl_easy_setopt(easy, CURLOPT_WRITEDATA, ret);
        code = registry_loop_perform(loop, easy);
        curl_easy_cleanup(easy);
        return code;
}

typedef struct Job {
        RegistryLoop *loop; /* borrowed */
        const char *url;    /* borrowed */
        atomic_uint n_good;
} Job;

static void *get_again_and_again(void *userdata) {
        Job *job = userdata;

        for (unsigned i = 0; i < ROUNDS; i++) {
                char text[ANSWER_MAX];

                if (get(job->loop, job->url, text) == CURLE_OK && strcmp(text, "here") == 0)
                        atomic_fetch_add(&job->n_good, 1);
        }
        return NULL;
}

TEST(each_of_many_threads_gets_its_answers) {
        _cleanup_(registry_loop_freep) RegistryLoop *loop = NULL;
        pthread_t threads[THREADS];
        Job job = { 0 };
        Server server;

        server_start(&server);
        assert_int_equal(registry_loop_new(&loop, NULL), 0);
        job.loop = loop;
        job.url = server.url;
        for (unsigned i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, get_again_and_again, &job), 0);
        for (unsigned i = 0; i < THREADS; i++)
                assert_int_equal(pthread_join(threads[i], NULL), 0);
        server_stop(&server);
        assert_int_equal(job.n_good, REQUESTS);
}

TEST(failure_of_a_request_is_its_own) {
        _cleanup_(registry_loop_freep) RegistryLoop *loop = NULL;
        char text[ANSWER_MAX];
        Server server;

        server_start(&server);
        assert_int_equal(registry_loop_new(&loop, NULL), 0);
        assert_int_equal(get(loop, "http://127.0.0.1:1/", text), CURLE_COULDNT_CONNECT);
        assert_int_equal(get(loop, "nonsense://127.0.0.1/", text), CURLE_UNSUPPORTED_PROTOCOL);
        assert_int_equal(get(loop, server.url, text), CURLE_OK);
        assert_string_equal(text, "here");
        server_stop(&server);
}

TEST(loop_that_nobody_used_goes) {
        RegistryLoop *loop = NULL;

        assert_int_equal(registry_loop_new(&loop, NULL), 0);
        assert_null(registry_loop_free(loop));
        assert_null(registry_loop_free(NULL));
}
