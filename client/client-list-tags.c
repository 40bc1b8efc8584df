/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>

#include "base-cleanup.h"
#include "base-text.h"
#include "client-json.h"
#include "client-outcome.h"
#include "client-pager.h"
#include "client-suggest.h"
#include "client-tags.h"
#include "client-verbs.h"

/* With the keys of skopeo-list-tags(1). */
static void print_json(const ClientTags *tags) {
        ClientJson json = JSON_INIT(stdout);

        client_json_object_begin(&json, NULL);
        client_json_string(&json, "Repository", tags->repository);
        client_json_array_begin(&json, "Tags");
        for (size_t i = 0; i < tags->n_names; i++)
                client_json_string(&json, NULL, tags->names[i]);
        client_json_array_end(&json);
        client_json_object_end(&json);
        client_json_finish(&json);
}

/* What the daemon would call invalid, if something is known that was meant. */
static int check_repository(const char *text, Error *error) {
        _cleanup_(freep) char *hint = client_suggest_repository(text);

        return hint ? error_set(
                              error, EINVAL, ERROR_INVALID_REFERENCE,
                              "The repository \"%s\" is invalid; %s", text, hint)
                    : 0;
}

int client_verb_list_tags(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error) {
        _cleanup_(client_tags_done) ClientTags tags = TAGS_NULL;
        _cleanup_(client_pager_close) ClientPager pager = PAGER_NULL;
        int r;

        r = check_repository(options->arguments[0], error);
        if (r < 0)
                return r;

        r = client_tags_list(connection, options, secrets, options->arguments[0], &tags, error);
        if (r < 0)
                return r;

        client_pager_open(options, &pager);
        if (options->json)
                print_json(&tags);
        for (size_t i = 0; !options->json && i < tags.n_names; i++) {
                _cleanup_(freep) char *name = text_printable(tags.names[i]);

                if (name)
                        (void) puts(name);
        }
        return STATUS_DONE;
}
