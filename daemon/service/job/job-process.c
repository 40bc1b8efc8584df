/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base-spawn.h"
#include "job-log.h"
#include "job-output.h"
#include "job-process.h"

#define QUEUE_MAX                                                                                  \
        ((size_t) 8192) /* messages waiting for one worker; a job has at most 1000 layers */

#define NSEC_PER_SEC UINT64_C(1000000000)

/* A message that waits for room in the socket. */
typedef struct Queued {
        struct Queued *next; /* owned */
        ProtoMessage message;
        ProtoFds fds; /* owned copies */
        size_t n_fds;
} Queued;

struct JobProcess {
        const JobContext *context;      /* borrowed */
        const JobProcessEvents *events; /* borrowed */
        void *userdata;                 /* borrowed */
        JobWorkerKind kind;
        JobUser *user;                /* owned reference; NULL: who it is */
        pid_t pid;                    /* 0 once reaped */
        int pid_fd;                   /* owned */
        int socket_fd;                /* owned */
        JobOutput *output;            /* owned; what it prints */
        sd_event_source *pid_source;  /* owned */
        sd_event_source *io_source;   /* owned */
        sd_event_source *kill_source; /* owned; armed once it was asked to end, or killed */
        sd_event_source *wait_source; /* owned; armed while its tracer has not heard of its end */
        bool is_killed;
        Queued *queue; /* owned; oldest first */
        Queued *last;  /* borrowed; its end, unless it is empty */
        size_t n_queued;
        bool has_result;
        ProtoOutcome outcome; /* of what it reported; in the end of all that happened to it */
        Error result;         /* what the worker reported; empty for success */
        Error broken;         /* why we ended it: it broke the protocol */
};

static const char *const kind_names[_WORKER_KIND_MAX] = {
        [WORKER_FETCH] = "fetch",
        [WORKER_FETCH_ARCHIVE] = "fetch-archive",
        [WORKER_FETCH_DIRECTORY] = "fetch-directory",
        [WORKER_RESOLVE] = "resolve",
        [WORKER_VERIFY] = "verify",
        [WORKER_UNPACK] = "unpack",
        [WORKER_DISK] = "disk",
        [WORKER_BUILDER] = "builder",
        [WORKER_TREE] = "tree",
        [WORKER_TRUST] = "trust",
};

/* clang-format off */
#define MAY_SEND_FETCH_FILES                                                                       \
        {                                                                                          \
                [PROTO_FETCH_READ] = true,                                                         \
                [PROTO_BLOB_WANTED] = true,                                                        \
                [PROTO_TOP] = true,                                                                \
                [PROTO_WARNING] = true,                                                            \
        }
/* clang-format on */

/* Which messages a worker may send, besides PROTO_RESULT. */
static const bool may_send[_WORKER_KIND_MAX][_PROTO_TYPE_MAX] = {
        [WORKER_FETCH] = {
                [PROTO_FETCH_WAIT] = true,
                [PROTO_SIGNATURE] = true,
                [PROTO_SIGNATURE_DATA] = true,
                [PROTO_SIGNATURES_END] = true,
                [PROTO_BLOB_WANTED] = true,
                [PROTO_TOP] = true,
                [PROTO_TAG] = true,
                [PROTO_TRACE] = true,
                [PROTO_WARNING] = true,
        },
        [WORKER_FETCH_ARCHIVE] = MAY_SEND_FETCH_FILES,
        [WORKER_FETCH_DIRECTORY] = MAY_SEND_FETCH_FILES,
        [WORKER_RESOLVE] = {
                [PROTO_BLOB_WANTED] = true,
                [PROTO_IMAGE] = true,
                [PROTO_LAYER] = true,
                [PROTO_DETAIL] = true,
                [PROTO_REPORT] = true,
                [PROTO_WARNING] = true,
        },
        [WORKER_VERIFY] = {
                [PROTO_VERIFY_READY] = true,
                [PROTO_VERIFY_GROWN] = true,
                [PROTO_VERIFY_FULL] = true,
                [PROTO_VERIFY_DONE] = true,
        },
        [WORKER_UNPACK] = {
                [PROTO_UNPACK_PROGRESS] = true,
                [PROTO_UNPACK_RIGHTS] = true,
                [PROTO_WARNING] = true,
        },
        [WORKER_BUILDER] = {
                [PROTO_BUILDER_PROGRESS] = true,
                [PROTO_WARNING] = true,
        },
        [WORKER_TRUST] = {
                [PROTO_TRUST_DECISION] = true,
                [PROTO_TRUST_KEY] = true,
                [PROTO_TRUST_ACCEPTED] = true,
                [PROTO_WARNING] = true,
        },
        [WORKER_DISK] = {
                [PROTO_UNPACK_PROGRESS] = true,
                [PROTO_DISK_LAYER] = true,
                [PROTO_WARNING] = true,
        },
};

