/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base-macro.h"
#include "base-text.h"
#include "registries-internal.h"
#include "registries-toml.h"

#define LOCATION_WANTED "expected HOST[:PORT][/PATH], without a scheme, a tag or a digest"
#define PREFIX_WANTED                                                                              \
        "expected HOST[:PORT][/PATH], optionally with a tag or a digest of an image, or *.DOMAIN"

/* A key that a table may have. */
typedef struct KnownKey {
        const char *name;
        RegistriesTomlKind kind;
} KnownKey;

/* Of a file. */
enum {
        KEY_REGISTRY,
        KEY_ALIASES,
        KEY_VERSION_1,
        KEY_SEARCH,
        KEY_HELPERS,
        KEY_MODE,
        KEY_STORE_HELPER,
        _KEYS_OF_FILE,
};

static const KnownKey keys_of_file[_KEYS_OF_FILE] = {
        [KEY_REGISTRY] = { "registry", REGISTRIES_TOML_ARRAY },
        [KEY_ALIASES] = { "aliases", REGISTRIES_TOML_TABLE },
        [KEY_VERSION_1] = { "registries", REGISTRIES_TOML_TABLE },
        [KEY_SEARCH] = { "unqualified-search-registries", REGISTRIES_TOML_ARRAY },
        [KEY_HELPERS] = { "credential-helpers", REGISTRIES_TOML_ARRAY },
        [KEY_MODE] = { "short-name-mode", REGISTRIES_TOML_STRING },
        [KEY_STORE_HELPER] = { "additional-layer-store-auth-helper", REGISTRIES_TOML_STRING },
};

/* Of a [[registry]]. */
enum {
        KEY_PREFIX,
        KEY_LOCATION,
        KEY_INSECURE,
        KEY_BLOCKED,
        KEY_MIRROR,
        KEY_BY_DIGEST,
        _KEYS_OF_REGISTRY,
};

static const KnownKey keys_of_registry[_KEYS_OF_REGISTRY] = {
        [KEY_PREFIX] = { "prefix", REGISTRIES_TOML_STRING },
        [KEY_LOCATION] = { "location", REGISTRIES_TOML_STRING },
        [KEY_INSECURE] = { "insecure", REGISTRIES_TOML_BOOLEAN },
        [KEY_BLOCKED] = { "blocked", REGISTRIES_TOML_BOOLEAN },
        [KEY_MIRROR] = { "mirror", REGISTRIES_TOML_ARRAY },
        [KEY_BY_DIGEST] = { "mirror-by-digest-only", REGISTRIES_TOML_BOOLEAN },
};

/* Of a mirror. */
enum {
        KEY_MIRROR_LOCATION,
        KEY_MIRROR_INSECURE,
        KEY_MIRROR_PULL,
        _KEYS_OF_MIRROR,
};

static const KnownKey keys_of_mirror[_KEYS_OF_MIRROR] = {
        [KEY_MIRROR_LOCATION] = { "location", REGISTRIES_TOML_STRING },
        [KEY_MIRROR_INSECURE] = { "insecure", REGISTRIES_TOML_BOOLEAN },
        [KEY_MIRROR_PULL] = { "pull-from-mirror", REGISTRIES_TOML_STRING },
};

static const char *const kinds[_REGISTRIES_TOML_KIND_MAX] = {
        [REGISTRIES_TOML_STRING] = "a string in quotes",
        [REGISTRIES_TOML_BOOLEAN] = "true or false",
        [REGISTRIES_TOML_NUMBER] = "a number",
        [REGISTRIES_TOML_ARRAY] = "an array",
        [REGISTRIES_TOML_TABLE] = "a table",
};

static const char *const pulls[_REGISTRIES_PULL_MAX] = {
        [REGISTRIES_PULL_ALL] = "all",
        [REGISTRIES_PULL_DIGEST_ONLY] = "digest-only",
        [REGISTRIES_PULL_TAG_ONLY] = "tag-only",
};

