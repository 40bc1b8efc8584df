/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "qemu-qmp.h"
#include "qemu-words.h"

struct QemuQmp {
        int fd; /* owned */
        bool seen[_QMP_EVENT_MAX];
        size_t n;
        char line[QMP_LINE_MAX]; /* the first n bytes were received */
};

QemuQmp *qemu_qmp_free(QemuQmp *qmp) {
        if (!qmp)
                return NULL;

        (void) close(qmp->fd);
        free(qmp);
        return NULL;
}

static int gone(Error *error) {
        return error_set(
                error, -DISK_GONE, ERROR_WORKER_FAILED, "qemu-storage-daemon closed its monitor");
}

static int misunderstood(Error *error) {
        return error_set(
                error, EBADMSG, ERROR_WORKER_FAILED,
                "qemu-storage-daemon sent data that is not QMP");
}

static int receive(QemuQmp *qmp, Error *error) {
        ssize_t n;

        if (qmp->n == sizeof(qmp->line))
                return misunderstood(error);

        do
                n = recv(qmp->fd, qmp->line + qmp->n, sizeof(qmp->line) - qmp->n, 0);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return gone(error);

        qmp->n += (size_t) n;
        return 0;
}

static int read_object(QemuQmp *qmp, json_t **ret, Error *error) {
        size_t scanned = 0, size;
        json_t *object;
        char *end;
        int r;

        while (!(end = memchr(qmp->line + scanned, '\n', qmp->n - scanned))) {
                scanned = qmp->n;
                r = receive(qmp, error);
                if (r < 0)
                        return r;
        }

        size = (size_t) (end + 1 - qmp->line);
        object = json_loadb(qmp->line, size, 0, NULL);
        qmp->n -= size;
        memmove(qmp->line, end + 1, qmp->n);
        if (!json_is_object(object)) {
                json_decref(object);
                return misunderstood(error);
        }

        *ret = object;
        return 0;
}

static void note_event(QemuQmp *qmp, json_t *object) {
        const char *event = json_string_value(json_object_get(object, "event")), *status = NULL;

        if (!event)
                return;

        (void) json_unpack(object, "{s:{s:s}}", "data", "status", &status);
        if (strcmp(event, "JOB_STATUS_CHANGE") == 0 && status && strcmp(status, "concluded") == 0)
                qmp->seen[QMP_JOB_CONCLUDED] = true;
}

static int send_command(QemuQmp *qmp, const char *command, json_t *arguments, Error *error) {
        _cleanup_(json_decrefp) json_t *object =
                json_pack("{s:s, s:o}", "execute", command, "arguments", arguments);
        _cleanup_(freep) char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
        size_t size;

        if (!text)
                return error_oom(error);

        size = strlen(text);
        for (size_t done = 0; done < size;) {
                ssize_t n = send(qmp->fd, text + done, size - done, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return gone(error);
                done += (size_t) n;
        }
        return 0;
}

int qemu_qmp_refused(const char *command, const char *description, Error *error) {
        bool is_full = strstr(description, "No space left on device");
        char words[DISK_WORDS_MAX];

        qemu_words(description, strlen(description), words);
        return error_set(
                error, is_full ? ENOSPC : EIO, is_full ? ERROR_NO_SPACE : ERROR_FAILED,
                "qemu-storage-daemon refused %s: %s", command, words);
}

static int refused(json_t *answer, const char *command, Error *error) {
        const char *description = NULL;

        (void) json_unpack(answer, "{s:{s:s}}", "error", "desc", &description);
        if (!description)
                return misunderstood(error);

        return qemu_qmp_refused(command, description, error);
}

int qemu_qmp_execute(
        QemuQmp *qmp, const char *command, json_t *arguments, json_t **ret, Error *error) {
        int r;

        r = send_command(qmp, command, arguments, error);
        if (r < 0)
                return r;

        for (;;) {
                _cleanup_(json_decrefp) json_t *answer = NULL;
                json_t *value;

                r = read_object(qmp, &answer, error);
                if (r < 0)
                        return r;

                value = json_object_get(answer, "return");
                if (value) {
                        if (ret)
                                *ret = json_incref(value);
                        return 0;
                }
                if (json_object_get(answer, "error"))
                        return refused(answer, command, error);
                note_event(qmp, answer);
        }
}

int qemu_qmp_wait(QemuQmp *qmp, QemuQmpEvent event, Error *error) {
        int r;

        while (!qmp->seen[event]) {
                _cleanup_(json_decrefp) json_t *object = NULL;

                r = read_object(qmp, &object, error);
                if (r < 0)
                        return r;
                note_event(qmp, object);
        }

        qmp->seen[event] = false;
        return 0;
}

int qemu_qmp_new(int fd, QemuQmp **ret, Error *error) {
        _cleanup_(qemu_qmp_freep) QemuQmp *qmp = calloc(1, sizeof(*qmp));
        _cleanup_(json_decrefp) json_t *greeting = NULL;
        int r;

        if (!qmp) {
                (void) close(fd);
                return error_oom(error);
        }
        qmp->fd = fd;

        r = read_object(qmp, &greeting, error);
        if (r >= 0 && !json_object_get(greeting, "QMP"))
                r = misunderstood(error);
        if (r >= 0)
                r = qemu_qmp_execute(qmp, "qmp_capabilities", json_object(), NULL, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(qmp);
        return 0;
}
