/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-job.h"

#include <dirent.h>
#include <sys/wait.h>

#include "job-builder.h"

/* With the real worker, and with a virt-builder and a guestfish that are shell scripts. As root these run as
 * nobody. */

#define PASSWORD    "s3cret word"
#define FIRST_USER  60706U /* up to 61183, nobody has ids: systemd.io/UIDS-GIDS */
#define USERS_COUNT 478U

typedef struct Fixture {
        JobFixture job;
        JobSpec *spec;
        JobProcess *builder;
        int read_fd, write_fd; /* owned; the pipe for the tarball */
        unsigned n_warnings, n_ended;
        bool is_unread;
        uint32_t permille; /* told last */
        char warning[256];
        Error error;
} Fixture;

/* Whom the builder of root becomes: an id that no other program uses, since the daemon waits for that. */
static uid_t worker(void) {
        static uid_t id;

        if (id == 0)
                id = FIRST_USER + (uid_t) getpid() % (USERS_COUNT / 2) * 2;
        return id;
}

static void on_progress(Fixture *f, uint32_t permille) {
        assert_true(permille > f->permille && permille < 1000);
        f->permille = permille;
}

static void on_warning(Fixture *f, const char *text) {
        f->n_warnings++;
        assert_true(strlen(text) < sizeof(f->warning));
        strcpy(f->warning, text);
}

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        if (message->type == PROTO_BUILDER_PROGRESS)
                on_progress(userdata, message->builder_progress.permille);
        else
                on_warning(userdata, message->warning.text);
}

static void on_ended(void *userdata, const Error *error) {
        Fixture *f = userdata;

        f->n_ended++;
        f->is_unread = job_process_outcome(f->builder) == PROTO_OUTCOME_OUTPUT_CLOSED;
        if (error->code != 0)
                (void) error_copy(&f->error, error);
        f->builder = job_process_free(f->builder);
}

static const JobProcessEvents events = {
        .message = on_message,
        .ended = on_ended,
};

static void make_directory(Fixture *f, const char *name) {
        assert_int_equal(mkdir(scratch_at(f->job.scratch, name), 0755), 0);
        assert_int_equal(chmod(scratch_at(f->job.scratch, name), 0777), 0);
}

/* @body runs with the directory "log" as $LOG. */
static void put_program(Fixture *f, const char *name, const char *body) {
        char script[4096], path[64];

        assert_true(
                snprintf(
                        script, sizeof(script), "#!/bin/sh\nLOG=%s\n%s\n",
                        scratch_at(f->job.scratch, "log"), body) < (int) sizeof(script));
        (void) snprintf(path, sizeof(path), "bin/%s", name);
        scratch_write(f->job.scratch, path, script);
        assert_int_equal(chmod(scratch_at(f->job.scratch, path), 0755), 0);
}

static void set_path(Fixture *f, const char *more) {
        char path[512];

        (void) snprintf(path, sizeof(path), "%s%s", scratch_at(f->job.scratch, "bin"), more);
        assert_int_equal(setenv("PATH", path, 1), 0);
}

static int set_up(void **state) {
        Fixture *f = calloc(1, sizeof(*f));
        int fds[2];

        job_fixture_init(&f->job);
        f->job.config.users = (ConfigUsers){ worker(), worker() };
        use_users(&f->job, "no such user", "no such user");
        f->spec = job_spec_new();
        assert_non_null(f->spec);
        f->spec->source_kind = JOB_SOURCE_TEMPLATE;
        f->spec->fetch = strdup("tiny-1.0");
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        f->read_fd = fds[0];
        f->write_fd = fds[1];

        make_directory(f, "bin");
        make_directory(f, "log");
        make_directory(f, "tmp");
        set_path(f, ":/usr/bin:/bin");
        assert_int_equal(
                setenv("VIRTBOOTSTRAP_TMPDIR", scratch_at(f->job.scratch, "tmp"), 1) |
                        setenv("VIRTBOOTSTRAP_CACHE", scratch_at(f->job.scratch, "cache"), 1),
                0);
        put_program(f, "virt-builder", "echo made >disk.img");
        put_program(f, "guestfish", "echo tarball");
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        Fixture *f = *state;

        job_process_free(f->builder);
        job_spec_free(f->spec);
        closep(&f->read_fd);
        closep(&f->write_fd);
        error_clear(&f->error);
        job_fixture_done(&f->job);
        free(f);
        return 0;
}