/* The others stay root. */
static const bool becomes_user[_WORKER_KIND_MAX] = {
        [WORKER_FETCH] = true,   [WORKER_FETCH_ARCHIVE] = true, [WORKER_FETCH_DIRECTORY] = true,
        [WORKER_RESOLVE] = true, [WORKER_VERIFY] = true,        [WORKER_DISK] = true,
        [WORKER_BUILDER] = true, [WORKER_TRUST] = true,
};

static const JobUserPurpose purposes[_WORKER_KIND_MAX] = {
        [WORKER_FETCH] = USER_SEALED,           [WORKER_FETCH_ARCHIVE] = USER_SEALED,
        [WORKER_FETCH_DIRECTORY] = USER_SEALED, [WORKER_RESOLVE] = USER_SEALED,
        [WORKER_VERIFY] = USER_SEALED,          [WORKER_DISK] = USER_FILES,
        [WORKER_BUILDER] = USER_PROGRAMS,       [WORKER_TRUST] = USER_SEALED,
};

const char *job_worker_kind_to_string(JobWorkerKind kind) {
        assert(kind < _WORKER_KIND_MAX);
        return kind_names[kind];
}

/* The path of its program; owned by the caller; NULL when out of memory. */
static char *worker_path(const JobProcess *process) {
        char *path;

        return asprintf(
                       &path, "%s/virt-bootstrap-%s", process->context->workers,
                       kind_names[process->kind]) < 0
                       ? NULL
                       : path;
}

/* What a worker starts with. */
typedef struct Beginning {
        const char *path; /* borrowed; its program */
        pid_t parent;
} Beginning;

/* In the child; @fds are its socket and its output. */
static void run_worker(const int fds[static 2], void *userdata) {
        const Beginning *beginning = userdata;
        char *const argv[] = { (char *) beginning->path, NULL };
        const int socket_fd = fds[0], output_fd = fds[1];
        sigset_t none;
        int null_fd;

        /* The worker dies with the daemon, also when the daemon is killed. */
        if (spawn_die_with_parent(beginning->parent) < 0)
                _exit(SPAWN_FAILED);

        null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
            dup2(output_fd, STDERR_FILENO) < 0)
                _exit(SPAWN_FAILED);
        /* dup2() onto itself would leave close-on-exec set. */
        if (socket_fd == PROTO_WORKER_FD ? fcntl(socket_fd, F_SETFD, 0) < 0
                                         : dup2(socket_fd, PROTO_WORKER_FD) < 0)
                _exit(SPAWN_FAILED);
        if (syscall(SYS_close_range, PROTO_WORKER_FD + 1, ~0U, 0) < 0)
                _exit(SPAWN_FAILED);

        (void) sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) signal(SIGPIPE, SIG_DFL);
        (void) execv(beginning->path, argv);
        _exit(SPAWN_FAILED);
}

/* The last thing that happens to a process: afterwards it may be gone. */
static void conclude(JobProcess *process, const Error *error) {
        process->pid_source = sd_event_source_disable_unref(process->pid_source);
        process->io_source = sd_event_source_disable_unref(process->io_source);
        process->kill_source = sd_event_source_disable_unref(process->kill_source);
        process->wait_source = sd_event_source_disable_unref(process->wait_source);
        process->events->ended(process->userdata, error);
}

