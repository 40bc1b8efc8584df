/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus-park.h"

#define FDS_MAX 16u /* of a call; no more options have descriptors */

/* The data of the thread; the numbers are those of the call. */
typedef struct Numbers {
        int fds[FDS_MAX];
        size_t n;
} Numbers;

struct BusParked {
        BusParked *next;      /* owned */
        BusServer *server;    /* borrowed */
        sd_bus_message *call; /* owned */
        JobTask *task;        /* owned */
};

static int put_others(JobTask *task, void *data, Error *error) {
        const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        const Numbers *numbers = data;

        for (size_t i = 0; i < numbers->n; i++)
                (void) dup3(null_fd >= 0 ? null_fd : STDIN_FILENO, numbers->fds[i], O_CLOEXEC);
        if (null_fd >= 0)
                (void) close(null_fd);
        return 0;
}

static void on_done(void *userdata, void *data, int r, Error *error) {
        BusParked *parked = userdata;
        BusParked **p = &parked->server->parked;

        while (*p != parked)
                p = &(*p)->next;
        *p = parked->next;

        job_task_free(parked->task);
        sd_bus_message_unref(parked->call);
        free(parked);
        free(data);
}

static const JobTaskOperation park_operation = {
        .work = put_others,
        .release = free,
        .ended = on_done,
};

/* An option of any other type. */
static int collect_one(sd_bus_message *call, Numbers *numbers) {
        const char *type = NULL;
        int r, fd;

        r = sd_bus_message_skip(call, "s");
        if (r >= 0)
                r = sd_bus_message_peek_type(call, NULL, &type);
        if (r < 0)
                return r;
        if (!type || strcmp(type, "h") != 0)
                return sd_bus_message_skip(call, "v");

        r = sd_bus_message_enter_container(call, 'v', "h");
        if (r >= 0)
                r = sd_bus_message_read_basic(call, 'h', &fd);
        if (r >= 0 && numbers->n < FDS_MAX)
                numbers->fds[numbers->n++] = fd;
        return r < 0 ? r : sd_bus_message_exit_container(call);
}

static void collect(sd_bus_message *call, unsigned n_texts, Numbers *numbers) {
        int r;

        r = sd_bus_message_rewind(call, 1);
        for (unsigned i = 0; r >= 0 && i < n_texts; i++)
                r = sd_bus_message_skip(call, "s");
        if (r >= 0)
                r = sd_bus_message_enter_container(call, 'a', "{sv}");
        while (r >= 0 && sd_bus_message_enter_container(call, 'e', "sv") > 0) {
                r = collect_one(call, numbers);
                if (r >= 0)
                        r = sd_bus_message_exit_container(call);
        }
}

void bus_park(BusServer *server, sd_bus_message *call, unsigned n_texts) {
        _cleanup_(freep) Numbers *numbers = calloc(1, sizeof(*numbers));
        _cleanup_(freep) BusParked *parked = malloc(sizeof(*parked));
        Error error = ERROR_NULL;

        if (!numbers || !parked)
                return;
        collect(call, n_texts, numbers);
        if (numbers->n == 0)
                return;

        *parked = (BusParked){
                .next = server->parked,
                .server = server,
                .call = sd_bus_message_ref(call),
        };
        if (job_task_start(
                    server->context->tasks, &park_operation, numbers, parked, &parked->task,
                    &error) < 0) {
                sd_bus_message_unref(parked->call);
                error_clear(&error);
                return;
        }
        server->parked = TAKE_PTR(parked);
        TAKE_PTR(numbers);
}

void bus_park_free_all(BusServer *server) {
        BusParked *next;

        for (BusParked *parked = server->parked; parked; parked = next) {
                next = parked->next;
                job_task_free(parked->task);
                free(parked);
        }
        server->parked = NULL;
}