static void start(Fixture *f) {
        assert_int_equal(
                job_builder_start(
                        &f->job.context, f->spec, f->write_fd, &events, f, &f->builder, NULL),
                0);
        (void) close(TAKE_FD(f->write_fd));
}

static bool has_ended(void *userdata) {
        return ((Fixture *) userdata)->n_ended > 0;
}

/* How many directories of builders there are. */
static unsigned count_places(Fixture *f) {
        DIR *dir = opendir(scratch_at(f->job.scratch, "tmp/virt-bootstrap-builder"));
        struct dirent *entry;
        unsigned n = 0;

        assert_non_null(dir);
        while ((entry = readdir(dir)))
                n += strncmp(entry->d_name, "place-", 6) == 0;
        closedir(dir);
        return n;
}

static void await_end(Fixture *f) {
        loop_until(&f->job, has_ended, f);
        loop_settle(&f->job);
        assert_int_equal(f->n_ended, 1);
        assert_int_equal(count_places(f), 0);
}

static void assert_failed(Fixture *f, ErrorKind kind, const char *text) {
        assert_int_equal(f->error.kind, kind);
        assert_non_null(f->error.message);
        if (!strstr(f->error.message, text))
                fail_msg("\"%s\" is not in: %s", text, f->error.message);
}

static void assert_logged(Fixture *f, const char *name, const char *expected) {
        char path[64], text[4096] = "";
        int fd;

        (void) snprintf(path, sizeof(path), "log/%s", name);
        fd = open(scratch_at(f->job.scratch, path), O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_true(read(fd, text, sizeof(text) - 1) >= 0);
        close(fd);
        assert_string_equal(text, expected);
}

#define BUILDER_TEST(name) TEST_WITH(name, set_up, tear_down)

BUILDER_TEST(programs_get_their_arguments_and_the_pipe_what_they_write) {
        static const char configured[] =
                "[VirtBuilder]\nSource=file:///i\nOptions=--smp\nOptions=2 or 3\n";
        Fixture *f = *state;
        char text[64] = "", expected[1024];

        put_program(
                f, "virt-builder",
                "printf '<%s>' \"$0\" \"$@\" >$LOG/builder; echo made >disk.img");
        put_program(
                f, "guestfish", "printf '<%s>' \"$@\" >$LOG/guestfish; cat disk.img; echo tarball");
        config_apply("test", configured, strlen(configured), NULL, &f->job.config);
        start(f);
        await_end(f);
        assert_int_equal(f->error.code, 0);

        assert_int_equal(read(f->read_fd, text, sizeof(text)), 13);
        assert_string_equal(text, "made\ntarball\n");
        assert_int_equal(read(f->read_fd, text, sizeof(text)), 0);
        assert_logged(
                f, "guestfish",
                "<--ro><--format=raw><-a><disk.img><-i><tar-out></><->"
                "<xattrs:true><acls:true><numericowner:true>");
        (void) snprintf(
                expected, sizeof(expected),
                "<%s><tiny-1.0><-o><disk.img><--format><raw><--no-network>"
                "<--delete></dev/*><--delete></boot/*><--edit></etc/fstab:s/^/#/>"
                "<--source><file:///i><--smp><2 or 3>",
                scratch_at(f->job.scratch, "bin/virt-builder"));
        assert_logged(f, "builder", expected);
}

BUILDER_TEST(password_is_in_a_file_and_nowhere_else) {
        Fixture *f = *state;
        char mode[32];

        put_program(
                f, "virt-builder",
                "case \"$*\" in *'" PASSWORD
                "'*) echo shown >$LOG/shown;; esac\n"
                "while [ $# -gt 0 ]; do [ \"$1\" = --root-password ] && file=${2#file:}; shift; done\n"
                "stat -c '%a %u' $file >$LOG/mode; cat $file >$LOG/password; env >$LOG/env\n"
                "grep -q '" PASSWORD
                "' $LOG/env && echo shown >$LOG/shown\n"
                "echo made >disk.img");
        scratch_write(f->job.scratch, "given", PASSWORD "\nmore\n");
        f->spec->root_password_fd = open(scratch_at(f->job.scratch, "given"), O_RDONLY | O_CLOEXEC);
        start(f);
        await_end(f);
        assert_int_equal(f->error.code, 0);
        assert_logged(f, "password", PASSWORD);
        (void) snprintf(mode, sizeof(mode), "600 %u\n", geteuid() == 0 ? worker() : geteuid());
        assert_logged(f, "mode", mode);
        assert_false(scratch_exists(f->job.scratch, "log/shown"));
}

BUILDER_TEST(programs_run_with_little_and_in_english) {
        Fixture *f = *state;
        char user[16];

        assert_int_equal(
                setenv("LC_ALL", "de_DE.UTF-8", 1) | setenv("LANGUAGE", "de", 1) |
                        setenv("LIBGUESTFS_DEBUG", "1", 1) | setenv("LD_PRELOAD_X", "x", 1) |
                        setenv("https_proxy", "http://proxy", 1),
                0);
        put_program(
                f, "virt-builder",
                "echo $LC_ALL:$LANGUAGE:$LIBGUESTFS_DEBUG:$LD_PRELOAD_X:$https_proxy:"
                "$LIBGUESTFS_BACKEND >$LOG/env\n"
                "[ $TMPDIR = $PWD ] && [ $XDG_RUNTIME_DIR = $PWD ] && basename $PWD >$LOG/place\n"
                "grep -E '^(NoNewPrivs|CapEff)' /proc/self/status | tr -d '[:space:]' >$LOG/status\n"
                "ulimit -c >$LOG/core; umask >$LOG/umask; ls /proc/self/fd | wc -l >$LOG/fds\n"
                "mkdir -p $XDG_CACHE_HOME/virt-builder && echo x >$XDG_CACHE_HOME/virt-builder/t\n"
                "id -u >$LOG/user; echo made >disk.img");
        start(f);
        await_end(f);
        assert_int_equal(
                unsetenv("LIBGUESTFS_DEBUG") | unsetenv("https_proxy") | unsetenv("LANGUAGE") |
                        unsetenv("LC_ALL"),
                0);
        assert_int_equal(f->error.code, 0);
        assert_logged(f, "env", "C::::http://proxy:direct\n");
        assert_logged(f, "core", "0\n");
        assert_logged(f, "umask", "0077\n");
        assert_logged(f, "fds", "4\n"); /* one of them is that directory */
        assert_logged(f, "status", "CapEff:0000000000000000NoNewPrivs:1");
        if (geteuid() == 0) {
                (void) snprintf(user, sizeof(user), "%u\n", worker());
                assert_logged(f, "user", user);
                /* Its own directory is all that there is of that of all builders. */
                assert_logged(f, "place", "virt-bootstrap-builder\n");
        }
}

static void build(Fixture *f, const char *template, const char *body) {
        f->n_ended = 0;
        f->permille = 0;
        closep(&f->write_fd);
        f->write_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        free(f->spec->fetch);
        f->spec->fetch = strdup(template);
        put_program(f, "virt-builder", body);
        start(f);
        await_end(f);
        assert_int_equal(f->error.code, 0);
}

#define TEMPLATES "tmp/virt-bootstrap-builder/templates/"

BUILDER_TEST(templates_are_roots_and_only_for_builds_of_the_same) {
        static const char look[] =
                "cd $XDG_CACHE_HOME/virt-builder; ls >$LOG/seen; echo made >$TMPDIR/disk.img\n"
                "(echo bad >>a.x86_64.1) 2>/dev/null && echo written >$LOG/written\n"
                "ls $TMPDIR/.. | grep -c templates >$LOG/beside\ntrue\n";
        Fixture *f = *state;
        struct stat st;

        if (geteuid() != 0)
                skip();
        build(f, "a",
              "cd $XDG_CACHE_HOME/virt-builder; echo a >a.x86_64.1; echo b >b.x86_64.1\n"
              "ln -s /etc/passwd a.x86_64.2; ln a.x86_64.1 a.x86_64.3; mkdir a.x86_64.4\n"
              "echo a >a.x86_64.5; echo made >$TMPDIR/disk.img");
        assert_false(scratch_exists(f->job.scratch, TEMPLATES "b.x86_64.1"));
        assert_false(scratch_exists(f->job.scratch, TEMPLATES "a.x86_64.1")); /* it has two names */
        assert_false(scratch_exists(f->job.scratch, TEMPLATES "a.x86_64.2"));
        assert_false(scratch_exists(f->job.scratch, TEMPLATES "a.x86_64.4"));
        assert_int_equal(stat(scratch_at(f->job.scratch, TEMPLATES "a.x86_64.5"), &st), 0);
        assert_int_equal(st.st_uid, 0);
        assert_int_equal(st.st_mode & 07777, 0444);

        build(f, "a",
              "cd $XDG_CACHE_HOME/virt-builder; echo a >a.x86_64.1; echo x >$TMPDIR/disk.img");
        build(f, "a", look);
        assert_logged(f, "seen", "a.x86_64.1\na.x86_64.5\n");
        assert_logged(f, "beside", "0\n");
        assert_false(scratch_exists(f->job.scratch, "log/written"));
        build(f, "b", look);
        assert_logged(f, "seen", "");
}

BUILDER_TEST(directory_of_somebody_else_is_not_worked_in) {
        Fixture *f = *state;
        const char *path = scratch_at(f->job.scratch, "tmp/virt-bootstrap-builder");

        if (geteuid() != 0)
                skip();
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(chown(path, 4711, 4711), 0);
        scratch_mkdir(f->job.scratch, "tmp/virt-bootstrap-builder/place-theirs");
        start(f);
        loop_until(&f->job, has_ended, f);
        assert_failed(f, ERROR_ACCESS_DENIED, "belongs to another user");
        assert_int_equal(count_places(f), 1);
}

BUILDER_TEST(place_that_the_builder_cannot_reach_is_named) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip();
        assert_int_equal(chmod(scratch_at(f->job.scratch, "tmp"), 0700), 0);
        start(f);
        await_end(f);
        assert_failed(
                f, ERROR_ACCESS_DENIED, "the directories above it must be accessible to others");
}

