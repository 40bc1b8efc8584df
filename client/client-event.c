/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <time.h>

#include "base-clock.h"
#include "client-event.h"
#include "client-json.h"

static void begin(ClientJson *json, const char *name) {
        client_json_object_begin(json, NULL);
        client_json_string(json, "event", name);
        client_json_uint(json, "time", clock_usec(CLOCK_REALTIME));
}

void client_event_write_job(FILE *file, const ClientJobHeader *job) {
        ClientJson json = JSON_INIT(file);

        begin(&json, "job");
        client_json_string(&json, "id", job->id);
        client_json_string(&json, "path", job->path);
        client_json_string(&json, "source", job->source);
        client_json_string(&json, "destination", job->destination);
        client_json_object_end(&json);
        client_json_finish(&json);
}

void client_event_write_progress(FILE *file, const char *id, const ClientProgress *progress) {
        ClientJson json = JSON_INIT(file);

        begin(&json, "progress");
        client_json_string(&json, "job", id);
        client_json_string(&json, "phase", progress->phase);
        client_json_uint(&json, "done", progress->done);
        client_json_uint(&json, "total", progress->total);
        client_json_fraction(&json, "fraction", progress->fraction);
        client_json_object_end(&json);
        client_json_finish(&json);
}

void client_event_write_message(FILE *file, const char *id, unsigned priority, const char *text) {
        ClientJson json = JSON_INIT(file);

        begin(&json, "message");
        client_json_string(&json, "job", id);
        client_json_uint(&json, "priority", priority);
        client_json_string(&json, "text", text);
        client_json_object_end(&json);
        client_json_finish(&json);
}

void client_event_write_finished(
        FILE *file, const char *id, const ClientOutcome *outcome, const char *digest) {
        ClientJson json = JSON_INIT(file);

        begin(&json, "finished");
        client_json_string(&json, "job", id);
        client_json_string(&json, "result", outcome->result ? outcome->result : "failed");
        client_json_string(&json, "error", outcome->error);
        client_json_string(&json, "message", outcome->message);
        client_json_string(&json, "digest", digest && *digest ? digest : NULL);
        client_json_object_end(&json);
        client_json_finish(&json);
}

void client_event_write_detached(FILE *file, const char *id) {
        ClientJson json = JSON_INIT(file);

        begin(&json, "detached");
        client_json_string(&json, "job", id);
        client_json_object_end(&json);
        client_json_finish(&json);
}
