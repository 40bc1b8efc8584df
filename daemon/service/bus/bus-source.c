/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus-features.h"
#include "bus-source.h"
#include "reference-source.h"
#include "reference.h"
#include "registries.h"

#define FILE_SCHEME     "file:"
#define LOCALHOST       "localhost"
#define TEMPLATE_SCHEME "virt-builder:"

static bool has_scheme(const char *source, const char *scheme) {
        return strncasecmp(source, scheme, strlen(scheme)) == 0;
}

static int invalid(const char *source, const char *why, Error *error) {
        return error_set(
                error, EINVAL, ERROR_INVALID_REFERENCE, "The source \"%s\" is invalid: %s", source,
                why);
}

/* The last component of a path or a repository, up to a '.' or ':' in it. */
static int set_name(JobSpec *spec, const char *path, Error *error) {
        const char *end = path + strlen(path), *start;

        while (end > path && end[-1] == '/')
                end--;
        start = end;
        while (start > path && start[-1] != '/')
                start--;

        free(spec->name);
        spec->name = strndup(start, strcspn(start, ".:@/"));
        return spec->name ? 0 : error_oom(error);
}

/* It is opened later. */
static int set_path(JobSpec *spec, const char *path, bool is_directory, Error *error) {
        if (spec->source_fd < 0 && path[0] != '/')
                return invalid(
                        spec->source, "its path must be absolute unless a descriptor is passed",
                        error);

        spec->is_directory = is_directory;
        spec->source_path = strdup(path);
        return spec->source_path ? 0 : error_oom(error);
}

static int set_repository(JobSpec *spec, const Reference *reference, Error *error) {
        free(spec->repository);
        if (asprintf(&spec->repository, "%s/%s", reference->host, reference->repository) >= 0)
                return 0;

        spec->repository = NULL;
        return error_oom(error);
}

static int set_reference(JobSpec *spec, const Reference *reference, Error *error) {
        char text[REFERENCE_MAX + 1];
        int r;

        free(spec->reference);
        free(spec->fetch);
        spec->fetch = NULL;
        spec->reference = strdup(reference_format(reference, text));
        if (!spec->reference)
                return error_oom(error);
        if (asprintf(&spec->fetch, "docker://%s", spec->reference) < 0) {
                spec->fetch = NULL;
                return error_oom(error);
        }
        r = set_repository(spec, reference, error);
        return r < 0 ? r : set_name(spec, reference->repository, error);
}

/* Also with fewer slashes, or one more: "docker:NAME" is not an image called "docker". */
static int parse_registry(const JobSpec *spec, Reference *ret, Error *error) {
        _cleanup_(freep) char *text = NULL;

        if (asprintf(&text, "docker://%s", reference_source_name(spec->source)) < 0) {
                text = NULL;
                return error_oom(error);
        }
        return reference_parse(text, ret, error);
}

static int read_registry(JobSpec *spec, Error *error) {
        Reference reference;
        int r;

        r = parse_registry(spec, &reference, error);
        if (r < 0)
                return r;

        spec->source_kind = JOB_SOURCE_REGISTRY;
        spec->has_pin = reference.has_digest;
        spec->pin = reference.digest;
        return set_reference(spec, &reference, error);
}

/* A docker archive calls its images what registries do. */
static int set_repository_of_archive(JobSpec *spec, const char *name, Error *error) {
        Reference reference;
        int r;

        r = reference_parse(name, &reference, error);
        return r < 0 ? r : set_repository(spec, &reference, error);
}

/* The worker does not need the path, which may be long. */
static int read_files(JobSpec *spec, Error *error) {
        char text[SOURCE_REFERENCE_MAX + 1];
        ReferenceSource reference;
        bool is_directory;
        int r;

        r = reference_source_parse(spec->source, &reference, error);
        if (r < 0)
                return r;

        spec->source_kind = JOB_SOURCE_FILES;
        is_directory = reference.kind == SOURCE_OCI || reference.kind == SOURCE_DIR;
        r = set_path(spec, reference.path, is_directory, error);
        if (r >= 0)
                r = set_name(
                        spec,
                        reference.selector.name[0] != '\0' ? reference.selector.name
                                                           : reference.path,
                        error);
        if (r >= 0 && reference.kind == SOURCE_DOCKER_ARCHIVE && reference.selector.name[0] != '\0')
                r = set_repository_of_archive(spec, reference.selector.name, error);
        if (r < 0)
                return r;

        strcpy(reference.path, ".");
        spec->fetch = strdup(reference_source_format(&reference, text));
        return spec->fetch ? 0 : error_oom(error);
}

/* The path of a file: URI, verbatim (RFC 8089, but without %-escapes); NULL if it has none on this host. */
static const char *path_of_uri(const char *uri) {
        const char *path = uri + strlen(FILE_SCHEME);

        if (strncmp(path, "//", 2) == 0) {
                path += 2;
                if (strncasecmp(path, LOCALHOST "/", strlen(LOCALHOST "/")) == 0)
                        path += strlen(LOCALHOST);
        }
        return path[0] == '/' ? path : NULL;
}