/* What is read of one file; later merged. */
typedef struct ConfReading {
        const char *name;  /* borrowed; of the file */
        Registries *found; /* owned */
        Error *error;      /* borrowed */
} ConfReading;

Registries *registries_new(void) {
        return calloc(1, sizeof(Registries));
}

static RegistriesEntry *entry_free(RegistriesEntry *entry) {
        if (!entry)
                return NULL;

        for (size_t i = 0; i < entry->n_mirrors; i++)
                free(entry->mirrors[i].location);
        free(entry->prefix);
        free(entry->folded);
        free(entry->location);
        free(entry->file);
        free(entry);
        return NULL;
}
DEFINE_CLEANUP(RegistriesEntry, entry_free);

static void alias_done(RegistriesAlias *alias) {
        free(alias->name);
        free(alias->target);
}

Registries *registries_free(Registries *registries) {
        if (!registries)
                return NULL;

        for (size_t i = 0; i < registries->n_entries; i++)
                entry_free(registries->entries[i]);
        for (size_t i = 0; i < registries->n_aliases; i++)
                alias_done(&registries->aliases[i]);
        free(registries->entries);
        free(registries->aliases);
        free(registries);
        return NULL;
}

static int refuse(const ConfReading *reading, const RegistriesToml *value, const char *what) {
        return registries_toml_refuse(reading->name, value->line, reading->error, "%s", what);
}

/* Finds what @table says for each of @keys: @ret has as many elements, NULL for what is not there. */
static int take_keys(
        const ConfReading *reading,
        const RegistriesToml *table,
        const KnownKey *keys,
        size_t n_keys,
        const RegistriesToml **ret) {
        char quoted[TEXT_QUOTE_MAX];

        for (const RegistriesToml *value = table->first; value; value = value->next) {
                size_t i = 0;

                while (i < n_keys && strcmp(value->key, keys[i].name) != 0)
                        i++;
                if (i == n_keys)
                        return registries_toml_refuse(
                                reading->name, value->line, reading->error,
                                "the key \"%s\" is unknown here", text_quote(value->key, quoted));
                if (value->kind != keys[i].kind)
                        return registries_toml_refuse(
                                reading->name, value->line, reading->error, "%s must be %s",
                                keys[i].name, kinds[keys[i].kind]);
                ret[i] = value;
        }

        return 0;
}

/* An empty text is as none. Slashes at the end do not count. */
static int take_text(const ConfReading *reading, const RegistriesToml *value, char **ret) {
        size_t length = value ? strlen(value->text) : 0;

        while (length > 0 && value->text[length - 1] == '/')
                length--;
        if (length == 0)
                return 0;

        *ret = strndup(value->text, length);
        return *ret ? 0 : error_oom(reading->error);
}

/* Whether @text with @more behind it is a reference that names its host. */
static bool is_reference(const char *text, const char *more, Reference *ret) {
        char whole[REFERENCE_MAX + 1];

        if (strstr(text, "://") ||
            snprintf(whole, sizeof(whole), "%s%s", text, more) >= (int) sizeof(whole))
                return false;

        return reference_parse(whole, ret, NULL) >= 0 && ret->short_name[0] == '\0';
}

static bool is_location(const char *text) {
        Reference reference;

        return is_reference(text, "/x", &reference);
}

static bool is_prefix(const char *text) {
        char host[REFERENCE_MAX + 1];
        Reference reference;

        if (text[0] == '*')
                return text[1] == '.' && !strpbrk(text, "/:@") &&
                       snprintf(host, sizeof(host), "x%s", text + 1) < (int) sizeof(host) &&
                       is_location(host);

        return is_location(text) || (strchr(text, '/') && is_reference(text, "", &reference));
}

