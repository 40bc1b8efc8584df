/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base-fd.h"
#include "fake-output.h"
#include "proto-channel.h"

#define OFTEN 20000

static void say(ProtoMessage message) {
        if (proto_send(PROTO_WORKER_FD, &message, NULL, 0) < 0)
                exit(EXIT_FAILURE);
}

static int succeed(void) {
        say((ProtoMessage){ .type = PROTO_RESULT });
        return EXIT_SUCCESS;
}

int fake_print_tricks(void) {
        static const char text[] =
                "\033[2Jcleared\a\n<3>forged\n<1><30>again\n<b>bold\n<3333>\n"
                "\xff\xc3\x28 is no UTF-8\n\xc2\x9b"
                "31mred\n\n\r\n\0"
                "\xc3\xa4\ttab\rVIRTBOOTSTRAP_JOB=other";

        return fd_write_full(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? EXIT_FAILURE : succeed();
}

int fake_trace_once(void) {
        say((ProtoMessage){ .type = PROTO_TRACE, .trace.text = "GET something" });
        return succeed();
}

int fake_trace_often(void) {
        ProtoMessage message = { .type = PROTO_TRACE };

        for (int i = 1; i <= OFTEN; i++) {
                (void) snprintf(message.trace.text, sizeof(message.trace.text), "request %d", i);
                say(message);
        }
        return succeed();
}

int fake_trace_with_an_escape_sequence(void) {
        say((ProtoMessage){ .type = PROTO_TRACE, .trace.text = "\033[2J" });
        (void) pause();
        return EXIT_SUCCESS;
}
