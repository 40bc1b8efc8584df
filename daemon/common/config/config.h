/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The administrator's settings: virt-bootstrapd.conf(5). Files are read as systemd's programs read theirs:
 * virt-bootstrapd.conf, then the drop-ins virt-bootstrapd.conf.d/NAME.conf by name, from /etc/virt-bootstrap,
 * /run/virt-bootstrap and /usr/lib/virt-bootstrap; the first directory that has a name wins. For an ordinary user,
 * $XDG_CONFIG_HOME/virt-bootstrap precedes them. Anything invalid is ignored with a warning.
 */

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#include "base-error.h"
#include "base-limits.h"
#include "base-log.h"
#include "base-sandbox.h"
#include "base-space.h"
#include "config-policy.h"

#define CONFIG_ARGUMENTS_MAX      ((uint32_t) 64) /* of one program */
#define CONFIG_ARGUMENT_BYTES_MAX ((size_t) 1024) /* of one of them, with its NUL */
#define CONFIG_HOSTS_MAX          ((size_t) 1024) /* bytes of a list of hosts, with its NUL */
#define CONFIG_PARALLEL_MAX       UINT64_C(16)    /* blobs of an image at a time */
#define CONFIG_PATH_MAX           ((size_t) 512)  /* bytes of a path, with its NUL */

#define CONFIG_AUTH_FILE                                                                           \
        "/etc/containers/auth.json" /* where others have the system's credentials */

/* More arguments for a program's command line. */
typedef struct ConfigArguments {
        uint32_t n;
        size_t size;     /* bytes of @text that are used */
        char text[8192]; /* one after the other, each with its NUL */
} ConfigArguments;

/* A range of ids, the last one included. */
typedef struct ConfigUsers {
        uint64_t first, last;
} ConfigUsers;

#define CONFIG_USERS_MIN   UINT64_C(1000)  /* those below are the system's */
#define CONFIG_USERS_COUNT UINT64_C(65536) /* maximum in a range */

/* What is certain to survive a power failure. */
typedef enum ConfigDurability {
        DURABILITY_FULL, /* the result of a job that is done, unless it was requested without sync */
        DURABILITY_NONE, /* nothing: all jobs are without sync */
} ConfigDurability;

typedef struct Config {
        uint64_t jobs_max;       /* [Daemon] MaxJobs= */
        uint64_t queued_max;     /* MaxQueued= */
        uint64_t retention_usec; /* JobRetentionSec= */
        uint64_t idle_usec;      /* IdleTimeoutSec=; 0: never */
        uint64_t stall_usec;     /* StallTimeoutSec=; a job without progress fails; 0: never */
        ConfigUsers users;       /* WorkerUsers= */
        uint64_t job_usec;       /* JobTimeoutSec=; a job that takes longer fails; 0: never */
        uint64_t
                takeover_speed; /* TakeoverSpeed=; bytes a second: a blob that arrives more slowly, … */
        uint64_t takeover_usec; /* TakeoverSec=; … for this long, is fetched from elsewhere, too */
        uint64_t keep_free;     /* CacheKeepFree=; bytes, or SPACE_KEEP_AUTOMATIC */
        uint64_t partial_bytes;      /* CachePartialSize=; of downloads that nobody continues */
        bool strict_space_check;     /* StrictSpaceCheck=; an estimated lack of space is an error */
        SandboxMode sandbox;         /* Sandbox= */
        ConfigDurability durability; /* Durability= */
        int log_level;               /* LogLevel=; a syslog priority */
        Limits limits;               /* [Limits] */
        ConfigArguments builder;     /* [VirtBuilder] Source= and Options=, in order */
        /* [Registry] PrivateHosts=: "HOST", ".DOMAIN" or either with ":PORT", separated by spaces */
        char private_hosts[CONFIG_HOSTS_MAX];
        uint64_t parallel_blobs; /* ParallelBlobs=; blobs of an image that are fetched at a time */
        /* TokenServers=: "REGISTRY[:PORT]=HOST[:PORT]", separated by spaces */
        char token_servers[CONFIG_HOSTS_MAX];
        char auth_file[CONFIG_PATH_MAX]; /* AuthFile=; empty: none */
        bool has_auth_file;              /* it was configured, and so must exist */
        ConfigPolicy policy;             /* [Registry] SignaturePolicy= */
} Config;

#define CONFIG_FILE_MAX  ((size_t) 1 << 20) /* bytes */
#define CONFIG_FILES_MAX ((size_t) 1000)    /* drop-ins */

#define CONFIG_DEFAULT                                                                             \
        ((Config){                                                                                 \
                .jobs_max = 2,                                                                     \
                .queued_max = 256,                                                                 \
                .retention_usec = UINT64_C(60000000),                                              \
                .idle_usec = UINT64_C(30000000),                                                   \
                .stall_usec = UINT64_C(600000000),                                                 \
                .users = { 61184, 65519 }, /* where systemd has its dynamic ones, too */           \
                .job_usec = UINT64_C(86400000000),                                                 \
                .takeover_speed = 128 << 10,                                                       \
                .takeover_usec = UINT64_C(10000000),                                               \
                .keep_free = SPACE_KEEP_AUTOMATIC,                                                 \
                .partial_bytes = UINT64_C(16) << 30,                                               \
                .sandbox = SANDBOX_YES,                                                            \
                .durability = DURABILITY_FULL,                                                     \
                .log_level = LOG_INFO,                                                             \
                .limits = LIMITS_DEFAULT,                                                          \
                .parallel_blobs = 6,                                                               \
                .auth_file = CONFIG_AUTH_FILE,                                                     \
        })

/**
 * config_apply() - read one file's content
 * @name:       of the file, for warnings
 * @config:     updated with the settings in the file
 */
void config_apply(const char *name, const char *text, size_t size, const Log *log, Config *config);

/**
 * config_arguments_next() - iterate over arguments
 * @previous:   the last result; NULL to begin
 *
 * Return: the next one, as long-lived as @arguments; NULL after the last.
 */
const char *config_arguments_next(const ConfigArguments *arguments, const char *previous);

/**
 * config_load() - read all files
 * @file:       read only this one, which must exist; or NULL
 */
int config_load(const char *file, const Log *log, Config *ret, Error *error);
