/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base-cleanup.h"
#include "base-error.h"
#include "base-text.h"
#include "dbus-names.h"

#define KIND_NAMES(X)                                                                              \
        X(ERROR_FAILED, "Failed")                                                                  \
        X(ERROR_INVALID_REFERENCE, "InvalidReference")                                             \
        X(ERROR_INVALID_OPTION, "InvalidOption")                                                   \
        X(ERROR_INVALID_DESTINATION, "InvalidDestination")                                         \
        X(ERROR_NOT_FOUND, "NotFound")                                                             \
        X(ERROR_AUTHENTICATION_REQUIRED, "AuthenticationRequired")                                 \
        X(ERROR_ACCESS_DENIED, "AccessDenied")                                                     \
        X(ERROR_REGISTRY_UNAVAILABLE, "RegistryUnavailable")                                       \
        X(ERROR_REGISTRY_ERROR, "RegistryError")                                                   \
        X(ERROR_TOO_MANY_REQUESTS, "TooManyRequests")                                              \
        X(ERROR_TLS_ERROR, "TlsError")                                                             \
        X(ERROR_DIGEST_MISMATCH, "DigestMismatch")                                                 \
        X(ERROR_NOT_TRUSTED, "NotTrusted")                                                         \
        X(ERROR_UNSUPPORTED_IMAGE, "UnsupportedImage")                                             \
        X(ERROR_NO_MATCHING_PLATFORM, "NoMatchingPlatform")                                        \
        X(ERROR_NO_LAYERS, "NoLayers")                                                             \
        X(ERROR_CORRUPT_ARCHIVE, "CorruptArchive")                                                 \
        X(ERROR_UNSAFE_ARCHIVE, "UnsafeArchive")                                                   \
        X(ERROR_DESTINATION_NOT_EMPTY, "DestinationNotEmpty")                                      \
        X(ERROR_DESTINATION_BUSY, "DestinationBusy")                                               \
        X(ERROR_NO_SPACE, "NoSpace")                                                               \
        X(ERROR_LIMIT_EXCEEDED, "LimitExceeded")                                                   \
        X(ERROR_CANCELLED, "Cancelled")                                                            \
        X(ERROR_NO_SUCH_JOB, "NoSuchJob")                                                          \
        X(ERROR_QUEUE_FULL, "QueueFull")                                                           \
        X(ERROR_INTERRUPTED, "Interrupted")                                                        \
        X(ERROR_CACHE_BUSY, "CacheBusy")                                                           \
        X(ERROR_CACHE_UNUSABLE, "CacheUnusable")                                                   \
        X(ERROR_DAEMON_UNAVAILABLE, "DaemonUnavailable")                                           \
        X(ERROR_WORKER_FAILED, "WorkerFailed")

#define KIND_BUS_NAME(kind, id) [kind] = BUS_ERROR(id),

static const char *const bus_names[_ERROR_KIND_MAX] = { KIND_NAMES(KIND_BUS_NAME) };

__attribute__((__format__(__printf__, 1, 0))) static char *format_message(
        const char *format, va_list ap) {
        char *message;

        if (vasprintf(&message, format, ap) < 0)
                return NULL;

        text_make_printable(message);
        return message;
}

int error_set(Error *error, int code, ErrorKind kind, const char *format, ...) {
        va_list ap;

        assert(code > 0);
        assert(kind < _ERROR_KIND_MAX);

        if (!error)
                return -code;

        assert(error->code == 0);

        va_start(ap, format);
        error->message = format_message(format, ap);
        va_end(ap);

        error->code = code;
        error->kind = kind;
        return -code;
}

static ErrorKind kind_from_errno(int code) {
        switch (code) {
        case ENOSPC:
        case EDQUOT:
                return ERROR_NO_SPACE;
        case EACCES:
        case EPERM:
        case EROFS:
                return ERROR_ACCESS_DENIED;
        default:
                return ERROR_FAILED;
        }
}

int error_set_errno(Error *error, int code, const char *format, ...) {
        _cleanup_(freep) char *what = NULL;
        va_list ap;

        va_start(ap, format);
        what = format_message(format, ap);
        va_end(ap);

        return error_set(
                error, code, kind_from_errno(code), "%s: %s", what ? what : "Out of memory",
                error_errno_text(code));
}

const char *error_errno_text(int code) {
        const char *text = strerrordesc_np(code);

        return text ? text : "Unknown error";
}

int error_oom(Error *error) {
        return error_set(error, ENOMEM, ERROR_FAILED, "Out of memory");
}

int error_prefix(Error *error, const char *format, ...) {
        _cleanup_(freep) char *prefix = NULL;
        char *joined;
        va_list ap;

        if (!error)
                return -EIO;

        assert(error->code > 0);

        va_start(ap, format);
        prefix = format_message(format, ap);
        va_end(ap);

        if (!prefix || asprintf(&joined, "%s: %s", prefix, error_text(error)) < 0)
                return -error->code;

        free(error->message);
        error->message = joined;
        return -error->code;
}

void error_add_hint(Error *error, const char *format, ...) {
        _cleanup_(freep) char *hint = NULL;
        char *joined;
        va_list ap;

        if (!error)
                return;

        assert(error->code > 0);

        va_start(ap, format);
        hint = format_message(format, ap);
        va_end(ap);

        if (!hint || asprintf(&joined, "%s; %s", error_text(error), hint) < 0)
                return;

        free(error->message);
        error->message = joined;
}

int error_copy(Error *to, const Error *from) {
        assert(from->code > 0);

        if (!to)
                return -from->code;

        assert(to->code == 0);

        *to = (Error){
                .code = from->code,
                .kind = from->kind,
                .message = from->message ? strdup(from->message) : NULL,
        };
        return -from->code;
}

void error_move(Error *to, Error *from) {
        if (!to) {
                error_clear(from);
                return;
        }

        assert(to->code == 0);

        *to = *from;
        *from = ERROR_NULL;
}

const char *error_text(const Error *error) {
        if (error->message)
                return error->message;
        return error->code > 0 ? error_errno_text(error->code) : "Success";
}

void error_clear(Error *error) {
        free(error->message);
        *error = ERROR_NULL;
}

const char *error_kind_to_bus_name(ErrorKind kind) {
        assert(kind < _ERROR_KIND_MAX);
        return bus_names[kind];
}
