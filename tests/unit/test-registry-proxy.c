/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A proxy whose name is known to nobody but this program: getaddrinfo() is its own, for libcurl, too. */

#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "registry-http.h"
#include "registry-proxy.h"

#define VISIBLE __attribute__((visibility("default"))) /* libcurl sees it */

#define PROXY    "proxy.example"
#define REGISTRY "http://registry.example/"
#define CDN      "http://cdn.example/"

#define N_ADDRESSES   4U
#define FIRST_ADDRESS 0x7f000101U /* 127.0.1.1 */

static const char *const *proxy_addresses; /* NULL: the next one of N_ADDRESSES each time */
static atomic_uint n_lookups;

typedef struct Address {
        struct addrinfo info; /* the first member: what is freed */
        struct sockaddr_storage storage;
} Address;

static struct addrinfo *address_of(const char *text, const char *port, struct addrinfo *next) {
        Address *address = calloc(1, sizeof(*address));
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(port)) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t) atoi(port)) };
        const bool is_v4 = inet_pton(AF_INET, text, &v4.sin_addr) == 1;

        assert_non_null(address);
        if (is_v4)
                memcpy(&address->storage, &v4, sizeof(v4));
        else {
                assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
                memcpy(&address->storage, &v6, sizeof(v6));
        }
        address->info = (struct addrinfo){
                .ai_family = is_v4 ? AF_INET : AF_INET6,
                .ai_socktype = SOCK_STREAM,
                .ai_addrlen = is_v4 ? sizeof(v4) : sizeof(v6),
                .ai_addr = (struct sockaddr *) &address->storage,
                .ai_next = next,
        };
        return &address->info;
}

VISIBLE int getaddrinfo(
        const char *name,
        const char *service,
        const struct addrinfo *hints,
        struct addrinfo **ret) {
        const char *port = service ? service : "0";
        struct addrinfo *list = NULL;
        struct in6_addr v6;
        char text[32];

        if (inet_pton(AF_INET6, name, &v6) == 1)
                list = address_of(name, port, NULL);
        else if (strcmp(name, PROXY) != 0)
                return EAI_NONAME;
        else if (proxy_addresses)
                for (size_t i = 0; proxy_addresses[i]; i++)
                        list = address_of(proxy_addresses[i], port, list);
        else {
                (void) snprintf(
                        text, sizeof(text), "127.0.1.%u",
                        1 + atomic_fetch_add(&n_lookups, 1) % N_ADDRESSES);
                list = address_of(text, port, NULL);
        }

        *ret = list;
        return 0;
}

VISIBLE void freeaddrinfo(struct addrinfo *list) {
        while (list) {
                struct addrinfo *next = list->ai_next;

                free(list);
                list = next;
        }
}

static void answer(int fd) {
        const char *text = "HTTP/1.1 302 Found\r\nLocation: " CDN
                           "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        char request[4096] = "";
        size_t used = 0;
        ssize_t n = 1;

        while (n > 0 && !strstr(request, "\r\n\r\n")) {
                n = read(fd, request + used, sizeof(request) - 1 - used);
                used += n > 0 ? (size_t) n : 0;
        }
        if (strstr(request, CDN))
                text = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhere";
        (void) !write(fd, text, strlen(text));
}

typedef struct Server {
        struct pollfd fds[N_ADDRESSES + 1]; /* the last one ends it */
        char proxy[64];
        int end_fd;
        pthread_t thread;
} Server;

/* One request each connection: the registry sends to the other host, which has what is wanted. */
static void *serve(void *userdata) {
        Server *server = userdata;

        while (poll(server->fds, N_ADDRESSES + 1, -1) > 0 && !server->fds[N_ADDRESSES].revents)
                for (unsigned i = 0; i < N_ADDRESSES; i++) {
                        int fd;

                        if (!server->fds[i].revents)
                                continue;
                        fd = accept(server->fds[i].fd, NULL, NULL);
                        answer(fd);
                        (void) close(fd);
                }
        return NULL;
}

