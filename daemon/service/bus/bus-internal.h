/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this folder share. */

#include "bus-server.h"

/* One connection. */
typedef struct BusConnection {
        struct BusConnection *next; /* owned */
        BusServer *server;          /* borrowed */
        sd_bus *bus;                /* owned */
        bool is_peer;
        bool is_deaf;   /* it does not read, or has disconnected: its connection will be dropped */
        uid_t peer_uid; /* of a peer, from its socket */
        uint64_t connected_msec;   /* of a peer: when it was authenticated; CLOCK_MONOTONIC */
        bool has_called;           /* of a peer: anything at all */
        sd_event_source *catch_up; /* owned; of a peer: see bus-server.c */
} BusConnection;

/* A call that is answered later. */
typedef struct BusWaiter {
        struct BusWaiter *next; /* owned */
        sd_bus_message *call;   /* owned */
        sd_bus_track *caller;   /* owned; see bus_access_track() */
} BusWaiter;

/* A job as an object on the bus. */
typedef struct BusJob {
        struct BusJob *next; /* owned */
        BusServer *server;   /* borrowed */
        Job *job;            /* borrowed */
        char *path;          /* owned */
        BusWaiter *waiters;  /* owned */
} BusJob;

/* A call that takes a while: see bus-pending.h. */
typedef struct BusPending BusPending;

/* A call whose descriptors are being closed: see bus-park.h. */
typedef struct BusParked BusParked;

struct BusServer {
        sd_event *event; /* borrowed, as all up to @userdata */
        Log *log;
        const BusServerEvents *events;
        void *userdata;
        const JobContext *context;
        JobQueue *queue;
        JobListener listener;
        BusConnection *connections; /* owned */
        BusJob *jobs;               /* owned */
        BusPending *pending;        /* owned */
        BusParked *parked;          /* owned */
        sd_event_source *reap;      /* owned; frees closed connections */
        sd_event_source *post;      /* owned; finds deaf peers */
        sd_event_source *exit;      /* owned; sends the last messages */
        bool is_closing;            /* calls are no longer served */
};

/* For _cleanup_(). */
static inline void bus_message_unrefp(sd_bus_message **message) {
        sd_bus_message_unref(*message);
}

/* bus_error_set() - answer a call with an Error; returns the handler's return value */
int bus_error_set(sd_bus_error *ret_error, const Error *error);

/* bus_job_find() - the object of a job, or NULL */
BusJob *bus_job_find(const BusServer *server, const char *id);

/* bus_server_drop_calls() - forget the calls received on @bus */
void bus_server_drop_calls(BusServer *server, sd_bus *bus);

/* The head of a function that appends the value of a property to @reply; @userdata is that of the vtable. */
#define BUS_GETTER(name)                                                                           \
        static int name(                                                                           \
                sd_bus *bus, const char *path, const char *interface, const char *property,        \
                sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)

extern const sd_bus_vtable bus_manager_vtable[]; /* userdata: BusServer */
extern const sd_bus_vtable bus_cache_vtable[];   /* userdata: BusServer */
extern const sd_bus_vtable bus_log_vtable[];     /* userdata: BusServer */
extern const sd_bus_vtable bus_job_vtable[];     /* userdata: BusJob */

/* bus_job_path() - the object path of a job; NULL when out of memory */
char *bus_job_path(const Job *job);

/* Emit a job's changes on one connection. */
void bus_job_emit_added(const BusJob *job, sd_bus *bus);
void bus_job_emit_state(const BusJob *job, sd_bus *bus);
void bus_job_emit_progress(const BusJob *job, sd_bus *bus);
void bus_job_emit_details(const BusJob *job, sd_bus *bus, unsigned which); /* JobDetail */
void bus_job_emit_image(const BusJob *job, sd_bus *bus);
void bus_job_emit_message(const BusJob *job, sd_bus *bus, int priority, const char *text);
void bus_job_emit_removed(const BusJob *job, sd_bus *bus);

/* bus_waiter_free() - forget a call without an answer */
void bus_waiter_free(BusWaiter *waiter);

/* bus_job_answer_waiters() - answer all, since the job has ended */
void bus_job_answer_waiters(BusJob *job);