/* A program that is missing cannot say so itself. */
static void describe_end(const JobProcess *process, const siginfo_t *info, Error *error) {
        _cleanup_(freep) char *path = NULL;
        char end[SPAWN_END_MAX];

        error_set(
                error, ECHILD, ERROR_WORKER_FAILED, "The %s worker %s", kind_names[process->kind],
                spawn_describe_end(info, end));
        if (info->si_code != CLD_EXITED || info->si_status != SPAWN_FAILED)
                return;

        path = worker_path(process);
        if (path && access(path, X_OK) < 0)
                error_add_hint(error, "%s: %m", path);
}

/* It has ended. */
static void finish(JobProcess *process, const siginfo_t *info) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        char end[SPAWN_END_MAX];

        job_log_debug(
                process->context->log, process->context->job, "The %s worker, process %d, %s",
                kind_names[process->kind], (int) process->pid, spawn_describe_end(info, end));
        process->pid = 0;
        /* What it printed before it died comes before the news that it did. */
        process->output = job_output_free(process->output);

        if (process->broken.code == 0 && process->has_result &&
            (process->result.code != 0 || (info->si_code == CLD_EXITED && info->si_status == 0))) {
                error_move(&error, &process->result);
                conclude(process, &error);
                return;
        }

        process->outcome = PROTO_OUTCOME_FAILED;
        if (process->broken.code != 0)
                error_move(&error, &process->broken);
        else
                describe_end(process, info, &error);

        conclude(process, &error);
}

/* Killed, and still there: it is in a system call that does not end, and may be so for ever. */
static int on_kill_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        JobProcess *process = userdata;

        process->outcome = PROTO_OUTCOME_FAILED;
        if (process->broken.code != 0)
                error_move(&error, &process->broken);
        else
                error_set(
                        &error, ETIMEDOUT, ERROR_FAILED,
                        "The %s worker does not end, although it was killed: does a file system not "
                        "answer?",
                        kind_names[process->kind]);
        conclude(process, &error);
        return 0;
}

static void kill_worker(JobProcess *process) {
        if (process->is_killed)
                return;

        process->is_killed = true;
        (void) syscall(SYS_pidfd_send_signal, process->pid_fd, SIGKILL, NULL, 0);
        process->kill_source = sd_event_source_disable_unref(process->kill_source);
        (void) sd_event_add_time_relative(
                process->context->event, &process->kill_source, CLOCK_MONOTONIC, PROCESS_KILL_USEC,
                0, on_kill_timeout, process);
}

static void break_off(JobProcess *process, Error *error) {
        (void) error_prefix(error, "The %s worker broke the protocol", kind_names[process->kind]);
        if (process->broken.code == 0)
                error_move(&process->broken, error);
        kill_worker(process);
}

static void handle(JobProcess *process, const ProtoMessage *message, ProtoFds *fds) {
        _cleanup_(error_clear) Error error = ERROR_NULL;

        if (process->broken.code != 0)
                return;

        if (message->type == PROTO_RESULT && !process->has_result) {
                process->has_result = true;
                process->outcome = (ProtoOutcome) message->result.outcome;
                if (message->result.code != 0)
                        error_set(
                                &process->result, (int) message->result.code,
                                (ErrorKind) message->result.kind, "%s", message->result.text);
                return;
        }

        if (process->has_result || !may_send[process->kind][message->type]) {
                error_set(
                        &error, EBADMSG, ERROR_WORKER_FAILED, "Message of type %u is out of place",
                        message->type);
                break_off(process, &error);
                return;
        }

        if (message->type == PROTO_TRACE)
                job_output_trace(process->output, message->trace.text);
        else
                process->events->message(process->userdata, message, fds);
}

/* Receives one message; returns whether there may be more. */
static bool receive(JobProcess *process) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        _cleanup_(error_clear) Error error = ERROR_NULL;
        ProtoMessage message;
        int r;

        r = proto_receive(process->socket_fd, &message, &fds, &error);
        if (r == 1) {
                handle(process, &message, &fds);
                return true;
        }
        if (r < 0 && r != -EAGAIN)
                break_off(process, &error);
        if (r != -EAGAIN)
                process->io_source = sd_event_source_disable_unref(process->io_source);
        return false;
}

