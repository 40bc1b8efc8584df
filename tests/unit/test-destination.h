/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Destinations in the scratch directory, and the journal of a store. */

#include "test-store.h"

#include <limits.h>
#include <sys/mount.h>

#include "job-destination.h"
#include "store-journal.h"

int destination_with(
        StoreFixture *f, const char *name, bool overwrite, bool no_sync, JobDestination **ret);

int destination_at(StoreFixture *f, const char *name, bool overwrite, JobDestination **ret);

JobDestination *must_have(StoreFixture *f, const char *name, bool overwrite);

/* What a tree worker does for the daemon. */
bool clean(JobDestination *destination);

void finish(JobDestination *destination);

void put_in(const JobDestination *destination, const char *name);

size_t count_journal(StoreFixture *f);

/* The staging directory of @name in @dir, or what is in it; NULL when there is none. */
char *staging(StoreFixture *f, const char *dir, const char *name);

void mount_tmpfs(StoreFixture *f, const char *name);

void unmount(StoreFixture *f, const char *name);
