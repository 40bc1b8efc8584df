/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "client-follow.h"
#include "client-request.h"
#include "dbus-names.h"

/*
 * The client against a daemon that plays one short part. This program is both: the client starts it
 * as $VIRTBOOTSTRAP_DAEMON, and $TEST_PART says which part.
 */

#define SELF      "/proc/self/exe"
#define JOB_ID    "7"
#define JOB_PATH  BUS_JOB_PATH "/_37"
#define DIGEST    "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define DIED      9
#define TICK_USEC 20000

/* The daemon. */

typedef struct Player {
        sd_event *event;
        sd_bus *bus;
        sd_bus_message *waiter; /* the unanswered call of Wait */
        sd_bus_message *caller; /* of Bootstrap, while it has no answer */
        const char *part;
        const char *result; /* NULL while the job runs */
} Player;

static int answer(Player *player, sd_bus_message *call) {
        bool is_done = strcmp(player->result, "done") == 0;

        return sd_bus_reply_method_return(
                call, "sss", player->result, is_done ? "" : BUS_ERROR("NotFound"),
                is_done ? "" : "It is not there");
}

static void end_job(Player *player, const char *result) {
        player->result = result;
        if (player->waiter)
                (void) answer(player, player->waiter);
        player->waiter = sd_bus_message_unref(player->waiter);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        Player *player = userdata;

        (void) sd_bus_emit_signal(
                player->bus, JOB_PATH, BUS_JOB, "ProgressChanged", "sttd", "download", UINT64_C(1),
                UINT64_C(2), 0.5);
        if (strcmp(player->part, "die") == 0) {
                (void) sd_bus_flush(player->bus);
                _exit(DIED);
        }
        if (strcmp(player->part, "told") == 0) {
                (void) sd_bus_emit_signal(
                        player->bus, JOB_PATH, "org.freedesktop.DBus.Properties",
                        "PropertiesChanged", "sa{sv}as", BUS_JOB, 1, "Speed", "t", UINT64_C(5000),
                        0);
                end_job(player, "done");
        }
        if (strcmp(player->part, "old") == 0)
                end_job(player, "done");
        if (strcmp(player->part, "done") == 0 || strcmp(player->part, "failed") == 0)
                end_job(player, player->part);
        return 0;
}

static bool has_signals_to_take(pid_t pid) {
        _cleanup_(closep) int fd = -EBADF;
        char path[64], status[4096] = "";
        const char *pending;

        (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, status, sizeof(status) - 1) < 0)
                return false;

        pending = strstr(status, "ShdPnd:");
        return pending && strtoull(pending + strlen("ShdPnd:"), NULL, 16) != 0;
}

/* Answers when the client has taken the signal. */
static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        Player *player = userdata;

        if (has_signals_to_take(getppid())) {
                (void) sd_event_source_set_time_relative(source, TICK_USEC);
                return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        }

        (void) sd_bus_reply_method_return(player->caller, "so", JOB_ID, JOB_PATH);
        player->caller = sd_bus_message_unref(player->caller);
        return 0;
}

static int interrupt_caller(Player *player, sd_bus_message *call) {
        (void) kill(getppid(), SIGINT);
        player->caller = sd_bus_message_ref(call);
        return sd_event_add_time_relative(
                       player->event, NULL, CLOCK_MONOTONIC, TICK_USEC, 0, on_look, player) < 0
                       ? -ENOMEM
                       : 1;
}

static int on_bootstrap(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Player *player = userdata;
        int r;

        if (strcmp(player->part, "early") == 0)
                return interrupt_caller(player, call);

        if (strcmp(player->part, "refuse") == 0)
                return sd_bus_error_set(error, BUS_ERROR("FromTheFuture"), "Never heard of it");

        r = sd_bus_reply_method_return(call, "so", JOB_ID, JOB_PATH);
        if (strcmp(player->part, "instant") == 0)
                end_job(player, "done");
        return r < 0 ? r
                     : sd_event_add_time_relative(
                               player->event, NULL, CLOCK_MONOTONIC, TICK_USEC, 0, on_tick, player);
}

