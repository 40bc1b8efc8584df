/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virt-bootstrapd: connects the layers, and decides when to exit. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base-fd.h"
#include "bus-refuse.h"
#include "bus-server.h"
#include "job-recover.h"
#include "main-options.h"
#include "proto-channel.h"

#define CACHE_SYSTEM      "/var/cache/virt-bootstrap"
#define TEMPORARY_DEFAULT "/var/tmp"
#define SYSTEM_BUS        "unix:path=/run/dbus/system_bus_socket"

/* Between giving up the name and exiting, for calls that were sent to it meanwhile. */
#define LINGER_USEC UINT64_C(100000)

/* How long such a call may take, although systemd was told that we stop: one hour. */
#define STOP_MAX_USEC "3600000000"

/* Sockets that systemd may pass. */
#define SOCKETS_MAX 16

typedef struct Daemon {
        MainOptions options;
        Config config;
        Log log;
        bool has_slots;
        ForkSlots slots;                         /* when @has_slots */
        sd_event *event;                         /* owned, as all that follow */
        sd_event_source *idle;                   /* armed while there is nothing to do */
        sd_event_source *linger;                 /* armed between giving up the names and exiting */
        sd_event_source *listening[SOCKETS_MAX]; /* NULL after the last */
        Store *store;
        JobContext context;
        JobQueue *queue;
        BusServer *server;
        JobRecovery *recovery;
        bool is_started;
        bool is_stopping; /* no more jobs: exit when the last one is cleaned up */
        Error error;      /* why it exits, if it should not */
} Daemon;

static void daemon_done(Daemon *daemon) {
        job_recovery_free(daemon->recovery);
        bus_server_free(daemon->server);
        job_queue_free(daemon->queue);
        job_context_done(&daemon->context);
        store_free(daemon->store);
        sd_event_source_disable_unref(daemon->idle);
        sd_event_source_disable_unref(daemon->linger);
        for (size_t i = 0; i < SOCKETS_MAX; i++)
                sd_event_source_disable_unref(daemon->listening[i]);
        sd_event_unref(daemon->event);
        error_clear(&daemon->error);
}

static bool is_busy(const Daemon *daemon) {
        return !job_queue_is_empty(daemon->queue) || bus_server_n_peers(daemon->server) > 0;
}

/* Cancels all jobs, and then exits. */
static void stop(Daemon *daemon, const char *why) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (daemon->is_stopping)
                return;

        daemon->is_stopping = true;
        (void) sd_notify(0, "STOPPING=1");
        error_set(&error, EINTR, ERROR_INTERRUPTED, "The job was interrupted: %s", why);
        job_queue_cancel_all(daemon->queue, &error);
        if (daemon->recovery)
                job_recovery_stop(daemon->recovery);
}

static int on_linger(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *daemon = userdata;

        if (!is_busy(daemon))
                return sd_event_exit(daemon->event, 0);

        (void) sd_notify(0, "EXTEND_TIMEOUT_USEC=" STOP_MAX_USEC);
        bus_server_request_names(daemon->server);
        /* on_connect() disabled the sockets that somebody connected to meanwhile. */
        for (size_t i = 0; i < SOCKETS_MAX && daemon->listening[i]; i++)
                (void) sd_event_source_set_enabled(daemon->listening[i], SD_EVENT_ON);
        return 0;
}

static int on_idle(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *daemon = userdata;

        log_print(&daemon->log, LOG_DEBUG, "Nothing to do, exiting");
        /* Before the names go: a later call makes systemd start the next daemon, which it would not do
         * while it considers this one running. */
        (void) sd_notify(0, "STOPPING=1");
        bus_server_release_names(daemon->server);
        (void) sd_event_source_set_time_relative(daemon->linger, LINGER_USEC);
        (void) sd_event_source_set_enabled(daemon->linger, SD_EVENT_ONESHOT);
        return 0;
}

