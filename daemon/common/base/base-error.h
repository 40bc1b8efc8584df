/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Error: what went wrong, for the code (@code), for the bus (@kind) and for a person (@message).
 *
 * It is created where the failure is understood, prefixed with context on the way up, and shown once:
 * whoever creates an error must not log it. The worker sends it to the daemon, the bus layer turns
 * @kind into a D-Bus error name, and the client prints @message.
 */

#include <stdint.h>

/* One for each kind that a user can act on. Workers send these numbers to the daemon. */
typedef enum ErrorKind {
        ERROR_FAILED, /* nothing more specific: a system call failed, see the message */
        ERROR_INVALID_REFERENCE,
        ERROR_INVALID_OPTION,
        ERROR_INVALID_DESTINATION,
        ERROR_NOT_FOUND,
        ERROR_AUTHENTICATION_REQUIRED,
        ERROR_ACCESS_DENIED,
        ERROR_REGISTRY_UNAVAILABLE,
        ERROR_REGISTRY_ERROR,
        ERROR_TOO_MANY_REQUESTS,
        ERROR_TLS_ERROR,
        ERROR_DIGEST_MISMATCH,
        ERROR_NOT_TRUSTED, /* the signature policy rejects the image */
        ERROR_UNSUPPORTED_IMAGE,
        ERROR_NO_MATCHING_PLATFORM,
        ERROR_NO_LAYERS,
        ERROR_CORRUPT_ARCHIVE,
        ERROR_UNSAFE_ARCHIVE,
        ERROR_DESTINATION_NOT_EMPTY,
        ERROR_DESTINATION_BUSY,
        ERROR_NO_SPACE,
        ERROR_LIMIT_EXCEEDED,
        ERROR_CANCELLED,
        ERROR_NO_SUCH_JOB,
        ERROR_QUEUE_FULL,
        ERROR_INTERRUPTED,
        ERROR_CACHE_BUSY,
        ERROR_CACHE_UNUSABLE,
        ERROR_DAEMON_UNAVAILABLE, /* set by the client: nobody answers */
        ERROR_WORKER_FAILED, /* a worker could not be started, was killed or broke the protocol */
        _ERROR_KIND_MAX,
} ErrorKind;

typedef struct Error {
        int code;       /* errno value; > 0 when set, 0 when not */
        ErrorKind kind; /* only meaningful when code > 0 */
        char *message;  /* English, no final period, printable UTF-8; owned; NULL after ENOMEM */
} Error;

#define ERROR_NULL ((Error){ 0 })

/**
 * error_set() - describe a failure
 * @error:      empty error to fill; NULL when the caller does not care
 * @code:       errno value, > 0
 * @kind:       what a user can do about it
 * @format:     printf format of the human message; %m works
 *
 * The message may contain names that somebody else has chosen: unprintable characters become '?'.
 *
 * Return: -@code, always, so that callers can write "return error_set(...)".
 */
int error_set(Error *error, int code, ErrorKind kind, const char *format, ...)
        __attribute__((__format__(__printf__, 4, 5)));

/**
 * error_set_errno() - describe a failed system call
 *
 * As error_set(), with the kind that fits @code: ENOSPC and EDQUOT are ERROR_NO_SPACE; EACCES,
 * EPERM and EROFS are ERROR_ACCESS_DENIED; all others are ERROR_FAILED. ": " and strerror(@code)
 * are appended to the message.
 */
int error_set_errno(Error *error, int code, const char *format, ...)
        __attribute__((__format__(__printf__, 3, 4)));

/** error_errno_text() - as strerror(3), but in English in every locale; not allocated */
const char *error_errno_text(int code);

/** error_oom() - describe a failed allocation; returns -ENOMEM */
int error_oom(Error *error);

/**
 * error_prefix() - put what was being attempted in front of the message
 *
 * Return: -@error->code, or -EIO when @error is NULL.
 */
int error_prefix(Error *error, const char *format, ...)
        __attribute__((__format__(__printf__, 2, 3)));

/** error_add_hint() - put what would help behind the message; nothing if @error is NULL */
void error_add_hint(Error *error, const char *format, ...)
        __attribute__((__format__(__printf__, 2, 3)));

/** error_copy() - deep copy of @from into the empty @to; returns -@from->code */
int error_copy(Error *to, const Error *from);

/** error_move() - move @from to the empty @to, or drop it if @to is NULL; @from is empty then */
void error_move(Error *to, Error *from);

/** error_text() - the message of @error, never NULL */
const char *error_text(const Error *error);

/** error_clear() - release what @error owns and make it empty; usable with _cleanup_() */
void error_clear(Error *error);

/** error_kind_to_bus_name() - the D-Bus error name; static */
const char *error_kind_to_bus_name(ErrorKind kind);
