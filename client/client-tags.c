/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "client-outcome.h"
#include "client-request.h"
#include "client-tags.h"

/* Doubles, so that the total cost stays linear. */
static int add_name(ClientTags *tags, const char *name) {
        const size_t n = tags->n_names;
        const char **bigger;

        if (n >= TAGS_MAX)
                return -E2BIG;
        if ((n & (n - 1)) == 0) {
                bigger = reallocarray(tags->names, n > 0 ? 2 * n : 1, sizeof(*bigger));
                if (!bigger)
                        return -ENOMEM;
                tags->names = bigger;
        }

        tags->names[tags->n_names++] = name;
        return 0;
}

static int read_all(ClientTags *tags) {
        const char *name;
        int r;

        r = sd_bus_message_read_basic(tags->reply, 's', &tags->repository);
        if (r >= 0)
                r = sd_bus_message_enter_container(tags->reply, 'a', "s");
        while (r >= 0) {
                r = sd_bus_message_read_basic(tags->reply, 's', &name);
                if (r <= 0)
                        return r;
                r = add_name(tags, name);
        }

        return r;
}

int client_tags_list(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        const char *repository,
        ClientTags *ret,
        Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(client_tags_done) ClientTags tags = TAGS_NULL;
        int r;

        r = client_request_new_tags(connection, options, secrets, repository, &call, error);
        if (r < 0)
                return r;

        r = sd_bus_call(
                client_connection_bus(connection), call, UINT64_MAX, &bus_error, &tags.reply);
        if (r < 0)
                return client_error_set_bus(error, r, &bus_error);

        r = read_all(&tags);
        if (r < 0)
                return client_error_set_message(error, r);

        *ret = tags;
        tags = TAGS_NULL;
        return 0;
}

void client_tags_done(ClientTags *tags) {
        free(tags->names);
        sd_bus_message_unref(tags->reply);
        *tags = TAGS_NULL;
}
