/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base-clock.h"
#include "registry-address.h"
#include "registry-failure.h"
#include "registry-guard.h"
#include "registry-handle.h"
#include "registry-http.h"

struct RegistryHttp {
        CURL *easy;         /* owned */
        CURLSH *share;      /* owned; names that were resolved for @easy, and those for its proxy */
        RegistryLoop *loop; /* borrowed */
        const RegistryTls *tls;     /* borrowed */
        const RegistryTrace *trace; /* borrowed */
        bool insecure;
        bool is_mirror;
        RegistryGuard guard;
        RegistryProxy proxy;          /* owned; for the latest request */
        char reason[CURL_ERROR_SIZE]; /* libcurl's own words about the latest failure */
};

/* One hop of a request, while it is under way. */
typedef struct Hop {
        const char *url;                  /* borrowed */
        const struct curl_slist *headers; /* borrowed */
        const RegistryLogin *login;       /* borrowed; NULL at another origin */
        CURL *easy;                       /* borrowed */
        const RegistryRequest *request;   /* borrowed */
        RegistryResponse *response;       /* borrowed */
        Error *error;                     /* borrowed; set when @is_aborted */
        size_t header_bytes;
        bool is_complete;                  /* all headers have come */
        bool has_headers;                  /* @response has those of this hop */
        bool is_aborted;                   /* by this side, with @error set */
        bool is_cut;                       /* more of an error's text than anyone needs */
        const RegistryGuard *guard;        /* borrowed */
        const char *from;                  /* borrowed; the host that redirected here, or NULL */
        bool is_private;                   /* a connection to a private address was refused */
        struct sockaddr_storage opened[2]; /* the IPv4 and IPv6 address that was tried last */
} Hop;

DEFINE_CLEANUP(struct curl_slist, curl_slist_free_all);

/* Names are its own, not the loop's: those of a proxy are found again for each request. */
static int share_names(RegistryHttp *http, Error *error) {
        http->share = curl_share_init();
        if (!http->share ||
            curl_share_setopt(http->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) != CURLSHE_OK ||
            curl_easy_setopt(http->easy, CURLOPT_SHARE, http->share) != CURLE_OK)
                return error_oom(error);

        return 0;
}

int registry_http_new(const RegistryHttpSettings *settings, RegistryHttp **ret, Error *error) {
        _cleanup_(registry_http_freep) RegistryHttp *http = malloc(sizeof(*http));
        int r;

        if (!http)
                return error_oom(error);

        *http = (RegistryHttp){
                .easy = curl_easy_init(),
                .loop = settings->loop,
                .tls = settings->tls,
                .trace = settings->trace,
                .insecure = settings->insecure,
                .is_mirror = settings->is_mirror,
                .guard = {
                        .home_url = settings->home_url,
                        .private_hosts = settings->private_hosts,
                        .proxy = &http->proxy,
                        .home = settings->home,
                },
        };
        if (!http->easy)
                return error_oom(error);

        r = share_names(http, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(http);
        return 0;
}

RegistryHttp *registry_http_free(RegistryHttp *http) {
        if (!http)
                return NULL;

        curl_easy_cleanup(http->easy);
        (void) curl_share_cleanup(http->share);
        registry_proxy_done(&http->proxy);
        free(http);
        return NULL;
}

static size_t on_header(char *data, size_t size, size_t n, void *userdata) {
        Hop *hop = userdata;

        if (n > REGISTRY_HEADERS_MAX - hop->header_bytes) {
                hop->is_aborted = true;
                (void) error_set(
                        hop->error, EFBIG, ERROR_LIMIT_EXCEEDED,
                        "%s sent more than %zu bytes of headers", hop->response->host,
                        REGISTRY_HEADERS_MAX);
                return 0;
        }

        /* There may be several, as after "100 Continue". */
        if (n >= strlen("HTTP/") && memcmp(data, "HTTP/", strlen("HTTP/")) == 0)
                hop->is_complete = false;
        else if (n > 0 && (data[0] == '\r' || data[0] == '\n'))
                hop->is_complete = true;

        hop->header_bytes += n;
        return n;
}

static void hop_read_headers(Hop *hop) {
        if (!hop->has_headers)
                registry_response_read_headers(hop->response, hop->easy);
        hop->has_headers = true;
}

static bool response_has_content(const RegistryResponse *response) {
        return response->status == 200 || response->status == 206;
}

static int hop_take_body(Hop *hop, const char *data, size_t size) {
        const RegistryRequest *request = hop->request;
        RegistryResponse *response = hop->response;
        size_t room;

        if (response_has_content(response)) {
                if (request->on_body)
                        return request->on_body(
                                request->userdata, response, data, size, hop->error);
                return registry_response_append(
                        response, data, size, request->body_max, hop->error);
        }

        room = REGISTRY_ERROR_BODY_MAX - response->size;
        hop->is_cut = size > room;
        return registry_response_append(
                response, data, hop->is_cut ? room : size, REGISTRY_ERROR_BODY_MAX, hop->error);
}

static size_t on_data(char *data, size_t size, size_t n, void *userdata) {
        Hop *hop = userdata;

        hop_read_headers(hop);
        if (hop_take_body(hop, data, n) < 0) {
                hop->is_aborted = true;
                return CURL_WRITEFUNC_ERROR;
        }

        return hop->is_cut ? CURL_WRITEFUNC_ERROR : n;
}

/* Looks at the address itself, since what a name stands for may change between two looks. A connection
 * that is used again was looked at when it was opened: libcurl keeps them by host. */
static curl_socket_t on_open_socket(
        void *userdata, curlsocktype purpose, struct curl_sockaddr *address) {
        Hop *hop = userdata;

        if (!registry_guard_takes_address(hop->guard, hop->url, &address->addr)) {
                hop->is_private = true;
                return CURL_SOCKET_BAD;
        }

        if (address->addrlen <= sizeof(hop->opened[0]))
                memcpy(&hop->opened[address->family == AF_INET6], &address->addr, address->addrlen);
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Of the addresses that were tried the one that has answered; none when the connection is an old one. */
static void note_answer(Hop *hop) {
        const char *peer = NULL;

        if (curl_easy_getinfo(hop->easy, CURLINFO_PRIMARY_IP, &peer) != CURLE_OK || !peer)
                return;

        for (size_t i = 0; i < 2; i++) {
                const struct sockaddr *address = (const struct sockaddr *) &hop->opened[i];

                if (registry_address_is(address, peer))
                        registry_guard_note_answer(hop->guard, hop->url, address);
        }
}

static CURLcode set_range(CURL *easy, const RegistryRequest *request) {
        char range[sizeof("-") + 2 * 3 * sizeof(uint64_t)], end[3 * sizeof(uint64_t)] = "";

        if (request->range_start == 0 && request->range_end == 0)
                return CURLE_OK;

        if (request->range_end > 0)
                (void) snprintf(end, sizeof(end), "%ju", (uintmax_t) request->range_end - 1);
        (void) snprintf(range, sizeof(range), "%ju-%s", (uintmax_t) request->range_start, end);
        return curl_easy_setopt(easy, CURLOPT_RANGE, range);
}

static CURLcode set_login(CURL *easy, const RegistryLogin *login) {
        CURLcode r;

        if (login->scheme == REGISTRY_SCHEME_BEARER) {
                (void) curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
                return curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, login->token);
        }

        (void) curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        r = curl_easy_setopt(easy, CURLOPT_USERNAME, login->username);
        return r == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_PASSWORD, login->password) : r;
}

