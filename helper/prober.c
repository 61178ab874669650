/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a probe: waiting -> sent -> finished -> delivered. Here are its beginning and end; sending is in prober_send.c, what
 * arrives from the network in prober_receive.c. */
#include "helper/prober.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "helper/prober_private.h"

enum { NS_PER_US = 1000 };

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
	r = probe_table_init(&ret_prober->table, config->probes_in_flight,
			     icmp_sockets_facts(sockets)->n_identifiers);
	if (r == 0) {
		r = timing_wheel_init(&ret_prober->wheel, &ret_prober->table,
				      ret_prober->clock.now_ns);
	}
	if (r == 0) {
		r = destination_rates_init(
			&ret_prober->destination_rates, config->destination_packets_per_second,
			config->destination_burst_packets, &ret_prober->table, &ret_prober->wheel);
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
	ping->news_ns = prober->clock.now_ns;
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

void prober_open(struct prober *prober, struct ping *ping, uint32_t slot) {
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
	ping->n_finished++;
	ping->part->counters.outcomes_unread++;
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

void prober_release_held_up(struct probe *probe) {
	if (probe->marks & PROBE_MARK_HELD_UP) {
		probe->marks &= (uint8_t)~PROBE_MARK_HELD_UP;
		probe->ping->user->n_held_up--;
		probe->ping->part->counters.waiting_for_neighbour--;
	}
}

uint32_t prober_queued_us(const struct ping *ping, int64_t now_ns) {
	int64_t us = (now_ns - ping->arrived_ns) / NS_PER_US;

	return us < UINT32_MAX ? (uint32_t)us
			       : UINT32_MAX; /* 72 minutes: a great interval has more */
}

void prober_finish(struct prober *prober, uint32_t slot, enum outcome_kind kind) {
	struct probe *probe = &prober->table.probes[slot];
	struct ping *ping = probe->ping;

	if (probe->state == PROBE_WAITING || probe->state == PROBE_SENT) {
		open_remove(prober, ping, slot);
	}
	if (probe->state == PROBE_SENT) {
		prober->n_unstamped -= !(probe->marks & PROBE_MARK_STAMPED);
	} else {
		prober_release_held_up(probe);
		probe->queued_us = prober_queued_us(ping, clock_monotonic_ns(&prober->clock));
		ping->n_unsent--;
	}
	probe->state = PROBE_FINISHED;
	probe->outcome = (uint8_t)kind;
	count_outcome(&ping->part->counters, kind);
	finished_push(prober, ping, slot);
}

/* Ends a probe before its timer did. */
static void finish_early(struct prober *prober, uint32_t slot, enum outcome_kind kind) {
	const struct probe *probe = &prober->table.probes[slot];

	if (probe->marks & PROBE_MARK_WAITS_IN_TURN) {
		probe->ping->part->counters.waiting_for_destination--;
		destination_rates_leave(&prober->destination_rates, slot);
	} else {
		timing_wheel_remove(&prober->wheel, slot);
	}
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
		destination_rule_text(&(struct destination_rule){.prefix = probe->reporter,
								 .length = (uint8_t)probe->detail,
								 .origin = probe->detail >> 8},
				      ret_outcome->rule);
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
	ping->n_finished--;
	ping->part->counters.outcomes_unread--;
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
