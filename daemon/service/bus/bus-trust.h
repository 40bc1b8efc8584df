/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The answer of ExplainTrust. */

#include "bus-internal.h"
#include "job-fetch.h"

/**
 * bus_trust_answer() - answer @call
 * @fetch:      has ended
 * @error:      empty, or why the image is not trusted
 *
 * Return: 0, or a negative errno.
 */
int bus_trust_answer(sd_bus_message *call, const JobFetch *fetch, const Error *error);
