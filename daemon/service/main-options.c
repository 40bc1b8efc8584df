/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base-log.h"
#include "base-macro.h"
#include "config-text.h"
#include "main-options.h"

#define SECONDS_MAX    (UINT64_C(365) * 24 * 3600)
#define JOBS_MAX_LIMIT UINT64_C(1000)

static const char help[] =
        "virt-bootstrapd [OPTION...]\n"
        "\n"
        "Set up root file systems for virt-bootstrap and other callers on D-Bus.\n"
        "It is started by systemd, by a message bus, or by virt-bootstrap itself.\n"
        "\n"
        "  --bus=system|user|none     serve on this bus [system for root, else user]\n"
        "  --cache=PATH               where layers are kept\n"
        "  --config=FILE              use instead of virt-bootstrapd.conf and its drop-ins\n"
        "  --max-jobs=NUMBER          jobs at a time [2]\n"
        "  --max-queued=NUMBER        jobs that wait; more are refused [256]\n"
        "  --job-retention=SECONDS    how long a job stays readable after its end [60]\n"
        "  --idle-timeout=SECONDS     exit after this long without work [30]; 0: never\n"
        "  --embedded-fd=NUMBER       serve only the socket with that number; exit with it\n"
        "  --recover                  remove what a killed daemon left, and exit\n"
        "  --log-level=LEVEL          err, warning, notice, info or debug [LogLevel=]\n"
        "  -h, --help                 show this help\n"
        "  --version                  show the version\n"
        "\n"
        "Sockets from systemd (sd_listen_fds(3)) are served peer to peer.\n"
        "See virt-bootstrapd(8).\n";

enum {
        OPTION_BUS = 0x100,
        OPTION_CACHE,
        OPTION_CONFIG,
        OPTION_MAX_JOBS,
        OPTION_MAX_QUEUED,
        OPTION_JOB_RETENTION,
        OPTION_IDLE_TIMEOUT,
        OPTION_EMBEDDED_FD,
        OPTION_RECOVER,
        OPTION_LOG_LEVEL,
        OPTION_VERSION,
};

static const struct option long_options[] = {
        { "bus", required_argument, NULL, OPTION_BUS },
        { "cache", required_argument, NULL, OPTION_CACHE },
        { "config", required_argument, NULL, OPTION_CONFIG },
        { "max-jobs", required_argument, NULL, OPTION_MAX_JOBS },
        { "max-queued", required_argument, NULL, OPTION_MAX_QUEUED },
        { "job-retention", required_argument, NULL, OPTION_JOB_RETENTION },
        { "idle-timeout", required_argument, NULL, OPTION_IDLE_TIMEOUT },
        { "embedded-fd", required_argument, NULL, OPTION_EMBEDDED_FD },
        { "recover", no_argument, NULL, OPTION_RECOVER },
        { "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPTION_VERSION },
        { NULL, 0, NULL, 0 },
};

static int bad(const char *option, const char *value, const char *want) {
        (void) fprintf(
                stderr, "virt-bootstrapd: --%s cannot be \"%s\"; expected %s\n", option, value,
                want);
        return -EINVAL;
}

static int parse_number(
        const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *ret) {
        char want[64];

        if (config_parse_number(text, min, max, ret) < 0) {
                (void) snprintf(
                        want, sizeof(want), "a number from %" PRIu64 " to %" PRIu64, min, max);
                return bad(option, text, want);
        }
        return 0;
}

static int parse_seconds(const char *option, const char *text, uint64_t *ret) {
        if (config_parse_usec(text, 0, SECONDS_MAX * USEC_PER_SEC, ret) < 0)
                return bad(option, text, "a number of seconds");
        return 0;
}

static int parse_bus(const char *text, MainBus *ret) {
        if (strcmp(text, "system") == 0)
                *ret = MAIN_BUS_SYSTEM;
        else if (strcmp(text, "user") == 0)
                *ret = MAIN_BUS_USER;
        else if (strcmp(text, "none") == 0)
                *ret = MAIN_BUS_NONE;
        else
                return bad("bus", text, "system, user or none");
        return 0;
}

static int parse_fd(const char *text, int *ret) {
        uint64_t fd;
        int r;

        r = parse_number("embedded-fd", text, 3, 1023, &fd);
        if (r >= 0)
                *ret = (int) fd;
        return r;
}

static int parse_option(int option, const char *value, MainOptions *options) {
        switch (option) {
        case OPTION_BUS:
                return parse_bus(value, &options->bus);
        case OPTION_CACHE:
                options->cache = value;
                return value[0] == '/' ? 0 : bad("cache", value, "an absolute path");
        case OPTION_CONFIG:
                options->config_file = value;
                return 0;
        case OPTION_MAX_JOBS:
                return parse_number(
                        "max-jobs", value, 1, JOBS_MAX_LIMIT, &options->override.jobs_max);
        case OPTION_MAX_QUEUED:
                return parse_number(
                        "max-queued", value, 1, JOBS_MAX_LIMIT, &options->override.queued_max);
        case OPTION_JOB_RETENTION:
                return parse_seconds("job-retention", value, &options->override.retention_usec);
        case OPTION_IDLE_TIMEOUT:
                return parse_seconds("idle-timeout", value, &options->override.idle_usec);
        case OPTION_EMBEDDED_FD:
                return parse_fd(value, &options->embedded_fd);
        case OPTION_RECOVER:
                options->recover = true;
                return 0;
        case OPTION_LOG_LEVEL:
                options->log_level = log_level_from_string(value);
                return options->log_level >= 0
                               ? 0
                               : bad("log-level", value, "err, warning, notice, info or debug");
        default:
                return -EINVAL;
        }
}

int main_options_parse(int argc, char **argv, MainOptions *ret) {
        MainOptions options = {
                .cache = getenv("VIRTBOOTSTRAP_CACHE"),
                .embedded_fd = -EBADF,
                .log_level = -1,
                .override = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX },
                .config_file = getenv("VIRTBOOTSTRAP_CONFIG"),
        };
        int c, r;

        while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
                if (c == 'h') {
                        (void) fputs(help, stdout);
                        return 0;
                }
                if (c == OPTION_VERSION) {
                        (void) puts("virt-bootstrapd " PROJECT_VERSION);
                        return 0;
                }

                r = parse_option(c, optarg, &options);
                if (r < 0)
                        return r;
        }

        if (optind < argc) {
                (void) fprintf(
                        stderr, "virt-bootstrapd: unexpected argument \"%s\"\n", argv[optind]);
                return -EINVAL;
        }

        *ret = options;
        return 1;
}