/* Not repeated in the message: somebody may have put a password into it. */
static int take_location(const ConfReading *reading, const RegistriesToml *value, char **ret) {
        int r;

        r = take_text(reading, value, ret);
        if (r < 0 || !value || !*ret || is_location(*ret))
                return r;

        return refuse(reading, value, "the location is invalid; " LOCATION_WANTED);
}

static int take_prefix(const ConfReading *reading, const RegistriesToml *value, char **ret) {
        int r;

        r = take_text(reading, value, ret);
        if (r < 0 || !value || !*ret || is_prefix(*ret))
                return r;

        return refuse(reading, value, "the prefix is invalid; " PREFIX_WANTED);
}

static int take_pull(
        const ConfReading *reading,
        const RegistriesToml *value,
        bool by_digest,
        RegistriesPull *ret) {
        if (by_digest)
                *ret = REGISTRIES_PULL_DIGEST_ONLY;
        if (!value || value->text[0] == '\0')
                return 0;
        if (by_digest)
                return refuse(
                        reading, value,
                        "pull-from-mirror and mirror-by-digest-only cannot be combined");

        for (RegistriesPull i = 0; i < _REGISTRIES_PULL_MAX; i++)
                if (strcmp(value->text, pulls[i]) == 0) {
                        *ret = i;
                        return 0;
                }

        return refuse(reading, value, "pull-from-mirror must be all, digest-only or tag-only");
}

static bool is_true(const RegistriesToml *value) {
        return value && value->boolean;
}

static int take_mirror(
        const ConfReading *reading,
        const RegistriesToml *table,
        bool by_digest,
        RegistriesEntry *entry) {
        const RegistriesToml *values[_KEYS_OF_MIRROR] = { NULL };
        RegistriesMirror *mirror = &entry->mirrors[entry->n_mirrors];
        int r;

        if (table->kind != REGISTRIES_TOML_TABLE)
                return refuse(reading, table, "each mirror must be a table");
        if (entry->n_mirrors == REGISTRIES_MIRRORS_MAX)
                return refuse(reading, table, "the registry has too many mirrors");

        entry->n_mirrors++;
        r = take_keys(reading, table, keys_of_mirror, _KEYS_OF_MIRROR, values);
        if (r >= 0)
                r = take_location(reading, values[KEY_MIRROR_LOCATION], &mirror->location);
        if (r >= 0 && !mirror->location)
                r = refuse(reading, table, "the mirror has no location");
        if (r >= 0)
                r = take_pull(reading, values[KEY_MIRROR_PULL], by_digest, &mirror->pull);
        mirror->is_insecure = is_true(values[KEY_MIRROR_INSECURE]);
        return r;
}

static int take_mirrors(
        const ConfReading *reading,
        const RegistriesToml *mirrors,
        bool by_digest,
        RegistriesEntry *entry) {
        int r = 0;

        for (const RegistriesToml *table = mirrors ? mirrors->first : NULL; r >= 0 && table;
             table = table->next)
                r = take_mirror(reading, table, by_digest, entry);

        return r;
}

static int take_entry(
        const ConfReading *reading, const RegistriesToml *table, RegistriesEntry *entry) {
        const RegistriesToml *values[_KEYS_OF_REGISTRY] = { NULL };
        int r;

        r = take_keys(reading, table, keys_of_registry, _KEYS_OF_REGISTRY, values);
        if (r >= 0)
                r = take_location(reading, values[KEY_LOCATION], &entry->location);
        if (r >= 0)
                r = take_prefix(reading, values[KEY_PREFIX], &entry->prefix);
        if (r < 0)
                return r;

        if (!entry->prefix)
                entry->prefix = TAKE_PTR(entry->location);
        if (!entry->prefix)
                return refuse(reading, table, "the registry has neither a prefix nor a location");

        entry->line = table->line;
        entry->is_insecure = is_true(values[KEY_INSECURE]);
        entry->is_blocked = is_true(values[KEY_BLOCKED]);
        entry->file = strdup(reading->name);
        entry->folded = strdup(entry->prefix);
        if (!entry->file || !entry->folded)
                return error_oom(reading->error);
        reference_fold_host(entry->folded);

        return take_mirrors(reading, values[KEY_MIRROR], is_true(values[KEY_BY_DIGEST]), entry);
}

