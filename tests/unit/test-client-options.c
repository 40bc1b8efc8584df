/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client-options.h"

#define ARGUMENTS_MAX 32

/* What client_options_parse() needs: arguments that may be reordered and overwritten. */
typedef struct CommandLine {
        char *argv[ARGUMENTS_MAX];
        int argc;
        ClientOptions options;
        Error error;
} CommandLine;

static int parse(CommandLine *line, const char *text) {
        char *copy = strdup(text), *rest = copy, *word;

        *line = (CommandLine){ .argc = 1 };
        line->argv[0] = strdup("virt-bootstrap");
        while ((word = strsep(&rest, " ")) != NULL) {
                if (*word == '\0')
                        continue;
                assert_true(line->argc < ARGUMENTS_MAX - 1);
                line->argv[line->argc++] = strdup(strcmp(word, "''") == 0 ? "" : word);
        }
        free(copy);

        return client_options_parse(line->argc, line->argv, &line->options, &line->error);
}

static void release(CommandLine *line) {
        for (int i = 0; i < line->argc; i++)
                free(line->argv[i]);
        error_clear(&line->error);
}

TEST(everything_that_the_original_took_is_taken) {
        __attribute__((__cleanup__(release))) CommandLine line;
        const ClientOptions *options = &line.options;

        assert_int_equal(
                parse(&line,
                      "docker://fedora /srv/x -f qcow2 --root-password file:/pw -u me -p geheim "
                      "--not-secure --no-cache --no-sync -q -d --status-only"),
                0);
        assert_int_equal(options->verb, VERB_BOOTSTRAP);
        assert_string_equal(options->arguments[0], "docker://fedora");
        assert_string_equal(options->arguments[1], "/srv/x");
        assert_string_equal(options->format, "qcow2");
        assert_string_equal(options->root_password, "file:/pw");
        assert_string_equal(options->username, "me");
        assert_string_equal(options->password, "geheim");
        assert_true(options->not_secure && options->no_cache && options->quiet);
        assert_true(options->debug && options->status_only && options->no_sync);
        assert_int_equal(options->transport, TRANSPORT_DEFAULT);
}

TEST(options_may_stand_anywhere_and_be_shortened) {
        __attribute__((__cleanup__(release))) CommandLine line;

        assert_int_equal(
                parse(&line, "--form=dir rootfs.tar --over /srv/x --offl --share --keep-d"), 0);
        assert_string_equal(line.options.arguments[0], "rootfs.tar");
        assert_string_equal(line.options.arguments[1], "/srv/x");
        assert_string_equal(line.options.format, "dir");
        assert_true(line.options.overwrite && line.options.offline && line.options.share_layers);
        assert_true(line.options.keep_devices);
        assert_false(
                line.options.no_cache || line.options.no_sync || line.options.json ||
                line.options.detach);
}

TEST(name_of_the_destination_completes_the_options) {
        __attribute__((__cleanup__(release))) CommandLine line;

        assert_int_equal(parse(&line, "--size 5GiB docker://x a/disk.qcow2"), 0);
        assert_string_equal(line.options.format, "qcow2");
        assert_true(line.options.flatten);
        assert_int_equal(line.options.size, UINT64_C(5) << 30);
}

TEST(single_disk_images_can_be_asked_for) {
        __attribute__((__cleanup__(release))) CommandLine line;

        assert_int_equal(parse(&line, "-f qcow2 --flatten docker://x disk"), 0);
        assert_string_equal(line.options.format, "qcow2");
        assert_true(line.options.flatten);
}

TEST(what_happens_to_a_tree_is_chosen) {
        __attribute__((__cleanup__(release))) CommandLine line;

        assert_int_equal(parse(&line, "--replace --keep-old=before rootfs.tar /srv/x"), 0);
        assert_true(line.options.replace && !line.options.in_place && !line.options.overwrite);
        assert_string_equal(line.options.keep_old, "before");
        release(&line);
        assert_int_equal(parse(&line, "--in-place rootfs.tar /srv/x"), 0);
        assert_true(line.options.in_place && !line.options.replace && !line.options.keep_old);
}

