/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-macro.h"
#include "base-secret.h"
#include "client-auth-helper.h"
#include "client-auth.h"
#include "client-secret.h"
#include "credentials-login.h"
#include "credentials.h"
#include "reference.h"
#include "registries-route.h"

#define PLACES_MAX 3

/* Where to look, in order. */
typedef struct AuthPlaces {
        char *paths[PLACES_MAX]; /* owned */
        size_t n;
        bool is_named; /* by the user, so the file must exist */
} AuthPlaces;

static void places_done(AuthPlaces *places) {
        for (size_t i = 0; i < places->n; i++)
                free(places->paths[i]);
}

static int add_place(AuthPlaces *places, const char *format, ...)
        __attribute__((__format__(__printf__, 2, 3)));

static int add_place(AuthPlaces *places, const char *format, ...) {
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(&places->paths[places->n], format, arguments);
        va_end(arguments);
        if (r < 0)
                return -ENOMEM;

        places->n++;
        return 0;
}

/* NULL if it is not set, or to nothing. */
static const char *get_variable(const char *name) {
        const char *value = getenv(name);

        return value && value[0] != '\0' ? value : NULL;
}

static int find_places(AuthPlaces *places) {
        const char *named = get_variable("REGISTRY_AUTH_FILE"), *home = get_variable("HOME");
        const char *runtime = get_variable("XDG_RUNTIME_DIR");
        const char *config = get_variable("XDG_CONFIG_HOME");
        const char *docker = get_variable("DOCKER_CONFIG");
        int r;

        places->is_named = named != NULL;
        if (named)
                return add_place(places, "%s", named);

        r = runtime ? add_place(places, "%s/containers/auth.json", runtime)
                    : add_place(places, "/run/containers/%u/auth.json", (unsigned) geteuid());
        if (r >= 0 && config)
                r = add_place(places, "%s/containers/auth.json", config);
        else if (r >= 0 && home)
                r = add_place(places, "%s/.config/containers/auth.json", home);
        if (r >= 0 && docker)
                r = add_place(places, "%s/config.json", docker);
        else if (r >= 0 && home)
                r = add_place(places, "%s/.docker/config.json", home);
        return r;
}

/* Returns 1, 0 if there is no such file, or a negative errno. */
static int read_place(const char *path, bool is_named, Credentials **ret, Error *error) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        _cleanup_(secret_freep) char *text = NULL;
        size_t size;
        int r;

        if (fd < 0 && !is_named && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (fd < 0 && errno == ENOENT)
                return error_set(
                        error, ENOENT, ERROR_INVALID_OPTION,
                        "Cannot open the credentials file %s: %s", path, error_errno_text(ENOENT));
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open the credentials file %s", path);

        r = fd_read_all(fd, CREDENTIALS_FILE_MAX, &text, &size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the credentials file %s", path);

        r = credentials_parse(path, text, size, ret, error);
        return r < 0 ? error_prefix(error, "The credentials file") : 1;
}

static int ask_helper(
        const char *path, const CredentialsHelper *helper, CredentialsLogin *ret, Error *error) {
        int r;

        r = client_auth_helper_ask(helper, CLIENT_AUTH_HELPER_USEC, ret, error);
        return r < 0 ? error_prefix(error, "%s", path) : r;
}

static int look_in(
        const char *path,
        bool is_named,
        const Reference *reference,
        CredentialsLogin *ret,
        Error *error) {
        _cleanup_(credentials_freep) Credentials *credentials = NULL;
        CredentialsHelper helper;
        int r;

        r = read_place(path, is_named, &credentials, error);
        if (r <= 0)
                return r;

        r = credentials_find_helper(credentials, reference->host, &helper, error);
        if (r > 0)
                return ask_helper(path, &helper, ret, error);
        if (r == 0)
                r = credentials_find(
                        credentials, reference->host, reference->repository, ret, error);
        if (r != 0)
                return r;

        r = credentials_find_store(credentials, reference->host, &helper, error);
        return r <= 0 ? r : ask_helper(path, &helper, ret, error);
}

static int find_login(const Reference *reference, CredentialsLogin *ret, Error *error) {
        _cleanup_(places_done) AuthPlaces places = { 0 };
        int r;

        r = find_places(&places);
        if (r < 0)
                return error_oom(error);

        for (size_t i = 0; r == 0 && i < places.n; i++)
                r = look_in(places.paths[i], places.is_named, reference, ret, error);
        return r;
}

/* For this repository alone, so that whoever reads it learns nothing else. */
static int add_login(Credentials *credentials, const Reference *reference, Error *error) {
        _cleanup_(credentials_login_done) CredentialsLogin login = { 0 };
        char key[sizeof(reference->host) + sizeof(reference->repository)];
        int r;

        r = find_login(reference, &login, error);
        if (r <= 0)
                return r;

        (void) snprintf(key, sizeof(key), "%s/%s", reference->host, reference->repository);
        r = credentials_add(credentials, key, &login, error);
        return r < 0 ? r : 1;
}

/* Where the daemon will ask for the image. What is wrong with the configuration is for the daemon to say. */
static RegistriesRoute *find_route(const Reference *reference) {
        _cleanup_(registries_freep) Registries *registries = NULL;
        RegistriesRoute *route = NULL;
        Reference known = *reference;

        if (registries_load(getenv("CONTAINERS_REGISTRIES_CONF"), &registries, NULL) >= 0 &&
            registries_find_alias(registries, &known, NULL) >= 0)
                (void) registries_route(registries, &known, false, &route, NULL);
        return route;
}

/* A mirror without a usable entry is asked without one. Returns how many endpoints have one. */
static int add_logins(
        Credentials *credentials,
        const ClientOptions *options,
        const RegistriesRoute *route,
        Error *error) {
        int n = 0;

        for (size_t i = 0; i < route->n; i++) {
                const bool is_mirror = i + 1 < route->n;
                Reference reference;
                int r;

                /* What the user gives precedes what is in files, for the host that the user names. */
                if ((options->username && route->endpoints[i].is_own) ||
                    reference_parse(route->endpoints[i].reference, &reference, NULL) < 0)
                        continue;

                r = add_login(credentials, &reference, is_mirror ? NULL : error);
                if (r < 0 && !is_mirror)
                        return r;
                n += r > 0;
        }

        return n;
}

static int seal(const Credentials *credentials, int *ret_fd, Error *error) {
        _cleanup_(secret_freep) char *text = NULL;
        int r;

        r = credentials_format(credentials, &text, error);
        return r < 0 ? r : client_secret_seal(text, strlen(text), ret_fd, error);
}

/* Whether there may be credentials for the image. The daemon explains what is wrong with its name. */
static bool read_reference(const ClientOptions *options, Reference *ret) {
        const char *name;

        if (options->offline || options->n_arguments == 0 || options->transport == TRANSPORT_HOST)
                return false;

        name = reference_source_name(options->arguments[0]);
        return name && reference_parse(name, ret, NULL) >= 0;
}

int client_auth_take(const ClientOptions *options, int *ret_fd, Error *error) {
        _cleanup_(credentials_freep) Credentials *credentials = NULL;
        _cleanup_(freep) RegistriesRoute *route = NULL;
        Reference reference;
        int r;

        if (!read_reference(options, &reference))
                return 0;

        route = find_route(&reference);
        if (!route)
                return 0;

        credentials_set_up();
        credentials = credentials_new();
        if (!credentials)
                return error_oom(error);

        r = add_logins(credentials, options, route, error);
        return r <= 0 ? r : seal(credentials, ret_fd, error);
}
