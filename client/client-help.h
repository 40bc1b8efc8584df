/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** client_help_print() - print the translated help text to standard output */
void client_help_print(void);