TEST(idmap_counts_for_both_maps) {
        __attribute__((__cleanup__(release))) CommandLine line;
        const ClientOptions *options = &line.options;

        assert_int_equal(
                parse(&line,
                      "--uidmap 20:30:5 a b --idmap 0:1000:10 --idmap 500:1500:10 --gidmap 10:7:1"),
                0);
        assert_int_equal(options->uid_map.n_ranges, 3);
        assert_int_equal(options->gid_map.n_ranges, 3);
        assert_int_equal(idmap_apply(&options->uid_map, 20), 30);
        assert_int_equal(idmap_apply(&options->gid_map, 20), 20);
        assert_int_equal(idmap_apply(&options->gid_map, 10), 7);
        assert_int_equal(idmap_apply(&options->uid_map, 505), 1505);
        assert_int_equal(idmap_apply(&options->gid_map, 505), 1505);
}

TEST(verbs_take_their_arguments) {
        static const struct {
                const char *text;
                ClientVerb verb;
                size_t n_arguments;
        } verbs[] = {
                { "list", VERB_LIST, 0 },
                { "--json list", VERB_LIST, 0 },
                { "show 7", VERB_SHOW, 1 },
                { "attach 7", VERB_ATTACH, 1 },
                { "cancel 7 8 9", VERB_CANCEL, 3 },
                { "inspect docker://x --json", VERB_INSPECT, 1 },
                { "inspect --raw --config docker://x", VERB_INSPECT, 1 },
                { "list-tags docker://x --json", VERB_LIST_TAGS, 1 },
                { "verify docker://x --key cosign.pub", VERB_VERIFY, 1 },
                { "cache", VERB_CACHE_LIST, 0 },
                { "cache list", VERB_CACHE_LIST, 0 },
                { "cache blobs", VERB_CACHE_BLOBS, 0 },
                { "cache verify", VERB_CACHE_VERIFY, 0 },
                { "cache remove sha256:a sha256:b", VERB_CACHE_REMOVE, 2 },
                { "cache prune --keep 2G", VERB_CACHE_PRUNE, 0 },
                { "cache prune --older-than 30d --dry-run", VERB_CACHE_PRUNE, 0 },
                { "monitor", VERB_MONITOR, 0 },
                { "./list /srv/x", VERB_BOOTSTRAP, 2 },
                { "-h", VERB_HELP, 0 },
                { "--version --nonsense", VERB_VERSION, 0 },
        };

        for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
                __attribute__((__cleanup__(release))) CommandLine line;

                assert_int_equal(parse(&line, verbs[i].text), 0);
                assert_int_equal(line.options.verb, verbs[i].verb);
                assert_int_equal(line.options.n_arguments, verbs[i].n_arguments);
        }
}

TEST(sizes_and_digest_are_read) {
        static const char hex[] =
                "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        __attribute__((__cleanup__(release))) CommandLine line;
        char text[256];

        (void) snprintf(text, sizeof(text), "a b --size 5G --digest %s", hex);
        assert_int_equal(parse(&line, text), 0);
        assert_true(line.options.size == UINT64_C(5) << 30);
        assert_string_equal(line.options.digest, hex);
}

TEST(size_that_a_prune_keeps_is_read) {
        __attribute__((__cleanup__(release))) CommandLine line;

        assert_int_equal(parse(&line, "cache prune --keep=1K"), 0);
        assert_true(line.options.keep == 1024);
}

TEST(transports_are_chosen) {
        static const struct {
                const char *text, *address;
                ClientTransport transport;
        } transports[] = {
                { "list", NULL, TRANSPORT_DEFAULT },
                { "list --system", NULL, TRANSPORT_SYSTEM },
                { "list --user", NULL, TRANSPORT_USER },
                { "list --embedded", NULL, TRANSPORT_EMBEDDED },
                { "list --address=unix:path=/x", "unix:path=/x", TRANSPORT_ADDRESS },
                { "list -H root@host", "root@host", TRANSPORT_HOST },
        };

        for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
                __attribute__((__cleanup__(release))) CommandLine line;

                assert_int_equal(parse(&line, transports[i].text), 0);
                assert_int_equal(line.options.transport, transports[i].transport);
                if (transports[i].address)
                        assert_string_equal(line.options.address, transports[i].address);
                else
                        assert_null(line.options.address);
        }
}

