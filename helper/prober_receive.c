/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives from the network: transmit stamps, replies, ICMP errors; which probe each belongs to, and how long it took. Whatever
 * does not prove to be an answer to a probe is counted and goes nowhere. */
#include <string.h>

#include "helper/defence.h"
#include "helper/icmp_filter.h"
#include "helper/prober_private.h"

/* A whole receive buffer at most, so that a flood leaves time for all else. */
enum { MAX_BATCHES = 512 };

/* --- transmit stamps --- */

/* The slot of the probe with the identifier and sequence of @message. */
static uint32_t find_probe(const struct prober *prober, const struct icmp_message *message) {
	const struct icmp_facts *facts = icmp_sockets_facts(prober->sockets);
	uint32_t i = (uint32_t)(message->identifier - facts->identifier_block);

	if (i >= N_IDENTIFIERS) {
		return PROBE_NONE;
	}
	return probe_table_find(&prober->table,
				(i & (facts->n_identifiers - 1)) << 16 | message->sequence);
}

/* The packet has left the send buffer: a stamp says so, or an answer does. */
static void note_left(struct probe *probe) {
	if (!(probe->marks & PROBE_MARK_STAMPED)) {
		user_remove_unstamped(probe->ping->user, probe->sent_ns,
				      prober_buffer_bytes(probe->ping));
	}
}

static void take_stamp(struct prober *prober, const struct icmp_queued *stamp) {
	uint32_t slot = find_probe(prober, &stamp->message);
	struct probe *probe = slot == PROBE_NONE ? NULL : &prober->table.probes[slot];

	if (probe == NULL || probe->state != PROBE_SENT || probe->marks & PROBE_MARK_STAMPED) {
		return;
	}
	note_left(probe);
	prober->n_unstamped--;
	probe->marks |= PROBE_MARK_STAMPED;
	probe->stamp_ns = stamp->stamp_ns;
}

/* --- the round-trip time --- */

struct round_trip {
	int64_t rtt_ns;
	uint8_t flags; /* which stamps were the kernel's */
};

/* From the best clocks at hand that agree: kernel stamp to kernel stamp, user clock to kernel stamp, user clock alone. A time that
 * is negative, or longer than the user clock has seen pass, is no time. */
static struct round_trip measure(const struct prober *prober, const struct probe *probe,
				 int64_t received_ns, bool stamp_is_transmit) {
	const struct clock *clock = &prober->clock;
	int64_t most_ns = clock->now_ns - probe->sent_ns;
	struct round_trip best = {most_ns, 0};

	if (received_ns != 0 && clock_stamps_hold(clock, probe->sent_ns)) {
		int64_t rtt_ns = received_ns - clock->offset_ns - probe->sent_ns;

		if (rtt_ns >= 0 && rtt_ns <= most_ns) {
			best = (struct round_trip){rtt_ns, OUTCOME_RECEIVE_STAMP};
		}
		rtt_ns = received_ns - probe->stamp_ns;
		if (stamp_is_transmit && rtt_ns >= 0 && rtt_ns <= most_ns) {
			best = (struct round_trip){rtt_ns,
						   OUTCOME_RECEIVE_STAMP | OUTCOME_TRANSMIT_STAMP};
		}
	}
	return best;
}

/* --- whose is it --- */

enum proof { PROOF_NONE, PROOF_WEAK, PROOF_FULL };

/* How many bytes of the secret were sent. Of a free slot with a small payload that is not known any more: as many as came back. */
static size_t n_secret_bytes_sent(const struct probe *probe, const struct icmp_message *message) {
	if (!(probe->flags & OUTCOME_UNVERIFIED)) {
		return ICMP_SECRET_BYTES;
	}
	return probe->state == PROBE_FREE ? message->n_secret_bytes : probe->ping->size_bytes;
}

/* Whether the secret in an arrived packet is the probe's. A reply brings back all that was sent; what a router quotes may be cut short,
 * or padded. Weak: there was not all of a secret, but no byte contradicts. */
