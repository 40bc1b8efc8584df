/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>

#include "bus-access.h"
#include "bus-arguments.h"
#include "bus-features.h"
#include "bus-park.h"
#include "bus-pending.h"

/* How the arguments of a call are read, and what then answers it. */
typedef int (*ReadCall)(sd_bus_message *call, Closer *closer, JobSpec **ret, Error *error);
typedef int (*BeginCall)(BusServer *server, sd_bus_message *call, JobSpec *spec, Error *error);

static int begin(
        BusServer *server,
        sd_bus_message *call,
        ReadCall read,
        BeginCall begin_call,
        Error *error) {
        JobSpec *spec;
        uid_t uid;
        int r;

        r = bus_access_check(server, call, &uid, error);
        if (r >= 0)
                r = read(call, server->context->closer, &spec, error);
        if (r < 0)
                return r;

        spec->owner = uid;
        return begin_call(server, call, spec, error);
}

/* A call that is answered later; @n_texts arguments precede its options. */
static int take(
        BusServer *server,
        sd_bus_message *call,
        ReadCall read,
        BeginCall begin_call,
        unsigned n_texts,
        sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int r;

        (void) sd_bus_message_sensitive(call);
        r = begin(server, call, read, begin_call, &error);
        bus_park(server, call, n_texts);
        return r < 0 ? bus_error_set(ret_error, &error) : 1;
}

static int on_bootstrap(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return take(
                userdata, call, bus_arguments_read_bootstrap, bus_pending_bootstrap, 2, ret_error);
}

static int on_inspect(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return take(userdata, call, bus_arguments_read_inspect, bus_pending_inspect, 1, ret_error);
}

static int on_list_tags(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return take(userdata, call, bus_arguments_read_tags, bus_pending_list_tags, 1, ret_error);
}

static int on_explain_trust(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        return take(userdata, call, bus_arguments_read_trust, bus_pending_inspect, 1, ret_error);
}

/* Reads the id of a job, and finds it. */
static int read_job(BusServer *server, sd_bus_message *call, BusJob **ret, Error *error) {
        const char *id;
        int r;

        r = sd_bus_message_read_basic(call, 's', &id);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the arguments");

        *ret = bus_job_find(server, id);
        if (!*ret)
                return error_set(
                        error, ENOENT, ERROR_NO_SUCH_JOB,
                        "There is no job \"%s\", or it ended a while ago", id);
        return 0;
}

static int on_cancel(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL, reason = ERROR_NULL;
        BusServer *server = userdata;
        BusJob *job;

        if (bus_access_check(server, call, NULL, &error) < 0 ||
            read_job(server, call, &job, &error) < 0)
                return bus_error_set(ret_error, &error);

        error_set(&reason, ECANCELED, ERROR_CANCELLED, "The job was cancelled");
        job_queue_cancel(server->queue, job->job, &reason);
        return sd_bus_reply_method_return(call, NULL);
}

static int on_progress(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        const JobProgress *progress;
        BusServer *server = userdata;
        BusJob *job;

        if (bus_access_check(server, call, NULL, &error) < 0 ||
            read_job(server, call, &job, &error) < 0)
                return bus_error_set(ret_error, &error);

        progress = job_progress(job->job);
        return sd_bus_reply_method_return(
                call, "ssttds", job_state_to_string(job_state(job->job)),
                job_phase_to_string(progress->phase), progress->done, progress->total,
                progress->fraction,
                job_error(job->job)->code != 0 ? error_text(job_error(job->job)) : "");
}

static int append_job(sd_bus_message *reply, const BusServer *server, const Job *job) {
        return sd_bus_message_append(
                reply, "(sossssd)", job_id(job), bus_job_find(server, job_id(job))->path,
                job_spec(job)->source, job_spec(job)->destination,
                job_format_to_string(job_spec(job)->format), job_state_to_string(job_state(job)),
                job_progress(job)->fraction);
}

static int on_list_jobs(sd_bus_message *call, void *userdata, sd_bus_error *ret_error) {
        _cleanup_(bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        BusServer *server = userdata;
        int r;

        if (bus_access_check(server, call, NULL, &error) < 0)
                return bus_error_set(ret_error, &error);

        r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sossssd)");
        for (Job *job = job_queue_next(server->queue, NULL); r >= 0 && job;
             job = job_queue_next(server->queue, job))
                r = append_job(reply, server, job);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

BUS_GETTER(get_version) {
        return sd_bus_message_append_basic(reply, 's', PROJECT_VERSION);
}

BUS_GETTER(get_features) {
        return bus_features_append(reply);
}

BUS_GETTER(get_jobs) {
        return sd_bus_message_append(
                reply, "u", (uint32_t) job_queue_n_active(((BusServer *) userdata)->queue));
}

const sd_bus_vtable bus_manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "Bootstrap",
                SD_BUS_ARGS("s", source, "s", destination, "a{sv}", options),
                SD_BUS_RESULT("s", id, "o", job),
                on_bootstrap,
                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                "Cancel",
                SD_BUS_ARGS("s", id),
                SD_BUS_NO_RESULT,
                on_cancel,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Progress",
                SD_BUS_ARGS("s", id),
                SD_BUS_RESULT(
                        "s", state, "s", phase, "t", done, "t", total, "d", fraction, "s", message),
                on_progress,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "ListJobs",
                SD_BUS_NO_ARGS,
                SD_BUS_RESULT("a(sossssd)", jobs),
                on_list_jobs,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Inspect",
                SD_BUS_ARGS("s", source, "a{sv}", options),
                SD_BUS_RESULT("a{sv}", image),
                on_inspect,
                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                "ListTags",
                SD_BUS_ARGS("s", source, "a{sv}", options),
                SD_BUS_RESULT("s", repository, "as", tags),
                on_list_tags,
                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                "ExplainTrust",
                SD_BUS_ARGS("s", source, "a{sv}", options),
                SD_BUS_RESULT("a{sv}", verdict),
                on_explain_trust,
                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("s", id, "o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS(
                "JobFinished",
                SD_BUS_ARGS("s", id, "o", job, "s", result, "s", error, "s", message),
                0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Features", "as", get_features, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Jobs", "u", get_jobs, 0, 0),
        SD_BUS_VTABLE_END,
};
