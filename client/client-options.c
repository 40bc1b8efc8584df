/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-digest.h"
#include "base-macro.h"
#include "base-span.h"
#include "base-suggest.h"
#include "client-format.h"
#include "client-options.h"
#include "client-size.h"

/* Options without a short form; their values are above every character. */
enum {
        OPT_ROOT_PASSWORD = 0x100,
        OPT_FLATTEN,
        OPT_UIDMAP,
        OPT_GIDMAP,
        OPT_IDMAP,
        OPT_NOT_SECURE,
        OPT_NO_CACHE,
        OPT_NO_SYNC,
        OPT_STATUS_ONLY,
        OPT_VERSION,
        OPT_PLATFORM,
        OPT_SIZE,
        OPT_OVERWRITE,
        OPT_SHARE_LAYERS,
        OPT_KEEP_DEVICES,
        OPT_FORCE,
        OPT_OFFLINE,
        OPT_DIGEST,
        OPT_DETACH,
        OPT_JSON,
        OPT_SYSTEM,
        OPT_USER,
        OPT_EMBEDDED,
        OPT_ADDRESS,
        OPT_NO_ASK_PASSWORD,
        OPT_NO_PAGER,
        OPT_NO_LEGEND,
        OPT_KEEP,
        OPT_OLDER_THAN,
        OPT_DRY_RUN,
        OPT_REPLACE,
        OPT_KEEP_OLD,
        OPT_IN_PLACE,
        OPT_RAW,
        OPT_CONFIG,
        OPT_NO_TAGS,
        OPT_REQUIRE_SIGNED,
        OPT_KEY,
        OPT_ALL,
};

static const struct option long_options[] = {
        { "format", required_argument, NULL, 'f' },
        { "flatten", no_argument, NULL, OPT_FLATTEN },
        { "root-password", required_argument, NULL, OPT_ROOT_PASSWORD },
        { "uidmap", required_argument, NULL, OPT_UIDMAP },
        { "gidmap", required_argument, NULL, OPT_GIDMAP },
        { "idmap", required_argument, NULL, OPT_IDMAP },
        { "username", required_argument, NULL, 'u' },
        { "password", required_argument, NULL, 'p' },
        { "not-secure", no_argument, NULL, OPT_NOT_SECURE },
        { "no-cache", no_argument, NULL, OPT_NO_CACHE },
        { "no-sync", no_argument, NULL, OPT_NO_SYNC },
        { "quiet", no_argument, NULL, 'q' },
        { "debug", no_argument, NULL, 'd' },
        { "status-only", no_argument, NULL, OPT_STATUS_ONLY },
        { "version", no_argument, NULL, OPT_VERSION },
        { "help", no_argument, NULL, 'h' },
        { "platform", required_argument, NULL, OPT_PLATFORM },
        { "size", required_argument, NULL, OPT_SIZE },
        { "overwrite", no_argument, NULL, OPT_OVERWRITE },
        { "replace", no_argument, NULL, OPT_REPLACE },
        { "keep-old", required_argument, NULL, OPT_KEEP_OLD },
        { "in-place", no_argument, NULL, OPT_IN_PLACE },
        { "share-layers", no_argument, NULL, OPT_SHARE_LAYERS },
        { "keep-devices", no_argument, NULL, OPT_KEEP_DEVICES },
        { "force", no_argument, NULL, OPT_FORCE },
        { "offline", no_argument, NULL, OPT_OFFLINE },
        { "digest", required_argument, NULL, OPT_DIGEST },
        { "detach", no_argument, NULL, OPT_DETACH },
        { "json", no_argument, NULL, OPT_JSON },
        { "system", no_argument, NULL, OPT_SYSTEM },
        { "user", no_argument, NULL, OPT_USER },
        { "embedded", no_argument, NULL, OPT_EMBEDDED },
        { "address", required_argument, NULL, OPT_ADDRESS },
        { "host", required_argument, NULL, 'H' },
        { "no-ask-password", no_argument, NULL, OPT_NO_ASK_PASSWORD },
        { "no-pager", no_argument, NULL, OPT_NO_PAGER },
        { "no-legend", no_argument, NULL, OPT_NO_LEGEND },
        { "keep", required_argument, NULL, OPT_KEEP },
        { "older-than", required_argument, NULL, OPT_OLDER_THAN },
        { "dry-run", no_argument, NULL, OPT_DRY_RUN },
        { "raw", no_argument, NULL, OPT_RAW },
        { "config", no_argument, NULL, OPT_CONFIG },
        { "no-tags", no_argument, NULL, OPT_NO_TAGS },
        { "require-signed", no_argument, NULL, OPT_REQUIRE_SIGNED },
        { "key", required_argument, NULL, OPT_KEY },
        { "all", no_argument, NULL, OPT_ALL },
        { NULL, 0, NULL, 0 },
};