static enum proof prove(const struct prober *prober, const struct probe *probe,
			const struct icmp_message *message) {
	uint64_t secret = probe_secret(&prober->table, probe);
	size_t n_sent = n_secret_bytes_sent(probe, message);
	size_t n_bytes = message->n_secret_bytes < n_sent ? message->n_secret_bytes : n_sent;

	if (defence_is_on(SECRET) && (memcmp(&secret, &message->secret, n_bytes) != 0 ||
				      (!message->is_error && n_bytes < n_sent))) {
		return PROOF_NONE;
	}
	return n_bytes == ICMP_SECRET_BYTES ? PROOF_FULL : PROOF_WEAK;
}

static void push_event(struct prober *prober, const struct probe *probe,
		       const struct outcome *outcome) {
	bool is_free = probe->state == PROBE_FREE;
	struct probe_event *event;

	if (prober->n_events == PROBER_EVENTS) {
		prober->n_events_dropped++;
		return;
	}
	event = &prober->events[prober->n_events++];
	event->session = is_free ? probe->former.session : probe->ping->session;
	event->id = is_free ? probe->former.id : probe->ping->id;
	event->outcome = *outcome;
	event->outcome.index = probe->index;
	event->outcome.queued_us = probe->queued_us;
}

/* --- replies --- */

/* A reply to a probe that has its outcome: told once of each kind. */
static void take_late(struct prober *prober, struct probe *probe,
		      const struct icmp_message *message, int64_t received_ns) {
	bool replied =
		probe->outcome == OUTCOME_REPLY; /* its stamp_ns then holds the round-trip time */
	uint8_t mark = replied ? PROBE_MARK_DUPLICATE : PROBE_MARK_LATE;
	bool stamped = !replied && probe->marks & PROBE_MARK_STAMPED;
	struct round_trip trip = measure(prober, probe, received_ns, stamped);
	struct outcome outcome = {
		.kind = replied ? OUTCOME_DUPLICATE : OUTCOME_LATE,
		.flags = trip.flags,
		.rtt_ns = trip.rtt_ns,
		.hop_limit = message->hop_limit,
		.size_bytes = message->data_bytes,
	};

	*(replied ? &prober->n_duplicates : &prober->n_late) += 1;
	if (!(probe->marks & mark) || !defence_is_on(TOLD_ONCE)) {
		probe->marks |= mark;
		push_event(prober, probe, &outcome);
	}
}

static void take_reply(struct prober *prober, uint32_t slot, const struct icmp_message *message,
		       int64_t received_ns) {
	struct probe *probe = &prober->table.probes[slot];
	struct round_trip trip;

	if (probe->state == PROBE_FREE || probe->state == PROBE_FINISHED) {
		take_late(prober, probe, message, received_ns);
		return;
	}
	note_left(probe);
	trip = measure(prober, probe, received_ns, probe->marks & PROBE_MARK_STAMPED);
	timing_wheel_remove(&prober->wheel, slot);
	if (trip.rtt_ns > (int64_t)probe->ping->timeout_us * 1000) {
		prober_finish(prober, slot, OUTCOME_TIMEOUT); /* its timer was about to say so */
		take_late(prober, probe, message, received_ns);
		return;
	}
	probe->stamp_ns = trip.rtt_ns;
	probe->flags |= trip.flags;
	probe->hop_limit = message->hop_limit;
	probe->detail = (uint16_t)message->data_bytes;
	prober_finish(prober, slot, OUTCOME_REPLY);
}

/* --- ICMP errors --- */

static void take_unverified_error(struct prober *prober, struct probe *probe) {
	struct outcome outcome = {
		.kind = OUTCOME_UNVERIFIED_ERROR,
		.flags = OUTCOME_UNVERIFIED,
		.icmp_type = probe->icmp_type,
		.icmp_code = probe->icmp_code,
		.reporter = probe->reporter,
		.next_hop_mtu = probe->detail,
	};

	probe->marks |= PROBE_MARK_ERROR;
	probe->ping->part->counters.unverified_errors++;
	push_event(prober, probe, &outcome);
}