BUILDER_TEST(without_a_sandbox_they_run_as_the_daemon) {
        Fixture *f = *state;
        char expected[16];

        f->job.config.sandbox = SANDBOX_NO;
        assert_int_equal(setenv("XDG_CACHE_HOME", scratch_at(f->job.scratch, "log"), 1), 0);
        put_program(f, "virt-builder", "id -u >$XDG_CACHE_HOME/user; echo made >disk.img");
        start(f);
        await_end(f);
        assert_int_equal(unsetenv("XDG_CACHE_HOME"), 0);
        assert_int_equal(f->error.code, 0);
        (void) snprintf(expected, sizeof(expected), "%u\n", geteuid());
        assert_logged(f, "user", expected);
}

BUILDER_TEST(progress_and_warnings_are_told) {
        Fixture *f = *state;

        put_program(
                f, "virt-builder",
                "echo '[   0.1] Downloading: x'; echo '[   0.1] Planning how'\n"
                "echo 'virt-builder: warning: no seed' >&2; echo '[ 9.1] Finishing off'\n"
                "dd if=/dev/zero of=disk.img bs=1024 count=100 2>/dev/null");
        put_program(f, "guestfish", "head -c 50000 disk.img");
        start(f);
        loop_until(&f->job, has_ended, f);
        assert_int_equal(f->error.code, 0);
        assert_int_equal(f->n_warnings, 1);
        assert_string_equal(f->warning, "virt-builder: no seed");
        assert_in_range(f->permille, 750, 900); /* half of what comes after 650 */
}