static const struct VerbSyntax {
        const char *name, *sub; /* @sub: "" if it may be omitted */
        ClientVerb verb;
        size_t min, max; /* arguments after the verb */
        const char *usage;
} verbs[] = {
        { "list", NULL, VERB_LIST, 0, 0, "list [--all]" },
        { "show", NULL, VERB_SHOW, 1, 1, "show JOB" },
        { "attach", NULL, VERB_ATTACH, 1, 1, "attach JOB" },
        { "watch", NULL, VERB_ATTACH, 1, 1, "watch JOB" },
        { "cancel", NULL, VERB_CANCEL, 1, SIZE_MAX, "cancel JOB…" },
        { "inspect", NULL, VERB_INSPECT, 1, 1, "inspect [--raw] [--config] [--no-tags] URI" },
        { "list-tags", NULL, VERB_LIST_TAGS, 1, 1, "list-tags docker://NAME" },
        { "verify", NULL, VERB_VERIFY, 1, 1, "verify URI [--key FILE]" },
        { "cache", "list", VERB_CACHE_LIST, 0, 0, "cache list" },
        { "cache", "blobs", VERB_CACHE_BLOBS, 0, 0, "cache blobs" },
        { "cache", "verify", VERB_CACHE_VERIFY, 0, 0, "cache verify" },
        { "cache", "remove", VERB_CACHE_REMOVE, 1, SIZE_MAX, "cache remove NAME|DIGEST…" },
        { "cache", "prune", VERB_CACHE_PRUNE, 0, 0,
          "cache prune [--keep SIZE] [--older-than SPAN] [--dry-run] [--force]" },
        { "monitor", NULL, VERB_MONITOR, 0, 0, "monitor" },
};

static const struct VerbSyntax bootstrap_syntax = {
        NULL, NULL, VERB_BOOTSTRAP, 2, 2, "[OPTION…] URI DEST",
};

static int set_format(ClientOptions *options, const char *text, Error *error) {
        if (strcmp(text, "dir") != 0 && strcmp(text, "qcow2") != 0 && strcmp(text, "raw") != 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Unknown format \"%s\"; expected dir, qcow2 or raw", text);

        options->format = text;
        return 0;
}

static int set_digest(ClientOptions *options, const char *text, Error *error) {
        Digest digest;

        if (digest_parse(text, &digest) < 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" is not a digest; expected sha256: and 64, or sha512: and 128, lower-case "
                        "hexadecimal digits",
                        text);

        options->digest = text;
        return 0;
}

static int set_size(ClientOptions *options, const char *text, Error *error) {
        uint64_t size;
        int r;

        r = client_size_parse(text, &size, error);
        if (r < 0)
                return r;
        if (size == 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "The size of a disk image cannot be 0");

        options->size = size;
        return 0;
}

static int set_older_than(ClientOptions *options, const char *text, Error *error) {
        uint64_t usec;

        if (span_parse(text, &usec) < 0 || usec == SPAN_INFINITY || usec == 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "\"%s\" is not a time span; expected a number and a unit, such as 30d",
                        text);

        options->older_than_usec = usec;
        return 0;
}

static int add_range(ClientOptions *options, int option, const char *text, Error *error) {
        IdRange range;
        int r;

        r = idmap_parse_range(text, &range, error);
        if (r >= 0 && option != OPT_GIDMAP)
                r = idmap_add(&options->uid_map, &range, error);
        if (r >= 0 && option != OPT_UIDMAP)
                r = idmap_add(&options->gid_map, &range, error);

        return r < 0 ? -EINVAL : 0;
}

