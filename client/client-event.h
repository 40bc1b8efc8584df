/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What --json prints while a job runs: one object per line, as virt-bootstrap-events.schema.json describes it. The
 * second member of each is "time", now, in microseconds since the epoch. @id is NULL if there is no job, and @details
 * if they are not known.
 */

#include <stdio.h>

#include "client-details.h"
#include "client-json.h"
#include "client-outcome.h"
#include "client-progress.h"

/* Of all events; it grows only when readers of the former version would misunderstand something. */
#define EVENT_VERSION 1

/* What is known about a job from its start. Borrowed. */
typedef struct ClientJobHeader {
        const char *id, *path, *source, *destination;
} ClientJobHeader;

/** client_event_write_job() - {"event":"job","version":…,"id":…,"path":…,"source":…,"destination":…} */
void client_event_write_job(FILE *file, const ClientJobHeader *job);

/**
 * client_event_write_progress() - {"event":"progress","job":…,"phase":…,"done":…,"total":…,"fraction":…,"speed":…,
 * "left":…,"start-time":…,"platform":…,"layers":[…]}
 */
void client_event_write_progress(
        FILE *file, const char *id, const ClientProgress *progress, const ClientDetails *details);

/** client_event_write_message() - {"event":"message","job":…,"priority":…,"text":…} */
void client_event_write_message(FILE *file, const char *id, unsigned priority, const char *text);

/**
 * client_event_write_finished() - {"event":"finished","version":…,"job":…,"result":…,"error":…,"message":…,
 * "digest":…,"platform":…,"disk":…,"layers":[…],"files":…,"downloaded":…,"queued-time":…,"start-time":…,"end-time":…,
 * "elapsed":…}
 */
void client_event_write_finished(
        FILE *file, const char *id, const ClientOutcome *outcome, const ClientDetails *details);

/** client_event_add_layers() - add "layers":[…] to an object; null if @details is NULL, or without an image */
void client_event_add_layers(ClientJson *json, const ClientDetails *details);

/** client_event_write_detached() - {"event":"detached","job":…}: the job is no longer followed, and goes on */
void client_event_write_detached(FILE *file, const char *id);
