/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-limits.h"
#include "base-macro.h"
#include "bus-arguments.h"
#include "bus-features.h"
#include "bus-source.h"
#include "reference-platform.h"

#define OPTIONS_MAX   32U
#define SIZE_TEXT_MAX sizeof("18446744073709551615 bytes")

/* How to read an option: the message is at its value. */
typedef struct Option {
        const char *name;
        const char *type; /* D-Bus signature of the value */
        int (*read)(sd_bus_message *call, const struct Option *option, JobSpec *spec, Error *error);
        size_t offset; /* of its member in JobSpec */
        bool may_inspect;
} Option;

static void *member(JobSpec *spec, const Option *option) {
        return (char *) spec + option->offset;
}

static int malformed(int r, Error *error) {
        return error_set(
                error, r < 0 ? -r : EBADMSG, ERROR_INVALID_OPTION, "The arguments are malformed");
}

static int invalid(const Option *option, const char *value, const char *want, Error *error) {
        return error_set(
                error, EINVAL, ERROR_INVALID_OPTION, "Option \"%s\" cannot be \"%s\"; expected %s",
                option->name, value, want);
}

static int read_bool(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        int value, r;

        r = sd_bus_message_read_basic(call, 'b', &value);
        if (r < 0)
                return malformed(r, error);

        *(bool *) member(spec, option) = value;
        return 0;
}

static int read_text(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        char **text = member(spec, option);
        const char *value;
        int r;

        r = sd_bus_message_read_basic(call, 's', &value);
        if (r < 0)
                return malformed(r, error);

        free(*text);
        *text = strdup(value);
        return *text ? 0 : error_oom(error);
}

static int read_platform(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        ReferencePlatform platform;
        int r;

        r = read_text(call, option, spec, error);
        return r < 0 ? r : reference_platform_parse(spec->platform, &platform, error);
}

static int read_digest(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        const char *value;
        int r;

        r = sd_bus_message_read_basic(call, 's', &value);
        if (r < 0)
                return malformed(r, error);
        if (digest_parse(value, &spec->digest) < 0)
                return invalid(
                        option, value, "sha256: followed by 64 lower-case hex digits", error);

        spec->has_digest = true;
        return 0;
}

static int read_format(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        const char *value;
        int r;

        r = sd_bus_message_read_basic(call, 's', &value);
        if (r < 0)
                return malformed(r, error);
        if (job_format_from_string(value, member(spec, option)) < 0)
                return invalid(option, value, "dir, qcow2 or raw", error);
        return bus_features_require(value, error);
}

static int read_document(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        const char *value;
        int r;

        r = sd_bus_message_read_basic(call, 's', &value);
        if (r < 0)
                return malformed(r, error);
        if (job_document_from_string(value, member(spec, option)) < 0)
                return invalid(option, value, "manifest, config, image-json or config-json", error);
        return 0;
}

/* In the largest unit that needs no fraction. */
static char *format_size(uint64_t bytes, char ret[static SIZE_TEXT_MAX]) {
        static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        size_t unit = 0;

        for (; bytes > 0 && bytes % 1024 == 0 && unit + 1 < N_ELEMENTS(units); unit++)
                bytes /= 1024;
        (void) snprintf(
                ret, SIZE_TEXT_MAX, "%" PRIu64 " %s", bytes,
                unit == 0 && bytes == 1 ? "byte" : units[unit]);
        return ret;
}

