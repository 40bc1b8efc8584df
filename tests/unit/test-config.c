/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "config.h"

static Config apply(const char *text) {
        Config config = CONFIG_DEFAULT;

        config_apply("test", text, strlen(text), NULL, &config);
        return config;
}

TEST(every_key_is_read) {
        const Config config = apply(
                "[Daemon]\nMaxJobs=7\nMaxQueued=8\nJobRetentionSec=9\nIdleTimeoutSec=10min\n"
                "WorkerUsers=2000-2063\n"
                "StallTimeoutSec=11\nSandbox=no\nJobTimeoutSec=12\nTakeoverSpeed=13K\nTakeoverSec=14\n"
                "CacheKeepFree=15M\nCachePartialSize=16G\nDurability=none\nLogLevel=debug\n"
                "StrictSpaceCheck=yes\n"
                "[Limits]\nUnpackedSize=1G\nEntries=2\nLayers=3\nPathLength=4\nNameLength=5\n"
                "PathDepth=6\nXattrSize=7\nHeaderSize=8K\nZstdWindow=9M\nCompressionRatio=10\n"
                "CompressionRatioFloor=11\nBlobSize=12G\nDownloadSize=13G\nMinimumSpeed=14K\n"
                "MinimumSpeedSec=15\n[Registry]\nParallelBlobs=16\n");

        assert_int_equal(config.jobs_max, 7);
        assert_int_equal(config.queued_max, 8);
        assert_int_equal(config.retention_usec, 9000000);
        assert_int_equal(config.idle_usec, 600000000);
        assert_int_equal(config.stall_usec, 11000000);
        assert_int_equal(config.sandbox, SANDBOX_NO);
        assert_int_equal(config.durability, DURABILITY_NONE);
        assert_int_equal(config.log_level, LOG_DEBUG);
        assert_true(config.strict_space_check);
        assert_int_equal(config.users.first, 2000);
        assert_int_equal(config.users.last, 2063);
        assert_int_equal(config.job_usec, 12000000);
        assert_int_equal(config.takeover_speed, 13 << 10);
        assert_int_equal(config.takeover_usec, 14000000);
        assert_int_equal(config.keep_free, 15 << 20);
        assert_int_equal(config.partial_bytes, UINT64_C(16) << 30);
        assert_int_equal(config.limits.unpacked_bytes, 1 << 30);
        assert_int_equal(config.limits.entries, 2);
        assert_int_equal(config.limits.layers, 3);
        assert_int_equal(config.limits.path_bytes, 4);
        assert_int_equal(config.limits.name_bytes, 5);
        assert_int_equal(config.limits.depth, 6);
        assert_int_equal(config.limits.xattr_bytes, 7);
        assert_int_equal(config.limits.header_bytes, 8192);
        assert_int_equal(config.limits.zstd_window_bytes, 9 << 20);
        assert_int_equal(config.limits.ratio, 10);
        assert_int_equal(config.limits.ratio_floor_bytes, 11);
        assert_int_equal(config.limits.blob_bytes, UINT64_C(12) << 30);
        assert_int_equal(config.limits.download_bytes, UINT64_C(13) << 30);
        assert_int_equal(config.limits.minimum_speed, 14 << 10);
        assert_int_equal(config.limits.minimum_speed_usec, 15000000);
        assert_int_equal(config.parallel_blobs, 16);
}

/* The text of the example of the configuration, with the settings that have a value; to be freed. */
static char *read_example(void) {
        _cleanup_(freep) char *path = NULL;
        char line[256], *text = NULL;
        size_t size = 0;
        FILE *in, *out;

        assert_non_null(getenv("TEST_SOURCE"));
        assert_true(
                asprintf(&path, "%s/daemon/service/virt-bootstrapd.conf", getenv("TEST_SOURCE")) >
                0);
        in = fopen(path, "re");
        assert_non_null(in);
        out = open_memstream(&text, &size);
        assert_non_null(out);
        while (fgets(line, sizeof(line), in)) {
                const char *equals = strchr(line, '=');

                if (line[0] == '[' ||
                    (line[0] == '#' && line[1] != ' ' && equals && equals[1] != '\n'))
                        assert_true(fputs(line + (line[0] == '#'), out) >= 0);
        }
        assert_int_equal(fclose(in) | fclose(out), 0);
        return text;
}

