/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prints the introspection of the daemon's objects, which tests/lint compares with the contract: the
 * real server with a queue and a store, and one job that waits, over a socket pair. */

#include "test-job.h"

#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "bus-server.h"
#include "dbus-names.h"

typedef struct Fixture {
        JobFixture job;
        BusServer *server;
        JobQueue *queue;
        sd_bus *client;
        unsigned n_answers;
} Fixture;

static void on_peer_gone(void *userdata) {
}

static void on_name_lost(void *userdata, const Error *error) {
}

static const BusServerEvents server_events = {
        .peer_gone = on_peer_gone,
        .name_lost = on_name_lost,
};

static int on_introspected(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Fixture *f = userdata;
        const char *xml;

        assert_false(sd_bus_message_is_method_error(reply, NULL));
        assert_true(sd_bus_message_read(reply, "s", &xml) >= 0);
        assert_true(fputs(xml, stdout) >= 0);
        f->n_answers++;
        return 0;
}

static bool is_answered(void *userdata) {
        return ((Fixture *) userdata)->n_answers > 0;
}

static void introspect(Fixture *f, const char *path) {
        f->n_answers = 0;
        assert_true(
                sd_bus_call_method_async(
                        f->client, NULL, NULL, path, "org.freedesktop.DBus.Introspectable",
                        "Introspect", on_introspected, f, NULL) >= 0);
        loop_until(&f->job, is_answered, f);
}

static void connect_client(Fixture *f) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(bus_server_add_peer(f->server, pair[1], NULL), 0);
        assert_true(sd_bus_new(&f->client) >= 0);
        assert_true(sd_bus_set_fd(f->client, pair[0], pair[0]) >= 0);
        assert_true(sd_bus_start(f->client) >= 0);
        assert_true(sd_bus_attach_event(f->client, f->job.event, SD_EVENT_PRIORITY_NORMAL) >= 0);
}

static const char *add(Fixture *f) {
        JobSpec *spec = job_spec_new();
        Job *job;

        spec->source = strdup("docker://example.org/image:1");
        spec->destination = strdup(scratch_at(f->job.scratch, "new"));
        assert_int_equal(add_job(f->queue, spec, &job, NULL), 0);
        return job_id(job);
}

int main(void) {
        Fixture f = { 0 };
        JobContext context = {
                .config = &f.job.config,
                .workers = TEST_WORKERS,
                .temporary_directory = "/tmp",
        };
        char path[128];

        job_fixture_init(&f.job);
        f.job.config.jobs_max = 0; /* the job waits */
        context.event = f.job.event;
        context.store = f.job.store;
        context.log = &f.job.log;
        assert_int_equal(job_context_init(&context, NULL), 0);
        assert_int_equal(
                bus_server_new(f.job.event, &f.job.log, &server_events, &f, &f.server, NULL), 0);
        assert_int_equal(job_queue_new(&context, bus_server_listener(f.server), &f.queue, NULL), 0);
        bus_server_set_queue(f.server, &context, f.queue);
        connect_client(&f);

        introspect(&f, BUS_PATH);
        (void) snprintf(path, sizeof(path), BUS_JOB_PATH "/%s", add(&f));
        introspect(&f, path);

        sd_bus_close_unref(f.client);
        job_queue_free(f.queue);
        bus_server_free(f.server);
        job_context_done(&context);
        job_fixture_done(&f.job);
        return EXIT_SUCCESS;
}