static int read_size(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        char text[SIZE_TEXT_MAX], least[SIZE_TEXT_MAX], most[SIZE_TEXT_MAX];
        uint64_t value;
        int r;

        r = sd_bus_message_read_basic(call, 't', &value);
        if (r < 0)
                return malformed(r, error);
        if (value < DISK_SIZE_MIN || value > DISK_SIZE_MAX)
                return error_set(
                        error, ERANGE, ERROR_INVALID_OPTION,
                        "Option \"%s\" cannot be %s; expected %s to %s", option->name,
                        format_size(value, text), format_size(DISK_SIZE_MIN, least),
                        format_size(DISK_SIZE_MAX, most));

        *(uint64_t *) member(spec, option) =
                (value + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
        return 0;
}

/* The message closes its descriptors: keep a copy. */
static int read_fd(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        int *fd = member(spec, option), value, r;

        r = sd_bus_message_read_basic(call, 'h', &value);
        if (r < 0)
                return malformed(r, error);

        closer_close(spec->closer, *fd);
        *fd = fcntl(value, F_DUPFD_CLOEXEC, 3);
        if (*fd < 0)
                return error_set_errno(error, errno, "Cannot duplicate a descriptor");
        return 0;
}

static int read_idmap(sd_bus_message *call, const Option *option, JobSpec *spec, Error *error) {
        IdMap *map = member(spec, option);
        int r;

        *map = (IdMap){ 0 };
        r = sd_bus_message_enter_container(call, 'a', "(uuu)");

        while (r >= 0) {
                IdRange range;

                r = sd_bus_message_read(call, "(uuu)", &range.start, &range.target, &range.count);
                if (r == 0)
                        break;
                if (r > 0) {
                        r = idmap_add(map, &range, error);
                        if (r < 0) {
                                (void) error_prefix(error, "Option \"%s\"", option->name);
                                return r;
                        }
                }
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(call);
        return r < 0 ? malformed(r, error) : 0;
}

static const Option options[] = {
        { "auth-fd", "h", read_fd, offsetof(JobSpec, auth_fd), true },
        { "digest", "s", read_digest, 0, false },
        { "destination-fd", "h", read_fd, offsetof(JobSpec, destination_fd), false },
        { "document", "s", read_document, offsetof(JobSpec, document), true },
        { "flatten", "b", read_bool, offsetof(JobSpec, flatten), false },
        { "format", "s", read_format, offsetof(JobSpec, format), false },
        { "gidmap", "a(uuu)", read_idmap, offsetof(JobSpec, gids), false },
        { "in-place", "b", read_bool, offsetof(JobSpec, in_place), false },
        { "key-fd", "h", read_fd, offsetof(JobSpec, key_fd), true },
        { "keep-devices", "b", read_bool, offsetof(JobSpec, keep_devices), false },
        { "keep-old", "s", read_text, offsetof(JobSpec, keep_old), false },
        { "no-cache", "b", read_bool, offsetof(JobSpec, no_cache), false },
        { "no-sync", "b", read_bool, offsetof(JobSpec, no_sync), false },
        { "not-secure", "b", read_bool, offsetof(JobSpec, not_secure), true },
        { "offline", "b", read_bool, offsetof(JobSpec, offline), true },
        { "overwrite", "b", read_bool, offsetof(JobSpec, overwrite), false },
        { "password-fd", "h", read_fd, offsetof(JobSpec, password_fd), true },
        { "platform", "s", read_platform, offsetof(JobSpec, platform), true },
        { "replace", "b", read_bool, offsetof(JobSpec, replace), false },
        { "require-signed", "b", read_bool, offsetof(JobSpec, require_signed), true },
        { "root-password-fd", "h", read_fd, offsetof(JobSpec, root_password_fd), false },
        { "share-layers", "b", read_bool, offsetof(JobSpec, share_layers), false },
        { "size", "t", read_size, offsetof(JobSpec, size), false },
        { "source-fd", "h", read_fd, offsetof(JobSpec, source_fd), true },
        { "uidmap", "a(uuu)", read_idmap, offsetof(JobSpec, uids), false },
        { "username", "s", read_text, offsetof(JobSpec, username), true },
};

/* "document" is the one option of Inspect that Bootstrap does not have. */
static bool is_available(const Option *option, bool inspect) {
        return inspect ? option->may_inspect : option->read != read_document;
}

static const Option *find_option(const char *name, bool inspect) {
        for (size_t i = 0; i < N_ELEMENTS(options); i++)
                if (strcmp(options[i].name, name) == 0 && is_available(&options[i], inspect))
                        return &options[i];

        return NULL;
}

/* Reads one entry of the dictionary; the message is inside it. */
static int read_option(sd_bus_message *call, bool inspect, JobSpec *spec, Error *error) {
        const char *name, *type = NULL;
        const Option *option;
        int r;

        r = sd_bus_message_read_basic(call, 's', &name);
        if (r >= 0)
                r = sd_bus_message_peek_type(call, NULL, &type);
        if (r < 0 || !type)
                return malformed(r, error);

        option = find_option(name, inspect);
        if (!option)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION, "There is no option \"%s\"%s", name,
                        inspect ? " to inspect an image" : "");
        if (strcmp(type, option->type) != 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Option \"%s\" has the type \"%s\": want \"%s\"", name, type, option->type);

        r = sd_bus_message_enter_container(call, 'v', option->type);
        if (r < 0)
                return malformed(r, error);
        r = option->read(call, option, spec, error);
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(call);
        return r < 0 ? malformed(r, error) : 0;
}

static int read_options(sd_bus_message *call, bool inspect, JobSpec *spec, Error *error) {
        unsigned n = 0;
        int r;

        r = sd_bus_message_enter_container(call, 'a', "{sv}");

        while (r >= 0) {
                r = sd_bus_message_enter_container(call, 'e', "sv");
                if (r == 0)
                        break;
                if (r < 0)
                        return malformed(r, error);
                if (n++ == OPTIONS_MAX)
                        return error_set(
                                error, E2BIG, ERROR_INVALID_OPTION, "More than %u options",
                                OPTIONS_MAX);

                r = read_option(call, inspect, spec, error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(call);
        }

        if (r >= 0)
                r = sd_bus_message_exit_container(call);
        return r < 0 ? malformed(r, error) : 0;
}

/* Options that make no sense for a source are refused, since the user expects an effect. */
static int check_source(const JobSpec *spec, bool inspect, Error *error) {
        const bool is_image =
                spec->source_kind == JOB_SOURCE_REGISTRY || spec->source_kind == JOB_SOURCE_FILES;
        const struct {
                bool is_wrong;
                const char *option, *where;
        } checks[] = {
                { inspect && !is_image, "inspect", "images" },
                { spec->has_digest && !is_image, "digest", "images" },
                { spec->platform && !is_image, "platform", "images" },
                { spec->share_layers && !is_image, "share-layers", "images" },
                { spec->username && spec->source_kind != JOB_SOURCE_REGISTRY, "username",
                  "registries" },
                { spec->auth_fd >= 0 && spec->source_kind != JOB_SOURCE_REGISTRY, "auth-fd",
                  "registries" },
                { spec->require_signed && spec->source_kind != JOB_SOURCE_REGISTRY,
                  "require-signed", "registries" },
                { spec->key_fd >= 0 && spec->source_kind != JOB_SOURCE_REGISTRY, "key-fd",
                  "registries" },
                { spec->source_fd >= 0 && spec->source_kind != JOB_SOURCE_FILES &&
                          spec->source_kind != JOB_SOURCE_TARBALL,
                  "source-fd", "files" },
        };

        for (size_t i = 0; i < N_ELEMENTS(checks); i++)
                if (checks[i].is_wrong)
                        return error_set(
                                error, EINVAL, ERROR_INVALID_OPTION,
                                "Option \"%s\" is for %s only, not for %s", checks[i].option,
                                checks[i].where, spec->source);

        return 0;
}

/* Some options exclude each other. */
static int check_combinations(const JobSpec *spec, Error *error) {
        const struct {
                bool is_wrong;
                const char *one, *other;
        } checks[] = {
                { spec->share_layers && spec->no_cache, "share-layers", "no-cache" },
                { spec->replace && spec->overwrite, "replace", "overwrite" },
                { spec->in_place && spec->replace, "in-place", "replace" },
                { spec->in_place && spec->overwrite, "in-place", "overwrite" },
        };

        for (size_t i = 0; i < N_ELEMENTS(checks); i++)
                if (checks[i].is_wrong)
                        return error_set(
                                error, EINVAL, ERROR_INVALID_OPTION,
                                "Options \"%s\" and \"%s\" cannot be combined", checks[i].one,
                                checks[i].other);

        return 0;
}

/* Whether an image is trusted is a question of its own, except for a job. */
static int check_trust(const JobSpec *spec, bool inspect, Error *error) {
        const char *option = spec->key_fd >= 0                 ? "key-fd"
                             : inspect && spec->require_signed ? "require-signed"
                                                               : NULL;

        if (!option || spec->explain_trust)
                return 0;
        return error_set(
                error, EINVAL, ERROR_INVALID_OPTION, "There is no option \"%s\"%s", option,
                inspect ? " to inspect an image" : "");
}

/* Some options are for directories, chains of disk images, or single ones. */
static int check_format(const JobSpec *spec, Error *error) {
        const char *for_disks = spec->size > 0       ? "size"
                                : spec->share_layers ? "share-layers"
                                : spec->flatten      ? "flatten"
                                                     : NULL;
        const char *for_directories = spec->in_place              ? "in-place"
                                      : spec->destination_fd >= 0 ? "destination-fd"
                                                                  : NULL;

        if (for_disks && !job_spec_has_disk(spec))
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Option \"%s\" needs the format qcow2%s", for_disks,
                        spec->size > 0 ? " or raw" : "");
        if (spec->share_layers && job_spec_is_file(spec))
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Option \"share-layers\" is for chains of disk images; a single one contains all "
                        "its layers (format raw, and qcow2 with \"flatten\")");
        if (for_directories && job_spec_is_file(spec))
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Option \"%s\" is for directories; a single disk image is a file (format raw, "
                        "and qcow2 with \"flatten\")",
                        for_directories);
        return 0;
}

