/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker for the tests of job/: does what FAKE_WORKER says, which is one of the modes below, well or
 * badly. Other steps than its own it leaves to the real worker. */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "proto-channel.h"

#define CONTENT_MAX ((size_t) 1 << 20)

static int say(ProtoMessage message) {
        return proto_send(PROTO_WORKER_FD, &message, NULL, 0) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int say_result(int code, ErrorKind kind, const char *text) {
        ProtoMessage message = {
                .type = PROTO_RESULT,
                .result = { .code = (uint32_t) code, .kind = kind },
        };

        (void) proto_text_set(message.result.text, sizeof(message.result.text), text);
        return say(message);
}

static int say_progress(uint64_t consumed, uint64_t unpacked) {
        return say((ProtoMessage){
                .type = PROTO_UNPACK_PROGRESS,
                .unpack_progress = { .consumed = consumed, .unpacked = unpacked },
        });
}

static int hear(ProtoMessage *ret, ProtoFds *ret_fds) {
        return proto_receive(PROTO_WORKER_FD, ret, ret_fds, NULL);
}

static int succeed(void) {
        return say_result(0, ERROR_FAILED, "");
}

static int fail(void) {
        return say_result(ENOSPC, ERROR_NO_SPACE, "The disk is full");
}

static int speak(void) {
        (void) say_progress(1, 10);
        (void) say_progress(2, 20);
        return succeed();
}

static int end_silently(void) {
        return 3;
}

static int die(void) {
        return raise(SIGKILL);
}

static int succeed_and_exit_badly(void) {
        (void) succeed();
        return EXIT_FAILURE;
}

static int fail_and_die(void) {
        (void) fail();
        return raise(SIGKILL);
}

static int say_what_it_may_not(void) {
        (void) say((ProtoMessage){ .type = PROTO_VERIFY_READY });
        (void) say_progress(1, 1);
        (void) pause();
        return EXIT_SUCCESS;
}

static int say_garbage(void) {
        (void) !write(PROTO_WORKER_FD, "garbage", 7);
        (void) pause();
        return EXIT_SUCCESS;
}

static int say_more_after_the_result(void) {
        (void) succeed();
        return say_progress(1, 1);
}

static int say_two_results(void) {
        (void) succeed();
        return fail();
}

static int wait_for_sigterm(void) {
        (void) say_progress(0, 0);
        (void) pause();
        return EXIT_SUCCESS;
}

static int ignore_sigterm(void) {
        (void) signal(SIGTERM, SIG_IGN);
        (void) say_progress(0, 0);
        while (pause() < 0)
                ;
        return EXIT_FAILURE;
}

/* What it was told stays unread. */
static int fail_without_listening(void) {
        ProtoMessage message;

        while (recv(PROTO_WORKER_FD, &message, sizeof(message), MSG_PEEK) <= 0)
                ;
        return fail();
}

/* Tells of the descriptors and the signals that it was started with. */
static int look_around(void) {
        DIR *dir = opendir("/proc/self/fd");
        uint64_t n_fds = 0, n_blocked = 0;
        sigset_t blocked;

        if (!dir)
                return EXIT_FAILURE;
        while (readdir(dir))
                n_fds++;
        (void) closedir(dir);
        (void) sigprocmask(SIG_BLOCK, NULL, &blocked);
        for (int s = 1; s < 32; s++)
                n_blocked += sigismember(&blocked, s) == 1;
        (void) say_progress(n_fds - 3, n_blocked); /* without ".", ".." and the listing */
        return succeed();
}

/* Begins to listen late; tells how many messages of growth there were, and the last size. */
static int listen_late(void) {
        uint64_t n = 0;

        usleep(100000);
        for (;;) {
                _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
                ProtoMessage message;

                if (hear(&message, &fds) != 1)
                        return EXIT_FAILURE;
                if (message.type == PROTO_UNPACK_LAYER && fds.fds[0] < 0)
                        return EXIT_FAILURE;
                n += message.type == PROTO_UNPACK_GROWN;
                if (message.type == PROTO_UNPACK_GROWN && message.unpack_grown.is_complete) {
                        (void) say_progress(n, message.unpack_grown.size);
                        return succeed();
                }
        }
}

static void say_image(const Digest *digest, uint64_t size) {
        ProtoMessage image = {
                .type = PROTO_IMAGE,
                .image = {
                        .reference = "example.org/image:1",
                        .media_type = "application/vnd.oci.image.manifest.v1+json",
                        .layout_media_type = "application/vnd.oci.image.manifest.v1+json",
                        .platform = "linux/amd64",
                        .digest = *digest,
                        .manifest = *digest,
                        .layout = *digest,
                        .n_layers = 1,
                },
        };

        (void) say(image);
        (void) say((ProtoMessage){
                .type = PROTO_LAYER,
                .layer = { .digest = *digest, .size = size },
        });
}

/* An image of one layer, which FAKE_LAYER has and whose digest is FAKE_DIGEST. */
static int fetch_image(void) {
        _cleanup_(freep) char *content = NULL;
        const char *path = getenv("FAKE_LAYER"), *text = getenv("FAKE_DIGEST");
        ProtoMessage message;
        Digest digest;
        size_t size;

        if (!path || !text || digest_parse(text, &digest) < 0 ||
            file_read(AT_FDCWD, path, CONTENT_MAX, &content, &size) < 0)
                return EXIT_FAILURE;

        say_image(&digest, size);
        (void) say((ProtoMessage){
                .type = PROTO_BLOB_WANTED,
                .blob_wanted = { .digest = digest, .size = size },
        });
        for (;;) {
                _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;

                if (hear(&message, &fds) != 1)
                        return EXIT_FAILURE;
                if (message.type != PROTO_BLOB_ANSWER)
                        continue;
                if (message.blob_answer.state == PROTO_BLOB_HAVE)
                        return succeed();
                if (fds.fds[0] < 0 || message.blob_answer.offset > size)
                        return EXIT_FAILURE;
                (void) signal(SIGPIPE, SIG_IGN);
                (void) fd_write_full(
                        fds.fds[0], content + message.blob_answer.offset,
                        size - message.blob_answer.offset);
        }
}

/* Resolved, and then nothing. */
static int fetch_and_hang(void) {
        const Digest digest = { 0 };

        say_image(&digest, 1000);
        (void) pause();
        return EXIT_SUCCESS;
}

static int want_a_layer_before_the_image(void) {
        (void) say((ProtoMessage){ .type = PROTO_BLOB_WANTED, .blob_wanted.size = 1 });
        (void) pause();
        return EXIT_SUCCESS;
}

static int fetch_nothing(void) {
        const Digest digest = { 0 };

        say_image(&digest, 1000);
        return succeed();
}

static const struct {
        const char *name;
        const char *step; /* NULL: each */
        int (*run)(void);
} modes[] = {
        { "succeed", NULL, succeed },
        { "fail", NULL, fail },
        { "speak", NULL, speak },
        { "end-silently", NULL, end_silently },
        { "die", NULL, die },
        { "succeed-and-exit-badly", NULL, succeed_and_exit_badly },
        { "fail-and-die", NULL, fail_and_die },
        { "say-what-it-may-not", NULL, say_what_it_may_not },
        { "say-garbage", NULL, say_garbage },
        { "say-more-after-the-result", NULL, say_more_after_the_result },
        { "say-two-results", NULL, say_two_results },
        { "wait", NULL, wait_for_sigterm },
        { "ignore-sigterm", NULL, ignore_sigterm },
        { "fail-without-listening", NULL, fail_without_listening },
        { "look-around", NULL, look_around },
        { "listen-late", NULL, listen_late },
        { "fetch-image", "fetch", fetch_image },
        { "fetch-and-hang", "fetch", fetch_and_hang },
        { "fetch-fails", "fetch", fail },
        { "fetch-dies", "fetch", die },
        { "fetch-nothing", "fetch", fetch_nothing },
        { "fetch-out-of-place", "fetch", want_a_layer_before_the_image },
        { "unpack-fails", "unpack", fail },
};

int main(int argc, char **argv) {
        const char *mode = getenv("FAKE_WORKER");

        for (size_t i = 0; mode && argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++)
                if (strcmp(modes[i].name, mode) == 0 &&
                    (!modes[i].step || strcmp(modes[i].step, argv[1]) == 0))
                        return modes[i].run();
        /* The image is there for whoever fails later. */
        if (mode && argc == 2 && strcmp(mode, "unpack-fails") == 0 && strcmp(argv[1], "fetch") == 0)
                return fetch_image();

        (void) execv(TEST_WORKER_PATH, argv);
        return 127;
}