static int on_wait(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Player *player = userdata;

        if (player->result)
                return answer(player, call);

        player->waiter = sd_bus_message_ref(call);
        if (strcmp(player->part, "interrupt") == 0)
                (void) kill(getppid(), SIGINT);
        return 1;
}

static int on_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Player *player = userdata;

        (void) kill(getppid(), SIGINT); /* an impatient user */
        end_job(player, "cancelled");
        return sd_bus_reply_method_return(call, "");
}

static int get_digest(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *error) {
        return sd_bus_message_append(reply, "s", DIGEST);
}

static int get_layers(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *error) {
        return sd_bus_message_append(
                reply, "a(sbstt)", 3, "sha256:aa", true, "unpacked", UINT64_C(10), UINT64_C(10),
                "sha256:bb", false, "downloading", UINT64_C(3), UINT64_C(20), "sha256:cc", false,
                "levitating", UINT64_C(0), UINT64_C(5));
}

static int get_times(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *error) {
        return sd_bus_message_append(
                reply, "t",
                strcmp(property, "EndTime") == 0 ? UINT64_C(7500000) : UINT64_C(1000000));
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Bootstrap", "ssa{sv}", "so", on_bootstrap, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Wait", "", "sss", on_wait, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Cancel", "", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Digest", "s", get_digest, 0, 0),
        SD_BUS_PROPERTY("Layers", "a(sbstt)", get_layers, 0, 0),
        SD_BUS_PROPERTY("StartTime", "t", get_times, 0, 0),
        SD_BUS_PROPERTY("EndTime", "t", get_times, 0, 0),
        SD_BUS_PROPERTY("Unheard", "t", get_times, 0, 0),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable old_job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Wait", "", "sss", on_wait, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Digest", "s", get_digest, 0, 0),
        SD_BUS_VTABLE_END,
};

static int play(void) {
        Player player = { .part = getenv("TEST_PART") };
        const bool is_old = strcmp(player.part, "old") == 0;
        sd_id128_t id;

        if (sd_event_new(&player.event) < 0 || sd_id128_randomize(&id) < 0 ||
            sd_bus_new(&player.bus) < 0 || sd_bus_set_fd(player.bus, 3, 3) < 0 ||
            sd_bus_set_server(player.bus, true, id) < 0 ||
            sd_bus_negotiate_fds(player.bus, true) < 0 || sd_bus_start(player.bus) < 0 ||
            sd_bus_add_object_vtable(
                    player.bus, NULL, BUS_PATH, BUS_MANAGER, manager_vtable, &player) < 0 ||
            sd_bus_add_object_vtable(
                    player.bus, NULL, JOB_PATH, BUS_JOB, is_old ? old_job_vtable : job_vtable,
                    &player) < 0 ||
            sd_bus_attach_event(player.bus, player.event, 0) < 0 ||
            sd_bus_set_exit_on_disconnect(player.bus, true) < 0)
                return EXIT_FAILURE;

        (void) sd_event_loop(player.event);
        (void) sd_bus_flush_close_unref(player.bus);
        (void) sd_event_unref(player.event);
        return EXIT_SUCCESS;
}

