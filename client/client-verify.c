/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client-intl.h"
#include "client-outcome.h"
#include "client-pager.h"
#include "client-request.h"
#include "client-verbs.h"
#include "client-verdict.h"

static int open_key(const char *path, int *ret, Error *error) {
        if (!path)
                return 0;

        *ret = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
        return *ret < 0 ? error_set_errno(error, errno, "Cannot open the key %s", path) : 0;
}

static int ask(
        ClientConnection *connection, sd_bus_message *call, ClientVerdict *verdict, Error *error) {
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call(
                client_connection_bus(connection), call, UINT64_MAX, &bus_error, &verdict->reply);
        return r < 0 ? client_error_set_bus(error, r, &bus_error)
                     : client_verdict_read(verdict, error);
}

int client_verb_verify(
        ClientConnection *connection,
        const ClientOptions *options,
        const ClientSecrets *secrets,
        Error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(client_verdict_done) ClientVerdict verdict = VERDICT_NULL;
        _cleanup_(freep) char *directory = get_current_dir_name();
        _cleanup_(client_source_done) ClientSource source = SOURCE_NULL;
        _cleanup_(closep) int key_fd = -EBADF;
        _cleanup_(client_pager_close) ClientPager pager = PAGER_NULL;
        int r;

        if (!directory)
                return error_set_errno(error, errno, "Cannot determine the current directory");

        r = open_key(options->key, &key_fd, error);
        if (r >= 0)
                r = client_request_read_source(
                        connection, directory, options->arguments[0], &source, error);
        if (r >= 0)
                r = client_request_new_trust(
                        connection, options, secrets, &source, key_fd, &call, error);
        if (r >= 0)
                r = ask(connection, call, &verdict, error);
        if (r >= 0)
                client_pager_open(options, &pager);
        if (r >= 0 && options->json)
                client_verdict_print_json(&verdict, stdout);
        else if (r >= 0)
                r = client_verdict_print(&verdict, stdout, error);
        if (r < 0)
                return r;
        return verdict.is_accepted ? STATUS_DONE : STATUS_FAILED;
}
