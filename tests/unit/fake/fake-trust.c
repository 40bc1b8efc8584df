/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <stdlib.h>
#include <unistd.h>

#include "fake-trust.h"
#include "proto-channel.h"

static void say(ProtoMessage message) {
        if (proto_send(PROTO_WORKER_FD, &message, NULL, 0) < 0)
                exit(EXIT_FAILURE);
}

int fake_trust_accept_unsigned(void) {
        say((ProtoMessage){
                .type = PROTO_TRUST_DECISION,
                .trust_decision.needs_signatures = 1,
        });
        say((ProtoMessage){ .type = PROTO_RESULT });
        return EXIT_SUCCESS;
}

int fake_fetch_signature(void) {
        say((ProtoMessage){ .type = PROTO_SIGNATURE });
        (void) pause();
        return EXIT_SUCCESS;
}
