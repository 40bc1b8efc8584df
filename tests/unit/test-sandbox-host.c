/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* As test-sandbox.c: what a worker that makes connections reaches of the host's sockets, and which of its
 * files. Each child has a mount namespace with services of its own in /run. */

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "sandbox.h"

typedef enum Step { NETWORK, DISK, PROGRAM } Step;

typedef struct Fixture {
        const char *resolver; /* what /etc/resolv.conf is a link to; or NULL */
        const char *certificates;
} Fixture;

typedef const Fixture *Context;

#include "test-wall.h"

static const char abstract_name[] = "test-worker-sandbox-host";

static const char *const services[] = {
        "/run/dbus/system_bus_socket", "/run/systemd/journal/stdout",
        "/run/systemd/private",        "/run/docker.sock",
        "/var/tmp/own.socket",
};

static const char *const resolvers[] = {
        "/run/systemd/resolve/io.systemd.Resolve",
        "/run/avahi-daemon/socket",
        "/var/run/nscd/socket",
};

#define N(list) (sizeof(list) / sizeof((list)[0]))

static int set_up(void **state) {
        *state = calloc(1, sizeof(Fixture));
        return *state ? 0 : -1;
}

static int tear_down(void **state) {
        free(*state);
        return 0;
}

static bool make_parents(const char *path) {
        char part[108];

        for (const char *end = path; (end = strchr(end + 1, '/'));) {
                (void) snprintf(part, sizeof(part), "%.*s", (int) (end - path), path);
                if (mkdir(part, 0755) < 0 && errno != EEXIST)
                        return false;
        }
        return true;
}

static struct sockaddr_un name_of(const char *path) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };

        (void) snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
        return name;
}

static bool serve(const struct sockaddr_un *name) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        return fd >= 0 && bind(fd, (const struct sockaddr *) name, sizeof(*name)) >= 0 &&
               listen(fd, 64) >= 0;
}

static bool reach(const struct sockaddr_un *name) {
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        /* A step whose filter leaves it no sockets reaches nothing. */
        if (fd < 0)
                return errno != EPERM;
        return connect(fd, (const struct sockaddr *) name, sizeof(*name)) >= 0;
}

static struct sockaddr_un abstract(void) {
        struct sockaddr_un name = { .sun_family = AF_UNIX };

        memcpy(name.sun_path + 1, abstract_name, sizeof(abstract_name));
        return name;
}

static bool serve_all(const char *const *paths, size_t n) {
        bool ok = true;

        for (size_t i = 0; ok && i < n; i++) {
                const struct sockaddr_un name = name_of(paths[i]);

                ok = make_parents(paths[i]) && serve(&name);
        }
        return ok;
}

static bool put_file(const char *path) {
        return make_parents(path) && close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) >= 0;
}

/* Of files and directories that the resolver's file is found by. */
static bool put_links(void) {
        return put_file("/run/elsewhere/other") && make_parents("/etc/resolvconf/run") &&
               symlink("/run/elsewhere", "/etc/resolvconf/run") >= 0 &&
               symlink("../../run/link", "/etc/resolvconf/through") >= 0 &&
               symlink("../run/elsewhere/resolv.conf", "/etc/second") >= 0 &&
               symlink("/run/chain", "/etc/third") >= 0 && symlink("elsewhere", "/run/link") >= 0 &&
               symlink("link/resolv.conf", "/run/chain") >= 0 &&
               symlink("/etc/endless", "/etc/endless") >= 0;
}