BUILDER_TEST(unknown_template_is_not_found) {
        Fixture *f = *state;

        put_program(
                f, "virt-builder",
                "echo 'virt-builder: error: cannot find os-version x with architecture y' >&2\n"
                "exit 1");
        start(f);
        await_end(f);
        assert_failed(f, ERROR_NOT_FOUND, "no template \"tiny-1.0\"");
        assert_failed(f, ERROR_NOT_FOUND, "virt-builder --list");
}

TEST(failure_has_the_programs_own_words) {
        static const struct {
                const char *program, *body;
                ErrorKind kind;
                const char *text;
        } cases[] = {
                { "virt-builder", "echo 'virt-builder: error: no luck' >&2; exit 1", ERROR_FAILED,
                  "virt-builder failed: no luck" },
                { "virt-builder", "exit 7", ERROR_FAILED, "exited with status 7" },
                { "virt-builder", "kill -9 $$", ERROR_FAILED, "killed by signal 9" },
                { "virt-builder", "echo 'x: No space left on device' >&2; exit 1", ERROR_NO_SPACE,
                  "No space left" },
                { "guestfish", "echo 'guestfish: no operating system' >&2; exit 1", ERROR_FAILED,
                  "guestfish failed: no operating system" },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                void *each;
                Fixture *f;

                assert_int_equal(set_up(&each), 0);
                f = each;
                put_program(f, cases[i].program, cases[i].body);
                start(f);
                await_end(f);
                assert_failed(f, cases[i].kind, cases[i].text);
                assert_int_equal(tear_down(&each), 0);
        }
}

