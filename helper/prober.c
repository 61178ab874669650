/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a probe: waiting -> sent -> finished -> delivered. What arrives from the network is in prober_receive.c. */
#include "helper/prober.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "helper/prober_private.h"

enum {
	NS_PER_US = 1000,
	SOCKET_RETRY_NS = 1000000,       /* a full send buffer is looked at again after 1 ms */
	DESTINATION_RETRY_NS = 10000000, /* a destination without room in its queue after 10 ms */
	/* What one owner may have waiting for its neighbours' addresses: 384 small packets. When the kernel's table holds 512
	 * neighbours (net.ipv4.neigh.default.gc_thresh2) it starts to throw out those that others use. */
	MAX_UNSTAMPED_BYTES = 384 * (PACKET_OVERHEAD_BYTES + PROTOCOL_DEFAULT_DATA_BYTES),
	/* Probes of one owner that wait for their destinations, before it waits as a whole. */
	MAX_HELD_UP = 64,
};

int prober_init(struct prober *ret_prober, const struct config *config,
		struct icmp_sockets *sockets) {
	uint64_t seed = 0;
	int r;

	memset(ret_prober, 0, sizeof *ret_prober);
	ret_prober->sockets = sockets;
	ret_prober->dropped_ns = INT64_MIN;
	clock_init(&ret_prober->clock, NULL);
	ret_prober->seen_ns = ret_prober->clock.now_ns;
	if (getrandom(&seed, sizeof seed, 0) < 0) {
		return -errno;
	}
	echo_template_init(&ret_prober->template, seed | 1);
	r = probe_table_init(&ret_prober->table, config->probes_in_flight);
	if (r == 0) {
		r = timing_wheel_init(&ret_prober->wheel, &ret_prober->table,
				      ret_prober->clock.now_ns);
	}
	if (r == 0) {
		r = destination_rates_init(&ret_prober->destination_rates,
					   config->destination_packets_per_second,
					   config->destination_burst_packets);
	}
	if (r < 0) {
		prober_deinit(ret_prober);
		return r;
	}
	(void)icmp_sockets_dropped(sockets); /* what was dropped before we looked is not ours */
	return 0;
}

void prober_deinit(struct prober *prober) {
	destination_rates_deinit(&prober->destination_rates);
	timing_wheel_deinit(&prober->wheel);
	probe_table_deinit(&prober->table);
}

/* --- lists --- */

void prober_push_news(struct prober *prober, struct ping *ping) {
	if (ping->has_news) {
		return;
	}
	ping->has_news = true;
	ping->next_news = NULL;
	if (prober->news_last != NULL) {
		prober->news_last->next_news = ping;
	} else {
		prober->news_first = ping;
	}
	prober->news_last = ping;
}

struct ping *prober_pop_news(struct prober *prober) {
	struct ping *ping = prober->news_first;

	if (ping != NULL) {
		prober->news_first = ping->next_news;
		if (prober->news_first == NULL) {
			prober->news_last = NULL;
		}
		ping->has_news = false;
	}
	return ping;
}

void prober_forget_news(struct prober *prober, uint32_t session) {
	struct ping **link = &prober->news_first;

	prober->news_last = NULL;
	while (*link != NULL) {
		if ((*link)->session == session) {
			*link = (*link)->next_news;
		} else {
			prober->news_last = *link;
			link = &(*link)->next_news;
		}
	}
}

static void open_push(struct prober *prober, struct ping *ping, uint32_t slot) {
	struct probe *probe = &prober->table.probes[slot];

	probe->list_previous = PROBE_NONE;
	probe->list_next = ping->open_first;
	if (ping->open_first != PROBE_NONE) {
		prober->table.probes[ping->open_first].list_previous = slot;
	}
	ping->open_first = slot;
}

static void open_remove(struct prober *prober, struct ping *ping, uint32_t slot) {
	struct probe *probes = prober->table.probes, *probe = &probes[slot];

	if (probe->list_previous != PROBE_NONE) {
		probes[probe->list_previous].list_next = probe->list_next;
	} else {
		ping->open_first = probe->list_next;
	}
	if (probe->list_next != PROBE_NONE) {
		probes[probe->list_next].list_previous = probe->list_previous;
	}
}

static void finished_push(struct prober *prober, struct ping *ping, uint32_t slot) {
	struct probe *probes = prober->table.probes;

	probes[slot].list_next = PROBE_NONE;
	if (ping->finished_first == PROBE_NONE) {
		ping->finished_first = slot;
	} else {
		probes[ping->finished_last].list_next = slot;
	}
	ping->finished_last = slot;
	prober_push_news(prober, ping);
}

/* --- outcomes --- */

