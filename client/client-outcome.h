/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a job ended, and D-Bus errors on their way to the user: name and sentence as received. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base-cleanup.h"
#include "base-error.h"

/* The program's exit statuses. */
enum {
        STATUS_DONE = 0,
        STATUS_FAILED = 1,
        STATUS_USAGE = 2,
        STATUS_CANCELLED = 130, /* as a shell reports a program that was ended by SIGINT */
};

typedef struct ClientOutcome {
        char *result;  /* "done", "failed" or "cancelled"; owned; NULL while unknown */
        char *error;   /* D-Bus error name; owned; NULL if done */
        char *message; /* one sentence; owned; NULL if done */
} ClientOutcome;

#define OUTCOME_NULL ((ClientOutcome){ 0 })

/** client_outcome_set() - record how the job ended; empty texts count as NULL; returns 0 or -ENOMEM */
int client_outcome_set(
        ClientOutcome *outcome, const char *result, const char *error, const char *message);

/** client_outcome_set_error() - like client_outcome_set(), for a failure of this program */
int client_outcome_set_error(ClientOutcome *outcome, const Error *error);

/** client_outcome_set_bus_error() - like client_outcome_set(), for a call that failed */
int client_outcome_set_bus_error(ClientOutcome *outcome, const sd_bus_error *bus_error);

/**
 * client_outcome_status() - the exit status for it
 * @is_of_job:  otherwise there was no job yet, and what the daemon finds wrong in the request is wrong usage
 */
int client_outcome_status(const ClientOutcome *outcome, bool is_of_job);

/** client_outcome_done() - release what @outcome owns and empty it; usable with _cleanup_() */
void client_outcome_done(ClientOutcome *outcome);

/**
 * client_error_set_bus() - describe a call that failed
 * @r:          what the call returned; used if @bus_error is not set
 *
 * Return: a negative errno, with @error set.
 */
int client_error_set_bus(Error *error, int r, const sd_bus_error *bus_error);

/** client_error_set_message() - describe a message that could not be created or read; returns @r */
int client_error_set_message(Error *error, int r);