/* --recover leaves a file that says so. */
static int recover(void) {
        const char *path = getenv("TEST_RECOVERED");
        int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

        closep(&fd);
        return fd >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The client. */

typedef struct Run {
        ClientOutcome outcome;
        char *id, *digest;
        size_t n_layers;
        ClientLayer layers[3]; /* without their digests */
        uint64_t speed, elapsed_usec, size, cached;
} Run;

static void run_done(Run *run) {
        client_outcome_done(&run->outcome);
        free(run->id);
        free(run->digest);
}

static void keep(const ClientDetails *details, Run *ret) {
        ret->digest = details->digest ? strdup(details->digest) : NULL;
        ret->n_layers = details->n_layers;
        for (size_t i = 0; i < ret->n_layers && i < N_ELEMENTS(ret->layers); i++)
                ret->layers[i] = details->layers[i];
        ret->speed = details->speed;
        ret->elapsed_usec = client_details_elapsed(details);
        ret->size = client_details_size(details);
        ret->cached = client_details_cached(details);
}

static void bootstrap(const char *part, Run *ret) {
        const ClientOptions options = { .transport = TRANSPORT_EMBEDDED, .quiet = true };
        const ClientJobHeader header = { .source = "docker://alpine",
                                         .destination = "/srv/alpine" };
        const ClientSource source = { .text = (char *) header.source, .fd = -EBADF };
        _cleanup_(client_display_done) ClientDisplay display = { 0 };
        _cleanup_(client_connection_closep) ClientConnection *connection = NULL;
        _cleanup_(client_follow_freep) ClientFollow *follow = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(setenv("TEST_PART", part, true), 0);
        client_display_init(&display, &options);
        assert_int_equal(client_connection_open(&options, &connection, &error), 0);
        assert_int_equal(client_follow_new(connection, &display, &follow, &error), 0);
        assert_int_equal(
                client_request_new_bootstrap(
                        connection, &options, &SECRETS_NULL, &source, header.destination, &call,
                        &error),
                0);

        *ret = (Run){ 0 };
        assert_int_equal(client_follow_bootstrap(follow, call, &header, &ret->outcome, &error), 0);
        keep(display.details, ret);
        if (client_follow_id(follow))
                ret->id = strdup(client_follow_id(follow));
}

TEST(job_is_followed_to_its_end) {
        _cleanup_(run_done) Run run;

        bootstrap("done", &run);
        assert_int_equal(client_outcome_status(&run.outcome, true), STATUS_DONE);
        assert_string_equal(run.id, JOB_ID);
        assert_string_equal(run.digest, DIGEST);
        assert_null(run.outcome.error);
}

TEST(job_that_ends_at_once_is_not_missed) {
        _cleanup_(run_done) Run run;

        bootstrap("instant", &run);
        assert_int_equal(client_outcome_status(&run.outcome, true), STATUS_DONE);
        assert_string_equal(run.digest, DIGEST);
}

TEST(details_are_taken_from_signals_and_properties) {
        _cleanup_(run_done) Run run;

        bootstrap("told", &run);
        assert_int_equal(run.speed, 5000);
        assert_int_equal(run.elapsed_usec, 6500000);
        assert_int_equal(run.n_layers, 3);
        assert_true(run.layers[0].is_cached);
        assert_int_equal(run.layers[0].state, LAYER_UNPACKED);
        assert_false(run.layers[1].is_cached);
        assert_int_equal(run.layers[1].state, LAYER_DOWNLOADING);
        assert_int_equal(run.layers[1].done, 3);
        assert_int_equal(run.layers[1].size, 20);
        assert_int_equal(run.layers[2].state, LAYER_WAITING); /* a state of a newer daemon */
        assert_int_equal(run.size, 35);
        assert_int_equal(run.cached, 10);
}

TEST(older_daemon_without_details_is_followed_too) {
        _cleanup_(run_done) Run run;

        bootstrap("old", &run);
        assert_int_equal(client_outcome_status(&run.outcome, true), STATUS_DONE);
        assert_string_equal(run.digest, DIGEST);
        assert_int_equal(run.n_layers, 0);
        assert_int_equal(run.elapsed_usec, 0);
}

TEST(failure_keeps_its_name_and_sentence) {
        _cleanup_(run_done) Run run;

        bootstrap("failed", &run);
        assert_int_equal(client_outcome_status(&run.outcome, true), STATUS_FAILED);
        assert_string_equal(run.outcome.error, BUS_ERROR("NotFound"));
        assert_string_equal(run.outcome.message, "It is not there");
}

TEST(refused_call_is_an_outcome_without_a_job) {
        _cleanup_(run_done) Run run;

        bootstrap("refuse", &run);
        assert_int_equal(client_outcome_status(&run.outcome, true), STATUS_FAILED);
        assert_string_equal(run.outcome.error, BUS_ERROR("FromTheFuture"));
        assert_string_equal(run.outcome.message, "Never heard of it");
        assert_null(run.id);
        assert_null(run.digest);
}

TEST(interrupt_cancels_and_waits_and_a_second_one_changes_nothing) {
        _cleanup_(run_done) Run run;

        bootstrap("interrupt", &run);
        assert_string_equal(run.outcome.result, "cancelled");
        assert_int_equal(client_outcome_status(&run.outcome, true), STATUS_CANCELLED);
}

TEST(interrupt_before_the_job_is_known_cancels_it) {
        _cleanup_(run_done) Run run;

        bootstrap("early", &run);
        assert_non_null(run.id);
        assert_string_equal(run.outcome.result, "cancelled");
        assert_int_equal(client_outcome_status(&run.outcome, true), STATUS_CANCELLED);
}

TEST(death_of_the_daemon_is_told_after_a_recovery) {
        char path[] = "/tmp/test-client-follow-XXXXXX";
        _cleanup_(run_done) Run run;

        close(mkstemp(path));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(setenv("TEST_RECOVERED", path, true), 0);

        bootstrap("die", &run);
        assert_int_equal(client_outcome_status(&run.outcome, true), STATUS_FAILED);
        assert_string_equal(run.outcome.error, BUS_ERROR("Interrupted"));
        assert_string_equal(run.outcome.message, "The daemon exited while the job was running");
        assert_int_equal(unlink(path), 0); /* --recover made it */
}

TEST(daemon_that_cannot_be_started_is_named) {
        const ClientOptions options = { .transport = TRANSPORT_EMBEDDED };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        ClientConnection *connection = NULL;

        assert_int_equal(setenv("VIRTBOOTSTRAP_DAEMON", "/nonexistent/daemon", true), 0);
        assert_int_equal(client_connection_open(&options, &connection, &error), -ENOENT);
        assert_non_null(strstr(error.message, "/nonexistent/daemon"));
        assert_int_equal(setenv("VIRTBOOTSTRAP_DAEMON", SELF, true), 0);
}

TEST(interrupt_lets_a_job_of_somebody_else_go_on) {
        const ClientOptions options = { .transport = TRANSPORT_EMBEDDED, .quiet = true };
        const ClientJobHeader header = { .id = JOB_ID, .path = JOB_PATH };
        _cleanup_(client_display_done) ClientDisplay display = { 0 };
        _cleanup_(client_connection_closep) ClientConnection *connection = NULL;
        _cleanup_(client_follow_freep) ClientFollow *follow = NULL;
        _cleanup_(client_outcome_done) ClientOutcome outcome = OUTCOME_NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;

        assert_int_equal(setenv("TEST_PART", "interrupt", true), 0);
        client_display_init(&display, &options);
        assert_int_equal(client_connection_open(&options, &connection, &error), 0);
        assert_int_equal(client_follow_new(connection, &display, &follow, &error), 0);
        assert_false(client_follow_is_detached(follow));

        /* The part would end the job as cancelled. */
        assert_int_equal(client_follow_job(follow, &header, &outcome, &error), 0);
        assert_true(client_follow_is_detached(follow));
        assert_null(outcome.result);
        assert_string_equal(client_follow_id(follow), JOB_ID);
}

int main(int argc, char *argv[]) {
        if (argc > 1)
                return strcmp(argv[1], "--recover") == 0 ? recover() : play();

        (void) setenv("VIRTBOOTSTRAP_DAEMON", SELF, true);
        return test_run();
}
