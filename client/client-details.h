/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a job's properties say beyond its progress: the image's layers, speed, times, and what was made. A daemon
 * that does not have such a property leaves its member NULL or 0, as does one that does not know it yet.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client-connect.h"

#define DETAILS_LAYERS_MAX ((size_t) 65536)

typedef enum ClientLayerState {
        LAYER_WAITING,
        LAYER_DOWNLOADING,
        LAYER_DOWNLOADED,
        LAYER_UNPACKING,
        LAYER_UNPACKED,
        _LAYER_STATE_MAX,
} ClientLayerState;

typedef struct ClientLayer {
        char *digest;           /* of the compressed layer; owned */
        bool is_cached;         /* it was in the cache when the job began */
        ClientLayerState state; /* a state that is not known counts as waiting */
        uint64_t done, size;    /* bytes done in this state, and compressed bytes */
} ClientLayer;

typedef struct ClientDetails {
        char *platform, *digest; /* owned; NULL if unknown */
        char *disk; /* absolute path of the disk image to use; owned; NULL if there is none */
        ClientLayer *layers;                        /* owned */
        size_t n_layers;                            /* 0 if unknown, or without an image */
        uint64_t speed;                             /* bytes downloaded per second, smoothed */
        uint64_t downloaded;                        /* compressed bytes over the network */
        uint64_t files;                             /* entries unpacked */
        uint64_t queued_usec, start_usec, end_usec; /* since the epoch */
} ClientDetails;

#define DETAILS_NULL ((ClientDetails){ 0 })

/** client_layer_state_to_string() - the name on the bus and in JSON */
const char *client_layer_state_to_string(ClientLayerState state);

/**
 * client_details_update() - take properties, a{sv}, from @m; others stay as they are
 *
 * Return: 0; a negative errno if @m does not contain that, and then some may have been taken.
 */
int client_details_update(ClientDetails *details, sd_bus_message *m);

/**
 * client_details_read() - ask for all properties of the job at @path
 *
 * Starts no daemon: a user who stops it, and thereby the job, does not want the next one to be started. Returns 0
 * or a negative errno.
 */
int client_details_read(ClientDetails *details, ClientConnection *connection, const char *path);

/** client_details_new_call() - the call for all properties of the job at @path; returns 0 or a negative errno */
int client_details_new_call(ClientConnection *connection, const char *path, sd_bus_message **ret);

/** client_details_size() - compressed bytes of all layers */
uint64_t client_details_size(const ClientDetails *details);

/** client_details_cached() - compressed bytes of the layers that were in the cache */
uint64_t client_details_cached(const ClientDetails *details);

/** client_details_elapsed() - microseconds from start to end; 0 if unknown */
uint64_t client_details_elapsed(const ClientDetails *details);

/** client_details_done() - release what @details owns and empty it; usable with _cleanup_() */
void client_details_done(ClientDetails *details);
