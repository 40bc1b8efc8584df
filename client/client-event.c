/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client-event.h"
#include "client-json.h"

void event_write_job(FILE *file, const JobHeader *job) {
        Json json = JSON_INIT(file);

        json_object_begin(&json, NULL);
        json_string(&json, "event", "job");
        json_string(&json, "id", job->id);
        json_string(&json, "path", job->path);
        json_string(&json, "source", job->source);
        json_string(&json, "destination", job->destination);
        json_object_end(&json);
        json_finish(&json);
}

void event_write_progress(FILE *file, const char *id, const Progress *progress) {
        Json json = JSON_INIT(file);

        json_object_begin(&json, NULL);
        json_string(&json, "event", "progress");
        json_string(&json, "job", id);
        json_string(&json, "phase", progress->phase);
        json_uint(&json, "done", progress->done);
        json_uint(&json, "total", progress->total);
        json_fraction(&json, "fraction", progress->fraction);
        json_object_end(&json);
        json_finish(&json);
}

void event_write_message(FILE *file, const char *id, unsigned priority, const char *text) {
        Json json = JSON_INIT(file);

        json_object_begin(&json, NULL);
        json_string(&json, "event", "message");
        json_string(&json, "job", id);
        json_uint(&json, "priority", priority);
        json_string(&json, "text", text);
        json_object_end(&json);
        json_finish(&json);
}

void event_write_finished(FILE *file, const char *id, const Outcome *outcome, const char *digest) {
        Json json = JSON_INIT(file);

        json_object_begin(&json, NULL);
        json_string(&json, "event", "finished");
        json_string(&json, "job", id);
        json_string(&json, "result", outcome->result ? outcome->result : "failed");
        json_string(&json, "error", outcome->error);
        json_string(&json, "message", outcome->message);
        json_string(&json, "digest", digest && *digest ? digest : NULL);
        json_object_end(&json);
        json_finish(&json);
}
