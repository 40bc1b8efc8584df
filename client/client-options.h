/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base-error.h"
#include "base-idmap.h"
#include "client-remote.h"

typedef enum ClientVerb {
        VERB_BOOTSTRAP,
        VERB_LIST,
        VERB_SHOW,
        VERB_ATTACH,
        VERB_CANCEL,
        VERB_INSPECT,
        VERB_LIST_TAGS,
        VERB_VERIFY,
        VERB_CACHE_LIST,
        VERB_CACHE_BLOBS,
        VERB_CACHE_VERIFY,
        VERB_CACHE_REMOVE,
        VERB_CACHE_PRUNE,
        VERB_MONITOR,
        VERB_HELP,
        VERB_VERSION,
        _VERB_MAX,
} ClientVerb;

/* Where the daemon is. */
typedef enum ClientTransport {
        TRANSPORT_DEFAULT, /* the system bus for root, else the session bus; embedded if neither has it */
        TRANSPORT_SYSTEM,
        TRANSPORT_USER,
        TRANSPORT_EMBEDDED,
        TRANSPORT_ADDRESS,
        TRANSPORT_HOST,
        _TRANSPORT_MAX,
} ClientTransport;

/* Strings are borrowed from argv. */
typedef struct ClientOptions {
        ClientVerb verb;
        ClientTransport transport;
        const char *address;   /* a D-Bus address or an ssh host, as @transport says */
        ClientRemoteHost host; /* @address, if it is a host */

        char **arguments; /* those after the verb; for VERB_BOOTSTRAP source and destination */
        size_t n_arguments;

        const char *format; /* NULL, "dir", "qcow2" or "raw"; see client-format.h */
        const char *platform, *digest;
        const char *username;
        char *password;           /* NULL, a password, or "file:PATH" */
        char *root_password;      /* as @password */
        const char *key;          /* a file with a public key; NULL if not given */
        const char *keep_old;     /* NULL, or the name that the old tree gets */
        uint64_t size;            /* of a disk image, in bytes; 0 if not given */
        uint64_t keep;            /* bytes that a prune leaves; 0 if not given */
        uint64_t older_than_usec; /* of what a prune removes; 0 if not given */
        IdMap uid_map, gid_map;

        bool flatten, not_secure, no_cache, no_sync, offline, overwrite, replace, in_place,
                share_layers, keep_devices, force, dry_run, detach, require_signed;
        bool quiet, debug, status_only, json;
        bool no_ask_password, no_legend, no_pager;
        bool all;                  /* of VERB_LIST */
        bool raw, config, no_tags; /* of VERB_INSPECT */
        bool has_keep;             /* @keep was given, maybe as 0 */
} ClientOptions;

/**
 * client_options_parse() - read the command line
 * @argv:       is reordered, options first, as by getopt_long(3); if a password is given twice, the
 *              first one is overwritten
 * @ret:        refers to @argv; its @json is set even on failure
 *
 * --help and --version take precedence over everything after them.
 *
 * Fails only with -EINVAL, if the usage is wrong; @error is one line.
 */
int client_options_parse(int argc, char **argv, ClientOptions *ret, Error *error);
