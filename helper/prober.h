/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sends probes and finds out what became of each: exactly one outcome.
 *
 * A probe takes a slot of the probe table when it is admitted; its outcome stays in that slot until it was delivered, so no outcome
 * can get lost for want of memory. Whoever admits has charged the slot, whoever delivers releases it. Nothing here knows sessions:
 * a ping that has something to tell is put on a list, and events go to a ring that the loop empties. */

#include <stdbool.h>
#include <stdint.h>

#include "helper/clock.h"
#include "helper/config.h"
#include "helper/destination.h"
#include "helper/destination_rates.h"
#include "helper/icmp_sockets.h"
#include "helper/ping.h"
#include "helper/probe_table.h"
#include "helper/timing_wheel.h"
#include "protocol/message.h"

enum { PROBER_EVENTS = 1024 };

struct probe_event { /* duplicate, late, unverified_error: best effort */
	uint32_t session, id;
	struct outcome outcome;
};

struct prober {
	struct clock clock;
	struct probe_table table;
	struct timing_wheel wheel;
	struct destination_rates destination_rates;
	struct icmp_sockets *sockets; /* borrowed */
	struct echo_template template;
	struct ping *news_first, *news_last;
	struct probe_event events[PROBER_EVENTS];
	uint32_t n_events;
	uint32_t n_unstamped; /* probes in state sent whose transmit stamp has not come */
	int64_t seen_ns;      /* monotonic: everything that arrived until then has been looked at */
	int64_t dropped_ns; /* monotonic: when the kernel was last found to have dropped packets; INT64_MIN */
	int64_t full_until_ns
		[N_SEND_SOCKETS]; /* a send buffer was full: nothing goes out on it before */
	uint64_t n_foreign, n_forged, n_malformed, n_receive_drops;
	uint64_t n_late, n_duplicates, n_events_dropped;
};

/* @config is read, @sockets is borrowed. -errno. */
int prober_init(struct prober *ret_prober, const struct config *config,
		struct icmp_sockets *sockets);
void prober_deinit(struct prober *prober);

/* Admits the next target of @ping (n_admitted < n_targets): judges it, and sends it now or when its destination's turn comes; one
 * that was cancelled ends so. The caller has charged one USER_PROBES and seen that the table has a free slot. */
void prober_start(struct prober *prober, struct ping *ping);

/* When @user may send: his socket is not full, no quarter of its buffer is taken by packets of his that wait for their neighbours,
 * and it is known what his realm may not reach. @now_ns or earlier: now. */
int64_t prober_ready_ns(const struct prober *prober, struct user *user, int64_t now_ns);

/* Takes everything that has arrived: first transmit stamps, then replies and ICMP errors. @belated: stamps of packets too that had to
 * wait, for their neighbours' addresses or in a queue. */
void prober_receive(struct prober *prober, bool belated);

/* Ends the probes whose time is over and sends those that waited. It goes by the time until which prober_receive has looked at the
 * network, so that a reply which waits in the socket counts before its time-out does, however long we were held up since. */
void prober_expire(struct prober *prober);

/* Ends the target @index of @ping as cancelled, or all that are open: of those admitted. */
void prober_cancel(struct prober *prober, struct ping *ping, uint32_t index);
void prober_cancel_all(struct prober *prober, struct ping *ping);

/* Reads the outcome in the finished slot @slot, from ping.finished_first on. Returns the next one, or PROBE_NONE. */
uint32_t prober_peek(const struct prober *prober, uint32_t slot, struct outcome *ret_outcome);

/* Frees the first finished slot, whose outcome was delivered; the caller releases its charge. */
void prober_pop(struct prober *prober, struct ping *ping);

/* Frees all slots of @ping, delivered or not. Returns how many that were. */
uint32_t prober_forget(struct prober *prober, struct ping *ping);

/* Takes all pings of a session off the list of news. */
void prober_forget_news(struct prober *prober, uint32_t session);

/* Puts @ping on the list of those with news, or takes the first one off. */
void prober_push_news(struct prober *prober, struct ping *ping);
struct ping *prober_pop_news(struct prober *prober);
