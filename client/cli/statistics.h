/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What was counted: of each target, of each since the last snapshot (SIGQUIT), and in all.
 *
 * A probe counts as sent when its fate is known, so that a loss in per cent never speaks of packets still on their way. */

#include <stddef.h>
#include <stdint.h>

struct tally {
	uint64_t n_sent, n_received;
	int64_t shortest_ns, longest_ns, sum_ns; /* of round-trip times */
};

struct totals {
	uint64_t n_targets, n_alive, n_unknown; /* n_unknown are not among n_targets */
	uint64_t n_timeouts, n_sent;
	uint64_t n_replies; /* all that came, duplicates and late ones too */
	uint64_t n_icmp_errors;
	struct tally accepted; /* replies that came in time */
	uint64_t
		n_undecided; /* of n_targets: where a run was cut off, those of which nothing is known */
};

/* How many targets are told as unreachable. */
static inline uint64_t totals_unreachable(const struct totals *totals) {
	return totals->n_targets - totals->n_alive - totals->n_undecided;
}

struct statistics {
	size_t n_allocated;
	struct tally *tallies;
	struct tally *recent; /* NULL: no snapshot yet, so the same as @tallies */
	struct totals totals;
};

void statistics_deinit(struct statistics *statistics);

/* Makes room for @n_targets. -ENOMEM. */
int statistics_reserve(struct statistics *statistics, size_t n_targets);

/* The fate of one probe. The totals' n_replies and n_icmp_errors are for the caller to count. */
void statistics_add_reply(struct statistics *statistics, size_t target, int64_t rtt_ns);
void statistics_add_timeout(struct statistics *statistics, size_t target);
void statistics_add_send_error(struct statistics *statistics, size_t target);

/* What was counted of @target since the last restart. */
const struct tally *statistics_recent(const struct statistics *statistics, size_t target);

/* Begins to count "recent" anew. -ENOMEM. */
int statistics_restart_recent(struct statistics *statistics);

/* Lost of sent in per cent, rounded down; 0 where none was sent. */
static inline unsigned tally_loss_percent(const struct tally *tally) {
	uint64_t n_lost = tally->n_sent - tally->n_received;

	return tally->n_sent == 0 ? 0 : (unsigned)(n_lost * 100 / tally->n_sent);
}

/* For how long a target was out, as far as its losses show that. */
static inline uint64_t tally_outage_ms(const struct tally *tally, int64_t period_ns) {
	return (uint64_t)((double)(tally->n_sent - tally->n_received) * (double)period_ns / 1e6);
}

/* Mean round-trip time; 0 where there was no reply. */
static inline int64_t tally_mean_ns(const struct tally *tally) {
	return tally->n_received == 0 ? 0 : tally->sum_ns / (int64_t)tally->n_received;
}