/* Nothing of this is seen outside. */
static bool be_host(const Fixture *f) {
        const struct sockaddr_un name = abstract();

        (void) umask(0);
        return unshare(CLONE_NEWNS | CLONE_NEWNET) >= 0 &&
               mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) >= 0 &&
               mount("none", "/run", "tmpfs", 0, "mode=755") >= 0 &&
               mount("none", "/etc", "tmpfs", 0, "mode=755") >= 0 &&
               mount("none", "/var/tmp", "tmpfs", 0, "mode=755") >= 0 &&
               serve_all(services, N(services)) && serve_all(resolvers, N(resolvers)) &&
               serve(&name) && put_file("/run/elsewhere/resolv.conf") &&
               put_file("/var/tmp/certificates/ca.pem") && put_file("/etc/ssl/ca.pem") &&
               put_file("/var/tmp/other") && put_file("/var/tmp/certificates/second.pem") &&
               put_file("/run/systemd/resolve/stub-resolv.conf") && put_links() &&
               (!f->resolver || symlink(f->resolver, "/etc/resolv.conf") >= 0) &&
               (!f->certificates || setenv("SSL_CERT_FILE", f->certificates, 1) >= 0);
}

static int enter(Step step) {
        SandboxFiles files = { SANDBOX_YES, worker_user, NULL, 0 };
        int r;

        if (step == NETWORK)
                return sandbox_enter_network(SANDBOX_YES, worker_user, NULL);

        r = sandbox_leave_network(worker_user, NULL);
        if (r < 0)
                return r;
        return step == DISK ? sandbox_enter_disk(SANDBOX_YES, worker_user, NULL)
                            : sandbox_confine(&files, NULL);
}

static int run(Fixture *f, Step step, uid_t uid, Try try) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                if (!be_host(f) || !become(uid) || enter(step) != 0)
                        _exit(NO_SANDBOX);
                _exit(try(f) ? ALLOWED : REFUSED);
        }

        return wait_for(pid);
}

static bool reach_services(const Fixture *f) {
        for (size_t i = 0; i < N(services); i++) {
                const struct sockaddr_un name = name_of(services[i]);

                if (reach(&name))
                        return true;
        }
        return false;
}

static bool reach_a_resolver(const Fixture *f) {
        for (size_t i = 0; i < N(resolvers); i++) {
                const struct sockaddr_un name = name_of(resolvers[i]);

                if (reach(&name))
                        return true;
        }
        return false;
}

static bool reach_all_resolvers(const Fixture *f) {
        for (size_t i = 0; i < N(resolvers); i++) {
                const struct sockaddr_un name = name_of(resolvers[i]);

                if (!reach(&name))
                        return false;
        }
        return true;
}

static bool reach_abstract(const Fixture *f) {
        const struct sockaddr_un name = abstract();

        return reach(&name);
}

static bool is_readable(const char *path) {
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

        return fd >= 0;
}

static bool read_resolver(const Fixture *f) {
        return is_readable("/etc/resolv.conf");
}

static bool read_certificates(const Fixture *f) {
        return is_readable(f->certificates);
}

static bool read_all_certificates(const Fixture *f) {
        return is_readable("/var/tmp/certificates/ca.pem") &&
               is_readable("/var/tmp/certificates/second.pem");
}

static bool read_beside(const Fixture *f) {
        return is_readable("/var/tmp/other") || is_readable("/run/elsewhere/resolv.conf");
}

static bool read_beside_the_resolver(const Fixture *f) {
        return is_readable("/run/elsewhere/other") || is_readable("/etc/resolvconf/run/other") ||
               is_readable("/run/link/other");
}

static bool change_what_it_reads(const Fixture *f) {
        return open("/etc/ssl/ca.pem", O_WRONLY) >= 0 || mkdir("/etc/new", 0755) >= 0 ||
               mkdir("/new", 0755) >= 0;
}

static void check(Fixture *f, const Case *cases, size_t n) {
        check_walls(run, (void **) &f, cases, n);
}

#define HOST_TEST(name) TEST_WITH(name, set_up, tear_down)

HOST_TEST(services_of_the_host_are_out_of_reach) {
        static const Case cases[] = {
                { "reach a service", NETWORK, reach_services, REFUSED },
                { "reach a service", DISK, reach_services, REFUSED },
                { "reach a service", PROGRAM, reach_services, REFUSED },
        };

        check(*state, cases, N(cases));
}