BUILDER_TEST(what_is_not_installed_is_told_before_the_work_begins) {
        Fixture *f = *state;

        put_program(f, "virt-builder", ": >$LOG/began");
        assert_int_equal(unlink(scratch_at(f->job.scratch, "bin/guestfish")), 0);
        set_path(f, "");
        start(f);
        await_end(f);
        assert_failed(
                f, ERROR_NOT_FOUND,
                "guestfish is not installed; on Debian it is in the package guestfish");
        assert_false(scratch_exists(f->job.scratch, "log/began"));

        assert_int_equal(unlink(scratch_at(f->job.scratch, "bin/virt-builder")), 0);
        error_clear(&f->error);
        f->n_ended = 0;
        f->write_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        start(f);
        await_end(f);
        assert_failed(
                f, ERROR_NOT_FOUND,
                "virt-builder is not installed; on Debian it is in the package guestfs-tools");
}

BUILDER_TEST(nobody_who_reads_is_told_of) {
        Fixture *f = *state;

        put_program(f, "guestfish", "while :; do echo much; done");
        (void) close(TAKE_FD(f->read_fd));
        start(f);
        await_end(f);
        assert_failed(f, ERROR_FAILED, "Cannot forward the output of guestfish");
        assert_true(f->is_unread);
}

/* A shell which has a child that has left the process group, and which does not want to end. */
#define STUBBORN                                                                                   \
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; : >'$LOG'/ready; exec 3<>'$LOG'/alive; "      \
        "while :; do sleep 1; done' & while :; do sleep 1; done"

static bool is_ready(void *userdata) {
        return scratch_exists(((Fixture *) userdata)->job.scratch, "log/ready");
}

