/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The daemon's side of D-Bus: the same objects on every connection, which is
 *
 *     a bus      system or session bus, with the name org.virtbootstrap1
 *     a peer     a client connected to one of our sockets
 */

#include <systemd/sd-bus.h>

#include "job-queue.h"

typedef struct BusServer BusServer;

typedef struct BusServerEvents {
        void (*peer_gone)(void *userdata);                     /* a peer has disconnected */
        void (*name_lost)(void *userdata, const Error *error); /* a bus refused the name */
} BusServerEvents;

#define BUS_PEERS_MAX 256U

/* Messages that a peer has not read: above this the connection is closed. */
#define BUS_UNREAD_MAX 1000U

/* Above this number of unread ones, a connection gets no progress signals. */
#define BUS_UNREAD_PROGRESS_MAX 100U

/* From this number of unread ones on, a connection gets no changes of Layers, Speed and Files: for an image with 1000
 * layers, Layers has about 100 KiB. */
#define BUS_UNREAD_DETAILS_MAX 8U

/*
 * With this number of unread ones, a peer's calls that may have a long answer are refused. This replaces a bound in
 * bytes, which sd-bus does not report: all other messages are the texts of one job, about 10 KiB. An answer of List
 * has about 100 bytes for each blob of the cache, one of ListJobs at most about 10 KiB for each job, one of
 * GetManagedObjects and, for one job, of Get and GetAll the same and about 100 bytes for each layer, one of Inspect not
 * more than the image's documents. Answers to pending calls (BUS_PENDING_MAX) may be added.
 */
#define BUS_UNREAD_LONG_MAX 8U

/* How long the exiting daemon waits, for all connections together, until they have read their messages. */
#define BUS_FLUSH_MSEC UINT64_C(1000)

/** bus_server_new() - without connections; @events and @userdata are borrowed as long as the server */
int bus_server_new(
        sd_event *event,
        Log *log,
        const BusServerEvents *events,
        void *userdata,
        BusServer **ret,
        Error *error);

/** bus_server_free() - close all connections, and release @server */
BusServer *bus_server_free(BusServer *server);

/** bus_server_listener() - for the queue, to inform the users of its jobs */
const JobListener *bus_server_listener(BusServer *server);

/** bus_server_set_queue() - set the jobs' queue, and their context; borrowed; before the first connection */
void bus_server_set_queue(BusServer *server, const JobContext *context, JobQueue *queue);

/**
 * bus_server_add_bus() - serve on a message bus
 * @address:    of the bus; connecting waits until the bus listens there
 */
int bus_server_add_bus(BusServer *server, const char *address, Error *error);

/** bus_server_add_peer() - serve a connected socket, which is taken over, even on failure */
int bus_server_add_peer(BusServer *server, int fd, Error *error);

/** bus_server_n_peers() - number of connected peers */
unsigned bus_server_n_peers(const BusServer *server);

/** bus_server_release_names() - give up the names on the buses */
void bus_server_release_names(BusServer *server);

/** bus_server_request_names() - acquire the names again */
void bus_server_request_names(BusServer *server);

DEFINE_CLEANUP(BusServer, bus_server_free);
