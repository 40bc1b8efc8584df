/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two processes. The keeper holds the place in which the other works, and waits; it reads only the other's
 * result. The other, in the sandbox, runs virt-builder, then guestfish. For root it is the first process of a
 * PID namespace: if it, the keeper, or the daemon is killed, the kernel ends all their children. Without a
 * namespace the keeper does that; if the keeper itself is killed, libguestfs ends its QEMU. For each place to be
 * removed the keeper starts one more process, which has the place as its root.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-fd.h"
#include "base-macro.h"
#include "base-program.h"
#include "base-secret.h"
#include "base-spawn.h"
#include "builder-cache.h"
#include "builder-output.h"
#include "builder-place.h"
#include "sandbox-privileges.h"
#include "sandbox.h"
#include "step.h"

#define PASSWORD_NAME  "password"
#define PASSWORD_MAX   ((size_t) 4096)  /* bytes of its file; only the first line is used */
#define PERMILLE_BUILT ((uint32_t) 650) /* virt-builder's share; the rest is the tarball's */
#define PERMILLE_MAX   ((uint32_t) 999) /* until all is done */
#define CHILDREN_MAX   ((size_t) 65536) /* bytes of their list */

/* With its package in Debian. */
static const char builder_name[] = "virt-builder", builder_package[] = "guestfs-tools";
static const char guestfish_name[] = "guestfish", guestfish_package[] = "guestfish";

/* As the original virt-bootstrap called it. */
static const char *const fixed_arguments[] = {
        "-o",     BUILDER_DISK_NAME, "--format", "raw",    "--no-network",      "--delete",
        "/dev/*", "--delete",        "/boot/*",  "--edit", "/etc/fstab:s/^/#/",
};

static const char *const guestfish_arguments[] = {
        guestfish_name,
        "--ro",
        "--format=raw",
        "-a",
        BUILDER_DISK_NAME,
        "-i",
        "tar-out",
        "/",
        "-",
        "xattrs:true",
        "acls:true",
        "numericowner:true",
        NULL,
};

typedef struct BuilderWork {
        int socket_fd;        /* borrowed */
        int pipe_fd;          /* borrowed */
        ProtoOutcome failure; /* what it is if it fails */
        ProtoBuilderStart start;
        ProtoBuilderArgument *arguments; /* owned; start.n_arguments of them */
        BuilderPlace place;
        bool has_password;
        BuilderOutput output;
        uint32_t told;         /* permille, of all */
        uint64_t usage;        /* bytes on the disk, a while ago */
        uint64_t moved, total; /* bytes of the tarball; @total is a guess */
} BuilderWork;

static void work_done(BuilderWork *work) {
        builder_place_done(&work->place);
        free(work->arguments);
}

/* If sending fails, the receiver has exited, which ends this process, too. */
static void tell_progress(BuilderWork *work, uint32_t permille) {
        ProtoMessage message = {
                .type = PROTO_BUILDER_PROGRESS,
                .builder_progress.permille = permille < PERMILLE_MAX ? permille : PERMILLE_MAX,
        };

        if (permille <= work->told)
                return;

        work->told = permille;
        (void) step_send(work->socket_fd, &message, NULL);
}

static void warn(const BuilderWork *work, const char *text) {
        (void) step_warn(work->socket_fd, text, NULL);
}

static void on_line(void *userdata, const char *line) {
        BuilderWork *work = userdata;
        const char *warning = builder_output_read(&work->output, line);
        char text[sizeof(((ProtoWarning *) NULL)->text)];

        if (warning) {
                (void) snprintf(text, sizeof(text), "%s: %s", builder_name, warning);
                warn(work, text);
        }
        tell_progress(work, work->output.permille * PERMILLE_BUILT / 1000);
}

/* The total to download or write is unknown: growth counts as progress. */
static void on_waiting(void *userdata) {
        BuilderWork *work = userdata;
        uint64_t usage = builder_place_usage(&work->place);

        if (usage != work->usage && work->output.permille + 1 < work->output.permille_max)
                tell_progress(work, ++work->output.permille * PERMILLE_BUILT / 1000);
        work->usage = usage;
}

static void on_moved(void *userdata, size_t bytes) {
        BuilderWork *work = userdata;

        work->moved += bytes;
        if (work->moved < work->total)
                tell_progress(
                        work,
                        PERMILLE_BUILT +
                                (uint32_t) (work->moved * (1000 - PERMILLE_BUILT) / work->total));
}

static const SpawnEvents program_events = {
        .line = on_line,
        .moved = on_moved,
        .waiting = on_waiting,
};

static int find(const char *name, const char *package, char **ret, Error *error) {
        int r = program_find(name, ret, error);

        if (r == -ENOENT)
                error_set(
                        error, ENOENT, ERROR_NOT_FOUND,
                        "%s is not installed; on Debian it is in the package %s", name, package);
        return r;
}

