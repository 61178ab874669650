/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What session.c and session_request.c share. */

#include "helper/session.h"

struct answer {
	struct answer *next;
	size_t n_bytes;
	uint8_t bytes[];
};

enum { SESSION_E_WAIT = 9 }; /* no room in the socket; is_blocked says so */

/* What the targets of a ping are charged as USER_REQUEST_BYTES, beside itself. */
static inline size_t targets_bytes(uint32_t n_targets) {
	return n_targets * sizeof(struct in6_addr);
}

/* What `stats` answers. */
void session_count(const struct session *session, enum stats_scope scope,
		   struct stats_result *ret_stats);

/* Sends the response in the shared buffer, or queues it. SESSION_E_CLOSED. */
int session_answer(struct session *session);
