/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* With -c, -C and -l: which probe each target was asked for in each round, and what became of it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROUND_LOST = -1, ROUND_OPEN = -2, ROUND_NOT_ASKED = -3 }; /* in place of a round-trip time */

struct round_entry {
	uint64_t probe;
	int64_t rtt_ns;
};

struct round {
	size_t n_open; /* entries of ROUND_OPEN */
	struct round_entry entries[];
};

struct rounds {
	size_t n_targets;
	bool keeps_all;
	uint64_t first, end;   /* those that are kept: from @first on, before @end */
	struct round **rounds; /* of each round, of each target */
};

/* @keeps_all: else old rounds are forgotten as soon as all of their probes are decided. */
void rounds_init(struct rounds *ret_rounds, size_t n_targets, bool keeps_all);
void rounds_deinit(struct rounds *rounds);

/* Notes that @target was asked in @round, which begins if it is new (and only the last can be). -ENOMEM. */
int rounds_open(struct rounds *rounds, size_t target, uint64_t round, uint64_t probe);

/* Notes its round-trip time, or ROUND_LOST, of a round that is open. */
void rounds_close(struct rounds *rounds, size_t target, uint64_t round, int64_t rtt_ns);

/* Its round-trip time, or one of the above; ROUND_NOT_ASKED also of one that was forgotten. */
int64_t rounds_get(const struct rounds *rounds, size_t target, uint64_t round);

/* The round of one probe of @target. ROUNDS_E_UNKNOWN. */
enum { ROUNDS_E_UNKNOWN = 1 };
int rounds_find(const struct rounds *rounds, size_t target, uint64_t probe, uint64_t *ret_round);