/* The last one is used; an earlier one would stay visible in the list of processes. */
static int set_secret(char **secret, char *text) {
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));

        *secret = text;
        return 0;
}

static int set_transport(
        ClientOptions *options, ClientTransport transport, const char *address, Error *error) {
        if (options->transport != TRANSPORT_DEFAULT && options->transport != transport)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Only one of --system, --user, --embedded, --address and --host can be given");

        options->transport = transport;
        options->address = address;
        return 0;
}

static int set_host(ClientOptions *options, const char *text, Error *error) {
        int r;

        r = set_transport(options, TRANSPORT_HOST, text, error);
        return r < 0 ? r : client_remote_parse(text, &options->host, error);
}

/* The variable of an option without an argument; NULL for all other options. */
static bool *find_switch(ClientOptions *options, int option) {
        const struct {
                int option;
                bool *value;
        } switches[] = {
                { OPT_NOT_SECURE, &options->not_secure },
                { OPT_NO_CACHE, &options->no_cache },
                { OPT_NO_SYNC, &options->no_sync },
                { 'q', &options->quiet },
                { 'd', &options->debug },
                { OPT_STATUS_ONLY, &options->status_only },
                { OPT_FLATTEN, &options->flatten },
                { OPT_OVERWRITE, &options->overwrite },
                { OPT_REPLACE, &options->replace },
                { OPT_IN_PLACE, &options->in_place },
                { OPT_SHARE_LAYERS, &options->share_layers },
                { OPT_KEEP_DEVICES, &options->keep_devices },
                { OPT_FORCE, &options->force },
                { OPT_DRY_RUN, &options->dry_run },
                { OPT_OFFLINE, &options->offline },
                { OPT_DETACH, &options->detach },
                { OPT_JSON, &options->json },
                { OPT_NO_ASK_PASSWORD, &options->no_ask_password },
                { OPT_NO_PAGER, &options->no_pager },
                { OPT_NO_LEGEND, &options->no_legend },
                { OPT_ALL, &options->all },
                { OPT_RAW, &options->raw },
                { OPT_CONFIG, &options->config },
                { OPT_NO_TAGS, &options->no_tags },
                { OPT_REQUIRE_SIGNED, &options->require_signed },
        };

        for (size_t i = 0; i < N_ELEMENTS(switches); i++)
                if (switches[i].option == option)
                        return switches[i].value;

        return NULL;
}

static int set_option(ClientOptions *options, int option, char *value, Error *error) {
        bool *toggle = find_switch(options, option);

        if (toggle) {
                *toggle = true;
                return 0;
        }

        switch (option) {
        case 'f':
                return set_format(options, value, error);
        case 'u':
                options->username = value;
                return 0;
        case 'p':
                return set_secret(&options->password, value);
        case OPT_ROOT_PASSWORD:
                return set_secret(&options->root_password, value);
        case OPT_UIDMAP:
        case OPT_GIDMAP:
        case OPT_IDMAP:
                return add_range(options, option, value, error);
        case OPT_PLATFORM:
                options->platform = value;
                return 0;
        case OPT_DIGEST:
                return set_digest(options, value, error);
        case OPT_KEY:
                options->key = value;
                return 0;
        case OPT_SIZE:
                return set_size(options, value, error);
        case OPT_KEEP_OLD:
                options->keep_old = value;
                return 0;
        case OPT_KEEP:
                options->has_keep = true;
                return client_size_parse(value, &options->keep, error);
        case OPT_OLDER_THAN:
                return set_older_than(options, value, error);
        case OPT_SYSTEM:
                return set_transport(options, TRANSPORT_SYSTEM, NULL, error);
        case OPT_USER:
                return set_transport(options, TRANSPORT_USER, NULL, error);
        case OPT_EMBEDDED:
                return set_transport(options, TRANSPORT_EMBEDDED, NULL, error);
        case OPT_ADDRESS:
                return set_transport(options, TRANSPORT_ADDRESS, value, error);
        default:
                assert(option == 'H');
                return set_host(options, value, error);
        }
}