static int read_tarball(JobSpec *spec, Error *error) {
        const char *path = spec->source;
        int r;

        if (has_scheme(path, FILE_SCHEME)) {
                path = path_of_uri(path);
                if (!path)
                        return invalid(
                                spec->source,
                                "expected file:///PATH with the absolute path of a file on this host",
                                error);
        }

        spec->source_kind = JOB_SOURCE_TARBALL;
        r = set_path(spec, path, false, error);
        return r < 0 ? r : set_name(spec, path, error);
}

static bool is_template(const char *name) {
        if (!isalnum((unsigned char) name[0]))
                return false;
        for (const char *p = name; *p != '\0'; p++)
                if (!isalnum((unsigned char) *p) && !strchr("._+-", *p))
                        return false;

        return strlen(name) <= SOURCE_TEMPLATE_MAX;
}

static int read_template(JobSpec *spec, Error *error) {
        const char *name = spec->source + strlen(TEMPLATE_SCHEME);
        size_t n_slashes = strspn(name, "/");
        int r;

        r = bus_features_require("virt-builder", error);
        if (r < 0)
                return r;
        if (n_slashes < 1 || n_slashes > 3 || !is_template(name + n_slashes))
                return invalid(
                        spec->source,
                        "expected virt-builder://TEMPLATE with a name from virt-builder --list",
                        error);

        spec->source_kind = JOB_SOURCE_TEMPLATE;
        spec->fetch = strdup(name + n_slashes);
        return spec->fetch ? set_name(spec, spec->fetch, error) : error_oom(error);
}

int bus_source_read(JobSpec *spec, Error *error) {
        const size_t length = strlen(spec->source);

        if (length > BUS_SOURCE_MAX)
                return error_set(
                        error, ENAMETOOLONG, ERROR_INVALID_REFERENCE,
                        "The source is too long: it has %zu bytes, but may have at most %zu",
                        length, BUS_SOURCE_MAX);
        if (reference_source_name(spec->source))
                return read_registry(spec, error);
        if (reference_source_is_one(spec->source))
                return read_files(spec, error);
        if (spec->source[0] == '/' || has_scheme(spec->source, FILE_SCHEME))
                return read_tarball(spec, error);
        if (has_scheme(spec->source, TEMPLATE_SCHEME))
                return read_template(spec, error);

        return invalid(
                spec->source,
                "expected docker://[HOST/]NAME[:TAG], file:///PATH, oci:PATH[:REF], "
                "oci-archive:PATH[:REF], docker-archive:PATH[:REF], dir:PATH or "
                "virt-builder://TEMPLATE",
                error);
}

/* Only sources that are read from first to last byte. */
static int check_kind(JobSpec *spec, Error *error) {
        struct stat st;
        off_t offset;

        if (fstat(spec->source_fd, &st) < 0)
                return error_set_errno(error, errno, "Cannot look at the source %s", spec->source);

        if (spec->is_directory && !S_ISDIR(st.st_mode))
                return error_set(
                        error, ENOTDIR, ERROR_INVALID_REFERENCE,
                        "The source %s is not a directory; for an image in one file, use "
                        "oci-archive:PATH or docker-archive:PATH",
                        spec->source);
        if (!spec->is_directory && S_ISDIR(st.st_mode))
                return error_set(
                        error, EINVAL, ERROR_INVALID_REFERENCE,
                        "The source %s is a directory, neither a regular file nor a pipe; for an image "
                        "in a directory, use oci:PATH or dir:PATH",
                        spec->source);
        if (!spec->is_directory && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) &&
            !S_ISSOCK(st.st_mode))
                return error_set(
                        error, EINVAL, ERROR_INVALID_REFERENCE,
                        "The source %s is neither a regular file nor a pipe", spec->source);

        /* It is read from its current offset. */
        offset = lseek(spec->source_fd, 0, SEEK_CUR);
        if (S_ISREG(st.st_mode) && offset >= 0 && offset < st.st_size)
                spec->source_bytes = (uint64_t) (st.st_size - offset);
        return 0;
}

/* A job keeps the route that it had when it was accepted. */
static int find_route(JobSpec *spec, Error *error) {
        _cleanup_(registries_freep) Registries *registries = NULL;
        Reference reference;
        int r;

        r = parse_registry(spec, &reference, error);
        if (r >= 0)
                r = registries_load(getenv("CONTAINERS_REGISTRIES_CONF"), &registries, error);
        if (r >= 0)
                r = registries_find_alias(registries, &reference, error);
        if (r >= 0)
                r = set_reference(spec, &reference, error);
        if (r >= 0)
                r = registries_route(registries, &reference, spec->not_secure, &spec->route, error);
        if (r < 0)
                return r;

        spec->not_secure = spec->route->endpoints[spec->route->n - 1].is_insecure;
        return 0;
}

int bus_source_open(JobSpec *spec, Error *error) {
        if (spec->source_kind == JOB_SOURCE_REGISTRY)
                return find_route(spec, error);
        if (!spec->source_path)
                return 0;
        if (spec->source_fd >= 0)
                return check_kind(spec, error);

        /* A pipe may have no writer yet: the worker waits for one. */
        spec->source_fd = open(spec->source_path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (spec->source_fd < 0 && (errno == ENOENT || errno == ENOTDIR))
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND, "The source %s does not exist",
                        spec->source);
        if (spec->source_fd < 0 || fcntl(spec->source_fd, F_SETFL, 0) < 0)
                return error_set_errno(error, errno, "Cannot open the source %s", spec->source);

        return check_kind(spec, error);
}
