/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base-macro.h"
#include "registry-trace.h"

#define ANSWER_MAX    (REGISTRY_HOST_MAX + 64) /* bytes */
#define USEC_PER_MSEC 1000

static const char *const failures[] = {
        [REGISTRY_FAILURE_NONE] = "",
        [REGISTRY_FAILURE_UNREACHABLE] = "cannot be reached",
        [REGISTRY_FAILURE_HANDSHAKE] = "the TLS handshake failed",
        [REGISTRY_FAILURE_CERTIFICATE] = "the TLS connection is refused",
        [REGISTRY_FAILURE_BROKEN] = "the connection broke",
        [REGISTRY_FAILURE_FINAL] = "given up",
};

static const char *scheme_name(bool has_login, RegistryScheme scheme) {
        if (!has_login)
                return "no login";
        return scheme == REGISTRY_SCHEME_BEARER ? "Bearer" : "Basic";
}

/* Bytes of the path at @path, without the query. */
static int path_length(const char *path) {
        const size_t length = strcspn(path, "?#");

        return length < REGISTRY_TRACE_MAX ? (int) length : (int) REGISTRY_TRACE_MAX;
}

static const char *find_path(const char *url) {
        const char *host = strstr(url, "://");
        const char *path = host ? host + strlen("://") : url;

        return path + strcspn(path, "/?#");
}

static const char *describe_answer(
        const RegistryTraceRequest *request,
        const RegistryResponse *response,
        char ret[static ANSWER_MAX]) {
        char host[REGISTRY_HOST_MAX];

        if (response->failure != REGISTRY_FAILURE_NONE && response->status == 0)
                return failures[response->failure];

        if (request->next)
                (void) snprintf(
                        ret, ANSWER_MAX, "%ld to %s", response->status,
                        registry_url_host(request->next, host));
        else if (registry_challenges_find(&response->challenges, REGISTRY_SCHEME_BEARER))
                (void) snprintf(ret, ANSWER_MAX, "%ld, wants Bearer", response->status);
        else if (registry_challenges_find(&response->challenges, REGISTRY_SCHEME_BASIC))
                (void) snprintf(ret, ANSWER_MAX, "%ld, wants Basic", response->status);
        else
                (void) snprintf(
                        ret, ANSWER_MAX, "%ld%s%s", response->status,
                        response->failure != REGISTRY_FAILURE_NONE ? ", " : "",
                        failures[response->failure]);
        return ret;
}

void registry_trace_request(
        const RegistryTrace *trace,
        const RegistryTraceRequest *request,
        const RegistryResponse *response) {
        char line[REGISTRY_TRACE_MAX], host[REGISTRY_HOST_MAX], answer[ANSWER_MAX];
        const char *path = request->is_foreign ? "/…" : find_path(request->url);

        if (!trace || !trace->on_line)
                return;

        (void) snprintf(
                line, sizeof(line), "%s http%s://%s%.*s (%s%s): %s, %" PRIu64 " ms",
                request->is_form ? "POST" : "GET", registry_url_is_tls(request->url) ? "s" : "",
                registry_url_host(request->url, host), path_length(path), path,
                request->is_mirror ? "mirror, " : "",
                scheme_name(request->has_login, request->scheme),
                describe_answer(request, response, answer), request->usec / USEC_PER_MSEC);
        trace->on_line(trace->userdata, line);
}
