/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "base-home.h"
#include "base-macro.h"
#include "base-suggest.h"
#include "config-text.h"
#include "config.h"

#define FILE_NAME    "virt-bootstrapd.conf"
#define DROPINS_NAME FILE_NAME ".d"

#define DAY_USEC (UINT64_C(24) * 3600 * 1000000)

typedef int (*Parse)(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* A key with a number for its value. */
typedef struct Key {
        const char *section;
        const char *name;
        size_t offset; /* of the member in Config */
        Parse parse;
        uint64_t min, max;
} Key;

#define DAEMON(key, member, parse, min, max)                                                       \
        { "Daemon", key, offsetof(Config, member), parse, min, max }
#define LIMIT(key, member, parse, min, max)                                                        \
        { "Limits", key, offsetof(Config, limits.member), parse, min, max }
#define REGISTRY(key, member, parse, min, max)                                                     \
        { "Registry", key, offsetof(Config, member), parse, min, max }

static const Key keys[] = {
        DAEMON("MaxJobs", jobs_max, config_parse_number, 1, 1000),
        DAEMON("MaxQueued", queued_max, config_parse_number, 1, 1000),
        DAEMON("JobRetentionSec", retention_usec, config_parse_usec, 0, 365 * DAY_USEC),
        DAEMON("IdleTimeoutSec", idle_usec, config_parse_usec, 0, 365 * DAY_USEC),
        DAEMON("StallTimeoutSec", stall_usec, config_parse_usec, 0, 365 * DAY_USEC),
        DAEMON("JobTimeoutSec", job_usec, config_parse_usec, 0, 365 * DAY_USEC),
        DAEMON("TakeoverSpeed", takeover_speed, config_parse_size, 0, UINT64_C(1) << 40),
        DAEMON("TakeoverSec", takeover_usec, config_parse_usec, 0, 365 * DAY_USEC),
        DAEMON("CacheKeepFree", keep_free, config_parse_size, 0, SPACE_KEEP_AUTOMATIC - 1),
        DAEMON("CachePartialSize", partial_bytes, config_parse_size, 0, UINT64_MAX),
        REGISTRY("ParallelBlobs", parallel_blobs, config_parse_number, 1, CONFIG_PARALLEL_MAX),
        LIMIT("UnpackedSize", unpacked_bytes, config_parse_size, 1, UINT64_MAX),
        LIMIT("Entries", entries, config_parse_number, 1, UINT64_MAX),
        LIMIT("Layers", layers, config_parse_number, 1, 1000),
        LIMIT("PathLength", path_bytes, config_parse_size, 1, 4095),
        LIMIT("NameLength", name_bytes, config_parse_size, 1, 255),
        LIMIT("PathDepth", depth, config_parse_number, 1, 2048),
        LIMIT("XattrSize", xattr_bytes, config_parse_size, 0, 64 << 10),
        LIMIT("HeaderSize", header_bytes, config_parse_size, 1024, 64 << 20),
        LIMIT("ZstdWindow", zstd_window_bytes, config_parse_size, 1024, UINT64_C(2) << 30),
        LIMIT("CompressionRatio", ratio, config_parse_number, 1, UINT64_MAX),
        LIMIT("CompressionRatioFloor", ratio_floor_bytes, config_parse_size, 0, UINT64_MAX),
        LIMIT("BlobSize", blob_bytes, config_parse_size, 1, UINT64_MAX),
        LIMIT("DownloadSize", download_bytes, config_parse_size, 1, UINT64_MAX),
        LIMIT("MinimumSpeed", minimum_speed, config_parse_size, 0, UINT64_C(1) << 40),
        LIMIT("MinimumSpeedSec", minimum_speed_usec, config_parse_usec, 1000000, 365 * DAY_USEC),
};

#define N_KEYS N_ELEMENTS(keys)

/* One file that is being read. */
typedef struct ConfigReading {
        const char *name; /* borrowed */
        const Log *log;   /* borrowed */
        Config *config;   /* borrowed */
} ConfigReading;

/* Appends one argument; returns 0, or -ENOBUFS if it does not fit. */
static int add_argument(ConfigArguments *arguments, const char *text) {
        size_t size = strlen(text) + 1;

        if (arguments->n == CONFIG_ARGUMENTS_MAX || size > CONFIG_ARGUMENT_BYTES_MAX ||
            size > sizeof(arguments->text) - arguments->size)
                return -ENOBUFS;

        memcpy(arguments->text + arguments->size, text, size);
        arguments->size += size;
        arguments->n++;
        return 0;
}

const char *config_arguments_next(const ConfigArguments *arguments, const char *previous) {
        const char *next = previous ? previous + strlen(previous) + 1 : arguments->text;

        return next < arguments->text + arguments->size ? next : NULL;
}

/* As in systemd's files: each assignment appends, and an empty one clears. */
static void assign_builder(
        const ConfigReading *reading, unsigned line, const char *key, const char *value) {
        ConfigArguments before = reading->config->builder, *arguments = &reading->config->builder;
        int r;

        if (value[0] == '\0') {
                *arguments = (ConfigArguments){ 0 };
                return;
        }

        r = strcmp(key, "Source") == 0 ? add_argument(arguments, "--source") : 0;
        if (r >= 0)
                r = add_argument(arguments, value);
        if (r < 0) {
                *arguments = before;
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: %s= is too long, or there are too many arguments, ignoring",
                        reading->name, line, key);
        }
}

