/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-macro.h"
#include "client-config.h"
#include "client-intl.h"
#include "client-word.h"

static const struct Field {
        const char *key;
        size_t offset;
} list_fields[] = {
        { "entrypoint", offsetof(ClientConfig, entrypoint) },
        { "cmd", offsetof(ClientConfig, cmd) },
        { "volumes", offsetof(ClientConfig, volumes) },
        { "ports", offsetof(ClientConfig, ports) },
        { "env", offsetof(ClientConfig, env) },
}, text_fields[] = {
        { "user", offsetof(ClientConfig, user) },
        { "working-dir", offsetof(ClientConfig, working_dir) },
        { "stop-signal", offsetof(ClientConfig, stop_signal) },
};

static char ***list_of(const ClientConfig *config, const struct Field *field) {
        return (void *) ((char *) config + field->offset);
}

static const char **text_of(const ClientConfig *config, const struct Field *field) {
        return (void *) ((char *) config + field->offset);
}

static void free_list(char **list) {
        for (size_t i = 0; list && list[i]; i++)
                free(list[i]);
        free(list);
}

void client_config_done(ClientConfig *config) {
        for (size_t i = 0; i < N_ELEMENTS(list_fields); i++)
                free_list(*list_of(config, &list_fields[i]));
        *config = (ClientConfig){ 0 };
}

static int read_list(sd_bus_message *m, char ***list) {
        char **read = NULL;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &read);
        if (r < 0)
                return r;

        free_list(*list);
        *list = read;
        return sd_bus_message_exit_container(m);
}

int client_config_read_value(sd_bus_message *m, const char *key, ClientConfig *config) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(list_fields); i++)
                if (strcmp(list_fields[i].key, key) == 0)
                        r = read_list(m, list_of(config, &list_fields[i]));
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(text_fields); i++)
                if (strcmp(text_fields[i].key, key) == 0)
                        r = sd_bus_message_read(m, "v", "s", text_of(config, &text_fields[i]));
        if (r == 0 && strcmp(key, "incomplete") == 0)
                r = sd_bus_message_read(m, "v", "b", &config->is_incomplete);
        return r;
}

/* As a shell would have to get it. */
static int join(char *const *first, char *const *second, char **ret, Error *error) {
        char *const *const lists[] = { first, second };
        char *text = NULL;
        size_t size = 0, n = 0;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return error_oom(error);

        for (size_t i = 0; i < N_ELEMENTS(lists); i++)
                for (size_t j = 0; lists[i] && lists[i][j]; j++) {
                        (void) fputs(n++ > 0 ? " " : "", file);
                        client_word_print(lists[i][j], file);
                }
        if (fclose(file) != 0) {
                free(text);
                return error_oom(error);
        }

        *ret = text;
        return 0;
}

static bool has_words(char *const *list) {
        return list && list[0];
}

int client_config_describe(const ClientConfig *config, char **ret, Error *error) {
        _cleanup_(freep) char *command = NULL;
        int r;

        *ret = NULL;
        if (!has_words(config->entrypoint) && !has_words(config->cmd))
                return 0;

        r = join(config->entrypoint, config->cmd, &command, error);
        if (r < 0)
                return r;

        if (config->working_dir && config->user)
                r = asprintf(
                        ret, _("%s (in %s, as %s)"), command, config->working_dir, config->user);
        else if (config->working_dir)
                r = asprintf(ret, _("%s (in %s)"), command, config->working_dir);
        else if (config->user)
                r = asprintf(ret, _("%s (as %s)"), command, config->user);
        else
                *ret = TAKE_PTR(command);
        if (r >= 0)
                return 0;

        *ret = NULL;
        return error_oom(error);
}

static int add_words(ClientTable *table, const char *title, char *const *words, Error *error) {
        _cleanup_(freep) char *text = NULL;
        int r;

        r = join(words, NULL, &text, error);
        return r < 0 ? r : client_table_add_pair(table, title, text, error);
}

static int add_each(ClientTable *table, const char *title, char *const *texts, Error *error) {
        int r = 0;

        for (size_t i = 0; r >= 0 && texts && texts[i]; i++)
                r = client_table_add(
                        table, (const char *const[]){ i == 0 ? title : "", texts[i] }, error);
        return r;
}

int client_config_add_rows(const ClientConfig *config, ClientTable *table, Error *error) {
        int r;

        r = add_words(table, _("Entrypoint:"), config->entrypoint, error);
        if (r >= 0)
                r = add_words(table, _("Cmd:"), config->cmd, error);
        if (r >= 0)
                r = client_table_add_pair(table, _("User:"), config->user, error);
        if (r >= 0)
                r = client_table_add_pair(table, _("Working dir:"), config->working_dir, error);
        if (r >= 0)
                r = add_each(table, _("Volumes:"), config->volumes, error);
        if (r >= 0)
                r = add_words(table, _("Ports:"), config->ports, error);
        if (r >= 0)
                r = client_table_add_pair(table, _("Stop signal:"), config->stop_signal, error);
        if (r >= 0)
                r = add_each(table, _("Environment:"), config->env, error);
        if (r >= 0 && config->is_incomplete)
                r = client_table_add_pair(
                        table, _("Incomplete:"), _("long texts and lists are cut"), error);
        return r;
}

static bool is_known(const ClientConfig *config) {
        for (size_t i = 0; i < N_ELEMENTS(list_fields); i++)
                if (*list_of(config, &list_fields[i]))
                        return true;
        for (size_t i = 0; i < N_ELEMENTS(text_fields); i++)
                if (*text_of(config, &text_fields[i]))
                        return true;

        return false;
}

static void print_list(ClientJson *json, const char *key, char *const *list) {
        if (!list)
                return;

        client_json_array_begin(json, key);
        for (size_t i = 0; list[i]; i++)
                client_json_string(json, NULL, list[i]);
        client_json_array_end(json);
}

void client_config_print_json(const ClientConfig *config, ClientJson *json, const char *key) {
        if (!is_known(config)) {
                client_json_null(json, key);
                return;
        }

        client_json_object_begin(json, key);
        for (size_t i = 0; i < N_ELEMENTS(list_fields); i++)
                print_list(json, list_fields[i].key, *list_of(config, &list_fields[i]));
        for (size_t i = 0; i < N_ELEMENTS(text_fields); i++)
                if (*text_of(config, &text_fields[i]))
                        client_json_string(
                                json, text_fields[i].key, *text_of(config, &text_fields[i]));
        if (config->is_incomplete)
                client_json_bool(json, "incomplete", true);
        client_json_object_end(json);
}