/* Whoever holds the FIFO open for writing is one of those that should be gone. */
static void assert_nobody_is_left(Fixture *f) {
        int fd = open(scratch_at(f->job.scratch, "log/alive"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        assert_int_equal(fd, -1);
        assert_int_equal(errno, ENXIO);
}

static void start_stubborn(Fixture *f) {
        assert_int_equal(mkfifo(scratch_at(f->job.scratch, "log/alive"), 0666), 0);
        assert_int_equal(chmod(scratch_at(f->job.scratch, "log/alive"), 0666), 0);
        put_program(f, "virt-builder", STUBBORN);
        start(f);
        loop_until(&f->job, is_ready, f);
}

BUILDER_TEST(stopped_builder_ends_all_that_it_has_started) {
        Fixture *f = *state;

        start_stubborn(f);
        job_process_stop(f->builder);
        await_end(f);
        assert_nobody_is_left(f);
}

BUILDER_TEST(without_namespaces_too) {
        Fixture *f = *state;

        f->job.config.sandbox = SANDBOX_NO;
        start_stubborn(f);
        job_process_stop(f->builder);
        await_end(f);
        assert_nobody_is_left(f);
}

static bool is_nobody_left(void *userdata) {
        Fixture *f = userdata;
        int fd = open(scratch_at(f->job.scratch, "log/alive"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        closep(&fd);
        return fd < 0;
}

/* The kernel may need a moment for the others. */
static bool is_user_free(void *userdata) {
        Fixture *f = userdata;
        _cleanup_(job_user_unrefp) JobUser *user = NULL;

        return is_nobody_left(f) && job_user_take(f->job.users, USER_PROGRAMS, &user, NULL) >= 0;
}

static void be_another(Fixture *f) {
        f->job.config.users = (ConfigUsers){ worker() + 1, worker() + 1 };
        use_users(&f->job, "no such user", "no such user");
}

BUILDER_TEST(killed_builder_leaves_but_a_directory_that_the_next_one_removes) {
        Fixture *f = *state;

        if (geteuid() != 0)
                skip(); /* without a PID namespace such a stubborn child stays */
        start_stubborn(f);
        assert_int_equal(count_places(f), 1);
        f->builder = job_process_free(f->builder); /* which kills it */
        loop_until(&f->job, is_nobody_left, f);
        assert_int_equal(count_places(f), 1);

        loop_until(&f->job, is_user_free, f);
        /* Nothing else goes. */
        make_directory(f, "tmp/other");
        make_directory(f, "tmp/place-not-ours");
        make_directory(f, "tmp/virt-bootstrap-builder-old");
        assert_int_equal(
                chown(scratch_at(f->job.scratch, "tmp/place-not-ours"), worker(), worker()), 0);
        put_program(f, "virt-builder", "echo made >disk.img");
        f->write_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        start(f);
        loop_until(&f->job, has_ended, f);
        assert_int_equal(f->error.code, 0);
        assert_int_equal(count_places(f), 0);
        assert_true(scratch_exists(f->job.scratch, "tmp/other"));
        assert_true(scratch_exists(f->job.scratch, "tmp/place-not-ours"));
        assert_true(scratch_exists(f->job.scratch, "tmp/virt-bootstrap-builder-old"));
}

BUILDER_TEST(place_of_another_builder_at_work_stays) {
        Fixture *f = *state;
        void *each;
        Fixture *other;

        start_stubborn(f);
        assert_int_equal(set_up(&each), 0);
        other = each;
        be_another(other);
        assert_int_equal(setenv("VIRTBOOTSTRAP_TMPDIR", scratch_at(f->job.scratch, "tmp"), 1), 0);
        start(other);
        loop_until(&other->job, has_ended, other);
        assert_int_equal(other->error.code, 0);
        assert_int_equal(count_places(f), 1);
        assert_int_equal(tear_down(&each), 0);
        job_process_stop(f->builder);
        await_end(f);
}