static bool is_host(const char *text, size_t length) {
        static const char characters[] =
                "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                "abcdefghijklmnopqrstuvwxyz._-:[]";

        if (length == 0 || strspn(text, characters) < length)
                return false;
        return text[0] != '.' || (length > 1 && isalnum((unsigned char) text[1]));
}

/* "HOST=HOST" */
static bool is_pair(const char *text, size_t length) {
        const char *equals = memchr(text, '=', length);

        return equals && text[0] != '.' && equals[1] != '.' &&
               is_host(text, (size_t) (equals - text)) &&
               is_host(equals + 1, length - (size_t) (equals + 1 - text));
}

/* A key whose values make up a list. */
typedef struct HostList {
        const char *key;
        size_t offset; /* of the member in Config; CONFIG_HOSTS_MAX bytes */
        bool (*is_item)(const char *text, size_t length);
        const char *expected;
} HostList;

static const HostList lists[] = {
        { "PrivateHosts", offsetof(Config, private_hosts), is_host,
          "HOST[:PORT] or .DOMAIN[:PORT]" },
        { "TokenServers", offsetof(Config, token_servers), is_pair, "REGISTRY[:PORT]=HOST[:PORT]" },
};

/* Adds the item at @text to the list; returns 0, -EINVAL, or -ENOBUFS if it does not fit. */
static int add_item(const HostList *list, char *items, const char *text, size_t length) {
        const size_t used = strlen(items);

        if (!list->is_item(text, length))
                return -EINVAL;
        if (used + (used > 0) + length >= CONFIG_HOSTS_MAX)
                return -ENOBUFS;

        (void) snprintf(
                items + used, CONFIG_HOSTS_MAX - used, "%s%.*s", used > 0 ? " " : "", (int) length,
                text);
        return 0;
}

static void assign_list(
        const ConfigReading *reading, unsigned line, const HostList *list, const char *value) {
        char *items = (char *) reading->config + list->offset;

        if (value[0] == '\0')
                items[0] = '\0';

        for (const char *p = value + strspn(value, " \t"); *p != '\0';) {
                const size_t length = strcspn(p, " \t");
                const int r = add_item(list, items, p, length);

                if (r < 0)
                        log_print(
                                reading->log, LOG_WARNING,
                                "%s:%u: %s= cannot contain \"%.*s\"%s%s, ignoring", reading->name,
                                line, list->key, (int) length, p,
                                r == -ENOBUFS ? ", the list is too long" : ": expected ",
                                r == -ENOBUFS ? "" : list->expected);
                p += length;
                p += strspn(p, " \t");
        }
}

static const HostList *find_list(const char *section, const char *key) {
        for (size_t i = 0; i < N_ELEMENTS(lists); i++)
                if (strcmp(section, "Registry") == 0 && strcmp(key, lists[i].key) == 0)
                        return &lists[i];

        return NULL;
}

