/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base-thread.h"

static void *get_policy(void *userdata) {
        *(int *) userdata = sched_getscheduler(0);
        return NULL;
}

/* The policy of a thread that is started after the call, in a process that had @before. */
static int policy_after(int before) {
        const struct sched_param parameters = { 0 };
        const pid_t pid = fork();
        int status;

        if (pid == 0) {
                pthread_t thread;
                int policy = -1;

                if (sched_setscheduler(0, before, &parameters) < 0)
                        _exit(255);
                thread_prefer_throughput();
                if (thread_start(&thread, get_policy, &policy) == 0)
                        (void) pthread_join(thread, NULL);
                _exit(policy);
        }

        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

TEST(threads_to_come_do_not_interrupt_each_other) {
        assert_int_equal(policy_after(SCHED_OTHER), SCHED_BATCH);
}

TEST(policy_that_somebody_chose_stays) {
        assert_int_equal(policy_after(SCHED_IDLE), SCHED_IDLE);
}