static RegistriesEntry **find_entry(const Registries *registries, const char *prefix) {
        for (size_t i = 0; i < registries->n_entries; i++)
                if (strcmp(registries->entries[i]->prefix, prefix) == 0)
                        return &registries->entries[i];

        return NULL;
}

static int add_entry(const ConfReading *reading, const RegistriesToml *table) {
        _cleanup_(entry_freep) RegistriesEntry *entry = calloc(1, sizeof(*entry));
        Registries *found = reading->found;
        int r;

        if (!entry)
                return error_oom(reading->error);
        if (table->kind != REGISTRIES_TOML_TABLE)
                return refuse(reading, table, "each registry must be a table");

        r = take_entry(reading, table, entry);
        if (r < 0)
                return r;
        if (find_entry(found, entry->prefix))
                return refuse(reading, table, "another registry has the same prefix");

        found->entries[found->n_entries++] = TAKE_PTR(entry);
        return 0;
}

static size_t count(const RegistriesToml *values) {
        size_t n = 0;

        for (const RegistriesToml *value = values ? values->first : NULL; value;
             value = value->next)
                n++;
        return n;
}

static int add_entries(const ConfReading *reading, const RegistriesToml *tables) {
        const size_t n = count(tables);
        int r = 0;

        if (!tables || n == 0)
                return 0;
        if (n > REGISTRIES_ENTRIES_MAX)
                return refuse(reading, tables, "there are too many registries");
        reading->found->entries = calloc(n, sizeof(RegistriesEntry *));
        if (!reading->found->entries)
                return error_oom(reading->error);

        for (const RegistriesToml *table = tables->first; r >= 0 && table; table = table->next)
                r = add_entry(reading, table);
        return r;
}

static bool is_short_name(const char *name) {
        Reference reference;

        return reference_parse(name, &reference, NULL) >= 0 &&
               strcmp(reference.short_name, name) == 0;
}

static int add_alias(const ConfReading *reading, const RegistriesToml *value) {
        Registries *found = reading->found;
        RegistriesAlias *alias = &found->aliases[found->n_aliases];
        char quoted[TEXT_QUOTE_MAX];

        if (value->kind != REGISTRIES_TOML_STRING ||
            (value->text[0] != '\0' && (!strchr(value->text, '/') || !is_location(value->text))))
                return registries_toml_refuse(
                        reading->name, value->line, reading->error,
                        "the alias \"%s\" is invalid; expected \"HOST[:PORT]/NAME\", without a tag or "
                        "a digest",
                        text_quote(value->key, quoted));
        if (!is_short_name(value->key))
                return registries_toml_refuse(
                        reading->name, value->line, reading->error,
                        "\"%s\" cannot be an alias; expected a name without a host, a tag or a digest",
                        text_quote(value->key, quoted));

        found->n_aliases++;
        alias->name = strdup(value->key);
        alias->target = strdup(value->text);
        return alias->name && alias->target ? 0 : error_oom(reading->error);
}

static int add_aliases(const ConfReading *reading, const RegistriesToml *table) {
        const size_t n = count(table);
        int r = 0;

        if (!table || n == 0)
                return 0;
        if (n > REGISTRIES_ALIASES_MAX)
                return refuse(reading, table, "there are too many aliases");

        reading->found->aliases = calloc(n, sizeof(RegistriesAlias));
        if (!reading->found->aliases)
                return error_oom(reading->error);
        for (const RegistriesToml *value = table->first; r >= 0 && value; value = value->next)
                r = add_alias(reading, value);
        return r;
}

