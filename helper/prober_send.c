/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Sending, and the time that a probe has: before it is sent, and after. */
#include <assert.h>
#include <errno.h>

#include "helper/defence.h"
#include "helper/prober_private.h"

enum {
	SOCKET_RETRY_NS = 1000000,       /* a full send buffer is looked at again after 1 ms */
	DESTINATION_RETRY_NS = 10000000, /* a destination without room in its queue after 10 ms */
	/* What one owner may have waiting for its neighbours' addresses: 384 small packets. When the kernel's table holds 512
	 * neighbours (net.ipv4.neigh.default.gc_thresh2) it starts to throw out those that others use. */
	MAX_UNSTAMPED_BYTES = 384 * (PACKET_OVERHEAD_BYTES + PROTOCOL_DEFAULT_DATA_BYTES),
	/* Probes of one owner that wait for their destinations, before it waits as a whole. */
	MAX_HELD_UP = 64,
};

int64_t prober_ready_ns(const struct prober *prober, struct user *user, int64_t now_ns) {
	uint32_t most = icmp_sockets_facts(prober->sockets)->send_buffer_bytes / 4;

	if (most > MAX_UNSTAMPED_BYTES) {
		most = MAX_UNSTAMPED_BYTES;
	}
	/* Not every driver gives stamps: the buffer itself has the last word, but asking it costs a call. */
	if (user_unstamped_bytes(user, now_ns) > most &&
	    icmp_sockets_queued_bytes(prober->sockets, user->uid) > most / 2) {
		return now_ns + SOCKET_RETRY_NS;
	}
	if (user->n_held_up >= MAX_HELD_UP || !realm_is_ready(user->realm)) {
		return now_ns + DESTINATION_RETRY_NS;
	}
	return prober->full_until_ns[user->uid % N_SEND_SOCKETS];
}

static int send_packet(struct prober *prober, const struct ping *ping, uint32_t slot) {
	struct probe *probe = &prober->table.probes[slot];
	uint16_t identifier = icmp_sockets_identifier(prober->sockets, probe->family,
						      ping->dont_fragment, probe->key >> 16);
	struct icmp_send send = {
		.family = probe->family,
		.destination = probe->destination,
		.scope = IN6_IS_ADDR_LINKLOCAL(&probe->destination) ? ping->scope : 0,
		.bytes = prober->template.bytes,
		.n_bytes = ICMP_HEADER_BYTES + ping->size_bytes,
		.identifier = identifier,
		.socket_hash = ping->user->uid,
		.ttl = ping->ttl,
		.tos = ping->tos,
		.dont_fragment = ping->dont_fragment,
		.source = ping->source,
		.interface = ping->interface,
		.fwmark = ping->fwmark,
	};

	echo_template_pack(&prober->template, probe->family, identifier, (uint16_t)probe->key,
			   probe_secret(&prober->table, probe), ping->size_bytes, ping->pattern);
	probe->sent_ns = clock_monotonic_ns(&prober->clock); /* as late as can be */
	return icmp_sockets_send(prober->sockets, &send);
}

/* The kernel took the packet. */
static void note_sent(struct prober *prober, struct ping *ping, uint32_t slot) {
	struct probe *probe = &prober->table.probes[slot];

	prober_release_held_up(probe);
	probe->state = PROBE_SENT;
	probe->queued_us = prober_queued_us(ping, probe->sent_ns);
	ping->n_unsent--;
	ping->part->counters.probes_sent++;
	user_add_unstamped(ping->user, probe->sent_ns, prober_buffer_bytes(ping));
	prober->n_unstamped++;
	timing_wheel_add(&prober->wheel, slot, prober_deadline_ns(probe));
	if (ping->n_unsent == 0) {
		prober_push_news(prober, ping);
	}
}

/* Leaves a probe waiting for @at_ns. While it does, sent_ns says when to give up and stamp_ns when to try. */
static void wait_until(struct prober *prober, uint32_t slot, int64_t at_ns, int64_t give_up_ns) {
	prober->table.probes[slot].sent_ns = give_up_ns;
	prober->table.probes[slot].stamp_ns = at_ns;
	timing_wheel_add(&prober->wheel, slot, at_ns);
}

/* How long a destination without room is tried, and what it is called when that was in vain. A neighbour table full of hosts that do
 * not answer has room again when those have failed, after 3 s; that it is full is only a guess for EINVAL. */
static const struct {
	int seconds;
	uint16_t error;
} patience[] = {
	[ICMP_SOCKETS_E_DESTINATION] = {10, ENOBUFS},
	[ICMP_SOCKETS_E_NEIGHBOUR] = {4, EINVAL},
};

/* Tries to send the probe of a slot in state waiting, which has no timer. @give_up_ns: when to call a destination without room a
 * failure. */
static void try_send(struct prober *prober, uint32_t slot, int64_t give_up_ns) {
	struct probe *probe = &prober->table.probes[slot];
	struct ping *ping = probe->ping;
	int r = send_packet(prober, ping, slot);
	int64_t now_ns = probe->sent_ns;

	if (r == 0) {
		note_sent(prober, ping, slot);
		return;
	}
	if (r == ICMP_SOCKETS_E_FULL) {
		prober->full_until_ns[ping->user->uid % N_SEND_SOCKETS] = now_ns + SOCKET_RETRY_NS;
		wait_until(prober, slot, now_ns + SOCKET_RETRY_NS, give_up_ns);
	} else if (r > 0 && now_ns < give_up_ns) {
		if (!(probe->marks & PROBE_MARK_HELD_UP)) {
			probe->marks |= PROBE_MARK_HELD_UP;
			ping->user->n_held_up++;
			ping->part->counters.waiting_for_neighbour++;
			give_up_ns = now_ns + patience[r].seconds * INT64_C(1000000000);
		}
		wait_until(prober, slot, now_ns + DESTINATION_RETRY_NS, give_up_ns);
	} else {
		probe->detail = r > 0 ? patience[r].error : (uint16_t)-r;
		prober_finish(prober, slot, OUTCOME_SEND_ERROR);
	}
}