/* libcurl does not copy it. */
static CURLcode set_form(CURL *easy, const char *form) {
        (void) curl_easy_setopt(easy, CURLOPT_POST, 1L);
        return curl_easy_setopt(easy, CURLOPT_POSTFIELDS, form);
}

static void set_callbacks(Hop *hop) {
        CURL *easy = hop->easy;

        (void) curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
        (void) curl_easy_setopt(easy, CURLOPT_HEADERDATA, hop);
        (void) curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
        (void) curl_easy_setopt(easy, CURLOPT_WRITEDATA, hop);
        (void) curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        (void) curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, hop);
}

static int hop_prepare(Hop *hop, RegistryHttp *http) {
        http->reason[0] = '\0';
        if (registry_handle_setup(
                    hop->easy, http->tls, http->insecure, http->guard.home_url, hop->url) !=
                    CURLE_OK ||
            set_range(hop->easy, hop->request) != CURLE_OK ||
            (hop->login && set_login(hop->easy, hop->login) != CURLE_OK) ||
            (hop->request->form && set_form(hop->easy, hop->request->form) != CURLE_OK))
                return error_oom(hop->error);

        set_callbacks(hop);
        (void) curl_easy_setopt(hop->easy, CURLOPT_RESOLVE, http->proxy.pinned);
        (void) curl_easy_setopt(hop->easy, CURLOPT_ERRORBUFFER, http->reason);
        (void) curl_easy_setopt(hop->easy, CURLOPT_HTTPHEADER, hop->headers);
        (void) curl_easy_setopt(hop->easy, CURLOPT_FRESH_CONNECT, hop->request->is_large ? 1L : 0L);
        if (!hop->request->on_body)
                (void) curl_easy_setopt(hop->easy, CURLOPT_TIMEOUT, REGISTRY_DOCUMENT_TIMEOUT_SEC);

        return 0;
}

/* What curl_easy_perform() came to. */
static int hop_finish(Hop *hop, const RegistryHttp *http, CURLcode code) {
        RegistryTrouble trouble = {
                .easy = hop->easy,
                .code = code,
                .reason = http->reason,
                .host = hop->response->host,
                .is_tls = registry_url_is_tls(hop->url),
        };

        if (hop->is_aborted)
                return -hop->error->code;
        /* Another one of the host's addresses may have answered. */
        if (hop->is_private && code != CURLE_OK && !hop->is_complete)
                return registry_guard_refuse(hop->from, hop->response->host, hop->error);

        if (code == CURLE_OK || hop->is_complete) {
                hop_read_headers(hop);
                note_answer(hop);
        }

        /* What is said about a failure need not be whole. */
        if (code == CURLE_OK || (hop->is_complete && !response_has_content(hop->response))) {
                hop->response->failure = REGISTRY_FAILURE_NONE;
                return 0;
        }

        hop->response->failure = registry_trouble_classify(&trouble);
        return registry_trouble_error(&trouble, hop->response->failure, hop->error);
}