static void queued_free(Queued *queued, Closer *closer) {
        for (size_t i = 0; i < queued->n_fds; i++)
                closer_close(closer, queued->fds.fds[i]);
        free(queued);
}

static void flush(JobProcess *process) {
        while (process->queue) {
                Queued *first = process->queue;

                if (proto_send(process->socket_fd, &first->message, first->fds.fds, first->n_fds) ==
                    -EAGAIN)
                        return;

                process->queue = first->next;
                process->n_queued--;
                queued_free(first, process->context->closer);
        }

        if (process->io_source)
                (void) sd_event_source_set_io_events(process->io_source, EPOLLIN);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        JobProcess *process = userdata;

        if (revents & EPOLLOUT)
                flush(process);
        /* One message at a time, so that no worker keeps the others waiting. */
        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                (void) receive(process);
        return 0;
}

static int on_wait_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        JobProcess *process = userdata;

        (void) sd_event_source_set_enabled(process->pid_source, SD_EVENT_ON);
        return 0;
}

/* Of a process that is traced, its tracer hears first; until it has, the descriptor stays readable. */
static void wait_for_tracer(JobProcess *process) {
        process->wait_source = sd_event_source_disable_unref(process->wait_source);
        if (sd_event_add_time_relative(
                    process->context->event, &process->wait_source, CLOCK_MONOTONIC,
                    PROCESS_TRACED_USEC, PROCESS_TRACED_USEC / 10, on_wait_timeout, process) >= 0)
                (void) sd_event_source_set_enabled(process->pid_source, SD_EVENT_OFF);
}

static int on_exit_of_worker(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        JobProcess *process = userdata;
        siginfo_t info = { 0 };

        /* What it said before it ended comes first. */
        while (process->io_source && receive(process))
                ;
        if (waitid(P_PIDFD, (id_t) process->pid_fd, &info, WEXITED | WNOHANG) >= 0 &&
            info.si_pid == 0) {
                wait_for_tracer(process);
                return 0;
        }
        finish(process, &info);
        return 0;
}

static int on_stop_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        JobProcess *process = userdata;

        log_print(
                process->context->log, LOG_WARNING, "The %s worker does not end, killing it",
                kind_names[process->kind]);
        kill_worker(process);
        return 0;
}

static int watch(JobProcess *process, Error *error) {
        int r;

        r = sd_event_add_io(
                process->context->event, &process->io_source, process->socket_fd, EPOLLIN, on_io,
                process);
        if (r >= 0)
                r = sd_event_add_io(
                        process->context->event, &process->pid_source, process->pid_fd, EPOLLIN,
                        on_exit_of_worker, process);
        /* Messages before the news that the process has ended. */
        if (r >= 0)
                r = sd_event_source_set_priority(process->pid_source, SD_EVENT_PRIORITY_NORMAL + 1);
        return r < 0 ? error_set_errno(error, -r, "Cannot watch a worker") : 0;
}