TEST(wrong_usage_is_one_line_that_names_it) {
        static const struct {
                const char *text, *named;
        } lines[] = {
                { "", "URI DEST" },
                { "docker://x", "URI DEST" },
                { "a b c", "Too many" },
                { "a ''", "empty" },
                { "list x", "list" },
                { "show", "show JOB" },
                { "cancel", "cancel JOB" },
                { "cache nonsense", "cache nonsense" },
                { "cache remove", "DIGEST" },
                { "list --force", "--force is for the command cache prune only" },
                { "cache remove --force x", "--force is for the command cache prune only" },
                { "cache list --keep 5G", "--keep is for the command cache prune only" },
                { "a b --keep 0", "--keep is for the command cache prune only" },
                { "list-tags docker://a --no-tags", "--no-tags is for the command inspect only" },
                { "a b --config", "--config is for the command inspect only" },
                { "list --keep-old x", "--keep-old is for virt-bootstrap URI DEST only" },
                { "list --format dir", "--format is for" },
                { "list --flatten", "--flatten is for" },
                { "list --size 5G", "--size is for" },
                { "show a --share-layers", "--share-layers is for" },
                { "inspect a --overwrite", "--overwrite is for" },
                { "inspect a --replace", "--replace is for" },
                { "cancel a --in-place", "--in-place is for" },
                { "verify a --keep-devices", "--keep-devices is for" },
                { "list --root-password x", "--root-password is for" },
                { "list --idmap 0:0:1", "--uidmap, --gidmap or --idmap is for" },
                { "list --gidmap 0:0:1", "--gidmap or --idmap is for" },
                { "inspect a --digest "
                  "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                  "--digest is for" },
                { "inspect a --no-cache", "--no-cache is for" },
                { "list --no-sync", "--no-sync is for" },
                { "monitor --detach", "--detach is for" },
                { "cache list --dry-run", "for the command cache prune only" },
                { "cache remove --older-than 1d x", "for the command cache prune only" },
                { "cache prune --older-than 1x", "\"1x\" is not a time span" },
                { "a b --nonsense", "--nonsense" },
                { "a b -x", "-x" },
                { "a b --no", "--no" }, /* ambiguous */
                { "a b --json=yes", "--json" },
                { "a b --size", "--size" },
                { "a b -f", "-f" },
                { "a b -f vmdk", "vmdk" },
                { "a b --size 0", "0" },
                { "a b --size 5X", "5X" },
                { "a b --uidmap 1:2", "1:2" },
                { "a b --idmap 0:0:10 --uidmap 5:0:1", "overlap" },
                { "a b --digest sha256:12", "sha256:12" },
                { "list --system --user", "--system" },
                { "a b --detach --embedded", "--detach" },
                { "a b --json --status-only", "--status-only" },
                { "inspect", "inspect [--raw] [--config] [--no-tags] URI" },
                { "list-tags", "list-tags docker://NAME" },
                { "verify", "verify URI [--key FILE]" },
                { "inspect a --key b", "--key is for the command verify only" },
                { "a b --raw", "inspect only" },
                { "list-tags docker://a --config", "inspect only" },
                { "inspect a --raw --json", "--json" },
                { "list-tags docker://a --offline", "--offline" },
                { "docker://x relative -H host", "absolute" },
        };

        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                __attribute__((__cleanup__(release))) CommandLine line;

                assert_int_equal(parse(&line, lines[i].text), -EINVAL);
                assert_non_null(strstr(line.error.message, lines[i].named));
                assert_null(strchr(line.error.message, '\n'));
        }
}

TEST(refusal_does_not_repeat_a_secret) {
        static const char *const texts[] = {
                "a b --passwort=geheim",
                "a b --not-secure=geheim",
                "a b --password=geheim -x",
                "a b --password geheim --size 5X",
        };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                __attribute__((__cleanup__(release))) CommandLine line;

                assert_int_equal(parse(&line, texts[i]), -EINVAL);
                assert_null(strstr(line.error.message, "geheim"));
        }
}

TEST(secret_that_is_given_again_is_overwritten) {
        __attribute__((__cleanup__(release))) CommandLine line;

        assert_int_equal(parse(&line, "-p first --password second a b --root-password=x"), 0);
        assert_string_equal(line.options.password, "second");
        assert_string_equal(line.options.root_password, "x");
        for (int i = 0; i < line.argc; i++)
                assert_null(strstr(line.argv[i], "first"));
}
