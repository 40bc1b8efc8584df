/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon's side of D-Bus: the same objects on every connection, which are
 *
 *     a bus      system or session bus, with the name org.virtbootstrap1
 *     a peer     somebody who connected to a socket of ours
 */

#include <systemd/sd-bus.h>

#include "job-queue.h"

typedef struct BusServer BusServer;

typedef struct BusServerEvents {
        void (*peer_gone)(void *userdata); /* another peer has disconnected */
        void (*name_lost)(
                void *userdata, const Error *error); /* a bus does not let us have the name */
} BusServerEvents;

#define BUS_PEERS_MAX 256U

/* Messages that a peer has not read: above this the connection is closed. */
#define BUS_UNREAD_MAX 1000U

/* With so many unread ones, a connection gets no news of progress. */
#define BUS_UNREAD_PROGRESS_MAX 100U

/*
 * With so many unread ones, a peer's calls are refused that may have a long answer. That takes the place of a
 * bound in bytes, which sd-bus does not tell: all other messages are the texts of one job, some 10 KiB. An answer
 * of List has some 100 bytes for each blob of the cache, one of ListJobs or GetManagedObjects some 10 KiB for each
 * job at most, one of Inspect not more than the image's documents. Answers to calls that are being worked on
 * (BUS_PENDING_MAX) may come on top.
 */
#define BUS_UNREAD_LONG_MAX 8U

/* How long the end of the daemon waits for all connections together to read what they are sent. */
#define BUS_FLUSH_MSEC UINT64_C(1000)

/** bus_server_new() - without connections; @events and @userdata are borrowed as long as the server */
int bus_server_new(
        sd_event *event,
        Log *log,
        const BusServerEvents *events,
        void *userdata,
        BusServer **ret,
        Error *error);

/** bus_server_free() - close all connections, and release @server (may be NULL) */
BusServer *bus_server_free(BusServer *server);

/** bus_server_listener() - for the queue, so that the users hear of its jobs */
const JobListener *bus_server_listener(BusServer *server);

/** bus_server_set_queue() - whose jobs these are, and what they share; borrowed; before the first connection */
void bus_server_set_queue(BusServer *server, const JobContext *context, JobQueue *queue);

/**
 * bus_server_add_bus() - serve on a message bus
 * @address:    of the bus; connecting waits until somebody listens there
 *
 * Return: 0, or a negative errno with @error set.
 */
int bus_server_add_bus(BusServer *server, const char *address, Error *error);

/** bus_server_add_peer() - serve a connected socket, which is taken over, also on failure */
int bus_server_add_peer(BusServer *server, int fd, Error *error);

/** bus_server_n_peers() - peers that are connected */
unsigned bus_server_n_peers(const BusServer *server);

/** bus_server_release_names() - do not be called by name any more */
void bus_server_release_names(BusServer *server);

/** bus_server_request_names() - be called by name again */
void bus_server_request_names(BusServer *server);

DEFINE_CLEANUP(BusServer, bus_server_free);