/* Takes a slot for the next target, in state waiting. */
static uint32_t take_slot(struct prober *prober, struct ping *ping) {
	uint32_t slot = probe_table_take(&prober->table, prober->clock.now_ns);
	struct probe *probe = &prober->table.probes[slot];

	assert(slot != PROBE_NONE); /* it was charged, so there is one */
	probe->ping = ping;
	probe->index = (uint16_t)ping->n_admitted++;
	ping->part->counters.targets_queued--;
	probe->destination = ping->targets[probe->index];
	probe->family = IN6_IS_ADDR_V4MAPPED(&probe->destination) ? FAMILY_IPV4 : FAMILY_IPV6;
	probe->state = PROBE_WAITING;
	probe->flags = ping->size_bytes < ICMP_SECRET_BYTES ? OUTCOME_UNVERIFIED : 0;
	prober_open(prober, ping, slot);
	return slot;
}

/* Admits the next target only to deny it. What is told of @rule is kept in the slot. */
static void deny(struct prober *prober, struct ping *ping, const struct destination_rule *rule) {
	uint32_t slot = take_slot(prober, ping);
	struct probe *probe = &prober->table.probes[slot];

	user_note_refused(ping->user, USER_REFUSED_DESTINATION);
	probe->reporter = rule->prefix;
	probe->detail = (uint16_t)(rule->origin << 8 | rule->length);
	prober_finish(prober, slot, OUTCOME_DENIED);
}

void prober_start(struct prober *prober, struct ping *ping) {
	const struct in6_addr *target = &ping->targets[ping->n_admitted];
	const struct destination_rule *rule;

	if (ping_next_is_cancelled(ping)) {
		prober_finish(prober, take_slot(prober, ping), OUTCOME_CANCELLED);
	} else if ((rule = realm_judge(ping->user->realm, target)) != NULL) {
		deny(prober, ping, rule);
	} else if (destination_rates_take(&prober->destination_rates, target,
					  prober->clock.now_ns)) {
		try_send(prober, take_slot(prober, ping), INT64_MAX);
	} else {
		ping->part->counters.delayed_by_destination++;
		ping->part->counters.waiting_for_destination++;
		destination_rates_wait(&prober->destination_rates, take_slot(prober, ping));
	}
}

/* --- time --- */

static void time_out(struct prober *prober, uint32_t slot) {
	struct probe *probe = &prober->table.probes[slot];

	if (probe->marks &
	    PROBE_MARK_ERROR) { /* a router's word without proof is better than none */
		probe->flags |= OUTCOME_UNVERIFIED;
		prober_finish(prober, slot, OUTCOME_ICMP_ERROR);
		return;
	}
	if (probe->sent_ns <= prober->dropped_ns) {
		probe->flags |= OUTCOME_MAYBE_LOCAL_LOSS;
	}
	prober_finish(prober, slot, OUTCOME_TIMEOUT);
}

/* Leaves a probe that was parked waiting for its own time, where its session has a probe too near before. Each gets a time of its own, once:
 * many that were parked do not wake each other up. */
static bool keep_interval(struct prober *prober, uint32_t slot) {
	const struct ping *ping = prober->table.probes[slot].ping;
	int64_t now_ns = prober->clock.now_ns;
	int64_t at_ns = ping->part->last_send_ns + (int64_t)ping->interval_us * 1000;

	if (ping->interval_us == 0) {
		return false;
	}
	ping->part->last_send_ns = at_ns > now_ns ? at_ns : now_ns;
	if (at_ns > now_ns) {
		wait_until(prober, slot, at_ns, INT64_MAX);
	}
	return at_ns > now_ns;
}

/* A waiting probe may be sent: its destination has a token for it, or a failed send is to be tried again. */
static void wait_over(struct prober *prober, uint32_t slot, int64_t now_ns) {
	struct probe *probe = &prober->table.probes[slot];
	int64_t give_up_ns = probe->sent_ns;

	if (probe->marks & PROBE_MARK_WAITS_IN_TURN) {
		destination_rates_turn(&prober->destination_rates, slot, now_ns);
		probe->ping->part->counters.waiting_for_destination--;
		probe->reporter = in6addr_any;
		if (keep_interval(prober, slot)) {
			return;
		}
		give_up_ns = INT64_MAX;
	}
	probe->stamp_ns = 0;
	try_send(prober, slot, give_up_ns);
}

void prober_expire(struct prober *prober) {
	int64_t now_ns = prober->seen_ns;
	uint32_t slot = timing_wheel_expire(&prober->wheel, now_ns);

	if (slot != PROBE_NONE && icmp_sockets_dropped(prober->sockets) &&
	    defence_is_on(OVERFLOW_TOLD)) {
		prober->n_receive_drops++;
		prober->dropped_ns = clock_monotonic_ns(&prober->clock);
	}
	for (; slot != PROBE_NONE; slot = timing_wheel_expire(&prober->wheel, now_ns)) {
		struct probe *probe = &prober->table.probes[slot];

		if (probe->state == PROBE_WAITING && probe->stamp_ns > now_ns) {
			timing_wheel_add(&prober->wheel, slot, probe->stamp_ns);
		} else if (probe->state == PROBE_WAITING) {
			wait_over(prober, slot, now_ns);
		} else if (prober_deadline_ns(probe) > now_ns) {
			timing_wheel_add(&prober->wheel, slot, prober_deadline_ns(probe));
		} else {
			time_out(prober, slot);
		}
	}
}
