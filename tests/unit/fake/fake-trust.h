/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A trust worker that accepts, although it needs signatures and has none. */
int fake_trust_accept_unsigned(void);

/* A fetch worker that sends signatures which nobody needs. */
int fake_fetch_signature(void);
