/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base-thread.h"
#include "registry-loop.h"

#define POLL_MSEC 60000 /* at most; it is woken up for whatever has to be done */

/* One request, on the stack of the thread that waits for it. */
typedef struct LoopRequest {
        struct LoopRequest *next; /* in the list of new ones */
        CURL *easy;               /* borrowed */
        CURLcode code;            /* when @is_done */
        bool is_done;
} LoopRequest;

struct RegistryLoop {
        CURLM *multi;          /* owned; used by @thread alone, apart from curl_multi_wakeup() */
        pthread_t thread;      /* when @has_thread */
        pthread_mutex_t lock;  /* of what follows, and of all requests */
        pthread_cond_t done;   /* a request is */
        LoopRequest *requests; /* new ones; borrowed */
        bool has_thread;
        bool is_ending;
};

int registry_loop_new(RegistryLoop **ret, Error *error) {
        RegistryLoop *loop = malloc(sizeof(*loop));
        CURLM *multi = curl_multi_init();

        if (!loop || !multi) {
                free(loop);
                (void) curl_multi_cleanup(multi);
                return error_oom(error);
        }

        (void) curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
        (void) curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, REGISTRY_LOOP_CONNECTIONS_MAX);
        *loop = (RegistryLoop){ .multi = multi };
        (void) pthread_mutex_init(&loop->lock, NULL);
        (void) pthread_cond_init(&loop->done, NULL);
        *ret = loop;
        return 0;
}

void registry_loop_keep_apart(RegistryLoop *loop) {
        (void) curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

RegistryLoop *registry_loop_free(RegistryLoop *loop) {
        if (!loop)
                return NULL;

        (void) pthread_mutex_lock(&loop->lock);
        loop->is_ending = true;
        (void) pthread_mutex_unlock(&loop->lock);
        if (loop->has_thread) {
                (void) curl_multi_wakeup(loop->multi);
                (void) pthread_join(loop->thread, NULL);
        }

        (void) curl_multi_cleanup(loop->multi);
        (void) pthread_cond_destroy(&loop->done);
        (void) pthread_mutex_destroy(&loop->lock);
        free(loop);
        return NULL;
}

static void finish_locked(RegistryLoop *loop, LoopRequest *request, CURLcode code) {
        request->code = code;
        request->is_done = true;
        (void) pthread_cond_broadcast(&loop->done);
}

/* Returns whether there will be more. */
static bool begin_requests(RegistryLoop *loop) {
        bool is_ending;

        (void) pthread_mutex_lock(&loop->lock);
        while (loop->requests) {
                LoopRequest *request = loop->requests;

                loop->requests = request->next;
                if (curl_easy_setopt(request->easy, CURLOPT_PRIVATE, request) != CURLE_OK ||
                    curl_multi_add_handle(loop->multi, request->easy) != CURLM_OK)
                        finish_locked(loop, request, CURLE_OUT_OF_MEMORY);
        }
        is_ending = loop->is_ending;
        (void) pthread_mutex_unlock(&loop->lock);
        return !is_ending;
}

static void end_requests(RegistryLoop *loop) {
        CURLMsg *message;
        int n_left;

        while ((message = curl_multi_info_read(loop->multi, &n_left))) {
                const CURLcode code = message->data.result;
                CURL *easy = message->easy_handle;
                LoopRequest *request = NULL;

                (void) curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &request);
                (void) curl_multi_remove_handle(loop->multi, easy);
                (void) pthread_mutex_lock(&loop->lock);
                finish_locked(loop, request, code);
                (void) pthread_mutex_unlock(&loop->lock);
        }
}

static void *run(void *userdata) {
        RegistryLoop *loop = userdata;
        int n_running;

        while (begin_requests(loop)) {
                (void) curl_multi_perform(loop->multi, &n_running);
                end_requests(loop);
                (void) curl_multi_poll(loop->multi, NULL, 0, POLL_MSEC, NULL);
        }

        return NULL;
}

/* Not earlier: whoever makes the loop may still have to give up rights, which only a process of one thread does. */
static bool start_locked(RegistryLoop *loop) {
        if (!loop->has_thread)
                loop->has_thread = thread_start(&loop->thread, run, loop) >= 0;

        return loop->has_thread;
}

CURLcode registry_loop_perform(RegistryLoop *loop, CURL *easy) {
        LoopRequest request = { .easy = easy };

        (void) pthread_mutex_lock(&loop->lock);
        if (!start_locked(loop)) {
                (void) pthread_mutex_unlock(&loop->lock);
                return CURLE_OUT_OF_MEMORY;
        }

        request.next = loop->requests;
        loop->requests = &request;
        (void) curl_multi_wakeup(loop->multi);
        while (!request.is_done)
                (void) pthread_cond_wait(&loop->done, &loop->lock);
        (void) pthread_mutex_unlock(&loop->lock);
        return request.code;
}
