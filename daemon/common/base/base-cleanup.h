/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Release on scope exit, and transfer what must survive it. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((__cleanup__(fn)))

/* Defines foo_freep(), for use as: _cleanup_(foo_freep) Foo *foo = NULL; */
/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define DEFINE_CLEANUP(type, fn)                                                                   \
        static inline void fn##p(type **p) {                                                       \
                if (*p)                                                                            \
                        fn(*p);                                                                    \
        }                                                                                          \
        struct fn##_cleanup_defined
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void freep(void *p) {
        free(*(void **) p);
}

static inline void closep(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

/* Hands the pointer to its new owner, leaving NULL behind. */
#define TAKE_PTR(p)                                                                                \
        ({                                                                                         \
                __typeof__(p) *_pp = &(p);                                                         \
                __typeof__(p) _taken = *_pp;                                                       \
                *_pp = NULL;                                                                       \
                _taken;                                                                            \
        })

/* Hands the descriptor to its new owner, leaving -EBADF behind. */
#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int *_fdp = &(fd);                                                                 \
                int _taken = *_fdp;                                                                \
                *_fdp = -EBADF;                                                                    \
                _taken;                                                                            \
        })

/* Hands what the structure owns to its new owner, leaving an empty one behind. */
#define TAKE_STRUCT(s)                                                                             \
        ({                                                                                         \
                __typeof__(s) *_sp = &(s);                                                         \
                __typeof__(s) _taken = *_sp;                                                       \
                *_sp = (__typeof__(s)){ 0 };                                                       \
                _taken;                                                                            \
        })