/* One request without redirects. */
static int http_hop(RegistryHttp *http, Hop *hop, RegistryResponse *response, Error *error) {
        int r;

        registry_response_done(response);
        response->failure = REGISTRY_FAILURE_FINAL;
        registry_url_host(hop->url, response->host);

        hop->easy = http->easy;
        hop->response = response;
        hop->error = error;

        hop->guard = &http->guard;
        registry_proxy_done(&http->proxy);
        r = registry_proxy_find(hop->url, &http->proxy, error);
        if (r < 0)
                return r;
        if (!registry_guard_takes_name(hop->guard, hop->url))
                return registry_guard_refuse(hop->from, response->host, error);

        r = hop_prepare(hop, http);
        if (r < 0)
                return r;

        return hop_finish(hop, http, registry_loop_perform(http->loop, http->easy));
}

static int add_accept(struct curl_slist **headers, const char *accept, Error *error) {
        _cleanup_(freep) char *line = NULL;

        if (!accept)
                return 0;

        if (asprintf(&line, "Accept: %s", accept) < 0) {
                line = NULL;
                return error_oom(error);
        }

        *headers = curl_slist_append(NULL, line);
        return *headers ? 0 : error_oom(error);
}

/* Returns 1 with the next URL when the response is a redirect, else 0. */
static int redirect_target(
        RegistryHttp *http, const char *url, long status, char **ret, Error *error) {
        struct curl_header *location;
        int r;

        if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
                return 0;
        if (curl_easy_header(http->easy, "Location", 0, CURLH_HEADER, -1, &location) != CURLHE_OK)
                return 0;

        r = registry_url_follow(url, location->value, http->insecure, ret, error);
        return r < 0 ? r : 1;
}

static void trace_hop(
        const RegistryHttp *http,
        const Hop *hop,
        bool is_foreign,
        const char *next,
        uint64_t started_usec) {
        const RegistryTraceRequest request = {
                .url = hop->url,
                .next = next,
                .is_form = hop->request->form,
                .is_foreign = is_foreign,
                .is_mirror = http->is_mirror,
                .has_login = hop->login,
                .scheme = hop->login ? hop->login->scheme : REGISTRY_SCHEME_OTHER,
                .usec = clock_usec(CLOCK_MONOTONIC) - started_usec,
        };

        registry_trace_request(http->trace, &request, hop->response);
}

static int http_get_following(
        RegistryHttp *http,
        const RegistryRequest *request,
        RegistryResponse *response,
        Error *error) {
        _cleanup_(curl_slist_free_allp) struct curl_slist *headers = NULL;
        _cleanup_(freep) char *url = strdup(request->url);
        char from[REGISTRY_HOST_MAX] = "";
        bool is_at_origin = true;
        int r;

        if (!url)
                return error_oom(error);

        r = add_accept(&headers, request->accept, error);
        if (r < 0)
                return r;

        for (unsigned redirects = 0;; redirects++) {
                Hop hop = {
                        .url = url,
                        .headers = headers,
                        .request = request,
                        .from = redirects > 0 ? from : NULL,
                };
                const uint64_t started_usec = clock_usec(CLOCK_MONOTONIC);
                char *next = NULL;
                int redirected = 0;

                is_at_origin = is_at_origin && registry_url_same_origin(url, request->url);
                hop.login = is_at_origin ? request->login : NULL;
                r = http_hop(http, &hop, response, error);
                if (r >= 0 && !request->form)
                        redirected = redirect_target(http, url, response->status, &next, error);
                trace_hop(http, &hop, redirects > 0 || request->is_foreign, next, started_usec);
                if (r < 0 || redirected <= 0)
                        return r < 0 ? r : redirected;

                (void) registry_url_host(url, from);
                free(url);
                url = next;
                if (redirects == REGISTRY_REDIRECTS_MAX)
                        return error_set(
                                error, ELOOP, ERROR_REGISTRY_ERROR,
                                "%s redirected more than %u times", response->host,
                                REGISTRY_REDIRECTS_MAX);
        }
}

int registry_http_get(
        RegistryHttp *http,
        const RegistryRequest *request,
        RegistryResponse *response,
        Error *error) {
        _cleanup_(error_clear) Error failed = ERROR_NULL;
        int r;

        response->failure = REGISTRY_FAILURE_FINAL;
        r = http_get_following(http, request, response, &failed);
        if (r >= 0)
                return 0;

        if (response->failure == REGISTRY_FAILURE_NONE)
                response->failure =
                        REGISTRY_FAILURE_FINAL; /* a redirect that may not be followed */
        error_move(error, &failed);
        return r;
}
