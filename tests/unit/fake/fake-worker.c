/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A worker for the tests of job/: does what FAKE_WORKER says, which is one of the modes below, well or
 * badly. Other steps than its own it leaves to the real worker. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base-cleanup.h"
#include "base-fd.h"
#include "fake-output.h"
#include "fake-trust.h"
#include "hash.h"
#include "proto-channel.h"

#define CONTENT_MAX    ((size_t) 1 << 20)
#define MANIFEST_TYPE  "application/vnd.oci.image.manifest.v1+json"
#define ORPHAN_BYTES   ((size_t) 64 << 20)
#define ORPHAN_SECONDS 10

static int say(ProtoMessage message) {
        return proto_send(PROTO_WORKER_FD, &message, NULL, 0) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int say_outcome(ProtoOutcome outcome, int code, ErrorKind kind, const char *text) {
        ProtoMessage message = {
                .type = PROTO_RESULT,
                .result = { .outcome = outcome, .code = (uint32_t) code, .kind = kind },
        };

        (void) proto_text_set(message.result.text, sizeof(message.result.text), text);
        return say(message);
}

static int say_result(int code, ErrorKind kind, const char *text) {
        return say_outcome(code == 0 ? PROTO_OUTCOME_DONE : PROTO_OUTCOME_FAILED, code, kind, text);
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

/* A builder whose reader has gone. */
static int fail_unread(void) {
        return say_outcome(
                PROTO_OUTCOME_OUTPUT_CLOSED, EPIPE, ERROR_FAILED, "Nobody reads the tarball");
}

static int speak(void) {
        (void) say_progress(1, 10);
        (void) say_progress(2, 20);
        return succeed();
}

static int wait_silently(void) {
        (void) pause();
        return EXIT_SUCCESS;
}

/* What should be seen first, and then too much. */
static int warn_often(void) {
        ProtoMessage message = { .type = PROTO_WARNING };

        for (int i = 1; i <= 300; i++) {
                (void) snprintf(message.warning.text, sizeof(message.warning.text), "No. %d", i);
                (void) say(message);
        }
        return fail();
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
        return wait_silently();
}

static int say_garbage(void) {
        (void) !write(PROTO_WORKER_FD, "garbage", 7);
        return wait_silently();
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
        return wait_silently();
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

static int print(int fd, const char *text, size_t size) {
        return fd_write_full(fd, text, size) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_and_die(void) {
        static const char text[] = "on standard error\nthe last words";

        (void) print(STDOUT_FILENO, "on standard output\n", strlen("on standard output\n"));
        (void) print(STDERR_FILENO, text, strlen(text));
        return raise(SIGKILL);
}

static int print_much(const char *text, size_t bytes) {
        char block[4096];

        for (size_t i = 0; i < sizeof(block); i++)
                block[i] = text[i % strlen(text)];
        for (size_t i = 0; i < bytes / sizeof(block); i++)
                if (print(STDERR_FILENO, block, sizeof(block)) != EXIT_SUCCESS)
                        return EXIT_FAILURE;
        return EXIT_SUCCESS;
}

static int print_a_long_line(void) {
        (void) print_much("x", 32768);
        return print(STDERR_FILENO, "\nshort\n", strlen("\nshort\n")) == EXIT_SUCCESS
                       ? succeed()
                       : EXIT_FAILURE;
}

static int print_noise(void) {
        return print_much("noise, ", 100000000) == EXIT_SUCCESS &&
                               print_much("0123456\n", 1000000) == EXIT_SUCCESS
                       ? succeed()
                       : EXIT_FAILURE;
}

/* An orphan goes on when the worker has ended; not for ever, whatever standard error is. */
/* Nearly as many bytes as may come. */
static int print_short_lines(void) {
        return print_much("x\n", 60000) == EXIT_SUCCESS ? succeed() : EXIT_FAILURE;
}

/* 256 of 16 bytes. */
static int print_as_many_lines_as_it_may(void) {
        return print_much("fifteen letters\n", 4096) == EXIT_SUCCESS ? succeed() : EXIT_FAILURE;
}

static int leave_one_who_prints(void) {
        if (fork() == 0) {
                (void) close(PROTO_WORKER_FD);
                (void) signal(SIGPIPE, SIG_DFL);
                (void) alarm(ORPHAN_SECONDS);
                for (size_t i = 0; i < ORPHAN_BYTES / 4096; i++)
                        (void) print_much("orphan\n", 4096);
                _exit(EXIT_SUCCESS);
        }
        return succeed();
}

/* The image of FAKE_LAYER, which is not compressed: its documents as JSON. */
typedef struct Image {
        char *layer; /* owned */
        size_t layer_size;
        Digest layer_digest;
        char config[256], manifest[1024];
        Digest config_digest, manifest_digest;
} Image;

static Digest digest_of(const void *content, size_t size) {
        Digest digest = { 0 };

        (void) hash_buffer(DIGEST_SHA256, content, size, &digest, NULL);
        return digest;
}

static bool make_image(Image *image) {
        char config[DIGEST_STRING_MAX], layer[DIGEST_STRING_MAX];
        const char *path = getenv("FAKE_LAYER");

        *image = (Image){ 0 };
        if (!path || file_read(AT_FDCWD, path, CONTENT_MAX, &image->layer, &image->layer_size) < 0)
                return false;

        image->layer_digest = digest_of(image->layer, image->layer_size);
        (void) digest_format(&image->layer_digest, layer);
        (void) snprintf(
                image->config, sizeof(image->config),
                "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}", layer);
        image->config_digest = digest_of(image->config, strlen(image->config));
        (void) snprintf(
                image->manifest, sizeof(image->manifest),
                "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE
                "\","
                "\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
                "\"digest\":\"%s\",\"size\":%zu},"
                "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
                "\"digest\":\"%s\",\"size\":%zu}]}",
                digest_format(&image->config_digest, config), strlen(image->config), layer,
                image->layer_size);
        image->manifest_digest = digest_of(image->manifest, strlen(image->manifest));
        return true;
}

/* What the test has given to be asked for or named. */
static Digest foreign_digest(void) {
        const char *text = getenv("FAKE_FOREIGN");
        Digest digest = { 0 };

        if (text)
                (void) digest_parse(text, &digest);
        return digest;
}

static void want(uint32_t token, const Digest *digest, bool want_content) {
        (void) say((ProtoMessage){
                .type = PROTO_BLOB_WANTED,
                .blob_wanted = {
                        .token = token,
                        .digest = *digest,
                        .size = PROTO_SIZE_UNKNOWN,
                        .want_content = want_content,
                },
        });
}

/* Fills what was asked for until it is there; returns whether that came with its content. */
static bool bring(const char *content, size_t size) {
        (void) signal(SIGPIPE, SIG_IGN);
        for (;;) {
                _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
                ProtoMessage message;

                if (hear(&message, &fds) != 1)
                        exit(EXIT_FAILURE);
                if (message.type != PROTO_BLOB_ANSWER)
                        continue;
                if (message.blob_answer.state != PROTO_BLOB_FILL)
                        return fds.fds[0] >= 0;
                if (message.blob_answer.offset <= size)
                        (void) fd_write_full(
                                fds.fds[0], content + message.blob_answer.offset,
                                size - message.blob_answer.offset);
        }
}

static void bring_documents(const Image *image) {
        want(PROTO_LAYERS_MAX, &image->manifest_digest, false);
        (void) bring(image->manifest, strlen(image->manifest));
        want(PROTO_LAYERS_MAX + 1, &image->config_digest, false);
        (void) bring(image->config, strlen(image->config));
}

static void say_top(const Digest *digest, const char *name) {
        ProtoMessage message = { .type = PROTO_TOP, .top.digest = *digest };

        (void) proto_text_set(
                message.top.media_type, sizeof(message.top.media_type), MANIFEST_TYPE);
        (void) proto_text_set(message.top.name, sizeof(message.top.name), name);
        (void) say(message);
}

static int finish_image(const Image *image) {
        want(0, &image->layer_digest, false);
        (void) bring(image->layer, image->layer_size);
        return succeed();
}

/* An image of one layer, which FAKE_LAYER has. */
static int fetch_image(void) {
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        bring_documents(&image);
        say_top(&image.manifest_digest, "");
        return finish_image(&image);
}

/* Says what the image is, and then nothing. */
static int fetch_and_hang(void) {
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        bring_documents(&image);
        say_top(&image.manifest_digest, "");
        return wait_silently();
}

/* Goes on as the real worker of a step. */
static int become_real(const char *step) {
        char path[4096];
        char *const argv[] = { path, NULL };

        (void) snprintf(path, sizeof(path), "%s/virt-bootstrap-%s", TEST_WORKERS, step);
        (void) execv(path, argv);
        return 127;
}

/* As often as there are bytes in a file; then it is the real one. */
static int die_some_times(void) {
        _cleanup_(closep) int fd = open(getenv("FAKE_DEATHS"), O_RDWR | O_CLOEXEC);
        off_t left = lseek(fd, 0, SEEK_END);

        if (left > 0 && ftruncate(fd, left - 1) >= 0)
                return die();

        return become_real("tree");
}

static int fetch_nothing(void) {
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        bring_documents(&image);
        say_top(&image.manifest_digest, "");
        return succeed();
}

static int want_a_layer_before_the_image(void) {
        want(0, &(Digest){ 0 }, false);
        return wait_silently();
}

/* The rest is what a fetch worker does that somebody has taken over. */

static int name_another_image(void) {
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        bring_documents(&image);
        say_top(&image.manifest_digest, "docker.io/library/debian:12");
        return finish_image(&image);
}

/* Tells by a failure that it has got what it should not. */
static int want_content_of_others(void) {
        const Digest foreign = foreign_digest();
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        want(PROTO_LAYERS_MAX + 2, &foreign, true);
        if (bring("", 0))
                return say_result(EPERM, ERROR_FAILED, "It was handed the content");
        return fetch_image();
}

static void look_for_foreign_content(void) {
        (void) say((ProtoMessage){
                .type = PROTO_BLOB_WANTED,
                .blob_wanted = {
                        .token = PROTO_LAYERS_MAX,
                        .digest = foreign_digest(),
                        .size = PROTO_SIZE_UNKNOWN,
                        .want_content = 1,
                        .lookup_only = 1,
                },
        });
}

static int look_for_others(void) {
        look_for_foreign_content();
        return wait_silently();
}

static int want_content_of_the_layer(void) {
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        bring_documents(&image);
        say_top(&image.manifest_digest, "");
        want(0, &image.layer_digest, true);
        return wait_silently();
}

static int name_another_layer(void) {
        const Digest foreign = foreign_digest();
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        bring_documents(&image);
        say_top(&image.manifest_digest, "");
        want(0, &foreign, false);
        (void) bring(image.layer, image.layer_size);
        return succeed();
}

static int name_a_digest_that_it_has_not_brought(void) {
        const Digest foreign = foreign_digest();
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        bring_documents(&image);
        say_top(&foreign, "");
        return finish_image(&image);
}

static int keep_the_config(void) {
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        want(PROTO_LAYERS_MAX, &image.manifest_digest, false);
        (void) bring(image.manifest, strlen(image.manifest));
        say_top(&image.manifest_digest, "");
        return finish_image(&image);
}

static void say_image(const Image *image, const Digest *manifest) {
        (void) say((ProtoMessage){
                .type = PROTO_IMAGE,
                .image = {
                        .media_type = MANIFEST_TYPE,
                        .layout_media_type = MANIFEST_TYPE,
                        .platform = "linux/amd64",
                        .digest = image->manifest_digest,
                        .manifest = *manifest,
                        .layout = *manifest,
                        .n_layers = 1,
                },
        });
        (void) say((ProtoMessage){
                .type = PROTO_LAYER,
                .layer = { .digest = image->layer_digest, .size = image->layer_size },
        });
}

static int say_layers_itself(void) {
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        bring_documents(&image);
        say_top(&image.manifest_digest, "");
        say_image(&image, &image.manifest_digest);
        return finish_image(&image);
}

/* Resolve workers. */

static void await_top(void) {
        ProtoFds fds = PROTO_FDS_NULL;
        ProtoMessage message;

        do
                if (hear(&message, &fds) != 1)
                        exit(EXIT_FAILURE);
        while (message.type != PROTO_TOP);
}

static int resolve_too_early(void) {
        await_top();
        want(0, &(Digest){ 0 }, false);
        return wait_silently();
}

static int resolve_nothing(void) {
        await_top();
        return succeed();
}

/* Names a manifest that nobody has hashed. */
static int resolve_to_another(void) {
        const Digest foreign = foreign_digest();
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        await_top();
        say_image(&image, &foreign);
        return wait_silently();
}

static int tell_of_content(void) {
        return bring("", 0) ? say_result(EPERM, ERROR_FAILED, "It was handed the content")
                            : wait_silently();
}

static int resolve_from_content_of_others(void) {
        const Digest foreign = foreign_digest();

        await_top();
        want(PROTO_LAYERS_MAX, &foreign, true);
        return tell_of_content();
}

/* First as what it would put into the store itself, and then as what is known. */
static int resolve_from_content_in_two_steps(void) {
        const Digest foreign = foreign_digest();

        await_top();
        want(PROTO_LAYERS_MAX + 1, &foreign, false);
        (void) bring("", 0);
        look_for_foreign_content();
        return tell_of_content();
}

/* It is in the store, and the fetch worker has not brought it. */
static int resolve_to_a_stored_one(void) {
        const Digest foreign = foreign_digest();
        Image image;

        if (!make_image(&image))
                return EXIT_FAILURE;

        await_top();
        want(PROTO_LAYERS_MAX, &foreign, false);
        (void) bring("", 0);
        say_image(&image, &foreign);
        return succeed();
}

/* Verify workers that find each blob right. */

/* What one has kept of a file. */
typedef struct Kept {
        int fd;
        char *bytes;
} Kept;

static void keep_nothing(int fd, Kept *ret) {
}

static void keep_file(int fd, Kept *ret) {
        ret->fd = dup(fd);
}

static void keep_mapping(int fd, Kept *ret) {
        ret->bytes = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void do_harm(const Kept *kept) {
        if (kept->fd >= 0)
                (void) !pwrite(kept->fd, "!", 1, 0);
        if (kept->bytes)
                *kept->bytes = '!';
}

static uint64_t copy(int from, int to) {
        uint64_t size = 0;
        char buffer[256];
        ssize_t n;

        while ((n = read(from, buffer, sizeof(buffer))) > 0) {
                (void) fd_write_full(to, buffer, (size_t) n);
                size += (uint64_t) n;
        }
        return size;
}

static int verify(void (*keep)(int fd, Kept *ret), bool says_more) {
        Kept kept = { .fd = -1 };

        for (;;) {
                _cleanup_(proto_fds_close) ProtoFds fds = PROTO_FDS_NULL;
                ProtoMessage message;
                uint64_t size;

                if (hear(&message, &fds) != 1)
                        return EXIT_FAILURE;
                if (message.type != PROTO_VERIFY_BLOB)
                        continue;

                do_harm(&kept);
                (void) say((ProtoMessage){ .type = PROTO_VERIFY_READY });
                size = copy(fds.fds[1], fds.fds[0]);
                (void) say((ProtoMessage){ .type = PROTO_VERIFY_GROWN, .verify_grown.size = size });
                keep(fds.fds[0], &kept);
                proto_fds_close(&fds);
                if (message.verify_blob.is_last)
                        return succeed();
                (void) say((ProtoMessage){ .type = PROTO_VERIFY_DONE });
                if (says_more)
                        (void) say((ProtoMessage){ .type = PROTO_VERIFY_READY });
        }
}

static int verify_and_keep_nothing(void) {
        return verify(keep_nothing, false);
}

static int verify_and_keep_the_file(void) {
        return verify(keep_file, false);
}

static int verify_and_keep_a_mapping(void) {
        return verify(keep_mapping, false);
}

static int verify_and_say_more(void) {
        return verify(keep_nothing, true);
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
        { "wait-silently", NULL, wait_silently },
        { "ignore-sigterm", NULL, ignore_sigterm },
        { "fail-without-listening", NULL, fail_without_listening },
        { "look-around", NULL, look_around },
        { "listen-late", NULL, listen_late },
        { "trace-often", NULL, fake_trace_often },
        { "trace-once", NULL, fake_trace_once },
        { "trace-with-an-escape-sequence", NULL, fake_trace_with_an_escape_sequence },
        { "print-and-die", NULL, print_and_die },
        { "print-tricks", NULL, fake_print_tricks },
        { "print-a-long-line", NULL, print_a_long_line },
        { "print-noise", NULL, print_noise },
        { "print-short-lines", NULL, print_short_lines },
        { "print-as-many-lines-as-it-may", NULL, print_as_many_lines_as_it_may },
        { "leave-one-who-prints", NULL, leave_one_who_prints },
        { "fetch-image", "fetch", fetch_image },
        { "fetch-and-hang", "fetch", fetch_and_hang },
        { "fetch-fails", "fetch", fail },
        { "fetch-dies", "fetch", die },
        { "fetch-warns", "fetch", warn_often },
        { "fetch-nothing", "fetch", fetch_nothing },
        { "fetch-out-of-place", "fetch", want_a_layer_before_the_image },
        { "fetch-names-another", "fetch", name_another_image },
        { "fetch-wants-content-of-others", "fetch", want_content_of_others },
        { "fetch-looks-for-others", "fetch", look_for_others },
        { "fetch-wants-content-of-the-layer", "fetch", want_content_of_the_layer },
        { "fetch-names-another-layer", "fetch", name_another_layer },
        { "fetch-names-another-digest", "fetch", name_a_digest_that_it_has_not_brought },
        { "fetch-keeps-the-config", "fetch", keep_the_config },
        { "fetch-says-layers-itself", "fetch", say_layers_itself },
        { "fetch-signs", "fetch", fake_fetch_signature },
        { "trust-says-yes", "trust", succeed },
        { "trust-accepts-unsigned", "trust", fake_trust_accept_unsigned },
        { "resolve-too-early", "resolve", resolve_too_early },
        { "resolve-nothing", "resolve", resolve_nothing },
        { "resolve-to-another", "resolve", resolve_to_another },
        { "resolve-from-content-of-others", "resolve", resolve_from_content_of_others },
        { "resolve-from-content-in-two-steps", "resolve", resolve_from_content_in_two_steps },
        { "resolve-to-a-stored-one", "resolve", resolve_to_a_stored_one },
        { "resolve-dies", "resolve", die },
        { "verify-keeps-nothing", "verify", verify_and_keep_nothing },
        { "verify-keeps-the-file", "verify", verify_and_keep_the_file },
        { "verify-keeps-a-mapping", "verify", verify_and_keep_a_mapping },
        { "verify-says-more", "verify", verify_and_say_more },
        { "unpack-fails", "unpack", fail },
        { "builder-unread", "builder", fail_unread },
        { "builder-unread", "unpack", wait_for_sigterm },
        { "tree-dies", "fetch", die },
        { "tree-dies", "tree", die_some_times },
};

int main(int argc, char **argv) {
        static const char prefix[] = "virt-bootstrap-";
        const char *mode = getenv("FAKE_WORKER"), *name = argc > 0 ? basename(argv[0]) : "", *step;

        if (argc != 1 || strncmp(name, prefix, strlen(prefix)) != 0)
                return EXIT_FAILURE;
        step = name + strlen(prefix);

        for (size_t i = 0; mode && i < sizeof(modes) / sizeof(modes[0]); i++)
                if (strcmp(modes[i].name, mode) == 0 &&
                    (!modes[i].step || strcmp(modes[i].step, step) == 0))
                        return modes[i].run();
        /* The image is there for whoever fails later. */
        if (mode && strcmp(step, "fetch") == 0 &&
            (strcmp(mode, "unpack-fails") == 0 || strncmp(mode, "trust-", strlen("trust-")) == 0 ||
             strncmp(mode, "resolve-", strlen("resolve-")) == 0))
                return fetch_image();

        return become_real(step);
}
