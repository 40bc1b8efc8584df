/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads and prints the answer of Manager.ExplainTrust. */

#include <stddef.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "base-error.h"

#define VERDICT_LIST_MAX ((size_t) 65536) /* keys and signatures, each */

/* Strings are borrowed from @reply. */
typedef struct ClientVerdictKey {
        const char *fingerprint, *origin;
} ClientVerdictKey;

typedef struct ClientVerdictSignature {
        const char *form, *fingerprint, *identity;
} ClientVerdictSignature;

typedef struct ClientVerdict {
        sd_bus_message *reply; /* owned */
        int is_accepted;
        const char *policy, *rule, *scope, *name, *digest, *reason; /* NULL if missing */
        ClientVerdictKey *keys;                                     /* owned */
        size_t n_keys;
        ClientVerdictSignature *signatures; /* owned */
        size_t n_signatures;
} ClientVerdict;

#define VERDICT_NULL ((ClientVerdict){ 0 })

/** client_verdict_read() - read @verdict's reply */
int client_verdict_read(ClientVerdict *verdict, Error *error);

/** client_verdict_print() - print a table for people; fails only with -ENOMEM */
int client_verdict_print(const ClientVerdict *verdict, FILE *file, Error *error);

/** client_verdict_print_json() - print one line of JSON, with the keys of the answer */
void client_verdict_print_json(const ClientVerdict *verdict, FILE *file);

/** client_verdict_done() - release what @verdict owns; usable with _cleanup_() */
void client_verdict_done(ClientVerdict *verdict);