/* After every event: whether to exit, now or later. */
static int on_post(sd_event_source *source, void *userdata) {
        Daemon *daemon = userdata;
        int enabled = SD_EVENT_OFF;

        if (daemon->is_stopping && job_queue_n_active(daemon->queue) == 0 && !daemon->recovery)
                return sd_event_exit(daemon->event, daemon->error.code != 0 ? EXIT_FAILURE : 0);

        if (is_busy(daemon) || daemon->config.idle_usec == 0)
                return sd_event_source_set_enabled(daemon->idle, SD_EVENT_OFF);

        (void) sd_event_source_get_enabled(daemon->idle, &enabled);
        if (enabled == SD_EVENT_OFF &&
            sd_event_source_get_enabled(daemon->linger, NULL) == SD_EVENT_OFF) {
                (void) sd_event_source_set_time_relative(daemon->idle, daemon->config.idle_usec);
                (void) sd_event_source_set_enabled(daemon->idle, SD_EVENT_ONESHOT);
        }
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        stop(userdata, "the daemon was stopped");
        return 0;
}

static void on_peer_gone(void *userdata) {
        Daemon *daemon = userdata;

        if (daemon->options.embedded_fd >= 0)
                stop(daemon, "the client has disconnected");
}

static void on_name_lost(void *userdata, const Error *error) {
        Daemon *daemon = userdata;

        (void) error_copy(&daemon->error, error);
        stop(daemon, "the daemon could not acquire its name on the bus");
}

static const BusServerEvents server_events = {
        .peer_gone = on_peer_gone,
        .name_lost = on_name_lost,
};

static void on_recovered(void *userdata) {
        Daemon *daemon = userdata;

        daemon->recovery = job_recovery_free(daemon->recovery);
        if (daemon->options.recover)
                stop(daemon, "the daemon was started for cleanup only");
}

static const JobRecoveryEvents recovery_events = { .ended = on_recovered };

static int on_connect(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        Daemon *daemon = userdata;
        int peer;

        /* Left for the next daemon, which systemd starts for it. */
        if (sd_event_source_get_enabled(daemon->linger, NULL) > 0)
                return sd_event_source_set_enabled(source, SD_EVENT_OFF);

        peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer >= 0 && bus_server_add_peer(daemon->server, peer, &error) < 0)
                log_print(&daemon->log, LOG_WARNING, "%s", error_text(&error));
        return 0;
}

static int listen_on_sockets(Daemon *daemon, Error *error) {
        int n = sd_listen_fds(1), n_listening = 0, r;

        if (n < 0)
                return error_set_errno(error, -n, "Cannot take the sockets from systemd");
        if (n > SOCKETS_MAX)
                return error_set(
                        error, E2BIG, ERROR_INVALID_OPTION,
                        "systemd passed %d sockets; expected at most %d", n, SOCKETS_MAX);

        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
                if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 0) > 0) {
                        r = bus_server_add_peer(daemon->server, fd, error);
                        if (r < 0)
                                return r;
                        continue;
                }

                if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) <= 0)
                        return error_set(
                                error, EINVAL, ERROR_INVALID_OPTION,
                                "Socket %d passed by systemd is not a listening UNIX stream socket",
                                fd);
                r = sd_event_add_io(
                        daemon->event, &daemon->listening[n_listening++], fd, EPOLLIN, on_connect,
                        daemon);
                if (r < 0)
                        return error_set_errno(error, -r, "Cannot listen on socket %d", fd);
        }

        return n;
}

static const char *bus_address(MainBus bus) {
        const char *address;

        if (bus == MAIN_BUS_SYSTEM) {
                address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
                return address ? address : SYSTEM_BUS;
        }

        return getenv("DBUS_SESSION_BUS_ADDRESS");
}

/* The session bus of systemd --user has its own path. */
static int user_bus_address(char **ret) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");

        if (!runtime)
                return -ENOENT;
        return asprintf(ret, "unix:path=%s/bus", runtime) < 0 ? -ENOMEM : 0;
}

static int serve_on_bus(Daemon *daemon, MainBus bus, Error *error) {
        _cleanup_(freep) char *fallback = NULL;
        const char *address = bus_address(bus);

        if (!address && user_bus_address(&fallback) >= 0)
                address = fallback;
        if (!address)
                return error_set(error, ENOENT, ERROR_FAILED, "No session bus was found");
        return bus_server_add_bus(daemon->server, address, error);
}

