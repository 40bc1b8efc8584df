/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** help_print() - the translated help text to standard output */
void help_print(void);
