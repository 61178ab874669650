/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* With -c and -C: which probe each target was asked for in each round, and what became of it. */

#include <stddef.h>
#include <stdint.h>

enum { ROUND_LOST = -1, ROUND_OPEN = -2, ROUND_NOT_ASKED = -3 }; /* in place of a round-trip time */

struct round_entry {
	uint64_t probe;
	int64_t rtt_ns;
};

struct rounds {
	size_t n_targets;
	uint32_t n_rounds;           /* that have begun */
	struct round_entry **rounds; /* of each round, of each target */
};

void rounds_init(struct rounds *ret_rounds, size_t n_targets);
void rounds_deinit(struct rounds *rounds);

/* Notes that @target was asked in @round, which begins if it is new. -ENOMEM. */
int rounds_open(struct rounds *rounds, size_t target, uint32_t round, uint64_t probe);

/* Notes its round-trip time, or ROUND_LOST. */
void rounds_close(struct rounds *rounds, size_t target, uint32_t round, int64_t rtt_ns);

/* Its round-trip time, or one of the above. */
int64_t rounds_get(const struct rounds *rounds, size_t target, uint32_t round);

/* The round of one probe of @target. ROUNDS_E_UNKNOWN. */
enum { ROUNDS_E_UNKNOWN = 1 };
int rounds_find(const struct rounds *rounds, size_t target, uint64_t probe, uint32_t *ret_round);