static void count_outcome(struct counters *counters, enum outcome_kind kind) {
	switch (kind) {
	case OUTCOME_REPLY:
		counters->replies++;
		break;
	case OUTCOME_TIMEOUT:
		counters->timeouts++;
		break;
	case OUTCOME_ICMP_ERROR:
		counters->icmp_errors++;
		break;
	case OUTCOME_SEND_ERROR:
		counters->send_errors++;
		break;
	case OUTCOME_DENIED:
		counters->denied++;
		break;
	case OUTCOME_CANCELLED:
		counters->cancelled++;
		break;
	case OUTCOME_DUPLICATE: /* events are counted where they arise */
	case OUTCOME_LATE:
	case OUTCOME_UNVERIFIED_ERROR:
		break;
	}
}

/* The probe does not wait for its destination's queue any more. */
static void release_held_up(struct probe *probe) {
	if (probe->marks & PROBE_MARK_HELD_UP) {
		probe->marks &= (uint8_t)~PROBE_MARK_HELD_UP;
		probe->ping->user->n_held_up--;
	}
}

static uint32_t queued_us(const struct ping *ping, int64_t now_ns) {
	int64_t us = (now_ns - ping->arrived_ns) / NS_PER_US;

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX; /* 72 minutes: a great interval has more */
}

void prober_finish(struct prober *prober, uint32_t slot, enum outcome_kind kind) {
	struct probe *probe = &prober->table.probes[slot];
	struct ping *ping = probe->ping;

	if (probe->state == PROBE_WAITING || probe->state == PROBE_SENT) {
		open_remove(prober, ping, slot);
	}
	if (probe->state != PROBE_SENT) {
		release_held_up(probe);
		probe->queued_us = queued_us(ping, clock_monotonic_ns(&prober->clock));
		ping->n_unsent--;
	}
	probe->state = PROBE_FINISHED;
	probe->outcome = (uint8_t)kind;
	count_outcome(&ping->part->counters, kind);
	finished_push(prober, ping, slot);
}

/* Ends a probe before its timer did. */
static void finish_early(struct prober *prober, uint32_t slot, enum outcome_kind kind) {
	timing_wheel_remove(&prober->wheel, slot);
	prober_finish(prober, slot, kind);
}

uint32_t prober_peek(const struct prober *prober, uint32_t slot, struct outcome *ret_outcome) {
	const struct probe *probe = &prober->table.probes[slot];

	ret_outcome->index = probe->index;
	ret_outcome->kind = probe->outcome;
	ret_outcome->flags = probe->flags;
	ret_outcome->queued_us = probe->queued_us;
	ret_outcome->rtt_ns = probe->stamp_ns;
	ret_outcome->hop_limit = probe->hop_limit;
	ret_outcome->size_bytes = ret_outcome->next_hop_mtu = ret_outcome->error = probe->detail;
	ret_outcome->icmp_type = probe->icmp_type;
	ret_outcome->icmp_code = probe->icmp_code;
	ret_outcome->reporter = probe->reporter;
	if (probe->outcome == OUTCOME_DENIED) {
		strcpy(ret_outcome->rule, destination_rule_name(probe->detail));
	}
	return probe->list_next;
}

/* The slot is free, and still knows whom to tell what comes late. */
static void release_slot(struct prober *prober, const struct ping *ping, uint32_t slot) {
	struct probe *probe = &prober->table.probes[slot];

	probe->former.session = ping->session;
	probe->former.id = ping->id;
	probe_table_release(&prober->table, slot);
}

void prober_pop(struct prober *prober, struct ping *ping) {
	uint32_t slot = ping->finished_first;

	ping->finished_first = prober->table.probes[slot].list_next;
	release_slot(prober, ping, slot);
}

uint32_t prober_forget(struct prober *prober, struct ping *ping) {
	uint32_t n_slots = 0;

	prober_cancel_all(prober, ping);
	for (; ping->finished_first != PROBE_NONE; n_slots++) {
		prober_pop(prober, ping);
	}
	return n_slots;
}

void prober_cancel_all(struct prober *prober, struct ping *ping) {
	while (ping->open_first != PROBE_NONE) {
		finish_early(prober, ping->open_first, OUTCOME_CANCELLED);
	}
}

void prober_cancel(struct prober *prober, struct ping *ping, uint32_t index) {
	uint32_t slot = ping->open_first;

	while (slot != PROBE_NONE && prober->table.probes[slot].index != index) {
		slot = prober->table.probes[slot].list_next;
	}
	if (slot != PROBE_NONE) {
		finish_early(prober, slot, OUTCOME_CANCELLED);
	}
}

/* --- sending --- */

int64_t prober_ready_ns(const struct prober *prober, struct user *user, int64_t now_ns) {
	uint32_t most = icmp_sockets_send_buffer_bytes(prober->sockets) / 4;

	if (most > MAX_UNSTAMPED_BYTES) {
		most = MAX_UNSTAMPED_BYTES;
	}
	/* Not every driver gives stamps: the buffer itself has the last word, but asking it costs a call. */
	if (user_unstamped_bytes(user, now_ns) > most &&
	    icmp_sockets_queued_bytes(prober->sockets, user->uid) > most / 2) {
		return now_ns + SOCKET_RETRY_NS;
	}
	if (user->n_held_up >= MAX_HELD_UP) {
		return now_ns + DESTINATION_RETRY_NS;
	}
	return prober->full_until_ns[user->uid % N_SEND_SOCKETS];
}

