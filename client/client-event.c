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
        client_json_uint(&json, "version", EVENT_VERSION);
        client_json_string(&json, "id", job->id);
        client_json_string(&json, "path", job->path);
        client_json_string(&json, "source", job->source);
        client_json_string(&json, "destination", job->destination);
        client_json_object_end(&json);
        client_json_finish(&json);
}

void client_event_add_layers(ClientJson *json, const ClientDetails *details) {
        if (!details || details->n_layers == 0) {
                client_json_null(json, "layers");
                return;
        }

        client_json_array_begin(json, "layers");
        for (size_t i = 0; i < details->n_layers; i++) {
                const ClientLayer *layer = &details->layers[i];

                client_json_object_begin(json, NULL);
                client_json_string(json, "digest", layer->digest);
                client_json_bool(json, "cached", layer->is_cached);
                client_json_string(json, "state", client_layer_state_to_string(layer->state));
                client_json_uint(json, "done", layer->done);
                client_json_uint(json, "size", layer->size);
                client_json_object_end(json);
        }
        client_json_array_end(json);
}

void client_event_write_progress(
        FILE *file, const char *id, const ClientProgress *progress, const ClientDetails *details) {
        const ClientDetails known = details ? *details : DETAILS_NULL;
        ClientJson json = JSON_INIT(file);
        uint64_t left = 0;

        (void) client_progress_left(progress, known.speed, &left);
        begin(&json, "progress");
        client_json_string(&json, "job", id);
        client_json_string(&json, "phase", progress->phase);
        client_json_uint(&json, "done", progress->done);
        client_json_uint(&json, "total", progress->total);
        client_json_fraction(&json, "fraction", progress->fraction);
        client_json_known(&json, "speed", known.speed);
        client_json_known(&json, "left", left);
        client_json_known(&json, "start-time", known.start_usec);
        client_json_string(&json, "platform", known.platform);
        client_event_add_layers(&json, details);
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
        FILE *file, const char *id, const ClientOutcome *outcome, const ClientDetails *details) {
        const ClientDetails known = details ? *details : DETAILS_NULL;
        const uint64_t elapsed = client_details_elapsed(&known);
        ClientJson json = JSON_INIT(file);

        begin(&json, "finished");
        client_json_uint(&json, "version", EVENT_VERSION);
        client_json_string(&json, "job", id);
        client_json_string(&json, "result", outcome->result ? outcome->result : "failed");
        client_json_string(&json, "error", outcome->error);
        client_json_string(&json, "message", outcome->message);
        client_json_string(&json, "digest", known.digest);
        client_json_string(&json, "platform", known.platform);
        client_json_string(&json, "disk", known.disk);
        client_event_add_layers(&json, details);
        client_json_known(&json, "files", known.files);
        if (id && details)
                client_json_uint(&json, "downloaded", known.downloaded);
        else
                client_json_null(&json, "downloaded");
        client_json_known(&json, "queued-time", known.queued_usec);
        client_json_known(&json, "start-time", known.start_usec);
        client_json_known(&json, "end-time", known.end_usec);
        if (elapsed > 0)
                client_json_seconds(&json, "elapsed", elapsed);
        else
                client_json_null(&json, "elapsed");
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
