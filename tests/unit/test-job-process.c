/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

#include <dlfcn.h>
#include <sched.h>
#include <sys/syscall.h>
#include <syslog.h>

#include "base-clock.h"
#include "base-macro.h"
#include "job-output.h"

typedef struct Fixture {
        JobFixture job;
        JobProcess *process;
        unsigned n_messages, n_ended;
        ProtoMessage last;
        Error result;
        int log_fd, stderr_fd; /* owned; while the log is read, -EBADF */
        size_t logged;         /* bytes, when the end was told */
} Fixture;

#define HASTE 100U

/* What takes seconds takes milliseconds here. */
int sd_event_add_time_relative(
        sd_event *event,
        sd_event_source **ret,
        clockid_t clock,
        uint64_t usec,
        uint64_t accuracy,
        sd_event_time_handler_t handler,
        void *userdata) {
        uint64_t then;

        assert_true(sd_event_now(event, clock, &then) >= 0);
        assert_true(usec >= 100000);
        then += usec / HASTE;
        return sd_event_add_time(event, ret, clock, then, accuracy, handler, userdata);
}

static bool is_traced; /* the worker: its tracer has not heard yet that it has ended */
static unsigned n_looks;

int waitid(idtype_t type, id_t id, siginfo_t *info, int options) {
        int (*real)(idtype_t, id_t, siginfo_t *, int) = dlsym(RTLD_NEXT, "waitid");

        if (type != P_PIDFD || !is_traced)
                return real(type, id, info, options);
        n_looks++;
        info->si_pid = 0;
        return 0;
}

static bool is_immortal; /* the worker: killing it has no effect */

/* As if the worker were in a system call that does not end. */
long syscall(long number, ...) {
        long (*real)(long number, ...) = dlsym(RTLD_NEXT, "syscall"), a[6];
        va_list arguments;

        va_start(arguments, number);
        for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++)
                a[i] = va_arg(arguments, long);
        va_end(arguments);
        if (number == SYS_pidfd_send_signal && is_immortal)
                return 0;
        return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        Fixture *f = userdata;

        assert_int_equal(f->n_ended, 0);
        f->n_messages++;
        f->last = *message;
}

static void on_ended(void *userdata, const Error *error) {
        Fixture *f = userdata;

        f->n_ended++;
        if (error->code != 0)
                (void) error_copy(&f->result, error);
        if (f->log_fd >= 0)
                f->logged = (size_t) lseek(f->log_fd, 0, SEEK_CUR);
        f->process = job_process_free(f->process);
}

static const JobProcessEvents events = { .message = on_message, .ended = on_ended };

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        job_fixture_init(&f->job);
        f->log_fd = f->stderr_fd = -EBADF;
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_process_free(f->process);
        error_clear(&f->result);
        job_fixture_done(&f->job);
        free(f);
        return 0;
}

static void start(Fixture *f, JobWorkerKind kind, const char *mode) {
        use_fake_worker(&f->job, mode);
        assert_int_equal(
                job_process_start(&f->job.context, kind, &events, f, &f->process, NULL), 0);
}

static bool has_ended(void *userdata) {
        return ((Fixture *) userdata)->n_ended > 0;
}

static bool has_spoken(void *userdata) {
        return ((Fixture *) userdata)->n_messages > 0;
}

/* It ends once, and leaves no child behind. */
static void await_end(Fixture *f) {
        siginfo_t info = { 0 };

        loop_until(&f->job, has_ended, f);
        loop_settle(&f->job);
        assert_int_equal(f->n_ended, 1);
        assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
}

#define PROCESS_TEST(name) TEST_WITH(name, set_up, tear_down)

PROCESS_TEST(result_of_success_is_no_error) {
        Fixture *f = *state;

        start(f, WORKER_TREE, "succeed");
        await_end(f);
        assert_int_equal(f->n_messages, 0);
        assert_int_equal(f->result.code, 0);
}

PROCESS_TEST(failure_is_passed_on_as_it_was_reported) {
        Fixture *f = *state;

        start(f, WORKER_FETCH, "fail");
        await_end(f);
        assert_int_equal(f->result.code, ENOSPC);
        assert_int_equal(f->result.kind, ERROR_NO_SPACE);
        assert_string_equal(f->result.message, "The disk is full");
}

PROCESS_TEST(messages_come_in_order_and_before_the_end) {
        Fixture *f = *state;

        start(f, WORKER_UNPACK, "speak");
        await_end(f);
        assert_int_equal(f->n_messages, 2);
        assert_int_equal(f->last.unpack_progress.consumed, 2);
        assert_int_equal(f->result.code, 0);
}