static int send_packet(struct prober *prober, const struct ping *ping, uint32_t slot) {
	struct probe *probe = &prober->table.probes[slot];
	struct icmp_send send = {
		.family = probe->family,
		.destination = probe->destination,
		.scope = IN6_IS_ADDR_LINKLOCAL(&probe->destination) ? ping->scope : 0,
		.bytes = prober->template.bytes,
		.n_bytes = ICMP_HEADER_BYTES + ping->size_bytes,
		.socket_hash = ping->user->uid,
		.stamp_id = prober_stamp_id(slot, probe),
		.ttl = ping->ttl,
		.tos = ping->tos,
		.dont_fragment = ping->dont_fragment,
		.source = ping->source,
		.interface = ping->interface,
	};

	echo_template_pack(&prober->template, probe->family, prober_identifier(prober, probe->key),
			   (uint16_t)probe->key, probe_secret(&prober->table, probe),
			   ping->size_bytes, ping->pattern);
	probe->sent_ns = clock_monotonic_ns(&prober->clock); /* as late as can be */
	return icmp_sockets_send(prober->sockets, &send);
}

/* The kernel took the packet. */
static void note_sent(struct prober *prober, struct ping *ping, uint32_t slot) {
	struct probe *probe = &prober->table.probes[slot];

	release_held_up(probe);
	probe->state = PROBE_SENT;
	probe->queued_us = queued_us(ping, probe->sent_ns);
	ping->n_unsent--;
	ping->part->counters.probes_sent++;
	user_add_unstamped(ping->user, probe->sent_ns, prober_buffer_bytes(ping));
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

	probe->ping = ping;
	probe->index = (uint16_t)ping->n_admitted++;
	probe->destination = ping->targets[probe->index];
	probe->family = IN6_IS_ADDR_V4MAPPED(&probe->destination) ? FAMILY_IPV4 : FAMILY_IPV6;
	probe->state = PROBE_WAITING;
	probe->flags = ping->size_bytes < ICMP_SECRET_BYTES ? OUTCOME_UNVERIFIED : 0;
	open_push(prober, ping, slot);
	return slot;
}

/* Admits the next target only to end it at once. */
static void start_and_finish(struct prober *prober, struct ping *ping, enum outcome_kind kind,
			     uint16_t detail) {
	uint32_t slot = take_slot(prober, ping);

	prober->table.probes[slot].detail = detail;
	prober_finish(prober, slot, kind);
}

int64_t prober_start(struct prober *prober, struct ping *ping) {
	const struct in6_addr *target = &ping->targets[ping->n_admitted];
	enum destination_rule rule = destination_judge(target);
	int64_t now_ns = prober->clock.now_ns, at_ns;

	if (ping_next_is_cancelled(ping)) {
		start_and_finish(prober, ping, OUTCOME_CANCELLED, 0);
		return 0;
	}
	if (rule != DESTINATION_ALLOWED) {
		start_and_finish(prober, ping, OUTCOME_DENIED, (uint16_t)rule);
		return 0;
	}
	at_ns = destination_rates_take(&prober->destination_rates, target, now_ns);
	if (at_ns > now_ns + DESTINATION_AHEAD_NS) {
		return at_ns - DESTINATION_AHEAD_NS;
	}
	if (at_ns > now_ns) {
		wait_until(prober, take_slot(prober, ping), at_ns, INT64_MAX);
	} else {
		try_send(prober, take_slot(prober, ping), INT64_MAX);
	}
	return 0;
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

void prober_expire(struct prober *prober) {
	int64_t now_ns = prober->seen_ns;
	uint32_t slot = timing_wheel_expire(&prober->wheel, now_ns);

	if (slot != PROBE_NONE && icmp_sockets_dropped(prober->sockets)) {
		prober->n_receive_drops++;
		prober->dropped_ns = clock_monotonic_ns(&prober->clock);
	}
	for (; slot != PROBE_NONE; slot = timing_wheel_expire(&prober->wheel, now_ns)) {
		struct probe *probe = &prober->table.probes[slot];

		if (probe->state == PROBE_WAITING && probe->stamp_ns > now_ns) {
			timing_wheel_add(&prober->wheel, slot, probe->stamp_ns);
		} else if (probe->state == PROBE_WAITING) {
			probe->stamp_ns = 0;
			try_send(prober, slot, probe->sent_ns);
		} else if (prober_deadline_ns(probe) > now_ns) {
			timing_wheel_add(&prober->wheel, slot, prober_deadline_ns(probe));
		} else {
			time_out(prober, slot);
		}
	}
}
