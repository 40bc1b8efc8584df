/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client-options.h"

/** client_help_print() - print the translated help text to standard output, or in a pager */
void client_help_print(const ClientOptions *options);
