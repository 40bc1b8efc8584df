/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command line of virt-bootstrapd. */

#include <stdbool.h>
#include <stdint.h>

typedef enum MainBus {
        MAIN_BUS_AUTO, /* the system's for root, else the user's */
        MAIN_BUS_SYSTEM,
        MAIN_BUS_USER,
        MAIN_BUS_NONE,
} MainBus;

typedef struct MainOptions {
        MainBus bus;
        const char *cache;       /* borrowed from argv or the environment; NULL: the default */
        int embedded_fd;         /* serve this connected socket, and exit with it; or negative */
        bool recover;            /* clean up after a killed daemon, and exit */
        int log_level;           /* a syslog priority; -1: LogLevel= */
        const char *config_file; /* borrowed; instead of the default files, or NULL */
        struct {                 /* overrides of the configuration; UINT64_MAX: none */
                uint64_t idle_usec;
                uint64_t retention_usec;
                uint64_t jobs_max;
                uint64_t queued_max;
        } override;
} MainOptions;

/**
 * main_options_parse() - read the command line
 *
 * Settings that are not on the command line come from the configuration.
 *
 * Return: 1 to continue; 0 if help or version was requested and printed; -EINVAL, with a sentence on standard
 * error.
 */
int main_options_parse(int argc, char **argv, MainOptions *ret);
