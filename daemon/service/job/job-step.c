/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <stdlib.h>

#include "job-step.h"

StepData *step_data_new(Store *store, Destination *destination) {
        StepData *data = malloc(sizeof(*data));

        if (data)
                *data = (StepData){ .store = store, .destination = destination };
        return data;
}

StepData *step_data_free(StepData *data) {
        if (!data)
                return NULL;

        destination_free(data->destination);
        free(data);
        return NULL;
}

Task *step_give_up(Task *task, StepData *data) {
        if (data->destination)
                destination_give_up(data->destination);
        return task_free(task);
}

void step_release(void *data) {
        step_data_free(data);
}

/* Whether nothing is mounted where the next step is to remove something. */
static int check_next(const StepData *data, Error *error) {
        return data->has_next ? destination_check_step(&data->next, error) : 0;
}

int step_prepare(Task *task, void *userdata, Error *error) {
        StepData *data = userdata;
        int r;

        r = destination_prepare(data->destination, data->store, error);
        data->has_next = r >= 0 && destination_clone_step(data->destination, &data->next);
        return r < 0 ? r : check_next(data, error);
}

int step_commit(Task *task, void *userdata, Error *error) {
        StepData *data = userdata;
        int r;

        r = destination_commit_step(data->destination, &data->next, error);
        data->has_next = r > 0;
        if (r != 0)
                return r;

        r = destination_commit(data->destination, error);
        data->has_next = r >= 0 && destination_check_clone_step(data->destination, &data->next);
        return r < 0 ? r : check_next(data, error);
}

int step_see_commit(Task *task, void *userdata, Error *error) {
        StepData *data = userdata;

        data->has_next = false;
        return destination_has_committed(data->destination);
}

int step_revert(Task *task, void *userdata, Error *error) {
        StepData *data = userdata;

        data->has_next = false;
        return destination_revert(data->destination, error);
}

int step_clean(Task *task, void *userdata, Error *error) {
        StepData *data = userdata;

        data->lends_rights = destination_lends_rights(data->destination);
        data->has_next = destination_cleanup_step(data->destination, &data->next);
        return check_next(data, error);
}

int step_cleaned(Task *task, void *userdata, Error *error) {
        StepData *data = userdata;

        data->has_next = false;
        return destination_cleaned(data->destination, error);
}

/* Returns 1 with an entry that no daemon works on, 0 when there is none, for this id. */
static int take_entry(const StepData *data, StoreJournalEntry *ret, Error *error) {
        int r;

        r = store_journal_begin(data->store, error);
        if (r < 0)
                return r;

        r = store_journal_take(data->store, data->id, ret, error);
        if (r == -EBADMSG)
                store_journal_forget(data->store, data->id);
        store_journal_end(data->store);
        return r;
}

int step_recover(Task *task, void *userdata, Error *error) {
        _cleanup_(store_journal_entry_done) StoreJournalEntry entry = STORE_JOURNAL_ENTRY_NULL;
        StepData *data = userdata;
        int r;

        r = take_entry(data, &entry, error);
        if (r > 0)
                r = destination_recover(data->store, &entry, &data->destination, error);
        if (r <= 0)
                return r;

        r = step_clean(task, data, error);
        return r < 0 ? r : 1;
}
