/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an image says about itself, for Manager.Inspect and the property Config of jobs. */

#include <systemd/sd-bus.h>

#include "job-image-details.h"

/** bus_image_append_details() - add created, author and labels to a dictionary of variants */
int bus_image_append_details(sd_bus_message *message, const JobImageDetails *details);

/** bus_image_append_config() - add what the image would run, as far as it says */
int bus_image_append_config(sd_bus_message *message, const JobImageDetails *details);