static void assign_auth_file(const ConfigReading *reading, unsigned line, const char *value) {
        Config *config = reading->config;

        if ((value[0] != '\0' && value[0] != '/') || strlen(value) >= sizeof(config->auth_file)) {
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: AuthFile= must be an absolute path of less than %zu bytes, not "
                        "\"%s\", ignoring",
                        reading->name, line, sizeof(config->auth_file), value);
                return;
        }

        stpcpy(config->auth_file, value);
        config->has_auth_file = true;
}

static void assign_sandbox(const ConfigReading *reading, unsigned line, const char *value) {
        const int enabled = config_parse_boolean(value);

        if (enabled >= 0)
                reading->config->sandbox = enabled ? SANDBOX_YES : SANDBOX_NO;
        else if (strcmp(value, "best-effort") == 0)
                reading->config->sandbox = SANDBOX_BEST_EFFORT;
        else
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: Sandbox= must be yes, best-effort or no, not \"%s\", ignoring",
                        reading->name, line, value);
}

static void assign_log_level(const ConfigReading *reading, unsigned line, const char *value) {
        const int level = log_level_from_string(value);

        if (level >= 0)
                reading->config->log_level = level;
        else
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: LogLevel= must be err, warning, notice, info or debug, not \"%s\", ignoring",
                        reading->name, line, value);
}

static void assign_durability(const ConfigReading *reading, unsigned line, const char *value) {
        if (strcmp(value, "full") == 0)
                reading->config->durability = DURABILITY_FULL;
        else if (strcmp(value, "none") == 0)
                reading->config->durability = DURABILITY_NONE;
        else
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: Durability= is full or none, not \"%s\", ignoring", reading->name,
                        line, value);
}

static void assign_space_check(const ConfigReading *reading, unsigned line, const char *value) {
        const int enabled = config_parse_boolean(value);

        if (enabled >= 0)
                reading->config->strict_space_check = enabled;
        else
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: StrictSpaceCheck= must be yes or no, not \"%s\", ignoring",
                        reading->name, line, value);
}

static void assign_users(const ConfigReading *reading, unsigned line, const char *value) {
        ConfigUsers *users = &reading->config->users;

        if (config_parse_range(
                    value, CONFIG_USERS_MIN, UINT32_MAX - 1, CONFIG_USERS_COUNT, &users->first,
                    &users->last) < 0)
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: WorkerUsers= must be a range of at most %" PRIu64
                        " ids, none below %" PRIu64
                        ", such as \"61184-65519\", not \"%s\", ignoring",
                        reading->name, line, CONFIG_USERS_COUNT, CONFIG_USERS_MIN, value);
}

/* With a mistake here, nothing is accepted: the default might accept more. */
static void assign_policy(const ConfigReading *reading, unsigned line, const char *value) {
        if (!config_policy_set(&reading->config->policy, value))
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: SignaturePolicy= must be an absolute path, not \"%s\": images are rejected",
                        reading->name, line, value);
}

/* The keys whose values are no numbers. */
static const struct Word {
        const char *section, *name;
        void (*assign)(const ConfigReading *reading, unsigned line, const char *value);
} words[] = {
        { "Daemon", "Sandbox", assign_sandbox },
        { "Daemon", "LogLevel", assign_log_level },
        { "Daemon", "Durability", assign_durability },
        { "Daemon", "StrictSpaceCheck", assign_space_check },
        { "Daemon", "WorkerUsers", assign_users },
        { "Registry", "AuthFile", assign_auth_file },
        { "Registry", "SignaturePolicy", assign_policy },
};

/* Those of which each assignment adds to a list; lists[] has the others. */
static const char *const builder_keys[] = { "Source", "Options" };

#define BUILDER_SECTION "VirtBuilder"

static bool is_builder_key(const char *section, const char *key) {
        return strcmp(section, BUILDER_SECTION) == 0 &&
               (strcmp(key, builder_keys[0]) == 0 || strcmp(key, builder_keys[1]) == 0);
}

#define N_NAMES (N_KEYS + N_ELEMENTS(words) + N_ELEMENTS(lists) + N_ELEMENTS(builder_keys))

