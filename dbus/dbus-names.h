/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names that the daemon and the client share; tests/lint compares them with the interface XML beside this file. */

#define BUS_NAME     "org.virtbootstrap1"
#define BUS_PATH     "/org/virtbootstrap1"
#define BUS_JOB_PATH BUS_PATH "/job"
#define BUS_MANAGER  BUS_NAME ".Manager"
#define BUS_JOB      BUS_NAME ".Job"
#define BUS_CACHE    BUS_NAME ".Cache"
/* org.freedesktop.LogControl1(5) */
#define BUS_LOG_PATH    "/org/freedesktop/LogControl1"
#define BUS_LOG_CONTROL "org.freedesktop.LogControl1"

#define BUS_ERROR(id) BUS_NAME ".Error." id

/* Where the daemon listens without a bus. */
#define BUS_PRIVATE_SOCKET "/run/virt-bootstrap/private"

/* MESSAGE_ID= in the journal of the lines about a job's start and its end; virt-bootstrapd(8) has their other fields. */
#define JOURNAL_JOB_STARTED "71f3c58cd3484fdfa5e0bbf8b7ad1d6e"
#define JOURNAL_JOB_ENDED   "4e2a87ea6f5e4b0a9a3a2f1c0d5c7b93"
