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