static int try_start(JobProcess *process) {
        const JobOutputSource source = {
                .step = kind_names[process->kind],
                .job = process->context->job,
        };
        _cleanup_(closep) int theirs = -EBADF, output_fd = -EBADF;
        _cleanup_(freep) char *path = worker_path(process);
        Beginning beginning = { .parent = getpid() };
        int pair[2], r;

        if (!path)
                return -ENOMEM;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        process->socket_fd = pair[0];
        theirs = pair[1];
        if (fcntl(process->socket_fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = job_output_new(
                process->context->event, process->context->log, &source, &output_fd,
                &process->output);
        if (r < 0)
                return r;

        beginning.path = path;
        process->pid = fork_bare(
                process->context->slots, (const int[]){ theirs, output_fd }, run_worker,
                &beginning);
        if (process->pid < 0) {
                r = -errno;
                process->pid = 0;
                return r;
        }

        process->pid_fd = (int) syscall(SYS_pidfd_open, process->pid, 0);
        return process->pid_fd < 0 ? -errno : 0;
}

/* With a code that says nothing but that: what is lacking now is not what a worker says of its work. */
static int start_worker(JobProcess *process, Error *error) {
        int r = try_start(process);

        if (r >= 0) {
                job_log_debug(
                        process->context->log, process->context->job,
                        "Started the %s worker, process %d", kind_names[process->kind],
                        (int) process->pid);
                return 0;
        }
        return error_set(
                error, ECHILD, ERROR_WORKER_FAILED, "Cannot start the %s worker: %s",
                kind_names[process->kind], strerror(-r));
}

static int take_user(JobProcess *process, Error *error) {
        return becomes_user[process->kind] ? job_user_take(
                                                     process->context->users,
                                                     purposes[process->kind], &process->user, error)
                                           : 0;
}

static JobProcess *process_new(
        const JobContext *context,
        JobWorkerKind kind,
        const JobProcessEvents *events,
        void *userdata) {
        JobProcess *process = malloc(sizeof(*process));

        if (process)
                *process = (JobProcess){
                        .context = context,
                        .events = events,
                        .userdata = userdata,
                        .kind = kind,
                        .pid_fd = -EBADF,
                        .socket_fd = -EBADF,
                };
        return process;
}

int job_process_start(
        const JobContext *context,
        JobWorkerKind kind,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error) {
        _cleanup_(job_process_freep) JobProcess *process = NULL;
        int r;

        process = process_new(context, kind, events, userdata);
        if (!process)
                return error_oom(error);

        r = take_user(process, error);
        if (r >= 0)
                r = start_worker(process, error);
        if (r >= 0)
                r = watch(process, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(process);
        return 0;
}

int job_process_start_spare(
        const JobContext *context,
        JobWorkerKind kind,
        const JobProcessEvents *events,
        void *userdata,
        JobProcess **ret,
        Error *error) {
        _cleanup_(job_process_freep) JobProcess *process = NULL;
        int r;

        process = process_new(context, kind, events, userdata);
        if (!process)
                return error_oom(error);

        r = start_worker(process, error);
        if (r >= 0)
                r = watch(process, error);
        if (r < 0)
                return r;

        (void) sd_event_source_set_enabled(process->io_source, SD_EVENT_OFF);
        *ret = TAKE_PTR(process);
        return 0;
}

int job_process_adopt(
        JobProcess *process, const JobProcessEvents *events, void *userdata, Error *error) {
        int r;

        r = take_user(process, error);
        if (r < 0)
                return r;

        (void) sd_event_source_set_enabled(process->io_source, SD_EVENT_ON);
        process->events = events;
        process->userdata = userdata;
        return 0;
}

JobUser *job_process_user(const JobProcess *process) {
        return process->user;
}

uint64_t job_process_cpu_nsec(const JobProcess *process) {
        struct timespec used;
        clockid_t clock;

        if (process->pid == 0 || clock_getcpuclockid(process->pid, &clock) != 0 ||
            clock_gettime(clock, &used) < 0)
                return 0;
        return (uint64_t) used.tv_sec * NSEC_PER_SEC + (uint64_t) used.tv_nsec;
}

/* Nobody knows it any more, but that it was killed: it is reaped when it is gone, and nobody else becomes its
 * user before. */
static int on_gone(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        siginfo_t info;

        (void) waitid(P_PIDFD, (id_t) fd, &info, WEXITED | WNOHANG);
        /* The event loop lets go of it. */
        return sd_event_source_set_floating(source, 0);
}

static void forget_user(void *userdata) {
        job_user_unref(userdata);
}

/* Returns whether it is gone, as it is at once unless it hangs: who frees it may need what it has locked. */
static bool kill_and_reap(JobProcess *process) {
        struct pollfd gone = { .fd = process->pid_fd, .events = POLLIN };
        siginfo_t info = { 0 };

        (void) kill(process->pid, SIGKILL);
        if (process->pid_fd >= 0 && !process->is_killed)
                (void) poll(&gone, 1, PROCESS_REAP_MSEC);
        return waitid(P_PID, (id_t) process->pid, &info, WEXITED | WNOHANG) >= 0 &&
               info.si_pid != 0;
}

static void leave(JobProcess *process) {
        sd_event_source *source = NULL;

        if (process->pid_fd < 0 || sd_event_add_io(
                                           process->context->event, &source, process->pid_fd,
                                           EPOLLIN, on_gone, process->user) < 0)
                return;

        (void) sd_event_source_set_destroy_callback(source, forget_user);
        (void) TAKE_PTR(process->user);
        (void) sd_event_source_set_io_fd_own(source, 1);
        (void) TAKE_FD(process->pid_fd);
        (void) sd_event_source_set_floating(source, 1);
        sd_event_source_unref(source);
}

JobProcess *job_process_free(JobProcess *process) {
        if (!process)
                return NULL;

        sd_event_source_disable_unref(process->pid_source);
        sd_event_source_disable_unref(process->io_source);
        sd_event_source_disable_unref(process->kill_source);
        sd_event_source_disable_unref(process->wait_source);
        if (process->pid > 0 && !kill_and_reap(process))
                leave(process);
        while (process->queue) {
                Queued *first = process->queue;

                process->queue = first->next;
                queued_free(first, process->context->closer);
        }
        job_output_free(process->output);
        closep(&process->pid_fd);
        closep(&process->socket_fd);
        error_clear(&process->result);
        error_clear(&process->broken);
        job_user_unref(process->user);
        free(process);
        return NULL;
}

/* Whether @message replaces one that has not gone out yet. */
static bool replace_queued(JobProcess *process, const ProtoMessage *message) {
        if (message->type != PROTO_UNPACK_GROWN)
                return false;

        for (Queued *q = process->queue; q; q = q->next)
                if (q->message.type == PROTO_UNPACK_GROWN &&
                    q->message.unpack_grown.index == message->unpack_grown.index) {
                        q->message = *message;
                        return true;
                }

        return false;
}

/* Copies @fds. */
static int queued_new(
        const ProtoMessage *message, const int *fds, size_t n_fds, Closer *closer, Queued **ret) {
        Queued *queued = malloc(sizeof(*queued));

        if (!queued)
                return -ENOMEM;

        *queued = (Queued){ .message = *message, .fds = PROTO_FDS_NULL };
        for (; queued->n_fds < n_fds; queued->n_fds++) {
                const int fd = fcntl(fds[queued->n_fds], F_DUPFD_CLOEXEC, 3);

                if (fd < 0) {
                        const int r = -errno;

                        queued_free(queued, closer);
                        return r;
                }
                queued->fds.fds[queued->n_fds] = fd;
        }

        *ret = queued;
        return 0;
}

static int enqueue(JobProcess *process, const ProtoMessage *message, const int *fds, size_t n_fds) {
        Queued *queued = NULL;
        int r;

        if (replace_queued(process, message))
                return 0;
        if (process->n_queued == QUEUE_MAX)
                return -ENOBUFS;

        r = queued_new(message, fds, n_fds, process->context->closer, &queued);
        if (r < 0)
                return r;

        if (process->queue)
                process->last->next = queued;
        else
                process->queue = queued;
        process->last = queued;
        process->n_queued++;
        return process->io_source
                       ? sd_event_source_set_io_events(process->io_source, EPOLLIN | EPOLLOUT)
                       : 0;
}

void job_process_send(
        JobProcess *process, const ProtoMessage *message, const int *fds, size_t n_fds) {
        _cleanup_(error_clear) Error error = ERROR_NULL;
        int r = -EAGAIN;

        if (!process->queue)
                r = proto_send(process->socket_fd, message, fds, n_fds);
        if (r == -EAGAIN)
                r = enqueue(process, message, fds, n_fds);
        /* It is ending already: finish() tells why. */
        if (r >= 0 || r == -EPIPE || r == -ECONNRESET)
                return;

        error_set_errno(&error, -r, "Cannot send a message");
        break_off(process, &error);
}

ProtoOutcome job_process_outcome(const JobProcess *process) {
        return process->outcome;
}

void job_process_stop(JobProcess *process) {
        if (process->kill_source || process->is_killed)
                return;

        (void) syscall(SYS_pidfd_send_signal, process->pid_fd, SIGTERM, NULL, 0);
        (void) sd_event_add_time_relative(
                process->context->event, &process->kill_source, CLOCK_MONOTONIC, PROCESS_STOP_USEC,
                0, on_stop_timeout, process);
}