static void start(Server *server) {
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t size = sizeof(address);
        int ends[2];

        for (unsigned i = 0; i < N_ADDRESSES; i++) {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

                /* All have the port that the first one was given. */
                address.sin_addr.s_addr = htonl(FIRST_ADDRESS + i);
                assert_int_equal(bind(fd, (struct sockaddr *) &address, size), 0);
                assert_int_equal(listen(fd, 8), 0);
                assert_int_equal(getsockname(fd, (struct sockaddr *) &address, &size), 0);
                server->fds[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
        }
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        server->fds[N_ADDRESSES] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
        server->end_fd = ends[1];
        (void) snprintf(
                server->proxy, sizeof(server->proxy), "http://" PROXY ":%u",
                ntohs(address.sin_port));
        assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(Server *server) {
        (void) close(server->end_fd);
        assert_int_equal(pthread_join(server->thread, NULL), 0);
        for (unsigned i = 0; i <= N_ADDRESSES; i++)
                (void) close(server->fds[i].fd);
}

static void get_by_proxy(const char *url) {
        const RegistryTls tls = { 0 };
        RegistryGuardHome home = { .is_public = false };
        RegistryHttpSettings settings = {
                .tls = &tls,
                .insecure = true,
                .home_url = REGISTRY,
                .private_hosts = "",
                .home = &home,
        };
        const RegistryRequest request = { .url = url, .body_max = 100 };
        _cleanup_(registry_loop_freep) RegistryLoop *loop = NULL;
        _cleanup_(registry_response_done) RegistryResponse response = { 0 };
        _cleanup_(registry_http_freep) RegistryHttp *http = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Server server;
        int r;

        start(&server);
        assert_int_equal(setenv("http_proxy", server.proxy, 1), 0);
        assert_int_equal(registry_loop_new(&loop, &error), 0);
        settings.loop = loop;
        assert_int_equal(registry_http_new(&settings, &http, &error), 0);
        r = registry_http_get(http, &request, &response, &error);
        stop(&server);
        unsetenv("http_proxy");

        if (r < 0)
                print_error("%s\n", error_text(&error));
        assert_int_equal(r, 0);
        assert_int_equal(response.status, 200);
        assert_memory_equal(response.body, "here", 4);
}

TEST(proxy_is_used_at_whatever_address_its_name_has_this_time) {
        proxy_addresses = NULL;
        get_by_proxy(REGISTRY);
        get_by_proxy(CDN);
}

TEST(proxy_with_several_addresses_is_used_at_the_one_that_answers) {
        static const char *const addresses[] = { "127.0.1.2", "::1", "127.0.1.200", NULL };

        proxy_addresses = addresses;
        get_by_proxy(REGISTRY);
        get_by_proxy(CDN);
}

static bool is_at(const RegistryProxy *proxy, const char *address, const char *port) {
        struct addrinfo *one = address_of(address, port, NULL);
        const bool result = registry_proxy_is_at(proxy, one->ai_addr);

        freeaddrinfo(one);
        return result;
}

TEST(all_addresses_of_its_name_are_the_proxys) {
        static const char *const addresses[] = { "10.0.0.1", "fd00::1", "10.0.0.2", NULL };
        RegistryProxy proxy;

        proxy_addresses = addresses;
        assert_int_equal(setenv("https_proxy", PROXY ":3128", 1), 0);
        assert_int_equal(registry_proxy_find("https://a.example/", &proxy, NULL), 0);
        for (size_t i = 0; addresses[i]; i++) {
                assert_true(is_at(&proxy, addresses[i], "3128"));
                assert_false(is_at(&proxy, addresses[i], "3129"));
        }
        assert_false(is_at(&proxy, "10.0.0.3", "3128"));
        assert_string_equal(proxy.pinned->data, PROXY ":3128:10.0.0.2,[fd00::1],10.0.0.1");
        assert_null(proxy.pinned->next);
        registry_proxy_done(&proxy);

        assert_int_equal(registry_proxy_find("http://a.example/", &proxy, NULL), 0);
        assert_false(proxy.is_named);
        assert_int_equal(registry_proxy_find("https://localhost/", &proxy, NULL), 0);
        assert_false(proxy.is_named);
        unsetenv("https_proxy");
}

TEST(port_of_a_proxy_is_that_of_libcurl_when_none_is_given) {
        static const char *const addresses[] = { "10.0.0.1", NULL };
        static const struct {
                const char *proxy;
                const char *address;
                const char *port;
        } cases[] = {
                { PROXY, "10.0.0.1", "1080" },
                { "http://" PROXY, "10.0.0.1", "1080" },
                { "https://user:password@" PROXY "/", "10.0.0.1", "443" },
                { "socks5h://" PROXY ":9", "10.0.0.1", "9" },
                { "[fd00::1]:3128", "fd00::1", "3128" },
        };

        proxy_addresses = addresses;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                RegistryProxy proxy;

                assert_int_equal(setenv("all_proxy", cases[i].proxy, 1), 0);
                assert_int_equal(registry_proxy_find("http://a.example/", &proxy, NULL), 0);
                assert_true(proxy.is_named);
                assert_true(is_at(&proxy, cases[i].address, cases[i].port));
                registry_proxy_done(&proxy);
        }
        unsetenv("all_proxy");
}

TEST(proxy_whose_name_is_unknown_is_nowhere) {
        RegistryProxy proxy;

        assert_int_equal(setenv("http_proxy", "http://unknown.example:3128", 1), 0);
        assert_int_equal(registry_proxy_find("http://a.example/", &proxy, NULL), 0);
        assert_true(proxy.is_named);
        assert_null(proxy.pinned);
        assert_false(is_at(&proxy, "10.0.0.1", "3128"));
        registry_proxy_done(&proxy);
        unsetenv("http_proxy");
}