/* The options that start with @name, "--a, --b"; *@ret_n is their number. */
static char *list_options(const char *name, size_t *ret_n) {
        char *list = NULL;

        *ret_n = 0;
        for (const struct option *o = long_options; o->name; o++) {
                char *longer;
                int n;

                if (strncmp(o->name, name, strlen(name)) != 0)
                        continue;
                (*ret_n)++;
                n = asprintf(&longer, "%s%s--%s", list ? list : "", list ? ", " : "", o->name);
                free(list);
                list = n < 0 ? NULL : longer;
        }

        return list;
}

static const char *nearest_option(const char *name) {
        const char *names[N_ELEMENTS(long_options)];
        size_t n = 0;

        for (const struct option *o = long_options; o->name; o++)
                names[n++] = o->name;
        return suggest_word(name, names, n);
}

/* A long option that is no option, is short for several, or takes no argument. */
static int refuse_name(const char *name, Error *error) {
        _cleanup_(freep) char *list = NULL;
        const char *nearest;
        size_t n;

        list = list_options(name, &n);
        if (n > 1)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Option \"--%s\" is ambiguous: it could be %s", name,
                        list ? list : "several");
        if (n == 1)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION, "Option \"%s\" takes no argument",
                        list ? list : name);

        nearest = nearest_option(name);
        return nearest ? error_set(
                                 error, EINVAL, ERROR_INVALID_OPTION,
                                 "Unknown option \"--%s\"; did you mean \"--%s\"?", name, nearest)
                       : error_set(
                                 error, EINVAL, ERROR_INVALID_OPTION,
                                 "Unknown option \"--%s\"; see virt-bootstrap --help", name);
}

static int refuse_option(int result, char **argv, Error *error) {
        char name[3] = { '-', (char) optopt, '\0' };
        const bool is_short =
                optopt > 0 && optopt < OPT_ROOT_PASSWORD && strncmp(argv[optind - 1], "--", 2) != 0;
        const char *given = is_short ? name : argv[optind - 1];
        _cleanup_(freep) char *word = NULL;

        /* Only the name, because the text after "=" may be a secret. */
        if (result == ':')
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION, "Option \"%.*s\" requires an argument",
                        (int) strcspn(given, "="), given);
        if (is_short)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Unknown option \"%s\"; see virt-bootstrap --help", given);

        word = strndup(given + strspn(given, "-"), strcspn(given + strspn(given, "-"), "="));
        return word ? refuse_name(word, error) : error_oom(error);
}

