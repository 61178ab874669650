/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One array a round, allocated when it begins: what a long -c costs grows with the time it has run. A probe is looked for from
 * the newest round backwards; what comes in belongs to one of the last few. */
#include "client/cli/rounds.h"

#include <errno.h>
#include <stdlib.h>

void rounds_init(struct rounds *ret_rounds, size_t n_targets) {
	*ret_rounds = (struct rounds){.n_targets = n_targets};
}

void rounds_deinit(struct rounds *rounds) {
	for (uint32_t i = 0; i < rounds->n_rounds; i++) {
		free(rounds->rounds[i]);
	}
	free(rounds->rounds);
	*rounds = (struct rounds){0};
}

static int begin_round(struct rounds *rounds) {
	struct round_entry **grown = reallocarray(rounds->rounds, (size_t)rounds->n_rounds + 1,
						  sizeof(struct round_entry *));
	struct round_entry *entries;

	if (!grown) {
		return -ENOMEM;
	}
	rounds->rounds = grown;
	entries = reallocarray(NULL, rounds->n_targets, sizeof(*entries));
	if (!entries) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < rounds->n_targets; i++) {
		entries[i] = (struct round_entry){.rtt_ns = ROUND_NOT_ASKED};
	}
	grown[rounds->n_rounds++] = entries;
	return 0;
}

int rounds_open(struct rounds *rounds, size_t target, uint32_t round, uint64_t probe) {
	int r;

	while (rounds->n_rounds <= round) {
		r = begin_round(rounds);
		if (r < 0) {
			return r;
		}
	}
	rounds->rounds[round][target] = (struct round_entry){.probe = probe, .rtt_ns = ROUND_OPEN};
	return 0;
}

void rounds_close(struct rounds *rounds, size_t target, uint32_t round, int64_t rtt_ns) {
	rounds->rounds[round][target].rtt_ns = rtt_ns;
}

int64_t rounds_get(const struct rounds *rounds, size_t target, uint32_t round) {
	return round < rounds->n_rounds ? rounds->rounds[round][target].rtt_ns : ROUND_NOT_ASKED;
}

int rounds_find(const struct rounds *rounds, size_t target, uint64_t probe, uint32_t *ret_round) {
	for (uint32_t round = rounds->n_rounds; round-- > 0;) {
		if (rounds->rounds[round][target].probe == probe) {
			*ret_round = round;
			return 0;
		}
	}
	return ROUNDS_E_UNKNOWN;
}
