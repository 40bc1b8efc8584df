/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base-fd.h"
#include "job-tree.h"

#define TREE_TRIES_MAX 3 /* workers that are killed while they empty one directory */

struct JobTree {
        const JobContext *context;   /* borrowed */
        const JobTreeEvents *events; /* borrowed */
        void *userdata;              /* borrowed */
        const JobProcessEvents *process_events;
        JobProcess *process;  /* owned */
        ProtoMessage message; /* its task */
        int directory_fd;     /* owned; its directory */
        char *path;           /* owned; of the directory being emptied; NULL if unknown */
        unsigned n_tries;
        uint64_t seen; /* the worker's CPU time at the last check */
        bool is_stopped;
};

static int start(JobTree *tree, Error *error) {
        int r;

        tree->n_tries++;
        r = job_process_start(
                tree->context, WORKER_TREE, tree->process_events, tree, &tree->process, error);
        if (r >= 0)
                job_process_send(tree->process, &tree->message, &tree->directory_fd, 1);
        return r;
}

static void on_message(void *userdata, const ProtoMessage *message, ProtoFds *fds) {
        /* job_process_start() passes nothing: the worker only reports a result. */
}

/* Whether the worker died without a reason, and its work can be resumed. */
static bool may_try_again(const JobTree *tree, const Error *error) {
        return error->code != 0 && error->kind == ERROR_WORKER_FAILED && !tree->is_stopped &&
               (tree->message.tree_start.operation == PROTO_TREE_EMPTY ||
                tree->message.tree_start.operation == PROTO_TREE_CHECK) &&
               tree->n_tries < TREE_TRIES_MAX;
}

static void on_ended(void *userdata, const Error *error) {
        _cleanup_(error_clear) Error why = ERROR_NULL;
        JobTree *tree = userdata;

        tree->process = job_process_free(tree->process);
        if (may_try_again(tree, error) && start(tree, NULL) >= 0)
                return;

        if (error->code != 0 && tree->path) {
                (void) error_copy(&why, error);
                (void) error_prefix(&why, "Leaving what remains in %s", tree->path);
                error = &why;
        }
        tree->events->ended(tree->userdata, error);
}

static const JobProcessEvents process_events = {
        .message = on_message,
        .ended = on_ended,
};

static ProtoTreeOperation operation_of(const JobDestinationStep *step) {
        if (step->moves)
                return step->exchanges ? PROTO_TREE_EXCHANGE : PROTO_TREE_MOVE;
        if (step->target)
                return PROTO_TREE_CLONE;
        return step->is_check ? PROTO_TREE_CHECK : PROTO_TREE_EMPTY;
}

/* Names of files are bytes, not text: proto_text_set() is not for them. */
static int set_name(char *field, size_t size, const char *name, Error *error) {
        if (strlen(name) >= size)
                return error_set(
                        error, ENAMETOOLONG, ERROR_INVALID_DESTINATION, "The name %s is too long",
                        name);

        strcpy(field, name);
        return 0;
}

/* The names are only for messages: the descriptor determines what is removed. */
static char *find_path(int fd) {
        char link[FD_PATH_MAX], path[PATH_MAX];
        ssize_t n = readlink(fd_path(fd, link), path, sizeof(path) - 1);

        if (n < 0)
                return NULL;

        path[n] = '\0';
        return strdup(path);
}

static int set_names(ProtoTreeStart *start, const JobDestinationStep *step, Error *error) {
        int r;

        r = set_name(start->name, sizeof(start->name), step->name, error);
        if (r >= 0 && step->target)
                r = set_name(start->target, sizeof(start->target), step->target, error);
        return r;
}

int job_tree_start(
        const JobContext *context,
        const JobDestinationStep *step,
        const JobTreeEvents *events,
        void *userdata,
        JobTree **ret,
        Error *error) {
        ProtoMessage message = {
                .type = PROTO_TREE_START,
                .tree_start = {
                        .operation = operation_of(step),
                        .cloned_nsec = step->cloned,
                        .modified_nsec = step->modified,
                        .sandbox = context->config->sandbox,
                },
        };
        _cleanup_(job_tree_freep) JobTree *tree = NULL;
        int r;

        r = set_names(&message.tree_start, step, error);
        if (r < 0)
                return r;

        tree = malloc(sizeof(*tree));
        if (!tree)
                return error_oom(error);

        *tree = (JobTree){
                .context = context,
                .events = events,
                .userdata = userdata,
                .process_events = &process_events,
                .message = message,
                .directory_fd = fcntl(step->directory_fd, F_DUPFD_CLOEXEC, 3),
        };
        if (tree->directory_fd < 0)
                return error_set_errno(error, errno, "Cannot duplicate a directory");
        if (operation_of(step) == PROTO_TREE_EMPTY)
                tree->path = find_path(step->directory_fd);
        r = start(tree, error);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(tree);
        return 0;
}

JobTree *job_tree_free(JobTree *tree) {
        if (!tree)
                return NULL;

        job_process_free(tree->process);
        closep(&tree->directory_fd);
        free(tree->path);
        free(tree);
        return NULL;
}

bool job_tree_has_moved(JobTree *tree) {
        const uint64_t used = tree->process ? job_process_cpu_nsec(tree->process) : 0;
        const bool has_moved = used != tree->seen;

        tree->seen = used;
        return has_moved;
}

void job_tree_stop(JobTree *tree) {
        tree->is_stopped = true;
        if (tree->process)
                job_process_stop(tree->process);
}
