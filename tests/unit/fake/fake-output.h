/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A worker that prints what a terminal, syslog or the journal would interpret as more than text. */
int fake_print_tricks(void);

/* Workers that say what they do: one request, many more than anybody needs to know of, and one that would clear a
 * terminal. */
int fake_trace_once(void);
int fake_trace_often(void);
int fake_trace_with_an_escape_sequence(void);