TEST(example_has_the_defaults) {
        _cleanup_(freep) char *text = read_example();
        const Config defaults = CONFIG_DEFAULT;
        Config config = { .sandbox = SANDBOX_NO,
                          .durability = DURABILITY_NONE,
                          .strict_space_check = true };

        config_apply("example", text, strlen(text), NULL, &config);

        assert_int_equal(config.jobs_max, defaults.jobs_max);
        assert_int_equal(config.queued_max, defaults.queued_max);
        assert_int_equal(config.retention_usec, defaults.retention_usec);
        assert_int_equal(config.idle_usec, defaults.idle_usec);
        assert_int_equal(config.stall_usec, defaults.stall_usec);
        assert_int_equal(config.job_usec, defaults.job_usec);
        assert_int_equal(config.takeover_usec, defaults.takeover_usec);
        assert_int_equal(config.takeover_speed, defaults.takeover_speed);
        assert_int_equal(config.partial_bytes, defaults.partial_bytes);
        assert_int_equal(config.log_level, defaults.log_level);
        assert_int_equal(config.strict_space_check, defaults.strict_space_check);
        assert_int_equal(config.durability, defaults.durability);
        assert_int_equal(config.sandbox, defaults.sandbox);
        assert_memory_equal(&config.users, &defaults.users, sizeof(defaults.users));
        assert_memory_equal(&config.limits, &defaults.limits, sizeof(defaults.limits));
        assert_int_equal(config.parallel_blobs, defaults.parallel_blobs);
        assert_string_equal(config.auth_file, defaults.auth_file);
}

TEST(what_cannot_be_understood_changes_nothing) {
        const Config config =
                apply("[Daemon]\nMaxJobs=many\nMaxJobs=0\nEntries=5\nSandbox=perhaps\nNonsense=1\n"
                      "[Elsewhere]\nMaxJobs=9\n[Limits]\nPathLength=4096\n"
                      "[Registry]\nParallelBlobs=0\nParallelBlobs=17\n");
        const Config defaults = CONFIG_DEFAULT;

        assert_int_equal(config.jobs_max, defaults.jobs_max);
        assert_int_equal(config.sandbox, SANDBOX_YES);
        assert_int_equal(config.limits.entries, defaults.limits.entries);
        assert_int_equal(config.limits.path_bytes, defaults.limits.path_bytes);
        assert_int_equal(config.parallel_blobs, 6);
}

TEST(hosts_add_up_and_an_empty_list_removes_them) {
        assert_string_equal(
                apply("[Registry]\nPrivateHosts=a.example  10.0.0.1:9000\nPrivateHosts=[::1]:1\n")
                        .private_hosts,
                "a.example 10.0.0.1:9000 [::1]:1");
        assert_string_equal(
                apply("[Registry]\nPrivateHosts=a\nPrivateHosts=\nPrivateHosts=b http://c d\n")
                        .private_hosts,
                "b d");
        assert_string_equal(
                apply("[Registry]\nPrivateHosts=.corp.example . .. .:5 .a:5 .[::1]\n")
                        .private_hosts,
                ".corp.example .a:5");
}

TEST(signature_policy_is_absolute_and_a_mistake_is_no_default) {
        assert_string_equal(
                apply("[Registry]\nSignaturePolicy=/a\nSignaturePolicy=/b\n").policy.path, "/b");
        assert_string_equal(
                apply("[Registry]\nSignaturePolicy=/a\nSignaturePolicy=\n").policy.path, "");
        assert_string_equal(
                apply("[Registry]\nSignaturePolicy=policy.json\n").policy.path, "(none)");
}

TEST(token_servers_are_pairs) {
        assert_string_equal(
                apply("[Registry]\nTokenServers=reg.example:5000=login.example [::1]:1=10.0.0.1\n"
                      "TokenServers=a=b\n")
                        .token_servers,
                "reg.example:5000=login.example [::1]:1=10.0.0.1 a=b");
        assert_string_equal(
                apply("[Registry]\nTokenServers=a=b\nTokenServers=\n"
                      "TokenServers=a a= =b a=b=c .a=b a=.b a=https://b c=d\n")
                        .token_servers,
                "c=d");
}

TEST(file_with_credentials_is_absolute_and_may_be_none) {
        const Config defaults = CONFIG_DEFAULT, none = apply("[Registry]\nAuthFile=\n");
        const Config one = apply("[Registry]\nAuthFile=/srv/auth.json\n");
        const Config bad = apply("[Registry]\nAuthFile=auth.json\n");

        assert_string_equal(defaults.auth_file, "/etc/containers/auth.json");
        assert_false(defaults.has_auth_file);
        assert_string_equal(none.auth_file, "");
        assert_string_equal(one.auth_file, "/srv/auth.json");
        assert_true(one.has_auth_file);
        assert_string_equal(bad.auth_file, "/etc/containers/auth.json");
        assert_false(bad.has_auth_file);
}