static int describe_failure(
        const BuilderWork *work, const char *name, const siginfo_t *end, Error *error) {
        const BuilderOutput *output = &work->output;
        char text[SPAWN_END_MAX];

        if (output->is_unknown_template)
                return error_set(
                        error, ENOENT, ERROR_NOT_FOUND,
                        "virt-builder has no template \"%s\" for this machine; to list the available "
                        "templates, run: virt-builder --list",
                        work->start.template);

        return error_set(
                error, output->is_no_space ? ENOSPC : EIO,
                output->is_no_space ? ERROR_NO_SPACE : ERROR_FAILED, "%s failed: %s%s", name,
                output->rank > 0 ? "" : "it ",
                output->rank > 0 ? output->reason : spawn_describe_end(end, text));
}

static int run_program(BuilderWork *work, const SpawnProgram *program, Error *error) {
        siginfo_t end;
        int r;

        r = spawn_run(program, &program_events, work, &end, error);
        if (r == -EPIPE)
                work->failure = PROTO_OUTCOME_OUTPUT_CLOSED;
        if (r < 0)
                return r;
        return end.si_code == CLD_EXITED && end.si_status == 0
                       ? 0
                       : describe_failure(work, program->argv[0], &end, error);
}

static int build(BuilderWork *work, const char *path, char *const *environment, Error *error) {
        const char *argv[N_ELEMENTS(fixed_arguments) + PROTO_ARGUMENTS_MAX + 5] = {
                builder_name, work->start.template
        };
        const SpawnProgram program = {
                .path = path,
                .argv = argv,
                .environment = environment,
                .directory = work->place.path,
                .output_fd = -EBADF,
        };
        size_t n = 2;

        for (size_t i = 0; i < N_ELEMENTS(fixed_arguments); i++)
                argv[n++] = fixed_arguments[i];
        if (work->has_password) {
                argv[n++] = "--root-password";
                argv[n++] = "file:" PASSWORD_NAME;
        }
        for (uint32_t i = 0; i < work->start.n_arguments; i++)
                argv[n++] = work->arguments[i].text;

        return run_program(work, &program, error);
}

static int pass_on(BuilderWork *work, const char *path, char *const *environment, Error *error) {
        const SpawnProgram program = {
                .path = path,
                .argv = guestfish_arguments,
                .environment = environment,
                .directory = work->place.path,
                .output_fd = work->pipe_fd,
        };

        work->output = BUILDER_OUTPUT_NULL;
        work->total = builder_place_disk_bytes(&work->place);
        tell_progress(work, PERMILLE_BUILT);
        return run_program(work, &program, error);
}

static int work_inside(BuilderWork *work, Error *error) {
        _cleanup_(builder_environment_freep) char **environment = NULL;
        _cleanup_(freep) char *builder = NULL, *guestfish = NULL;
        int r;

        r = builder_place_enter(&work->place, error);
        if (r >= 0 && work->start.sandbox)
                r = sandbox_enter_programs(work->start.user, error);
        if (r >= 0)
                r = builder_place_check(&work->place, error);
        if (r >= 0)
                r = find(builder_name, builder_package, &builder, error);
        if (r >= 0)
                r = find(guestfish_name, guestfish_package, &guestfish, error);
        if (r >= 0)
                r = builder_place_environment(&work->place, &environment, error);
        if (r >= 0)
                r = build(work, builder, environment, error);
        if (r >= 0)
                r = pass_on(work, guestfish, environment, error);
        return r;
}

/* The two ends of the socket between the keeper and its child. */
typedef struct Inside {
        BuilderWork *work; /* borrowed */
        int keeper_fd, child_fd;
} Inside;