static int take_file(const ConfReading *reading, const RegistriesToml *file) {
        const RegistriesToml *values[_KEYS_OF_FILE] = { NULL };
        int r;

        r = take_keys(reading, file, keys_of_file, _KEYS_OF_FILE, values);
        if (r < 0)
                return r;
        if (values[KEY_VERSION_1])
                return refuse(
                        reading, values[KEY_VERSION_1],
                        "the table [registries] is version 1 of the format, which is not supported; "
                        "containers-registries.conf(5) describes version 2");

        r = add_entries(reading, values[KEY_REGISTRY]);
        return r < 0 ? r : add_aliases(reading, values[KEY_ALIASES]);
}

static RegistriesAlias *find_alias(const Registries *registries, const char *name) {
        for (size_t i = 0; i < registries->n_aliases; i++)
                if (strcmp(registries->aliases[i].name, name) == 0)
                        return &registries->aliases[i];

        return NULL;
}

/* For all of @found in addition. */
static int make_room(Registries *registries, const Registries *found) {
        RegistriesEntry **entries;
        RegistriesAlias *aliases;

        entries = reallocarray(
                registries->entries, registries->n_entries + found->n_entries + 1,
                sizeof(*entries));
        if (!entries)
                return -ENOMEM;

        registries->entries = entries;
        aliases = reallocarray(
                registries->aliases, registries->n_aliases + found->n_aliases + 1,
                sizeof(*aliases));
        if (!aliases)
                return -ENOMEM;

        registries->aliases = aliases;
        return 0;
}

/* Cannot fail: there is room for all. @from is empty afterwards. */
static void merge(Registries *to, Registries *from) {
        for (size_t i = 0; i < from->n_entries; i++) {
                RegistriesEntry **old = find_entry(to, from->entries[i]->prefix);

                if (old)
                        entry_free(*old);
                *(old ? old : &to->entries[to->n_entries++]) = from->entries[i];
        }
        for (size_t i = 0; i < from->n_aliases; i++) {
                RegistriesAlias *old = find_alias(to, from->aliases[i].name);

                if (old)
                        alias_done(old);
                *(old ? old : &to->aliases[to->n_aliases++]) = from->aliases[i];
        }

        from->n_entries = from->n_aliases = 0;
}

int registries_add(
        Registries *registries, const char *name, const char *text, size_t size, Error *error) {
        _cleanup_(registries_freep) Registries *found = registries_new();
        _cleanup_(registries_toml_freep) RegistriesToml *file = NULL;
        const ConfReading reading = { .name = name, .found = found, .error = error };
        int r;

        if (!found)
                return error_oom(error);

        r = registries_toml_parse(name, text, size, &file, error);
        if (r >= 0)
                r = take_file(&reading, file);
        if (r < 0)
                return r;

        if (found->n_entries > REGISTRIES_ENTRIES_MAX - registries->n_entries ||
            found->n_aliases > REGISTRIES_ALIASES_MAX - registries->n_aliases)
                return error_set(
                        error, E2BIG, ERROR_FAILED,
                        "%s: with the files before it, there are too many registries or aliases",
                        name);
        if (make_room(registries, found) < 0)
                return error_oom(error);

        merge(registries, found);
        return 0;
}

int registries_find_alias(const Registries *registries, Reference *reference, Error *error) {
        const RegistriesAlias *alias = NULL;
        Reference found;
        char text[2 * REFERENCE_MAX + 1];
        char full[REFERENCE_MAX + 1];
        int r;

        if (reference->short_name[0] != '\0')
                alias = find_alias(registries, reference->short_name);
        if (!alias || alias->target[0] == '\0')
                return 0;

        (void) reference_format(reference, full);
        (void) snprintf(
                text, sizeof(text), "%s%s", alias->target,
                full + strlen(reference->host) + 1 + strlen(reference->repository));
        r = reference_parse(text, &found, error);
        if (r < 0)
                return error_prefix(error, "The alias \"%s\"", alias->name);

        *reference = found;
        return 0;
}
