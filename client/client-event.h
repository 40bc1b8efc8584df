/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What --json prints while a job runs: one object a line. @id is NULL when there is no job. */

#include <stdio.h>

#include "client-outcome.h"
#include "client-progress.h"

/* What is known of a job from its start. Borrowed. */
typedef struct JobHeader {
        const char *id, *path, *source, *destination;
} JobHeader;

/** event_write_job() - {"event":"job","id":…,"path":…,"source":…,"destination":…} */
void event_write_job(FILE *file, const JobHeader *job);

/** event_write_progress() - {"event":"progress","job":…,"phase":…,"done":…,"total":…,"fraction":…} */
void event_write_progress(FILE *file, const char *id, const Progress *progress);

/** event_write_message() - {"event":"message","job":…,"priority":…,"text":…} */
void event_write_message(FILE *file, const char *id, unsigned priority, const char *text);

/**
 * event_write_finished() - {"event":"finished","job":…,"result":…,"error":…,"message":…,"digest":…}
 * @digest:     the image's; NULL when not known
 */
void event_write_finished(FILE *file, const char *id, const Outcome *outcome, const char *digest);