/* All keys, each with its section. */
static void list_names(const char *names[static N_NAMES], const char *sections[static N_NAMES]) {
        size_t n = 0;

        for (size_t i = 0; i < N_KEYS; i++, n++) {
                names[n] = keys[i].name;
                sections[n] = keys[i].section;
        }
        for (size_t i = 0; i < N_ELEMENTS(words); i++, n++) {
                names[n] = words[i].name;
                sections[n] = words[i].section;
        }
        for (size_t i = 0; i < N_ELEMENTS(lists); i++, n++) {
                names[n] = lists[i].key;
                sections[n] = "Registry";
        }
        for (size_t i = 0; i < N_ELEMENTS(builder_keys); i++, n++) {
                names[n] = builder_keys[i];
                sections[n] = BUILDER_SECTION;
        }
}

/* A key that is misspelt, or in another section than its own. */
static void refuse_key(
        const ConfigReading *reading, unsigned line, const char *section, const char *key) {
        const char *names[N_NAMES], *sections[N_NAMES], *nearest, *home = "";

        list_names(names, sections);
        nearest = suggest_word(key, names, N_NAMES);
        for (size_t i = 0; nearest && i < N_NAMES; i++)
                if (names[i] == nearest)
                        home = sections[i];

        if (!nearest)
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: Unknown key \"%s\" in section [%s], ignoring", reading->name, line,
                        key, section);
        else if (strcmp(home, section) == 0)
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: Unknown key \"%s\" in section [%s], ignoring; did you mean \"%s\"?",
                        reading->name, line, key, section, nearest);
        else
                log_print(
                        reading->log, LOG_WARNING,
                        "%s:%u: Unknown key \"%s\" in section [%s], ignoring; did you mean \"%s\" in "
                        "section [%s]?",
                        reading->name, line, key, section, nearest, home);
}

static void assign_number(
        const ConfigReading *reading, unsigned line, const Key *key, const char *value) {
        uint64_t *member = (void *) ((char *) reading->config + key->offset);
        const int r = key->parse(value, key->min, key->max, member);

        if (r < 0)
                log_print(
                        reading->log, LOG_WARNING, "%s:%u: %s= cannot be \"%s\"%s, ignoring",
                        reading->name, line, key->name, value,
                        r == -ERANGE ? ", which is out of range" : "");
}

static void on_assign(
        void *userdata, unsigned line, const char *section, const char *key, const char *value) {
        const ConfigReading *reading = userdata;
        const HostList *list = find_list(section, key);

        if (list) {
                assign_list(reading, line, list, value);
                return;
        }
        if (is_builder_key(section, key)) {
                assign_builder(reading, line, key, value);
                return;
        }

        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strcmp(section, words[i].section) == 0 && strcmp(key, words[i].name) == 0) {
                        words[i].assign(reading, line, value);
                        return;
                }
        for (size_t i = 0; i < N_KEYS; i++)
                if (strcmp(section, keys[i].section) == 0 && strcmp(key, keys[i].name) == 0) {
                        assign_number(reading, line, &keys[i], value);
                        return;
                }

        refuse_key(reading, line, section, key);
}

static void on_malformed(void *userdata, unsigned line, const char *text) {
        const ConfigReading *reading = userdata;

        log_print(
                reading->log, LOG_WARNING,
                "%s:%u: \"%s\" is not an assignment in a section, ignoring", reading->name, line,
                text);
}

static const ConfigEvents events = { .assign = on_assign, .malformed = on_malformed };

void config_apply(const char *name, const char *text, size_t size, const Log *log, Config *config) {
        ConfigReading reading = { .name = name, .log = log, .config = config };

        config_text_parse(text, size, &events, &reading);
}

static int read_file(const char *path, const Log *log, Config *config, Error *error) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        if (fd < 0 && errno == ENOENT)
                return error_set(error, ENOENT, ERROR_NOT_FOUND, "Cannot open %s: %m", path);
        if (fd < 0)
                return error_set_errno(error, errno, "Cannot open %s", path);

        r = fd_read_all(fd, CONFIG_FILE_MAX, &text, &size);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read %s", path);

        config_apply(path, text, size, log, config);
        return 0;
}