/* In the child, which ends here. */
static _Noreturn void be_inside(void *userdata) {
        const Inside *inside = userdata;
        struct pollfd keeper = { .fd = inside->child_fd };
        ProtoMessage result;
        Error error = ERROR_NULL;

        (void) close(inside->keeper_fd);
        (void) setsid();
        (void) umask(0077);

        /* The keeper, which is outside the PID namespace, may have been killed before. */
        if (poll(&keeper, 1, 0) != 0)
                _exit(EXIT_FAILURE);

        (void) work_inside(inside->work, &error);
        proto_result_set(&result, inside->work->failure, &error);
        _exit(proto_send(inside->child_fd, &result, NULL, 0) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Without a PID namespace, orphans and their orphans become children of this process. */
static void end_orphans(void) {
        for (;;) {
                _cleanup_(freep) char *list = NULL;
                char *p, *end;

                if (file_read(AT_FDCWD, "/proc/thread-self/children", CHILDREN_MAX, &list, NULL) <
                    0)
                        return;
                for (p = list; *p != '\0'; p = end) {
                        long pid = strtol(p, &end, 10);

                        if (end == p || pid <= 0)
                                break;
                        (void) kill((pid_t) pid, SIGKILL);
                }
                if (waitpid(-1, NULL, 0) < 0)
                        return;
        }
}

/* Waits for the child to exit, which it does at once on SIGTERM. */
static void wait_for_end(pid_t pid) {
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGCHLD);
        while (waitpid(pid, NULL, WNOHANG) == 0)
                if (sigwaitinfo(&signals, NULL) == SIGTERM)
                        (void) kill(pid, SIGKILL);
        end_orphans();
}

static int read_result(BuilderWork *work, int fd, Error *error) {
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;
        int r;

        r = proto_receive(fd, &message, &fds, error);
        if (r < 0)
                return r;
        if (r == 0 || message.type != PROTO_RESULT)
                return error_set(
                        error, ECHILD, ERROR_WORKER_FAILED,
                        "The builder worker was terminated before it finished");
        work->failure = (ProtoOutcome) message.result.outcome;
        if (message.result.outcome != PROTO_OUTCOME_DONE)
                return error_set(
                        error, (int) message.result.code, (ErrorKind) message.result.kind, "%s",
                        message.result.text);
        return 0;
}

static void block_signals(void) {
        sigset_t signals;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigaddset(&signals, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int keep(BuilderWork *work, Error *error) {
        _cleanup_(closep) int fd = -EBADF, pidfd = -EBADF;
        int pair[2], r;
        Inside inside;
        pid_t pid;

        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return error_set_errno(error, errno, "Cannot start the builder");
        fd = pair[0];

        inside = (Inside){ .work = work, .keeper_fd = pair[0], .child_fd = pair[1] };
        r = spawn(
                &(SpawnOptions){
                        .output_fd = STDOUT_FILENO,
                        .error_fd = STDERR_FILENO,
                        .run = be_inside,
                        .userdata = &inside,
                },
                &pid, &pidfd);
        (void) close(pair[1]);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot start the builder");

        wait_for_end(pid);
        return read_result(work, fd, error);
}

static int receive_arguments(BuilderWork *work, Error *error) {
        uint32_t n = work->start.n_arguments;
        int r = 0;

        work->arguments = calloc(n > 0 ? n : 1, sizeof(work->arguments[0]));
        if (!work->arguments)
                return error_oom(error);

        for (uint32_t i = 0; r >= 0 && i < n; i++) {
                ProtoMessage message;

                r = step_receive(work->socket_fd, PROTO_BUILDER_ARGUMENT, &message, NULL, error);
                if (r >= 0)
                        work->arguments[i] = message.builder_argument;
        }
        return r;
}

/* Not on the command line, which is visible to everybody. */
static int put_password(BuilderWork *work, int fd, Error *error) {
        _cleanup_(secret_freep) char *text = NULL;
        int r;

        if (fd < 0)
                return 0;

        r = fd_read_all(fd, PASSWORD_MAX, &text, NULL);
        if (r < 0)
                return error_set_errno(error, -r, "Cannot read the password for root");

        text[strcspn(text, "\n")] = '\0';
        r = builder_place_put(&work->place, PASSWORD_NAME, text, error);
        work->has_password = r >= 0;
        return r;
}

/* Failure to remove something is not a reason to fail. */
static void on_left(void *userdata, const Error *error) {
        warn(userdata, error_text(error));
}

static int make_place(BuilderWork *work, int password_fd, Error *error) {
        int r;

        r = builder_place_make(
                work->start.user, (SandboxMode) work->start.sandbox, &work->place, error);
        if (r < 0)
                return r;

        builder_place_sweep(&work->place, on_left, work);
        r = builder_cache_lend(&work->place, work->start.template, error);
        return r < 0 ? r : put_password(work, password_fd, error);
}

/* Keep templates only if a PID namespace guarantees that nobody has them open any more. */
static void leave_place(BuilderWork *work, bool is_done) {
        _cleanup_(error_clear) Error kept = ERROR_NULL, removed = ERROR_NULL;

        if (is_done && sandbox_privileges_can_mount() &&
            builder_cache_keep(&work->place, work->start.template, &kept) < 0)
                warn(work, error_text(&kept));
        if (sandbox_leave_processes(&removed) < 0 ||
            builder_place_remove(&work->place, &removed) < 0)
                warn(work, error_text(&removed));
}

static int run(int socket_fd, ProtoOutcome *failure, Error *error) {
        _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
        _cleanup_(work_done) BuilderWork work = {
                .socket_fd = socket_fd,
                .failure = *failure,
                .place = BUILDER_PLACE_NULL,
                .output = BUILDER_OUTPUT_NULL,
        };
        ProtoMessage message;
        int r;

        r = step_receive(socket_fd, PROTO_BUILDER_START, &message, &fds, error);
        if (r < 0)
                return r;

        block_signals();
        work.start = message.builder_start;
        work.pipe_fd = fds.fds[0];
        r = receive_arguments(&work, error);
        if (r >= 0)
                r = make_place(&work, fds.fds[1], error);
        if (r >= 0 && work.start.sandbox)
                r = sandbox_enter_processes(error);
        if (r >= 0)
                r = keep(&work, error);
        leave_place(&work, r >= 0);
        if (r < 0)
                *failure = work.failure;
        return r;
}

int main(int argc, char **argv) {
        return step_main(argc, argv, run);
}