PROCESS_TEST(worker_without_a_result_has_failed) {
        static const struct {
                const char *mode, *text;
        } cases[] = {
                { "end-silently", "exited with status 3" },
                { "die", "killed by signal 9" },
                { "succeed-and-exit-badly", "exited with status 1" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Fixture *f = *state;

                f->n_ended = 0;
                start(f, WORKER_VERIFY, cases[i].mode);
                await_end(f);
                assert_int_equal(f->result.kind, ERROR_WORKER_FAILED);
                assert_int_equal(f->result.code, ECHILD);
                assert_non_null(strstr(f->result.message, cases[i].text));
                assert_non_null(strstr(f->result.message, "verify"));
                error_clear(&f->result);
        }
}

PROCESS_TEST(reported_failure_counts_more_than_how_the_worker_died) {
        Fixture *f = *state;

        start(f, WORKER_VERIFY, "fail-and-die");
        await_end(f);
        assert_int_equal(f->result.kind, ERROR_NO_SPACE);
}

PROCESS_TEST(worker_that_cannot_be_executed_has_failed) {
        Fixture *f = *state;

        f->job.context.workers = "/nonexistent";
        assert_int_equal(
                job_process_start(&f->job.context, WORKER_TREE, &events, f, &f->process, NULL), 0);
        await_end(f);
        assert_int_equal(f->result.kind, ERROR_WORKER_FAILED);
        assert_string_equal(
                f->result.message,
                "The tree worker could not be started; /nonexistent/virt-bootstrap-tree: No such file or "
                "directory");
}

/* They would go on forever if they were not ended. */
PROCESS_TEST(worker_that_breaks_the_protocol_is_ended) {
        static const char *const modes[] = {
                "say-what-it-may-not",
                "say-garbage",
                "say-more-after-the-result",
                "say-two-results",
        };

        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
                Fixture *f = *state;

                f->n_ended = 0;
                start(f, WORKER_UNPACK, modes[i]);
                await_end(f);
                assert_int_equal(f->n_messages, 0);
                assert_int_equal(f->result.kind, ERROR_WORKER_FAILED);
                assert_int_equal(f->result.code, EBADMSG);
                assert_non_null(strstr(f->result.message, "unpack worker broke the protocol"));
                error_clear(&f->result);
        }
}

PROCESS_TEST(each_kind_may_send_its_own_messages_only) {
        static const bool may_speak[_WORKER_KIND_MAX] = {
                [WORKER_UNPACK] = true, [WORKER_DISK] = true
        };

        for (JobWorkerKind kind = 0; kind < _WORKER_KIND_MAX; kind++) {
                Fixture *f = *state;

                f->n_ended = 0;
                start(f, kind, "speak");
                await_end(f);
                assert_true((f->result.code == 0) == may_speak[kind]);
                error_clear(&f->result);
        }
}

PROCESS_TEST(stopped_worker_ends) {
        Fixture *f = *state;

        start(f, WORKER_UNPACK, "wait");
        loop_until(&f->job, has_spoken, f);
        job_process_stop(f->process);
        job_process_stop(f->process);
        await_end(f);
        assert_non_null(strstr(f->result.message, "signal 15"));
}

PROCESS_TEST(worker_that_does_not_want_to_end_is_killed) {
        Fixture *f = *state;

        start(f, WORKER_UNPACK, "ignore-sigterm");
        loop_until(&f->job, has_spoken, f);
        job_process_stop(f->process);
        await_end(f);
        assert_non_null(strstr(f->result.message, "signal 9"));
}

PROCESS_TEST(freed_process_is_killed_and_reaped_when_it_is_gone) {
        Fixture *f = *state;

        start(f, WORKER_UNPACK, "ignore-sigterm");
        loop_until(&f->job, has_spoken, f);
        job_process_stop(f->process);
        f->process = job_process_free(f->process);
        loop_until(&f->job, has_no_child, NULL);
        assert_int_equal(f->n_ended, 0);
}

PROCESS_TEST(worker_that_cannot_be_killed_is_given_up_and_reaped_later) {
        Fixture *f = *state;

        start(f, WORKER_UNPACK, "wait");
        loop_until(&f->job, has_spoken, f);
        is_immortal = true;
        job_process_stop(f->process);
        loop_until(&f->job, has_ended, f);
        is_immortal = false;
        assert_int_equal(f->result.code, ETIMEDOUT);
        assert_non_null(strstr(f->result.message, "does not end, although it was killed"));
        loop_until(&f->job, has_no_child, NULL);
        assert_int_equal(f->n_ended, 1);
}

