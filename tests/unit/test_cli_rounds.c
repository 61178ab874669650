/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cli/rounds.h"

static void rounds_find_a_probe_of_its_target(void **state) {
	struct rounds rounds;
	uint64_t round;

	rounds_init(&rounds, 2, true);
	assert_int_equal(rounds_open(&rounds, 0, 0, 11), 0);
	assert_int_equal(rounds_open(&rounds, 0, 3, 12), 0);
	assert_int_equal(rounds_get(&rounds, 0, 3), ROUND_OPEN);
	assert_int_equal(rounds_get(&rounds, 1, 3), ROUND_NOT_ASKED);
	assert_int_equal(rounds_get(&rounds, 0, 4), ROUND_NOT_ASKED);
	assert_int_equal(rounds_find(&rounds, 0, 12, &round), 0);
	assert_int_equal(round, 3);
	assert_int_equal(rounds_find(&rounds, 0, 11, &round), 0);
	assert_int_equal(round, 0);
	assert_int_equal(rounds_find(&rounds, 1, 11, &round), ROUNDS_E_UNKNOWN);
	rounds_deinit(&rounds);
}

/* Begins @n more rounds of two targets; probes are numbered 2 × round + target. Those of the first target are answered. */
static void begin_rounds(struct rounds *rounds, unsigned n) {
	for (uint64_t round = rounds->end, end = round + n; round < end; round++) {
		assert_int_equal(rounds_open(rounds, 0, round, 2 * round), 0);
		assert_int_equal(rounds_open(rounds, 1, round, 2 * round + 1), 0);
		rounds_close(rounds, 0, round, 5);
	}
}

static void rounds_are_forgotten_once_decided(void **state) {
	struct rounds rounds;
	uint64_t round;

	rounds_init(&rounds, 2, false);
	begin_rounds(&rounds, 100);
	assert_int_equal(rounds.first, 0); /* the second target's first probe is open */
	for (round = 0; round < 98; round++) {
		rounds_close(&rounds, 1, round, ROUND_LOST);
	}
	begin_rounds(&rounds, 1);
	assert_in_range(rounds.first, 96, 98);
	assert_int_equal(rounds_get(&rounds, 1, 98), ROUND_OPEN);
	assert_int_equal(rounds_find(&rounds, 1, 2 * 99 + 1, &round), 0);
	assert_int_equal(round, 99);
	assert_int_equal(rounds_get(&rounds, 0, 5), ROUND_NOT_ASKED);
	assert_int_equal(rounds_find(&rounds, 0, 10, &round), ROUNDS_E_UNKNOWN);
	rounds_deinit(&rounds);
}

static void rounds_kept_are_never_forgotten(void **state) {
	struct rounds rounds;

	rounds_init(&rounds, 2, true);
	begin_rounds(&rounds, 100);
	for (uint64_t round = 0; round < 100; round++) {
		rounds_close(&rounds, 1, round, ROUND_LOST);
	}
	begin_rounds(&rounds, 1);
	assert_int_equal(rounds_get(&rounds, 0, 0), 5);
	assert_int_equal(rounds_get(&rounds, 1, 0), ROUND_LOST);
	rounds_deinit(&rounds);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds_find_a_probe_of_its_target),
		cmocka_unit_test(rounds_are_forgotten_once_decided),
		cmocka_unit_test(rounds_kept_are_never_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