/* The directories for files, in order of precedence. */
typedef struct Places {
        char *user; /* owned; or NULL */
        const char *paths[4];
        size_t n;
} Places;

static void places_done(Places *places) {
        free(places->user);
}

static int find_places(Places *places) {
        _cleanup_(freep) char *home = NULL;
        int r;

        r = home_find_config(&home);
        if (r >= 0 && home)
                r = asprintf(&places->user, "%s/virt-bootstrap", home);
        if (r < 0) {
                places->user = NULL;
                return -ENOMEM;
        }

        if (places->user)
                places->paths[places->n++] = places->user;
        places->paths[places->n++] = "/etc/virt-bootstrap";
        places->paths[places->n++] = "/run/virt-bootstrap";
        places->paths[places->n++] = "/usr/lib/virt-bootstrap";
        return 0;
}

/* Reads the file @name from the first directory that has it. */
static int read_first(
        const Places *places, const char *name, const Log *log, Config *config, Error *error) {
        for (size_t i = 0; i < places->n; i++) {
                _cleanup_(freep) char *path = NULL;

                if (asprintf(&path, "%s/%s", places->paths[i], name) < 0) {
                        path = NULL;
                        return error_oom(error);
                }
                if (access(path, F_OK) >= 0)
                        return read_file(path, log, config, error);
        }

        return 0;
}

typedef struct KeyNames {
        char *names[CONFIG_FILES_MAX]; /* owned */
        size_t n;
} KeyNames;

static KeyNames *names_free(KeyNames *names) {
        if (!names)
                return NULL;

        for (size_t i = 0; i < names->n; i++)
                free(names->names[i]);
        free(names);
        return NULL;
}
DEFINE_CLEANUP(KeyNames, names_free);

static bool has_name(const KeyNames *names, const char *name) {
        for (size_t i = 0; i < names->n; i++)
                if (strcmp(names->names[i] + strlen(DROPINS_NAME "/"), name) == 0)
                        return true;

        return false;
}

static bool is_dropin(const char *name) {
        size_t length = strlen(name);

        return name[0] != '.' && length > strlen(".conf") &&
               strcmp(name + length - strlen(".conf"), ".conf") == 0;
}

static int add_names(KeyNames *names, const char *place) {
        _cleanup_(freep) char *path = NULL;
        struct dirent *entry;
        int r = 0;
        DIR *dir;

        if (asprintf(&path, "%s/" DROPINS_NAME, place) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        dir = opendir(path);
        if (!dir)
                return 0;

        while (r >= 0 && (entry = readdir(dir)) && names->n < CONFIG_FILES_MAX)
                if (is_dropin(entry->d_name) && !has_name(names, entry->d_name))
                        r = asprintf(&names->names[names->n++], DROPINS_NAME "/%s", entry->d_name);
        if (r < 0)
                names->n--;
        (void) closedir(dir);
        return r < 0 ? -ENOMEM : 0;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int read_dropins(const Places *places, const Log *log, Config *config, Error *error) {
        _cleanup_(names_freep) KeyNames *names = calloc(1, sizeof(*names));
        int r = names ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < places->n; i++)
                r = add_names(names, places->paths[i]);
        if (r < 0)
                return error_oom(error);

        if (names->n > 0)
                qsort(names->names, names->n, sizeof(names->names[0]), compare_names);
        for (size_t i = 0; r >= 0 && i < names->n; i++)
                r = read_first(places, names->names[i], log, config, error);
        return r;
}

int config_load(const char *file, const Log *log, Config *ret, Error *error) {
        _cleanup_(places_done) Places places = { 0 };
        Config config = CONFIG_DEFAULT;
        int r;

        config_policy_set_defaults(&config.policy);
        if (file)
                r = read_file(file, log, &config, error);
        else if (find_places(&places) < 0)
                r = error_oom(error);
        else {
                r = read_first(&places, FILE_NAME, log, &config, error);
                if (r >= 0)
                        r = read_dropins(&places, log, &config, error);
        }
        if (r < 0)
                return r;

        *ret = config;
        return 0;
}
