/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* One array a round, allocated when it begins. With -C all of them are wanted in the end; what -l costs must not grow, so it
 * keeps the last few, and those before them with a probe that may still be answered. A probe is looked for from the newest round
 * backwards; what comes in belongs to one of the last few. */
#include "client/cli/rounds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_KEPT = 4 }; /* so that a duplicate that comes a little later finds its round */

void rounds_init(struct rounds *ret_rounds, size_t n_targets, bool keeps_all) {
	*ret_rounds = (struct rounds){.n_targets = n_targets, .keeps_all = keeps_all};
}

static size_t n_kept(const struct rounds *rounds) {
	return (size_t)(rounds->end - rounds->first);
}

void rounds_deinit(struct rounds *rounds) {
	for (size_t i = 0; i < n_kept(rounds); i++) {
		free(rounds->rounds[i]);
	}
	free(rounds->rounds);
	*rounds = (struct rounds){0};
}

static bool is_kept(const struct rounds *rounds, uint64_t round) {
	return round >= rounds->first && round < rounds->end;
}

/* The entry of @target in a round that is kept. */
static struct round_entry *entry_of(const struct rounds *rounds, size_t target, uint64_t round) {
	return &rounds->rounds[round - rounds->first]->entries[target];
}

/* Forgets the oldest rounds that are decided. */
static void forget(struct rounds *rounds) {
	size_t n = 0;

	while (n + MIN_KEPT <= n_kept(rounds) && rounds->rounds[n]->n_open == 0) {
		free(rounds->rounds[n++]);
	}
	rounds->first += n;
	if (n > 0) {
		memmove(rounds->rounds, rounds->rounds + n,
			n_kept(rounds) * sizeof(struct round *));
	}
}

static int begin_round(struct rounds *rounds) {
	struct round **grown;
	struct round *begun;

	if (!rounds->keeps_all) {
		forget(rounds);
	}
	grown = reallocarray(rounds->rounds, n_kept(rounds) + 1, sizeof(struct round *));
	if (!grown) {
		return -ENOMEM;
	}
	rounds->rounds = grown;
	begun = malloc(sizeof(*begun) + rounds->n_targets * sizeof(struct round_entry));
	if (!begun) {
		return -ENOMEM;
	}
	begun->n_open = 0;
	for (size_t i = 0; i < rounds->n_targets; i++) {
		begun->entries[i] = (struct round_entry){.rtt_ns = ROUND_NOT_ASKED};
	}
	grown[n_kept(rounds)] = begun;
	rounds->end++;
	return 0;
}

int rounds_open(struct rounds *rounds, size_t target, uint64_t round, uint64_t probe) {
	int r;

	while (rounds->end <= round) {
		r = begin_round(rounds);
		if (r < 0) {
			return r;
		}
	}
	*entry_of(rounds, target, round) =
		(struct round_entry){.probe = probe, .rtt_ns = ROUND_OPEN};
	rounds->rounds[round - rounds->first]->n_open++;
	return 0;
}

void rounds_close(struct rounds *rounds, size_t target, uint64_t round, int64_t rtt_ns) {
	entry_of(rounds, target, round)->rtt_ns = rtt_ns;
	rounds->rounds[round - rounds->first]->n_open--;
}

int64_t rounds_get(const struct rounds *rounds, size_t target, uint64_t round) {
	return is_kept(rounds, round) ? entry_of(rounds, target, round)->rtt_ns : ROUND_NOT_ASKED;
}

int rounds_find(const struct rounds *rounds, size_t target, uint64_t probe, uint64_t *ret_round) {
	for (uint64_t round = rounds->end; round-- > rounds->first;) {
		if (entry_of(rounds, target, round)->probe == probe) {
			*ret_round = round;
			return 0;
		}
	}
	return ROUNDS_E_UNKNOWN;
}
