/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Targets have the library's numbers, which count up from 0 in the order of adding; so has everything here that is kept for
 * each of them. Names stay in the library. */
#include "client/cli/pinger.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	MAX_OPEN =
		131072, /* twice what the helper allows a user by default: it never waits for us */
	MIN_TIMEOUT_US = 1000, /* of the library; beyond these bounds the deadlines here decide */
	MAX_TIMEOUT_US = 60000000,
	NS_PER_US = 1000,
};

void pinger_init(struct pinger *ret_pinger, const struct options *options,
		 struct multiping *multiping, struct output *output) {
	*ret_pinger = (struct pinger){.options = options, .multiping = multiping, .output = output};
}

void pinger_deinit(struct pinger *pinger) {
	free(pinger->states);
	names_deinit(&pinger->names);
	statistics_deinit(&pinger->statistics);
	rounds_deinit(&pinger->rounds);
	schedule_deinit(&pinger->schedule);
	deadlines_deinit(&pinger->deadlines);
}

static int reserve(struct pinger *pinger, size_t n_targets) {
	size_t n_states = pinger->n_states + pinger->n_states / 2 + 64;
	uint8_t *states;

	if (n_targets > pinger->n_states) {
		n_states = n_states > n_targets ? n_states : n_targets;
		states = realloc(pinger->states, n_states);
		if (!states) {
			return -ENOMEM;
		}
		pinger->states = states;
		pinger->n_states = n_states;
	}
	return statistics_reserve(&pinger->statistics, n_targets);
}

/* What is known of a target that was just added. Asking the library costs more than adding did, and most targets are IPv4
 * addresses. */
static enum target_state first_state(const struct pinger *pinger, const char *name, size_t target) {
	const struct options *options = pinger->options;
	const int family = options->source ? options->source_family : options->family;
	struct multiping_result result;
	struct in_addr ipv4;

	if (family != AF_INET6 && inet_pton(AF_INET, name, &ipv4) == 1) {
		return TARGET_NEW;
	}
	if (multiping_get(pinger->multiping, target, &result) < 0 ||
	    result.outcome == MULTIPING_NAME_ERROR) {
		return TARGET_UNKNOWN;
	}
	return result.address[0] == '\0' ? TARGET_LOOKUP : TARGET_NEW;
}

int pinger_add(struct pinger *pinger, const char *name) {
	size_t target;
	int r;

	r = reserve(pinger, pinger->n_added + 1);
	if (r < 0) {
		return r;
	}
	r = multiping_add(pinger->multiping, name, NULL, &target);
	if (r < 0) {
		return r;
	}
	pinger->n_added = target + 1;
	pinger->states[target] = first_state(pinger, name, target);
	pinger->n_lookups += pinger->states[target] == TARGET_LOOKUP;
	if (pinger->range.n_addresses == 0) {
		pinger->n_targets = pinger->n_added;
	}
	return 0;
}

int pinger_add_address(struct pinger *pinger, const char *address, const char *given) {
	int r = pinger_add(pinger, address);

	return r < 0 ? r : names_set_given(&pinger->names, pinger->n_added - 1, given);
}

void pinger_add_unknown(struct pinger *pinger, const char *name, int error) {
	output_name_error(pinger->output, name, error);
	pinger->statistics.totals.n_unknown++;
}

/* Adds those of a range before @end. */
static int add_range_until(struct pinger *pinger, size_t end) {
	char text[RANGE_TEXT_BYTES];
	int r = 0;

	while (r == 0 && pinger->n_added < end) {
		r = pinger_add(pinger, range_address(&pinger->range, pinger->n_added, text));
	}
	return r;
}

int pinger_add_range(struct pinger *pinger, const struct range *range) {
	int r;

	pinger->range = *range;
	pinger->n_targets = range->n_addresses;
	if (!options_have_rounds(pinger->options) && !options_look_up_names(pinger->options)) {
		return 0;
	}
	/* with rounds the longest name must be known before the first line, and lookups must not hold up pings */
	r = reserve(pinger, pinger->n_targets); /* fails at once where there are too many */
	return r < 0 ? r : add_range_until(pinger, pinger->n_targets);
}

const char *pinger_label_of(const struct pinger *pinger, const struct multiping_result *result) {
	const char *name = pinger->options->show_addresses
				   ? result->address
				   : names_given(&pinger->names, result->target, result->name);

	return names_shown(&pinger->names, result->target, name);
}

const char *pinger_label(const struct pinger *pinger, size_t target,
			 struct multiping_result *result) {
	if (multiping_get(pinger->multiping, target, result) < 0) {
		return "?";
	}
	return pinger_label_of(pinger, result);
}

