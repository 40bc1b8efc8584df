/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-macro.h"
#include "client-remote.h"

TEST(hosts_have_a_user_a_port_and_a_container) {
        static const struct {
                const char *text, *host, *port, *container;
        } hosts[] = {
                { "example", "example", "", "" },
                { "root@example.org", "root@example.org", "", "" },
                { "example:2222", "example", "2222", "" },
                { "example/guest", "example", "", "guest" },
                { "a.b+c@my_host-1:22/web.1", "a.b+c@my_host-1", "22", "web.1" },
                { "[fe80::1%eth0]", "fe80::1%eth0", "", "" },
                { "me@[::1]:22/x", "me@::1", "22", "x" },
        };

        for (size_t i = 0; i < N_ELEMENTS(hosts); i++) {
                ClientRemoteHost host;

                assert_int_equal(client_remote_parse(hosts[i].text, &host, NULL), 0);
                assert_string_equal(host.host, hosts[i].host);
                assert_string_equal(host.port, hosts[i].port);
                assert_string_equal(host.container, hosts[i].container);
        }
}

TEST(what_ssh_or_a_shell_would_interpret_is_no_host) {
        static const char *const texts[] = {
                "",
                "-oProxyCommand=x",
                "-",
                "me@-oProxyCommand=x",
                "-l@example",
                "@example",
                "me@",
                "me@@example",
                "a b",
                "a;b",
                "$(a)",
                "`a`",
                "a|b",
                "a\nb",
                "a'b",
                "a\"b",
                "a&b",
                "a>b",
                "a\\b",
                "example:",
                "example:x",
                "example:-p",
                "a:22x",
                "a:123456",
                "example/",
                "example/-M",
                "a/$(b)",
                "a/b c",
                "[::1",
                "[]",
                "[-o]",
                "[a]b",
                "exa\xc3\xa4mple",
        };

        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(error_clear) Error error = ERROR_NULL;
                ClientRemoteHost host = { .host = "before" };

                assert_int_equal(client_remote_parse(texts[i], &host, &error), -EINVAL);
                assert_int_equal(error.kind, ERROR_INVALID_OPTION);
                assert_non_null(strstr(
                        error.message, "is not a host; expected [USER@]HOST[:PORT][/CONTAINER]"));
                assert_string_equal(host.host, "before");
        }
}

TEST(long_names_are_no_hosts) {
        char text[2 * REMOTE_PART_MAX + 2];
        ClientRemoteHost host;

        memset(text, 'a', sizeof(text));
        text[REMOTE_PART_MAX - 1] = '\0';
        assert_int_equal(client_remote_parse(text, &host, NULL), 0);
        text[REMOTE_PART_MAX - 1] = 'a';
        text[REMOTE_PART_MAX] = '\0';
        assert_int_equal(client_remote_parse(text, &host, NULL), -EINVAL);

        /* Each part is short enough, but not both together. */
        text[REMOTE_PART_MAX / 2] = '@';
        text[REMOTE_PART_MAX] = 'a';
        text[REMOTE_PART_MAX + 1] = '\0';
        assert_int_equal(client_remote_parse(text, &host, NULL), -EINVAL);
}