static bool was_looked_for(void *userdata) {
        return n_looks >= *(unsigned *) userdata;
}

PROCESS_TEST(end_that_a_tracer_hears_first_is_looked_for_in_intervals) {
        Fixture *f = *state;
        unsigned first = 1, last = 6;
        uint64_t begin, end;

        is_traced = true;
        start(f, WORKER_TREE, "succeed");
        loop_until(&f->job, was_looked_for, &first);
        assert_true(sd_event_now(f->job.event, CLOCK_MONOTONIC, &begin) >= 0);
        loop_until(&f->job, was_looked_for, &last);
        assert_true(sd_event_now(f->job.event, CLOCK_MONOTONIC, &end) >= 0);
        assert_true(end - begin >= (last - first) * PROCESS_TRACED_USEC / HASTE);
        assert_int_equal(f->n_ended, 0);

        is_traced = false;
        await_end(f);
        assert_int_equal(f->result.code, 0);
}

PROCESS_TEST(failure_is_heard_also_when_the_worker_did_not_listen) {
        Fixture *f = *state;
        const ProtoMessage grown = { .type = PROTO_UNPACK_GROWN };

        start(f, WORKER_UNPACK, "fail-without-listening");
        for (int i = 0; i < 3; i++)
                job_process_send(f->process, &grown, NULL, 0);
        await_end(f);
        assert_int_equal(f->result.kind, ERROR_NO_SPACE);
}

PROCESS_TEST(worker_inherits_only_its_socket) {
        Fixture *f = *state;
        int leak = open("/dev/null", O_RDONLY); /* without close-on-exec */
        sigset_t term, before;

        (void) sigemptyset(&term);
        (void) sigaddset(&term, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &term, &before);
        start(f, WORKER_UNPACK, "look-around");
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        close(leak);
        await_end(f);
        assert_int_equal(f->last.unpack_progress.consumed, 4);
        assert_int_equal(f->last.unpack_progress.unpacked, 0);
}

/* More than the socket takes: the rest waits, with its descriptors; of a layer's growth only the last
 * is of interest. */
PROCESS_TEST(messages_wait_for_room_and_growth_is_merged) {
        Fixture *f = *state;
        ProtoMessage layer = { .type = PROTO_UNPACK_LAYER };
        ProtoMessage grown = { .type = PROTO_UNPACK_GROWN };
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        unsigned n = 5000;

        start(f, WORKER_UNPACK, "listen-late");
        for (uint32_t i = 0; i < 900; i++) {
                layer.unpack_layer.index = i;
                job_process_send(f->process, &layer, &fd, 1);
        }
        close(fd);
        for (unsigned i = 1; i <= n; i++) {
                grown.unpack_grown.size = i;
                grown.unpack_grown.is_complete = i == n;
                job_process_send(f->process, &grown, NULL, 0);
        }
        await_end(f);
        assert_int_equal(f->result.code, 0);
        assert_int_equal(f->last.unpack_progress.unpacked, n);
        assert_in_range(f->last.unpack_progress.consumed, 1, n / 2);
}

PROCESS_TEST(worker_that_never_listens_is_ended_before_the_queue_grows_forever) {
        Fixture *f = *state;
        const ProtoMessage range = { .type = PROTO_ID_RANGE };

        start(f, WORKER_UNPACK, "ignore-sigterm");
        for (unsigned i = 0; i < 20000; i++)
                job_process_send(f->process, &range, NULL, 0);
        await_end(f);
        assert_int_equal(f->result.code, ENOBUFS);
}

PROCESS_TEST(sending_to_a_dead_worker_is_no_failure_of_its_own) {
        Fixture *f = *state;
        const ProtoMessage range = { .type = PROTO_ID_RANGE };
        siginfo_t info;

        start(f, WORKER_UNPACK, "end-silently");
        assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
        for (unsigned i = 0; i < 10; i++)
                job_process_send(f->process, &range, NULL, 0);
        await_end(f);
        assert_non_null(strstr(f->result.message, "exited with status 3"));
}

