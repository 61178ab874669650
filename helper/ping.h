/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One `ping` request on its way: its parameters, how far it is, and the lists of its probes. The session makes and frees it, the
 * prober works on it. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/probe_table.h"
#include "helper/user.h"

struct ping {
	/* whose */
	uint32_t session; /* number, unique */
	uint32_t id, msgid;
	struct user *user;      /* borrowed */
	struct user_part *part; /* borrowed */

	/* what: PROTOCOL.md */
	int64_t arrived_ns;
	uint32_t n_targets;
	uint32_t timeout_us, interval_us;
	uint32_t size_bytes;
	int pattern, ttl, tos; /* -1: random; the system's */
	bool dont_fragment;
	struct in6_addr source;
	uint32_t interface, scope, fwmark; /* 0: none */
	struct in6_addr *
		targets; /* until all are admitted; canonical; :: is one that was cancelled before its turn */

	/* how far: each target is admitted, then sent or decided, then delivered */
	uint32_t n_admitted, n_unsent, n_undelivered;
	uint32_t n_finished;                    /* outcomes that wait for delivery */
	uint32_t open_first;                    /* probes waiting or sent; PROBE_NONE */
	uint32_t finished_first, finished_last; /* probes whose outcome waits for delivery */
	bool is_cancelled; /* what is not yet admitted ends as cancelled in its turn */
	bool response_sent, sent_told;

	bool has_news;
	int64_t news_ns;        /* since when there is something to tell */
	uint64_t looked_at;     /* turn of the loop in which it was last seen whether to tell it */
	struct ping *next_news; /* the prober's list of pings that have something to tell */
	struct ping *next, *previous; /* the session's list */
};

/* Whether the next target, not yet admitted, was cancelled. */
static inline bool ping_next_is_cancelled(const struct ping *ping) {
	return ping->is_cancelled || IN6_IS_ADDR_UNSPECIFIED(&ping->targets[ping->n_admitted]);
}