HOST_TEST(only_who_needs_names_reaches_who_finds_them) {
        static const Case cases[] = {
                { "reach all resolvers", NETWORK, reach_all_resolvers, ALLOWED },
                { "reach a resolver", DISK, reach_a_resolver, REFUSED },
                { "reach a resolver", PROGRAM, reach_a_resolver, REFUSED },
        };

        check(*state, cases, N(cases));
}

HOST_TEST(abstract_sockets_of_the_host_are_out_of_reach) {
        static const Case cases[] = {
                { "reach an abstract socket", NETWORK, reach_abstract, REFUSED },
                { "reach an abstract socket", DISK, reach_abstract, REFUSED },
                { "reach an abstract socket", PROGRAM, reach_abstract, REFUSED },
        };

        /* The network worker is in the host's network, and older kernels have no other wall. */
        if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 6)
                skip();
        check(*state, cases, N(cases));
}

HOST_TEST(resolver_file_is_found_where_it_is) {
        static const char *const targets[] = {
                "../run/elsewhere/resolv.conf",
                "../run/systemd/resolve/stub-resolv.conf",
                "/run/elsewhere/resolv.conf",
                "ssl/ca.pem",
                "/var/run/elsewhere/resolv.conf",
                "../../run/elsewhere/resolv.conf",
                "ssl/.././../run//elsewhere/resolv.conf",
                "resolvconf/run/resolv.conf",
                "/etc/resolvconf/run/resolv.conf",
                "resolvconf/through/resolv.conf",
                "second",
                "third",
                "/run/chain",
                "../run/link/resolv.conf",
        };
        static const Case cases[] = {
                { "read resolv.conf", NETWORK, read_resolver, ALLOWED },
                { "read what is beside", NETWORK, read_beside_the_resolver, REFUSED },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < N(targets); i++) {
                f->resolver = targets[i];
                check(f, cases, N(cases));
        }
}

HOST_TEST(resolver_file_that_is_not_there_keeps_nobody) {
        static const char *const targets[] = { "/run/missing/resolv.conf", "endless", ".", "/",
                                               "/run" };
        static const Case cases[] = {
                { "read what is beside", NETWORK, read_beside_the_resolver, REFUSED },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < N(targets); i++) {
                f->resolver = targets[i];
                check(f, cases, N(cases));
        }
}

HOST_TEST(certificates_are_found_where_the_environment_says) {
        static const char *const paths[] = {
                "/var/tmp/certificates/ca.pem",
                "//var/tmp//certificates/ca.pem",
                "/etc/ssl/ca.pem",
                "/etc/../etc/ssl/ca.pem",
        };
        static const Case cases[] = {
                { "read certificates", NETWORK, read_certificates, ALLOWED },
                { "read what is beside", NETWORK, read_beside, REFUSED },
                { "change what it reads", NETWORK, change_what_it_reads, REFUSED },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < N(paths); i++) {
                f->certificates = paths[i];
                check(f, cases, N(cases));
        }
}

HOST_TEST(certificates_may_be_named_more_than_once) {
        static const Case cases[] = {
                { "read all certificates", NETWORK, read_all_certificates, ALLOWED },
                { "read what is beside", NETWORK, read_beside, REFUSED },
        };
        Fixture *f = *state;

        assert_int_equal(setenv("CURL_CA_BUNDLE", "/var/tmp/certificates/ca.pem", 1), 0);
        assert_int_equal(setenv("SSL_CERT_DIR", "/var/tmp/certificates/", 1), 0);
        assert_int_equal(setenv("VIRTBOOTSTRAP_CERTS_DIR", "//lib", 1), 0);
        f->certificates = "/var/tmp/certificates/ca.pem";
        check(f, cases, N(cases));
        assert_int_equal(unsetenv("CURL_CA_BUNDLE"), 0);
        assert_int_equal(unsetenv("SSL_CERT_DIR"), 0);
        assert_int_equal(unsetenv("VIRTBOOTSTRAP_CERTS_DIR"), 0);
}
