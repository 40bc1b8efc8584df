/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Translates text for people. Data, event names and the daemon's sentences stay English. */

#include <libintl.h>

#define _(text)  gettext(text)
#define N_(text) (text)
