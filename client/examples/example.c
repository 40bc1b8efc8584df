/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cc -o example example.c $(pkg-config --cflags --libs libsystemd); ./example SOURCE DESTINATION
 * Submits a job and follows it. Ctrl-C cancels it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#define NAME "org.virtbootstrap1"

static sd_bus *bus;
static const char *id, *job;

static int on_progress(sd_bus_message *m, void *event, sd_bus_error *error) {
        const char *phase;
        double fraction;

        if (strcmp(sd_bus_message_get_path(m), job) == 0 &&
            sd_bus_message_read(m, "sttd", &phase, NULL, NULL, &fraction) >= 0)
                printf("%s %.0f%%\n", phase, 100 * fraction);
        return 0;
}

static int on_finished(sd_bus_message *m, void *event, sd_bus_error *error) {
        const char *which, *result, *name, *text;

        if (sd_bus_message_read(m, "sosss", &which, NULL, &result, &name, &text) < 0 ||
            strcmp(which, id) != 0)
                return 0;
        printf("%s %s %s\n", result, name, text);
        return sd_event_exit(event, strcmp(result, "done") != 0);
}

static int on_interrupt(
        sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        return sd_bus_call_method_async(
                bus, NULL, NAME, job, NAME ".Job", "Cancel", NULL, NULL, "");
}

int main(int argc, char *argv[]) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply;
        sd_event *event;

        setlinebuf(stdout);
        if (argc != 3 || sd_event_default(&event) < 0 ||
            (geteuid() == 0 ? sd_bus_open_system(&bus) : sd_bus_open_user(&bus)) < 0)
                return 2;
        sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        sd_event_add_signal(event, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK, on_interrupt, NULL);
        sd_bus_match_signal(
                bus, NULL, NAME, NULL, NAME ".Job", "ProgressChanged", on_progress, event);
        sd_bus_match_signal(
                bus, NULL, NAME, NULL, NAME ".Manager", "JobFinished", on_finished, event);
        if (sd_bus_call_method(
                    bus, NAME, "/org/virtbootstrap1", NAME ".Manager", "Bootstrap", &error, &reply,
                    "ssa{sv}", argv[1], argv[2], 1, "no-cache", "b", 1) < 0 ||
            sd_bus_message_read(reply, "so", &id, &job) < 0) {
                fprintf(stderr, "%s: %s\n", error.name, error.message);
                return 1;
        }
        return sd_event_loop(event);
}
