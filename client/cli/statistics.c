/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* 40 bytes a target; as many again from the first snapshot on. */
#include "client/cli/statistics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void statistics_deinit(struct statistics *statistics) {
	free(statistics->recent);
	free(statistics->tallies);
	*statistics = (struct statistics){0};
}

/* Makes *@tallies hold @n_new instead of @n_old, the new ones zero. */
static int tallies_grow(struct tally **tallies, size_t n_old, size_t n_new) {
	struct tally *grown = reallocarray(*tallies, n_new, sizeof(**tallies));

	if (!grown) {
		return -ENOMEM;
	}
	memset(grown + n_old, 0, (n_new - n_old) * sizeof(*grown));
	*tallies = grown;
	return 0;
}

int statistics_reserve(struct statistics *statistics, size_t n_targets) {
	size_t n_old = statistics->n_allocated, n_new = n_old + n_old / 2 + 64;
	int r;

	if (n_targets <= n_old) {
		return 0;
	}
	n_new = n_new > n_targets ? n_new : n_targets;
	r = tallies_grow(&statistics->tallies, n_old, n_new);
	if (r == 0 && statistics->recent) {
		r = tallies_grow(&statistics->recent, n_old, n_new);
	}
	if (r == 0) {
		statistics->n_allocated = n_new;
	}
	return r;
}

static void tally_add_rtt(struct tally *tally, int64_t rtt_ns) {
	if (tally->n_received == 0 || rtt_ns < tally->shortest_ns) {
		tally->shortest_ns = rtt_ns;
	}
	if (tally->n_received == 0 || rtt_ns > tally->longest_ns) {
		tally->longest_ns = rtt_ns;
	}
	tally->sum_ns += rtt_ns;
	tally->n_received++;
}

static void count_sent(struct statistics *statistics, size_t target) {
	statistics->tallies[target].n_sent++;
	if (statistics->recent) {
		statistics->recent[target].n_sent++;
	}
	statistics->totals.n_sent++;
}

void statistics_add_reply(struct statistics *statistics, size_t target, int64_t rtt_ns) {
	count_sent(statistics, target);
	statistics->totals.n_alive += statistics->tallies[target].n_received == 0;
	tally_add_rtt(&statistics->tallies[target], rtt_ns);
	tally_add_rtt(&statistics->totals.accepted, rtt_ns);
	if (statistics->recent) {
		tally_add_rtt(&statistics->recent[target], rtt_ns);
	}
}

void statistics_add_timeout(struct statistics *statistics, size_t target) {
	count_sent(statistics, target);
	statistics->totals.n_timeouts++;
}

void statistics_add_send_error(struct statistics *statistics, size_t target) {
	count_sent(statistics, target);
}

const struct tally *statistics_recent(const struct statistics *statistics, size_t target) {
	return statistics->recent ? &statistics->recent[target] : &statistics->tallies[target];
}

int statistics_restart_recent(struct statistics *statistics) {
	if (!statistics->recent) {
		return tallies_grow(&statistics->recent, 0, statistics->n_allocated);
	}
	memset(statistics->recent, 0, statistics->n_allocated * sizeof(*statistics->recent));
	return 0;
}