static int parse_options(int argc, char **argv, ClientOptions *options, Error *error) {
        int c, r;

        optind = 0; /* glibc: reset its state */
        opterr = 0;

        while ((c = getopt_long(argc, argv, ":f:u:p:qdhH:", long_options, NULL)) >= 0) {
                if (c == '?' || c == ':')
                        return refuse_option(c, argv, error);

                if (c == 'h' || c == OPT_VERSION) {
                        options->verb = c == 'h' ? VERB_HELP : VERB_VERSION;
                        return 0;
                }

                r = set_option(options, c, optarg, error);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int refuse_sub(const char *name, const char *sub, Error *error) {
        const char *subs[N_ELEMENTS(verbs)], *nearest;
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (verbs[i].sub && strcmp(verbs[i].name, name) == 0)
                        subs[n++] = verbs[i].sub;
        nearest = suggest_word(sub, subs, n);
        return nearest ? error_set(
                                 error, EINVAL, ERROR_INVALID_OPTION,
                                 "Unknown command \"%s %s\"; did you mean \"%s %s\"?", name, sub,
                                 name, nearest)
                       : error_set(
                                 error, EINVAL, ERROR_INVALID_OPTION,
                                 "Unknown command \"%s %s\"; see virt-bootstrap --help", name, sub);
}

/* What other programs call it. */
static const struct Synonym {
        const char *word, *meant;
} synonyms[] = {
        { "help", "--help" },         { "version", "--version" }, { "ls", "list" },
        { "jobs", "list" },           { "ps", "list" },           { "images", "cache list" },
        { "rm", "cache remove" },     { "rmi", "cache remove" },  { "remove", "cache remove" },
        { "delete", "cache remove" }, { "prune", "cache prune" }, { "stop", "cancel" },
        { "follow", "attach" },       { "status", "show" },
};

static const char *find_meant(const char *word, const char *const *names) {
        for (size_t i = 0; i < N_ELEMENTS(synonyms); i++)
                if (strcmp(synonyms[i].word, word) == 0)
                        return synonyms[i].meant;

        return suggest_word(word, names, N_ELEMENTS(verbs));
}

/* Whether the command is about an image, which a URI names. */
static bool takes_image(const char *command) {
        return strcmp(command, "inspect") == 0 || strcmp(command, "list-tags") == 0 ||
               strcmp(command, "verify") == 0 || strcmp(command, "cache remove") == 0;
}

/* The first word is no command: it is a source, unless it cannot be one. */
static int check_first_word(const ClientOptions *options, const char *word, Error *error) {
        const char *names[N_ELEMENTS(verbs)], *nearest;
        const bool has_source =
                options->n_arguments > 1 && strstr(options->arguments[1], "://") != NULL;

        if (strpbrk(word, "/:.") || word[0] == '\0' || strcmp(word, "-") == 0 ||
            access(word, F_OK) == 0)
                return 0;

        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                names[i] = verbs[i].name;
        nearest = find_meant(word, names);
        if (nearest && (!has_source || takes_image(nearest)))
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Unknown command \"%s\"; did you mean \"%s\"?", word, nearest);
        if (has_source || options->n_arguments < bootstrap_syntax.min)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Unknown command \"%s\"; usage: virt-bootstrap %s (see virt-bootstrap --help)",
                        word, bootstrap_syntax.usage);
        return 0;
}

static int find_verb(ClientOptions *options, const struct VerbSyntax **ret, Error *error) {
        const char *name = options->n_arguments > 0 ? options->arguments[0] : NULL;
        const char *sub = options->n_arguments > 1 ? options->arguments[1] : "list";
        bool is_known = false;

        for (size_t i = 0; name && i < N_ELEMENTS(verbs); i++) {
                size_t n_words = verbs[i].sub && options->n_arguments > 1 ? 2 : 1;

                if (strcmp(verbs[i].name, name) != 0)
                        continue;

                is_known = true;
                if (verbs[i].sub && strcmp(verbs[i].sub, sub) != 0)
                        continue;

                options->arguments += n_words;
                options->n_arguments -= n_words;
                *ret = &verbs[i];
                return 0;
        }

        if (is_known)
                return refuse_sub(name, sub, error);

        *ret = &bootstrap_syntax;
        return name ? check_first_word(options, name, error) : 0;
}

static int parse_arguments(ClientOptions *options, Error *error) {
        const struct VerbSyntax *syntax = &bootstrap_syntax;
        int r;

        r = find_verb(options, &syntax, error);
        if (r < 0)
                return r;

        options->verb = syntax->verb;
        if (options->n_arguments < syntax->min || options->n_arguments > syntax->max)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "Too %s arguments; usage: virt-bootstrap %s (see virt-bootstrap --help)",
                        options->n_arguments < syntax->min ? "few" : "many", syntax->usage);

        for (size_t i = 0; i < options->n_arguments; i++)
                if (options->arguments[i][0] == '\0')
                        return error_set(
                                error, EINVAL, ERROR_INVALID_OPTION,
                                "An argument is empty; usage: virt-bootstrap %s", syntax->usage);

        return 0;
}