static int serve(Daemon *daemon, Error *error) {
        MainBus bus = daemon->options.bus;
        int n, r;

        if (daemon->options.recover)
                return 0;
        if (daemon->options.embedded_fd >= 0)
                return bus_server_add_peer(daemon->server, daemon->options.embedded_fd, error);

        n = listen_on_sockets(daemon, error);
        if (n < 0)
                return n;

        if (bus == MAIN_BUS_AUTO)
                bus = geteuid() == 0 ? MAIN_BUS_SYSTEM : MAIN_BUS_USER;
        if (bus == MAIN_BUS_NONE && n == 0)
                return error_set(
                        error, EINVAL, ERROR_INVALID_OPTION,
                        "With --bus=none, systemd must pass a socket");
        if (bus == MAIN_BUS_NONE)
                return 0;

        r = serve_on_bus(daemon, bus, error);
        return r < 0 ? r : 0;
}

static int find_cache(const Daemon *daemon, char **ret, Error *error) {
        const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
        int r;

        if (daemon->options.cache && daemon->options.cache[0] != '/')
                return error_set(
                        error, EINVAL, ERROR_CACHE_UNUSABLE,
                        "Cannot use the cache %s: expected an absolute path",
                        daemon->options.cache);

        if (daemon->options.cache)
                r = asprintf(ret, "%s", daemon->options.cache);
        else if (geteuid() == 0)
                r = asprintf(ret, "%s", CACHE_SYSTEM);
        else if (xdg && xdg[0] == '/')
                r = asprintf(ret, "%s/virt-bootstrap", xdg);
        else if (home && home[0] == '/')
                r = asprintf(ret, "%s/.cache/virt-bootstrap", home);
        else
                return error_set(
                        error, ENOENT, ERROR_CACHE_UNUSABLE,
                        "No place for the cache: neither XDG_CACHE_HOME nor HOME is set");

        if (r < 0)
                return error_oom(error);
        return 0;
}

static int set_up_jobs(Daemon *daemon, Error *error) {
        const char *temporary = getenv("VIRTBOOTSTRAP_TMPDIR");
        const char *workers = getenv("VIRTBOOTSTRAP_WORKERS");
        _cleanup_(freep) char *cache = NULL;
        int r;

        r = find_cache(daemon, &cache, error);
        if (r >= 0)
                r = store_open(cache, &daemon->store, error);
        if (r < 0)
                return r;

        store_set_log(daemon->store, &daemon->log);
        daemon->context = (JobContext){
                .event = daemon->event,
                .store = daemon->store,
                .config = &daemon->config,
                .log = &daemon->log,
                .workers = workers ? workers : WORKERS_PATH,
                .temporary_directory = temporary ? temporary : TEMPORARY_DEFAULT,
                .slots = daemon->has_slots ? &daemon->slots : NULL,
        };
        r = job_context_init(&daemon->context, error);
        if (r >= 0)
                r = bus_server_new(
                        daemon->event, &daemon->log, &server_events, daemon, &daemon->server,
                        error);
        if (r >= 0)
                r = job_queue_new(
                        &daemon->context, bus_server_listener(daemon->server), &daemon->queue,
                        error);
        if (r < 0)
                return r;

        bus_server_set_queue(daemon->server, &daemon->context, daemon->queue);
        return job_recovery_start(
                &daemon->context, daemon->queue, &recovery_events, daemon, &daemon->recovery,
                error);
}