void pinger_start(struct pinger *pinger, int64_t now_ns) {
	struct multiping_result result;
	const struct options *options = pinger->options;
	size_t n_known = pinger->n_targets;
	uint64_t n_rounds = options->loop ? SCHEDULE_ENDLESS : options->n_rounds;

	for (size_t i = 0; i < pinger->n_added; i++) {
		if (pinger->states[i] == TARGET_UNKNOWN) {
			multiping_get(pinger->multiping, i, &result);
			pinger_add_unknown(pinger, result.name, result.error);
			n_known--;
		} else if (options_have_rounds(options)) {
			output_fit(pinger->output, pinger_label(pinger, i, &result));
		}
	}
	pinger->statistics.totals.n_targets = n_known;
	rounds_init(&pinger->rounds, pinger->n_targets, !options->loop);
	schedule_init(&pinger->schedule, pinger->n_targets, n_rounds > 0 ? n_rounds : 1,
		      options->interval_ns, options->period_ns, now_ns);
}

/* Whether a turn is void: nobody to ask, or (of a retry) somebody who has answered after all. */
static bool turn_is_void(const struct pinger *pinger, const struct turn *turn) {
	if (turn->target >= pinger->n_added) {
		return false; /* of a range */
	}
	return pinger->states[turn->target] == TARGET_UNKNOWN ||
	       (turn->is_retry && pinger->states[turn->target] != TARGET_ASKED);
}

/* While the helper is away nothing is added to what is open: it would leave as a burst. One probe there must be, though: with its
 * outcome the library tells when it gives up. */
static bool helper_is_awaited(const struct pinger *pinger) {
	return pinger->is_helper_away && pinger->n_open > 0;
}

/* Whether a target has more probes open than its time-out spans periods: then the helper is behind, by some limit, and the
 * period stretches. */
static bool turn_must_wait(const struct pinger *pinger, const struct turn *turn) {
	const struct options *options = pinger->options;
	int64_t period_ns = options->period_ns > 0 ? options->period_ns : 1;
	uint64_t n_spanned = (uint64_t)((options->timeout_ns + period_ns - 1) / period_ns);

	return turn->round > n_spanned &&
	       rounds_get(&pinger->rounds, turn->target, turn->round - n_spanned - 1) == ROUND_OPEN;
}

static int ask(struct pinger *pinger, const struct turn *turn) {
	const uint32_t n_lost = (uint32_t)pinger->statistics.tallies[turn->target].n_sent;
	int64_t timeout_us =
		(options_timeout_ns(pinger->options, n_lost) + NS_PER_US - 1) / NS_PER_US;
	uint64_t probe;
	int r;

	timeout_us = timeout_us < MIN_TIMEOUT_US ? MIN_TIMEOUT_US : timeout_us;
	timeout_us = timeout_us > MAX_TIMEOUT_US ? MAX_TIMEOUT_US : timeout_us;
	r = multiping_ping(pinger->multiping, turn->target, timeout_us, &probe);
	if (r < 0) {
		return r;
	}
	pinger->n_open++;
	pinger->n_undecided += !turn->is_retry;
	pinger->states[turn->target] = TARGET_ASKED;
	return options_have_rounds(pinger->options)
		       ? rounds_open(&pinger->rounds, turn->target, turn->round, probe)
		       : 0;
}

int pinger_ask(struct pinger *pinger, int64_t now_ns, int64_t *ret_at_ns) {
	struct turn turn;
	int r;

	*ret_at_ns = INT64_MAX;
	while (pinger->n_open < MAX_OPEN && !helper_is_awaited(pinger)) {
		r = schedule_peek(&pinger->schedule, now_ns, &turn, ret_at_ns);
		if (r != 0) {
			if (r == SCHEDULE_E_END) {
				*ret_at_ns = INT64_MAX;
			}
			return 0;
		}
		if (turn_is_void(pinger, &turn)) {
			schedule_skip(&pinger->schedule);
			continue;
		}
		if (turn_must_wait(pinger, &turn)) {
			break;
		}
		r = add_range_until(pinger, turn.target + 1);
		if (r == 0) {
			r = ask(pinger, &turn);
		}
		if (r < 0) {
			return r;
		}
		schedule_take(&pinger->schedule, now_ns);
	}
	*ret_at_ns = INT64_MAX;
	return 0;
}

bool pinger_is_done(struct pinger *pinger, int64_t now_ns) {
	struct turn turn;
	int64_t at_ns;

	if (pinger->options->ends_early &&
	    pinger->statistics.totals.n_alive >= pinger->options->n_required) {
		return true;
	}
	return pinger->n_undecided == 0 &&
	       schedule_peek(&pinger->schedule, now_ns, &turn, &at_ns) == SCHEDULE_E_END;
}