static void take_error(struct prober *prober, uint32_t slot, const struct icmp_message *message,
		       enum proof proof, const struct in6_addr *reporter) {
	struct probe *probe = &prober->table.probes[slot];

	if (probe->state != PROBE_SENT ||
	    (proof == PROOF_WEAK && probe->marks & PROBE_MARK_ERROR)) {
		return;
	}
	probe->icmp_type = message->type;
	probe->icmp_code = message->code;
	probe->reporter = *reporter;
	probe->detail =
		(uint16_t)(message->next_hop_mtu > UINT16_MAX ? UINT16_MAX : message->next_hop_mtu);
	if (proof == PROOF_WEAK && defence_is_on(VERIFIED_ERRORS)) {
		take_unverified_error(prober, probe);
		return;
	}
	note_left(probe);
	timing_wheel_remove(&prober->wheel, slot);
	prober_finish(prober, slot, OUTCOME_ICMP_ERROR);
}

/* --- packets --- */

static void take_message(struct prober *prober, const struct icmp_message *message,
			 int64_t received_ns) {
	uint32_t slot = find_probe(prober, message);
	const struct probe *probe = slot == PROBE_NONE ? NULL : &prober->table.probes[slot];
	const struct in6_addr *probed =
		message->is_error ? &message->quoted_destination : &message->source;
	enum proof proof;
	bool is_from_target; /* or, of an error, about it */

	if (probe == NULL || probe->state == PROBE_WAITING) {
		prober->n_foreign++;
		return;
	}
	is_from_target =
		IN6_ARE_ADDR_EQUAL(probed, &probe->destination) || !defence_is_on(SOURCE_ADDRESS);
	proof = is_from_target ? prove(prober, probe, message) : PROOF_NONE;
	if (proof == PROOF_NONE) {
		prober->n_forged++;
	} else if (message->is_error) {
		take_error(prober, slot, message, proof, &message->source);
	} else {
		take_reply(prober, slot, message, received_ns);
	}
}

static void take_packet(struct prober *prober, const struct icmp_received *received) {
	if (received->fault == ICMP_E_MALFORMED) {
		prober->n_malformed++;
	} else if (received->fault == ICMP_E_OTHER) {
		prober->n_foreign++;
	} else {
		take_message(prober, &received->message, received->stamp_ns);
	}
}

/* Takes what waits at the socket @fd. Returns until when everything that arrived was seen: @now_ns, when this began; or, where there is
 * more than a turn's share, when the last packet seen arrived, by its stamp. */
static int64_t receive_at(struct prober *prober, int fd, int64_t now_ns) {
	struct icmp_received received[ICMP_SOCKETS_BATCH];
	bool is_cut_short = icmp_sockets_facts(prober->sockets)->are_ping &&
			    defence_is_on(EMPTY_BATCH); /* by errors that it tells */
	size_t n = ICMP_SOCKETS_BATCH, n_least = is_cut_short ? 1 : ICMP_SOCKETS_BATCH;

	for (int i = 0; i < MAX_BATCHES && n >= n_least; i++) {
		n = icmp_sockets_receive(prober->sockets, fd, received);
		clock_update(&prober->clock);
		for (size_t j = 0; j < n; j++) {
			take_packet(prober, &received[j]);
		}
	}
	if (n < n_least) {
		return now_ns;
	}
	return received[n - 1].stamp_ns - prober->clock.offset_ns;
}

static void read_queues(struct prober *prober, bool all) {
	struct icmp_queued queued[ICMP_SOCKETS_BATCH];
	size_t n;

	while ((n = icmp_sockets_read_queues(prober->sockets, all, queued)) > 0) {
		all = false;
		for (size_t i = 0; i < n; i++) {
			if (queued[i].is_error) {
				take_message(prober, &queued[i].message, 0);
			} else {
				take_stamp(prober, &queued[i]);
			}
		}
	}
}

void prober_receive(struct prober *prober, bool belated) {
	int64_t seen_ns = clock_update(&prober->clock), now_ns = seen_ns;
	uint64_t receivers;

	read_queues(prober, belated && (prober->n_unstamped > 0 ||
					icmp_sockets_facts(prober->sockets)->are_ping));
	receivers = icmp_sockets_active_receivers(prober->sockets);
	for (int fd = 0; receivers != 0; fd++, receivers >>= 1) {
		int64_t at_ns = receivers & 1 ? receive_at(prober, fd, now_ns) : now_ns;

		seen_ns = at_ns < seen_ns ? at_ns : seen_ns;
	}
	if (seen_ns > prober->seen_ns) {
		prober->seen_ns = seen_ns;
	}
}