/* Some options require others. */
static int check_spec(JobSpec *spec, bool inspect, Error *error) {
        int r;

        if (spec->password_fd >= 0 && !spec->username)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Option \"password-fd\" needs \"username\"");
        if (spec->keep_old && !spec->replace)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Option \"keep-old\" needs \"replace\"");

        r = check_format(spec, error);
        if (r >= 0)
                r = check_combinations(spec, error);
        if (r >= 0)
                r = check_trust(spec, inspect, error);
        if (r >= 0)
                r = bus_source_read(spec, error);
        return r < 0 ? r : check_source(spec, inspect, error);
}

/* What is asked about an image. */
typedef enum Question {
        QUESTION_NONE, /* it is to be set up */
        QUESTION_CONTENT,
        QUESTION_TRUST,
} Question;

static int read_arguments(
        sd_bus_message *call, Question question, Closer *closer, JobSpec **ret, Error *error) {
        _cleanup_(job_spec_freep) JobSpec *spec = job_spec_new();
        const bool inspect = question != QUESTION_NONE;
        const char *source, *destination = NULL;
        int r;

        if (!spec)
                return error_oom(error);

        spec->closer = closer;
        spec->explain_trust = question == QUESTION_TRUST;
        r = sd_bus_message_read_basic(call, 's', &source);
        if (r >= 0 && !inspect)
                r = sd_bus_message_read_basic(call, 's', &destination);
        if (r < 0)
                return malformed(r, error);

        spec->source = strdup(source);
        spec->destination = destination ? strdup(destination) : NULL;
        if (!spec->source || (destination && !spec->destination))
                return error_oom(error);

        r = read_options(call, inspect, spec, error);
        if (r >= 0)
                r = check_spec(spec, inspect, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(spec);
        return 0;
}

int bus_arguments_read_bootstrap(
        sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error) {
        return read_arguments(call, QUESTION_NONE, closer, ret, error);
}

int bus_arguments_read_inspect(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error) {
        return read_arguments(call, QUESTION_CONTENT, closer, ret, error);
}

int bus_arguments_read_trust(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error) {
        return read_arguments(call, QUESTION_TRUST, closer, ret, error);
}

/* A tag or a digest would have no effect; each follows the last component. */
static int check_repository(const JobSpec *spec, Error *error) {
        const char *start = strchr(spec->source, ':') + 1, *end = start + strlen(start);

        while (end > start && end[-1] == '/')
                end--;
        for (const char *p = end; p > start && p[-1] != '/'; p--)
                if (p[-1] == ':' || p[-1] == '@')
                        return error_set(
                                error, EINVAL, ERROR_INVALID_REFERENCE,
                                "%s has a tag or a digest; expected a repository, "
                                "docker://[HOST/]NAME",
                                spec->source);
        return 0;
}

int bus_arguments_read_tags(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error) {
        _cleanup_(job_spec_freep) JobSpec *spec = NULL;
        const char *refused = NULL;
        int r;

        r = read_arguments(call, QUESTION_CONTENT, closer, &spec, error);
        if (r < 0)
                return r;
        if (spec->source_kind != JOB_SOURCE_REGISTRY)
                return error_set(
                        error, EINVAL, ERROR_INVALID_REFERENCE,
                        "Tags can be listed for registries only, not for %s", spec->source);

        if (spec->platform)
                refused = "platform";
        else if (spec->offline)
                refused = "offline";
        else if (spec->document != JOB_DOCUMENT_NONE)
                refused = "document";
        if (refused)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "There is no option \"%s\" to list tags", refused);

        r = check_repository(spec, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(spec);
        return 0;
}