/* Options of one command would be ignored by all others. */
static int check_scopes(const ClientOptions *options, Error *error) {
        static const char making[] = "virt-bootstrap URI DEST";
        const struct {
                const char *name, *where;
                ClientVerb verb;
                bool is_given;
        } scopes[] = {
                { "all", "the command list", VERB_LIST, options->all },
                { "key", "the command verify", VERB_VERIFY, options->key != NULL },
                { "raw", "the command inspect", VERB_INSPECT, options->raw },
                { "config", "the command inspect", VERB_INSPECT, options->config },
                { "no-tags", "the command inspect", VERB_INSPECT, options->no_tags },
                { "keep", "the command cache prune", VERB_CACHE_PRUNE, options->has_keep },
                { "older-than", "the command cache prune", VERB_CACHE_PRUNE,
                  options->older_than_usec > 0 },
                { "dry-run", "the command cache prune", VERB_CACHE_PRUNE, options->dry_run },
                { "force", "the command cache prune", VERB_CACHE_PRUNE, options->force },
                { "format", making, VERB_BOOTSTRAP, options->format != NULL },
                { "flatten", making, VERB_BOOTSTRAP, options->flatten },
                { "size", making, VERB_BOOTSTRAP, options->size > 0 },
                { "share-layers", making, VERB_BOOTSTRAP, options->share_layers },
                { "overwrite", making, VERB_BOOTSTRAP, options->overwrite },
                { "replace", making, VERB_BOOTSTRAP, options->replace },
                { "keep-old", making, VERB_BOOTSTRAP, options->keep_old != NULL },
                { "in-place", making, VERB_BOOTSTRAP, options->in_place },
                { "keep-devices", making, VERB_BOOTSTRAP, options->keep_devices },
                { "root-password", making, VERB_BOOTSTRAP, options->root_password != NULL },
                { "uidmap, --gidmap or --idmap", making, VERB_BOOTSTRAP,
                  options->uid_map.n_ranges > 0 || options->gid_map.n_ranges > 0 },
                { "digest", making, VERB_BOOTSTRAP, options->digest != NULL },
                { "no-cache", making, VERB_BOOTSTRAP, options->no_cache },
                { "no-sync", making, VERB_BOOTSTRAP, options->no_sync },
                { "detach", making, VERB_BOOTSTRAP, options->detach },
        };

        for (size_t i = 0; i < N_ELEMENTS(scopes); i++)
                if (scopes[i].is_given && scopes[i].verb != options->verb)
                        return error_set(
                                error, EINVAL, ERROR_INVALID_OPTION, "--%s is for %s only",
                                scopes[i].name, scopes[i].where);

        return 0;
}

static int check_combinations(const ClientOptions *options, Error *error) {
        const char *refusal = NULL;

        if (options->detach && options->transport == TRANSPORT_EMBEDDED)
                refusal =
                        "--detach cannot be used with --embedded: that daemon exits with this program";
        else if (options->all && options->transport == TRANSPORT_HOST)
                refusal =
                        "--all cannot be used with --host: this program reads the journal of its own host only";
        else if (options->json && options->status_only)
                refusal = "--json and --status-only cannot be used together";
        else if (options->raw && options->json)
                refusal = "--raw and --json cannot be used together";
        else if (options->verb == VERB_LIST_TAGS && options->offline)
                refusal = "--offline cannot be used with list-tags: the cache has no lists of tags";
        else if (
                options->verb == VERB_BOOTSTRAP && options->transport == TRANSPORT_HOST &&
                options->arguments[1][0] != '/')
                refusal = "The destination on another host must be an absolute path";

        return refusal ? error_set(error, EINVAL, ERROR_INVALID_OPTION, "%s", refusal) : 0;
}

/* Also of a command line that is wrong before that option. */
static bool wants_json(int argc, char **argv) {
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
                if (strcmp(argv[i], "--json") == 0)
                        return true;

        return false;
}

int client_options_parse(int argc, char **argv, ClientOptions *ret, Error *error) {
        int r;

        *ret = (ClientOptions){ .verb = VERB_BOOTSTRAP, .json = wants_json(argc, argv) };
        r = parse_options(argc, argv, ret, error);
        if (r < 0 || ret->verb != VERB_BOOTSTRAP)
                return r;

        ret->arguments = argv + optind;
        ret->n_arguments = (size_t) (argc - optind);
        r = parse_arguments(ret, error);
        if (r < 0)
                return r;

        r = check_scopes(ret, error);
        if (r >= 0)
                r = check_combinations(ret, error);
        if (r < 0 || ret->verb != VERB_BOOTSTRAP)
                return r;

        return client_format_choose(ret->arguments[1], &ret->format, &ret->flatten, error);
}