TEST(list_of_hosts_has_a_limit) {
        Config config = apply("[Registry]\nPrivateHosts=first\n");
        const char *more = "[Registry]\nPrivateHosts=host\n";

        for (int i = 0; i < 1000; i++)
                config_apply("more", more, strlen(more), NULL, &config);
        assert_true(strlen(config.private_hosts) < CONFIG_HOSTS_MAX);
        assert_true(strlen(config.private_hosts) > CONFIG_HOSTS_MAX - 6);
        assert_memory_equal(config.private_hosts, "first host host", 15);
}

TEST(sandbox_has_three_modes) {
        assert_int_equal(apply("[Daemon]\nSandbox=yes\n").sandbox, SANDBOX_YES);
        assert_int_equal(apply("[Daemon]\nSandbox=best-effort\n").sandbox, SANDBOX_BEST_EFFORT);
        assert_int_equal(apply("[Daemon]\nSandbox=off\n").sandbox, SANDBOX_NO);
}

TEST(durability_is_full_unless_it_is_none) {
        const Config defaults = CONFIG_DEFAULT;

        assert_int_equal(defaults.durability, DURABILITY_FULL);
        assert_int_equal(
                apply("[Daemon]\nDurability=none\nDurability=full\n").durability, DURABILITY_FULL);
        assert_int_equal(
                apply("[Daemon]\nDurability=none\nDurability=\nDurability=no\n").durability,
                DURABILITY_NONE);
        assert_int_equal(apply("[Limits]\nDurability=none\n").durability, DURABILITY_FULL);
}

TEST(space_check_is_a_warning_unless_it_is_strict) {
        const Config defaults = CONFIG_DEFAULT;

        assert_false(defaults.strict_space_check);
        assert_true(apply("[Daemon]\nStrictSpaceCheck=yes\nStrictSpaceCheck=maybe\n")
                            .strict_space_check);
        assert_false(
                apply("[Daemon]\nStrictSpaceCheck=yes\nStrictSpaceCheck=no\n").strict_space_check);
        assert_false(apply("[Limits]\nStrictSpaceCheck=yes\n").strict_space_check);
}

TEST(users_that_are_no_range_or_the_systems_change_nothing) {
        static const char *const values[] = {
                "",          "61184",         "61184-",         "-65519",          "2-1",
                "2000-1999", "999-2000",      "0-2000",         "1000-66536",      "a-b",
                "2000-2k",   "2000 - 3000 x", "2000-3000-4000", "1000-4294967295",
        };
        const Config defaults = CONFIG_DEFAULT;

        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
                char text[128];
                Config config;

                (void) snprintf(text, sizeof(text), "[Daemon]\nWorkerUsers=%s\n", values[i]);
                config = apply(text);
                assert_int_equal(config.users.first, defaults.users.first);
                assert_int_equal(config.users.last, defaults.users.last);
        }

        assert_int_equal(apply("[Daemon]\nWorkerUsers=1000-66535\n").users.last, 66535);
        assert_int_equal(apply("[Daemon]\nWorkerUsers=7000-7000\n").users.last, 7000);
}

static void apply_more(const char *text, Config *config) {
        config_apply("more", text, strlen(text), NULL, config);
}

/* What virt-builder gets, with blanks between the arguments. */
static const char *join_builder(const Config *config) {
        static char text[sizeof(config->builder.text) + 1];
        const char *one = NULL;
        uint32_t n = 0;

        text[0] = '\0';
        while ((one = config_arguments_next(&config->builder, one))) {
                strcat(strcat(text, n > 0 ? " " : ""), one);
                n++;
        }
        assert_int_equal(n, config->builder.n);
        return text;
}

TEST(arguments_of_virt_builder_add_up_in_order) {
        Config config =
                apply("[VirtBuilder]\nSource=file:///srv/index\nOptions=--no-check-signature\n"
                      "Options=--edit\nOptions=/etc/hosts: s/a b/c/\nSource=https://example/i\n");

        assert_string_equal(
                join_builder(&config),
                "--source file:///srv/index --no-check-signature --edit /etc/hosts: s/a b/c/ "
                "--source https://example/i");

        apply_more("[VirtBuilder]\nOptions=-v\n", &config);
        assert_non_null(strstr(join_builder(&config), "https://example/i -v"));

        config = apply("[VirtBuilder]\nSource=a\nOptions=b\nOptions=\nOptions=c\n");
        assert_string_equal(join_builder(&config), "c");
        config = apply("[VirtBuilder]\nProgram=x\n[Limits]\nSource=y\n");
        assert_string_equal(join_builder(&config), "");
}