/* The log is this process's standard error. */
static void read_the_log(Fixture *f) {
        log_init(&f->job.log, LOG_WARNING);
        f->log_fd = open(
                scratch_at(f->job.scratch, "stderr"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        f->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        assert_true(f->log_fd >= 0 && f->stderr_fd >= 0);
        assert_int_equal(dup2(f->log_fd, STDERR_FILENO), STDERR_FILENO);
}

/* All that was logged before the end was told; owned by the caller. */
static char *logged(Fixture *f) {
        char *text = calloc(1, f->logged + 1);

        (void) fflush(stderr);
        assert_int_equal(dup2(f->stderr_fd, STDERR_FILENO), STDERR_FILENO);
        assert_int_equal(pread(f->log_fd, text, f->logged, 0), (ssize_t) f->logged);
        closep(&f->log_fd);
        closep(&f->stderr_fd);
        f->log_fd = f->stderr_fd = -EBADF;
        return text;
}

PROCESS_TEST(last_words_are_in_the_log_before_the_end_is_told) {
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;

        f->job.context.job = "k7";
        read_the_log(f);
        start(f, WORKER_FETCH, "print-and-die");
        await_end(f);
        log = logged(f);
        assert_string_equal(
                log,
                "virt-bootstrapd: Job k7, fetch worker: on standard output\n"
                "virt-bootstrapd: Job k7, fetch worker: on standard error\n"
                "virt-bootstrapd: Job k7, fetch worker: the last words\n");
        assert_non_null(strstr(f->result.message, "killed by signal 9"));
}

PROCESS_TEST(what_it_prints_is_text_and_no_more) {
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;

        read_the_log(f);
        start(f, WORKER_VERIFY, "print-tricks");
        await_end(f);
        log = logged(f);
        assert_string_equal(
                log,
                "virt-bootstrapd: The verify worker: ?[2Jcleared?\n"
                "virt-bootstrapd: The verify worker: forged\n"
                "virt-bootstrapd: The verify worker: again\n"
                "virt-bootstrapd: The verify worker: <b>bold\n"
                "virt-bootstrapd: The verify worker: <3333>\n"
                "virt-bootstrapd: The verify worker: ?\?( is no UTF-8\n"
                "virt-bootstrapd: The verify worker: ?31mred\n"
                "virt-bootstrapd: The verify worker: \xc3\xa4 tab\n"
                "virt-bootstrapd: The verify worker: VIRTBOOTSTRAP_JOB=other\n");
}

PROCESS_TEST(long_lines_are_cut) {
        static const char prefix[] = "virt-bootstrapd: The tree worker: ";
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;
        const char *rest;

        read_the_log(f);
        start(f, WORKER_TREE, "print-a-long-line");
        await_end(f);
        log = logged(f);
        assert_memory_equal(log, prefix, strlen(prefix));
        rest = log + strlen(prefix);
        assert_int_equal(strspn(rest, "x"), OUTPUT_LINE_MAX);
        assert_string_equal(
                rest + OUTPUT_LINE_MAX, " (cut)\nvirt-bootstrapd: The tree worker: short\n");
}

/* It is not kept waiting, and says what it has to say. */
PROCESS_TEST(who_prints_too_much_is_heard_no_more_and_goes_on) {
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;
        const char *left_out;

        read_the_log(f);
        start(f, WORKER_UNPACK, "print-noise");
        await_end(f);
        log = logged(f);
        assert_int_equal(f->result.code, 0);
        left_out = strstr(log, "It prints too much; the rest is omitted\n");
        assert_non_null(left_out);
        assert_string_equal(left_out, "It prints too much; the rest is omitted\n");
        assert_in_range(f->logged, OUTPUT_LINE_MAX, 2 * OUTPUT_BYTES_MAX);
}

static size_t count(const char *text, const char *part) {
        size_t n = 0;

        while ((text = strstr(text, part))) {
                text += strlen(part);
                n++;
        }
        return n;
}

PROCESS_TEST(lines_have_a_ceiling_however_short_they_are) {
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;
        const char *left_out;

        read_the_log(f);
        start(f, WORKER_UNPACK, "print-short-lines");
        await_end(f);
        log = logged(f);
        assert_int_equal(f->result.code, 0);
        assert_int_equal(count(log, "The unpack worker: x\n"), OUTPUT_LINES_MAX);
        left_out = strstr(log, "It prints too much; the rest is omitted\n");
        assert_non_null(left_out);
        assert_string_equal(left_out, "It prints too much; the rest is omitted\n");
}

PROCESS_TEST(nothing_is_left_out_of_as_many_lines_as_it_may_print) {
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;

        read_the_log(f);
        start(f, WORKER_UNPACK, "print-as-many-lines-as-it-may");
        await_end(f);
        log = logged(f);
        assert_int_equal(count(log, "worker: fifteen letters\n"), OUTPUT_LINES_MAX);
        assert_int_equal(count(log, "\n"), OUTPUT_LINES_MAX);
}

/* The log of a worker that says what it does; owned by the caller. */
static char *trace_once(Fixture *f, int level) {
        f->job.context.job = "k7";
        read_the_log(f);
        f->job.log.level = level;
        start(f, WORKER_FETCH, "trace-once");
        await_end(f);
        assert_int_equal(f->result.code, 0);
        return logged(f);
}

PROCESS_TEST(what_it_does_is_in_the_log_at_the_debug_level) {
        _cleanup_(freep) char *log = trace_once(*state, LOG_DEBUG);

        assert_non_null(strstr(log, "virt-bootstrapd: Job k7, fetch worker: GET something\n"));
}

PROCESS_TEST(what_it_does_is_not_in_the_log_at_other_levels) {
        _cleanup_(freep) char *log = trace_once(*state, LOG_INFO);

        assert_string_equal(log, "");
}

/* However fast it talks, a second has so many lines; the test takes several seconds only on a machine that is busy. */
PROCESS_TEST(who_tells_too_much_of_what_it_does_is_heard_no_more) {
        const uint64_t began_usec = clock_usec(CLOCK_MONOTONIC);
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;
        uint64_t seconds;
        size_t n;

        read_the_log(f);
        f->job.log.level = LOG_DEBUG;
        start(f, WORKER_FETCH, "trace-often");
        await_end(f);
        log = logged(f);
        seconds = (clock_usec(CLOCK_MONOTONIC) - began_usec) / USEC_PER_SEC + 1;
        n = count(log, "fetch worker: request ");
        assert_int_equal(f->result.code, 0);
        assert_in_range(n, OUTPUT_TRACES_PER_SEC, seconds * OUTPUT_TRACES_PER_SEC);
        assert_in_range(
                count(log, "It reports too much; the rest of this second is omitted\n"), 1,
                seconds);
}

PROCESS_TEST(what_it_says_that_it_does_cannot_reach_roots_terminal) {
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;

        read_the_log(f);
        f->job.log.level = LOG_DEBUG;
        start(f, WORKER_FETCH, "trace-with-an-escape-sequence");
        await_end(f);
        log = logged(f);
        assert_int_equal(f->result.kind, ERROR_WORKER_FAILED);
        assert_non_null(strstr(f->result.message, "broke the protocol"));
        assert_null(strchr(log, '\033'));
}

/* Nobody asked them. */
PROCESS_TEST(only_who_makes_requests_may_tell_of_them) {
        Fixture *f = *state;

        start(f, WORKER_UNPACK, "trace-once");
        await_end(f);
        assert_int_equal(f->result.kind, ERROR_WORKER_FAILED);
        assert_non_null(strstr(f->result.message, "out of place"));
}

PROCESS_TEST(orphan_that_goes_on_printing_does_not_keep_the_end) {
        Fixture *f = *state;
        _cleanup_(freep) char *log = NULL;

        read_the_log(f);
        start(f, WORKER_UNPACK, "leave-one-who-prints");
        await_end(f);
        log = logged(f);
        assert_int_equal(f->result.code, 0);
        assert_in_range(f->logged, 0, 16 * OUTPUT_BYTES_MAX);
}

static bool fork_fails;

int clone(int (*run)(void *), void *stack, int flags, void *userdata, ...) {
        int (*next)(int (*)(void *), void *, int, void *, ...);

        if (fork_fails) {
                errno = EAGAIN;
                return -1;
        }
        *(void **) &next = dlsym(RTLD_NEXT, "clone");
        return next(run, stack, flags, userdata);
}

/* As when there are too many processes, which is not what a worker that has too little to do says. */
PROCESS_TEST(worker_that_cannot_be_started_is_a_failure_of_its_own) {
        Fixture *f = *state;
        _cleanup_(error_clear) Error error = ERROR_NULL;

        fork_fails = true;
        assert_int_equal(
                job_process_start(&f->job.context, WORKER_VERIFY, &events, f, &f->process, &error),
                -ECHILD);
        fork_fails = false;
        assert_int_equal(error.kind, ERROR_WORKER_FAILED);
        assert_string_equal(
                error.message, "Cannot start the verify worker: Resource temporarily unavailable");
        assert_null(f->process);
        loop_settle(&f->job);
        assert_int_equal(f->n_ended, 0);
}
