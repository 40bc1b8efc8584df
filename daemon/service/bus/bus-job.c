/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-macro.h"
#include "base-text.h"
#include "bus-access.h"
#include "bus-image.h"
#include "bus-internal.h"
#include "dbus-names.h"

#define WAITERS_MAX 1000U /* calls that wait for one job */

BusJob *bus_job_find(const BusServer *server, const char *id) {
        for (BusJob *job = server->jobs; job; job = job->next)
                if (strcmp(job_id(job->job), id) == 0)
                        return job;

        return NULL;
}

char *bus_job_path(const Job *job) {
        char *path;

        return asprintf(&path, BUS_JOB_PATH "/%s", job_id(job)) < 0 ? NULL : path;
}

static const char *error_name(const Job *job) {
        const Error *error = job_error(job);

        return error->code != 0 ? error_kind_to_bus_name(error->kind) : "";
}

static const char *error_message(const Job *job) {
        const Error *error = job_error(job);

        return error->code != 0 ? error_text(error) : "";
}

static int on_cancel(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL, reason = ERROR_NULL;
        BusJob *job = userdata;

        if (bus_access_check(job->server, call, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);

        error_set(&reason, ECANCELED, ERROR_CANCELLED, "The job was cancelled");
        job_queue_cancel(job->server->queue, job->job, &reason);
        return sd_bus_reply_method_return(call, NULL);
}

static int answer(sd_bus_message *call, const Job *job) {
        return sd_bus_reply_method_return(
                call, "sss", job_result(job), error_name(job), error_message(job));
}

void bus_waiter_free(BusWaiter *waiter) {
        sd_bus_track_unref(waiter->caller);
        sd_bus_message_unref(waiter->call);
        free(waiter);
}

static int on_waiter_gone(sd_bus_track *track, void *userdata) {
        BusJob *job = userdata;
        BusWaiter **p = &job->waiters;

        while (*p && (*p)->caller != track)
                p = &(*p)->next;
        if (*p) {
                BusWaiter *waiter = *p;

                *p = waiter->next;
                bus_waiter_free(waiter);
        }
        return 0;
}

static int add_waiter(BusJob *job, sd_bus_message *call, BusWaiter **end, Error *error) {
        _cleanup_(freep) BusWaiter *waiter = malloc(sizeof(*waiter));
        int r;

        if (!waiter)
                return error_oom(error);

        *waiter = (BusWaiter){ 0 };
        r = bus_access_track(call, on_waiter_gone, job, &waiter->caller, error);
        if (r < 0)
                return r;

        waiter->call = sd_bus_message_ref(call);
        *end = TAKE_PTR(waiter);
        return 0;
}

static int on_wait(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusJob *job = userdata;
        BusWaiter **end = &job->waiters;
        unsigned n = 0;

        if (bus_access_check(job->server, call, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);
        if (job_has_ended(job->job))
                return answer(call, job->job);

        for (; *end; n++)
                end = &(*end)->next;
        if (n >= WAITERS_MAX) {
                error_set(
                        &error, ENOBUFS, ERROR_QUEUE_FULL,
                        "%u calls are already waiting for the job; listen to its signals instead",
                        n);
                return bus_error_set(ret_error, &error);
        }
        if (add_waiter(job, call, end, &error) < 0)
                return bus_error_set(ret_error, &error);
        return 1;
}

void bus_job_answer_waiters(BusJob *job) {
        while (job->waiters) {
                BusWaiter *waiter = job->waiters;

                job->waiters = waiter->next;
                (void) answer(waiter->call, job->job);
                bus_waiter_free(waiter);
        }
}

BUS_GETTER(get_id) {
        return sd_bus_message_append_basic(reply, 's', job_id(((BusJob *) userdata)->job));
}

BUS_GETTER(get_source) {
        return sd_bus_message_append_basic(
                reply, 's', job_spec(((BusJob *) userdata)->job)->source);
}

BUS_GETTER(get_destination) {
        return sd_bus_message_append_basic(
                reply, 's', job_spec(((BusJob *) userdata)->job)->destination);
}

BUS_GETTER(get_format) {
        return sd_bus_message_append_basic(
                reply, 's', job_format_to_string(job_spec(((BusJob *) userdata)->job)->format));
}

BUS_GETTER(get_state) {
        return sd_bus_message_append_basic(
                reply, 's', job_state_to_string(job_state(((BusJob *) userdata)->job)));
}

BUS_GETTER(get_owner) {
        return sd_bus_message_append(reply, "u", job_spec(((BusJob *) userdata)->job)->owner);
}

BUS_GETTER(get_progress) {
        const JobProgress *progress = job_progress(((BusJob *) userdata)->job);

        return sd_bus_message_append(
                reply, "(sttd)", job_phase_to_string(progress->phase), progress->done,
                progress->total, progress->fraction);
}

BUS_GETTER(get_digest) {
        const Digest *digest = job_digest(((BusJob *) userdata)->job);
        char text[DIGEST_STRING_MAX] = "";

        if (digest)
                digest_format(digest, text);
        return sd_bus_message_append_basic(reply, 's', text);
}

BUS_GETTER(get_config) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = bus_image_append_config(reply, job_config(((BusJob *) userdata)->job));
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER(get_error) {
        const Job *job = ((BusJob *) userdata)->job;

        return sd_bus_message_append(reply, "(ss)", error_name(job), error_message(job));
}

BUS_GETTER(get_downloaded) {
        return sd_bus_message_append(
                reply, "t", job_progress(((BusJob *) userdata)->job)->downloaded);
}

BUS_GETTER(get_unpacked) {
        return sd_bus_message_append(
                reply, "t", job_progress(((BusJob *) userdata)->job)->unpacked);
}

BUS_GETTER(get_platform) {
        return sd_bus_message_append_basic(reply, 's', job_platform(((BusJob *) userdata)->job));
}

BUS_GETTER(get_disk) {
        _cleanup_(freep) char *printable = text_printable(job_disk(((BusJob *) userdata)->job));

        return printable ? sd_bus_message_append_basic(reply, 's', printable) : -ENOMEM;
}

BUS_GETTER(get_layers) {
        uint32_t n;
        const JobLayer *layers = job_layers(((BusJob *) userdata)->job, &n);
        char text[DIGEST_STRING_MAX];
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sbstt)");
        for (uint32_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(
                        reply, "(sbstt)", digest_format(&layers[i].digest, text),
                        layers[i].is_cached, job_layer_state_to_string(layers[i].state),
                        layers[i].done, layers[i].size);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

BUS_GETTER(get_speed) {
        return sd_bus_message_append(reply, "t", job_speed(((BusJob *) userdata)->job));
}

BUS_GETTER(get_files) {
        return sd_bus_message_append(reply, "t", job_progress(((BusJob *) userdata)->job)->files);
}

BUS_GETTER(get_time) {
        const JobTimes times = job_times(((BusJob *) userdata)->job);

        if (strcmp(property, "QueuedTime") == 0)
                return sd_bus_message_append(reply, "t", times.queued_usec);
        if (strcmp(property, "StartTime") == 0)
                return sd_bus_message_append(reply, "t", times.started_usec);
        return sd_bus_message_append(reply, "t", times.ended_usec);
}

#define CONST   SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

const sd_bus_vtable bus_job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Wait",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("s", result, "s", error, "s", message),
                on_wait,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS(
                "ProgressChanged",
                SD_BUS_ARGS("s", phase, "t", done, "t", total, "d", fraction),
                0),
        SD_BUS_SIGNAL_WITH_ARGS("Message", SD_BUS_ARGS("u", priority, "s", text), 0),
        SD_BUS_PROPERTY("Id", "s", get_id, 0, CONST),
        SD_BUS_PROPERTY("Source", "s", get_source, 0, CONST),
        SD_BUS_PROPERTY("Destination", "s", get_destination, 0, CONST),
        SD_BUS_PROPERTY("Format", "s", get_format, 0, CONST),
        SD_BUS_PROPERTY("Owner", "u", get_owner, 0, CONST),
        SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
        SD_BUS_PROPERTY("Progress", "(sttd)", get_progress, 0, 0),
        SD_BUS_PROPERTY("Digest", "s", get_digest, 0, CHANGES),
        SD_BUS_PROPERTY("Config", "a{sv}", get_config, 0, CHANGES),
        SD_BUS_PROPERTY("Platform", "s", get_platform, 0, CHANGES),
        SD_BUS_PROPERTY("Layers", "a(sbstt)", get_layers, 0, CHANGES),
        SD_BUS_PROPERTY("Speed", "t", get_speed, 0, CHANGES),
        SD_BUS_PROPERTY("Files", "t", get_files, 0, CHANGES),
        SD_BUS_PROPERTY("QueuedTime", "t", get_time, 0, CONST),
        SD_BUS_PROPERTY("StartTime", "t", get_time, 0, CHANGES),
        SD_BUS_PROPERTY("EndTime", "t", get_time, 0, CHANGES),
        SD_BUS_PROPERTY("Disk", "s", get_disk, 0, CHANGES),
        SD_BUS_PROPERTY("Error", "(ss)", get_error, 0, CHANGES),
        SD_BUS_PROPERTY("BytesDownloaded", "t", get_downloaded, 0, 0),
        SD_BUS_PROPERTY("BytesUnpacked", "t", get_unpacked, 0, 0),
        SD_BUS_VTABLE_END,
};

void bus_job_emit_added(const BusJob *job, sd_bus *bus) {
        (void) sd_bus_emit_object_added(bus, job->path);
        (void) sd_bus_emit_signal(
                bus, BUS_PATH, BUS_MANAGER, "JobNew", "so", job_id(job->job), job->path);
}

void bus_job_emit_state(const BusJob *job, sd_bus *bus) {
        if (!job_has_ended(job->job)) {
                (void) sd_bus_emit_properties_changed(
                        bus, job->path, BUS_JOB, "State", "StartTime", NULL);
                return;
        }

        (void) sd_bus_emit_properties_changed(
                bus, job->path, BUS_JOB, "State", "Error", "EndTime", "Disk", NULL);
        (void) sd_bus_emit_signal(
                bus, BUS_PATH, BUS_MANAGER, "JobFinished", "sosss", job_id(job->job), job->path,
                job_result(job->job), error_name(job->job), error_message(job->job));
}

void bus_job_emit_progress(const BusJob *job, sd_bus *bus) {
        const JobProgress *progress = job_progress(job->job);

        (void) sd_bus_emit_signal(
                bus, job->path, BUS_JOB, "ProgressChanged", "sttd",
                job_phase_to_string(progress->phase), progress->done, progress->total,
                progress->fraction);
}

void bus_job_emit_details(const BusJob *job, sd_bus *bus, unsigned which) {
        static const struct {
                JobDetail detail;
                const char *name;
        } details[] = {
                { JOB_DETAIL_LAYERS, "Layers" },
                { JOB_DETAIL_SPEED, "Speed" },
                { JOB_DETAIL_FILES, "Files" },
        };
        char *names[N_ELEMENTS(details) + 1] = { NULL };
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(details); i++)
                if (which & details[i].detail)
                        names[n++] = (char *) details[i].name;
        (void) sd_bus_emit_properties_changed_strv(bus, job->path, BUS_JOB, names);
}

void bus_job_emit_image(const BusJob *job, sd_bus *bus) {
        (void) sd_bus_emit_properties_changed(
                bus, job->path, BUS_JOB, "Digest", "Config", "Platform", NULL);
}

void bus_job_emit_message(const BusJob *job, sd_bus *bus, int priority, const char *text) {
        (void) sd_bus_emit_signal(
                bus, job->path, BUS_JOB, "Message", "us", (uint32_t) priority, text);
}

void bus_job_emit_removed(const BusJob *job, sd_bus *bus) {
        (void) sd_bus_emit_object_removed(bus, job->path);
}