TEST(too_many_or_too_long_arguments_are_left_out) {
        _cleanup_(freep) char *text = NULL;
        char longest[CONFIG_ARGUMENT_BYTES_MAX + 1] = "";
        Config config;

        memset(longest, 'x', CONFIG_ARGUMENT_BYTES_MAX);
        assert_true(
                asprintf(&text, "[VirtBuilder]\nOptions=%s\nSource=%s\n", longest, longest) > 0);
        config = apply(text);
        assert_string_equal(join_builder(&config), "");

        longest[CONFIG_ARGUMENT_BYTES_MAX - 1] = '\0';
        free(text);
        assert_true(asprintf(&text, "[VirtBuilder]\nOptions=%s\n", longest) > 0);
        config = apply(text);
        assert_string_equal(join_builder(&config), longest);
        for (int i = 0; i < 20; i++)
                apply_more(text, &config);
        assert_int_equal(config.builder.n, sizeof(config.builder.text) / CONFIG_ARGUMENT_BYTES_MAX);

        config = apply("[VirtBuilder]\nOptions=-v\n");
        for (int i = 0; i < 100; i++)
                apply_more("[VirtBuilder]\nSource=y\n", &config);
        /* A source is two, and there is room for one. */
        assert_int_equal(config.builder.n, CONFIG_ARGUMENTS_MAX - 1);
}

static void write_file(const char *dir, const char *name, const char *text) {
        _cleanup_(freep) char *path = NULL;
        FILE *f;

        assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

TEST(named_file_stands_for_all_and_has_to_be_there) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        _cleanup_(freep) char *path = NULL;
        char dir[] = "/tmp/test-config-XXXXXX";
        Config config;

        assert_non_null(mkdtemp(dir));
        write_file(dir, "a.conf", "[Daemon]\nMaxJobs=3\n");
        assert_true(asprintf(&path, "%s/a.conf", dir) > 0);

        assert_int_equal(config_load(path, NULL, &config, &error), 0);
        assert_int_equal(config.jobs_max, 3);

        assert_int_equal(unlink(path), 0);
        assert_true(config_load(path, NULL, &config, &error) < 0);
        assert_non_null(strstr(error_text(&error), path));
        assert_int_equal(rmdir(dir), 0);
}

/* Root does not look into a home directory: a child that is somebody else does. */
TEST(dropins_follow_the_main_file_by_name) {
        char dir[] = "/tmp/test-config-XXXXXX", sub[128], dropins[160];
        Config config;
        int r;

        assert_non_null(mkdtemp(dir));
        assert_true(snprintf(sub, sizeof(sub), "%s/virt-bootstrap", dir) > 0);
        assert_true(snprintf(dropins, sizeof(dropins), "%s/virt-bootstrapd.conf.d", sub) > 0);
        assert_int_equal(mkdir(sub, 0755) | mkdir(dropins, 0755) | chmod(dir, 0755), 0);
        write_file(sub, "virt-bootstrapd.conf", "[Daemon]\nMaxJobs=3\nMaxQueued=4\n");
        write_file(dropins, "20-b.conf", "[Daemon]\nMaxJobs=5\n");
        write_file(dropins, "10-a.conf", "[Daemon]\nMaxJobs=6\nJobRetentionSec=7\n");
        write_file(dropins, "30-c.txt", "[Daemon]\nMaxJobs=8\n");

        assert_int_equal(setenv("XDG_CONFIG_HOME", dir, 1), 0);
        if (geteuid() == 0)
                assert_int_equal(seteuid(4711), 0);
        r = config_load(NULL, NULL, &config, NULL);
        if (getuid() == 0)
                assert_int_equal(seteuid(0), 0);

        assert_int_equal(r, 0);
        assert_int_equal(config.jobs_max, 5);
        assert_int_equal(config.queued_max, 4);
        assert_int_equal(config.retention_usec, 7000000);

        for (size_t i = 0; i < 3; i++) {
                static const char *const names[] = { "20-b.conf", "10-a.conf", "30-c.txt" };
                char path[256];

                assert_true(snprintf(path, sizeof(path), "%s/%s", dropins, names[i]) > 0);
                assert_int_equal(unlink(path), 0);
        }
        assert_int_equal(rmdir(dropins), 0);
        assert_true(strlen(strcat(sub, "/virt-bootstrapd.conf")) > 0);
        assert_int_equal(unlink(sub), 0);
        *strrchr(sub, '/') = '\0';
        assert_int_equal(rmdir(sub) | rmdir(dir), 0);
}