static int set_up_events(Daemon *daemon, Error *error) {
        sigset_t signals;
        int r;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGINT);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return error_set_errno(error, errno, "Cannot set up signals");

        r = sd_event_default(&daemon->event);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_signal, daemon);
        if (r >= 0)
                r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_signal, daemon);
        if (r >= 0)
                r = sd_event_add_time(
                        daemon->event, &daemon->idle, CLOCK_MONOTONIC, 0, 0, on_idle, daemon);
        if (r >= 0)
                r = sd_event_source_set_enabled(daemon->idle, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(
                        daemon->event, &daemon->linger, CLOCK_MONOTONIC, 0, 0, on_linger, daemon);
        if (r >= 0)
                r = sd_event_source_set_enabled(daemon->linger, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_post(daemon->event, NULL, on_post, daemon);
        if (r >= 0)
                r = sd_event_set_watchdog(daemon->event, 1);
        return r < 0 ? error_set_errno(error, -r, "Cannot set up the event loop") : 0;
}

static void override(uint64_t *value, uint64_t option) {
        if (option != UINT64_MAX)
                *value = option;
}

/* systemd identifies processes that it started itself (systemd.exec(5)): a service's workers cannot be debugged. */
static bool is_debugged(const Daemon *daemon) {
        const char *by_systemd = getenv("SYSTEMD_EXEC_PID");

        if (!getenv(PROTO_DEBUG_VARIABLE))
                return false;
        if (!by_systemd || atol(by_systemd) != getpid())
                return true;

        log_print(
                &daemon->log, LOG_WARNING,
                PROTO_DEBUG_VARIABLE " is not supported in a service, ignoring it");
        (void) unsetenv(PROTO_DEBUG_VARIABLE);
        return false;
}

static int configure(Daemon *daemon, Error *error) {
        const MainOptions *options = &daemon->options;
        Log log = daemon->log;
        int r;

        /* What the daemon of a client warns of, the client shows; of these, nobody else would hear. */
        if (options->embedded_fd >= 0 && log.level < LOG_WARNING)
                log.level = LOG_WARNING;
        r = config_load(options->config_file, &log, &daemon->config, error);
        if (r < 0)
                return r;

        if (options->log_level < 0)
                daemon->log.level = daemon->config.log_level;
        override(&daemon->config.idle_usec, options->override.idle_usec);
        override(&daemon->config.retention_usec, options->override.retention_usec);
        override(&daemon->config.jobs_max, options->override.jobs_max);
        override(&daemon->config.queued_max, options->override.queued_max);
        if (is_debugged(daemon))
                daemon->config.stall_usec = daemon->config.job_usec = 0;
        return 0;
}

/* Passwords pass through this process: a core dump would leave them on the disk. */
static int dump_no_core(Error *error) {
        const struct rlimit none = { 0, 0 };

        if (setrlimit(RLIMIT_CORE, &none) < 0)
                return error_set_errno(error, errno, "Cannot disable core dumps");
        return 0;
}

static int run(Daemon *daemon, Error *error) {
        int r;

        (void) fd_raise_limit();
        daemon->has_slots = fork_reserve_fds(&daemon->slots);
        r = dump_no_core(error);
        if (r >= 0)
                r = configure(daemon, error);
        if (r >= 0)
                r = set_up_events(daemon, error);
        if (r >= 0)
                r = set_up_jobs(daemon, error);
        if (r >= 0)
                r = serve(daemon, error);
        if (r < 0)
                return r;

        daemon->is_started = true;
        (void) sd_notify(0, "READY=1");
        r = sd_event_loop(daemon->event);
        if (daemon->error.code != 0)
                return error_copy(error, &daemon->error);
        if (r < 0)
                return error_set_errno(error, -r, "The event loop failed");
        return 0;
}

/* A thread that hangs still uses memory that would be freed, and nobody waits for it. */
static void leave_threads(Daemon *daemon, int status) {
        if (!daemon->context.tasks || job_task_pool_n_threads(daemon->context.tasks) == 0)
                return;

        bus_server_free(daemon->server);
        _exit(status);
}

/* The client of an embedded daemon is told why it does not start; otherwise only the log says so. */
static void tell_failure(const Daemon *daemon, const Error *error) {
        if (daemon->is_started || daemon->options.embedded_fd < 0 ||
            bus_refuse(daemon->options.embedded_fd, error) < 0)
                log_print(&daemon->log, LOG_ERR, "%s", error_text(error));
}

int main(int argc, char **argv) {
        _cleanup_(daemon_done) Daemon daemon = { 0 };
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int r;

        r = main_options_parse(argc, argv, &daemon.options);
        if (r < 0)
                return 2;
        if (r == 0)
                return EXIT_SUCCESS;

        log_init(&daemon.log, LOG_INFO);
        if (daemon.options.log_level >= 0)
                daemon.log.level = daemon.options.log_level;
        r = run(&daemon, &error);
        if (r < 0)
                tell_failure(&daemon, &error);
        leave_threads(&daemon, r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
