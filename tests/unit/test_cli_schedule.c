/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is, and what waits for its deadline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/cli/deadlines.h"
#include "client/cli/schedule.h"

enum { MS = 1000000 };

/* Takes all turns that may be taken at @now_ns; returns how many. */
static size_t take_all(struct schedule *schedule, int64_t now_ns, int64_t *ret_at_ns) {
	struct turn turn;
	size_t n = 0;

	while (schedule_peek(schedule, now_ns, &turn, ret_at_ns) == 0) {
		schedule_take(schedule, now_ns);
		n++;
	}
	return n;
}

static void schedule_rounds_go_through_targets_in_order(void **state) {
	struct schedule schedule;
	struct turn turn;
	int64_t at_ns;

	schedule_init(&schedule, 2, 2, 0, 1000 * MS, 5);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(schedule_peek(&schedule, 5, &turn, &at_ns), 0);
		assert_int_equal(turn.target, i);
		assert_int_equal(turn.round, 0);
		schedule_take(&schedule, 5);
	}
	assert_int_equal(schedule_peek(&schedule, 6, &turn, &at_ns), SCHEDULE_E_WAIT);
	assert_int_equal(at_ns, 1000 * MS + 5);
	assert_int_equal(schedule_peek(&schedule, at_ns, &turn, &at_ns), 0);
	assert_int_equal(turn.target, 0);
	assert_int_equal(turn.round, 1);
	assert_int_equal(take_all(&schedule, 1000 * MS + 5, &at_ns), 2);
	assert_int_equal(schedule_peek(&schedule, 9999 * INT64_C(1000000), &turn, &at_ns),
			 SCHEDULE_E_END);
	schedule_deinit(&schedule);
}

static void schedule_retries_go_first_in_order(void **state) {
	struct schedule schedule;
	struct turn turn;
	int64_t at_ns;

	schedule_init(&schedule, 500, 1, 0, 0, 0);
	schedule_skip(&schedule);
	for (size_t i = 0; i < 200; i++) { /* more than the ring's first size, and around its end */
		assert_int_equal(schedule_retry(&schedule, i), 0);
		if (i % 2 == 0) {
			assert_int_equal(schedule_peek(&schedule, 0, &turn, &at_ns), 0);
			assert_int_equal(turn.target, i / 2);
			assert_true(turn.is_retry);
			schedule_take(&schedule, 0);
		}
	}
	for (size_t i = 100; i < 200; i++) {
		assert_int_equal(schedule_peek(&schedule, 0, &turn, &at_ns), 0);
		assert_int_equal(turn.target, i);
		schedule_skip(&schedule);
	}
	assert_int_equal(schedule_peek(&schedule, 0, &turn, &at_ns), 0);
	assert_int_equal(turn.target, 1);
	assert_false(turn.is_retry);
	schedule_deinit(&schedule);
}

static void schedule_interval_bounds_work_ahead(void **state) {
	struct schedule schedule;
	int64_t at_ns;

	schedule_init(&schedule, 1000, 1, 10 * MS, 0, 0);
	assert_in_range(take_all(&schedule, 0, &at_ns), 10, 12);
	assert_in_range(at_ns, 50 * MS, 70 * MS);
	assert_int_equal(take_all(&schedule, at_ns - 1, &at_ns), 0);
	assert_in_range(take_all(&schedule, at_ns, &at_ns), 5, 7);
	schedule_deinit(&schedule);
}

static void schedule_long_interval_is_not_asked_ahead(void **state) {
	struct schedule schedule;
	int64_t at_ns;

	schedule_init(&schedule, 10, 1, 300 * MS, 0, 0);
	assert_int_equal(take_all(&schedule, 0, &at_ns), 1);
	assert_int_equal(at_ns, 300 * MS);
	assert_int_equal(take_all(&schedule, 300 * MS - 1, &at_ns), 0);
	assert_int_equal(take_all(&schedule, 300 * MS, &at_ns), 1);
	schedule_deinit(&schedule);
}

static void schedule_interval_zero_has_no_bound(void **state) {
	struct schedule schedule;
	int64_t at_ns;

	schedule_init(&schedule, 1000, 3, 0, 0, 0);
	assert_int_equal(take_all(&schedule, 0, &at_ns), 3000);
	schedule_deinit(&schedule);
}

static void schedule_late_rounds_move_those_that_follow(void **state) {
	struct schedule schedule;
	int64_t at_ns;

	schedule_init(&schedule, 2, 9, 0, 100 * MS, 0);
	assert_int_equal(take_all(&schedule, 0, &at_ns), 2);
	assert_int_equal(take_all(&schedule, 450 * MS, &at_ns), 2); /* not four rounds at once */
	assert_int_equal(at_ns, 550 * MS);
	assert_int_equal(take_all(&schedule, 600 * MS, &at_ns), 2);
	assert_int_equal(at_ns, 650 * MS); /* half a period is made up for */
	assert_int_equal(take_all(&schedule, 701 * MS, &at_ns), 2);
	assert_int_equal(at_ns, 801 * MS); /* more is not */
	schedule_deinit(&schedule);
}

static void schedule_without_targets_ends(void **state) {
	struct schedule schedule;
	struct turn turn;
	int64_t at_ns;

	schedule_init(&schedule, 0, 5, 0, 0, 0);
	assert_int_equal(schedule_peek(&schedule, 0, &turn, &at_ns), SCHEDULE_E_END);
	schedule_deinit(&schedule);
}

static void deadlines_come_in_order(void **state) {
	struct deadlines deadlines = {0};
	struct deadline deadline;
	int64_t last_ns = -1;

	for (uint64_t i = 0; i < 1000; i++) {
		deadline = (struct deadline){.at_ns = (int64_t)(i * 7919 % 1000), .probe = i};
		assert_int_equal(deadlines_push(&deadlines, &deadline), 0);
	}
	for (uint64_t i = 0; i < 1000; i += 3) {
		assert_true(deadlines_remove(&deadlines, i, &deadline));
		assert_true(deadline.probe == i);
	}
	assert_false(deadlines_remove(&deadlines, 0, &deadline));
	for (size_t i = 0; i < 666; i++) {
		assert_true(deadlines_pop(&deadlines, INT64_MAX, &deadline));
		assert_true(deadline.probe % 3 != 0);
		assert_true(deadline.at_ns >= last_ns);
		last_ns = deadline.at_ns;
	}
	assert_false(deadlines_pop(&deadlines, INT64_MAX - 1, &deadline));
	deadlines_deinit(&deadlines);
}

static void deadlines_wait_for_their_time(void **state) {
	struct deadlines deadlines = {0};
	struct deadline deadline = {.at_ns = 100};

	assert_true(deadlines_next_ns(&deadlines) == INT64_MAX);
	assert_int_equal(deadlines_push(&deadlines, &deadline), 0);
	assert_int_equal(deadlines_next_ns(&deadlines), 100);
	assert_false(deadlines_pop(&deadlines, 99, &deadline));
	assert_true(deadlines_pop(&deadlines, 100, &deadline));
	deadlines_deinit(&deadlines);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedule_rounds_go_through_targets_in_order),
		cmocka_unit_test(schedule_retries_go_first_in_order),
		cmocka_unit_test(schedule_interval_bounds_work_ahead),
		cmocka_unit_test(schedule_long_interval_is_not_asked_ahead),
		cmocka_unit_test(schedule_interval_zero_has_no_bound),
		cmocka_unit_test(schedule_late_rounds_move_those_that_follow),
		cmocka_unit_test(schedule_without_targets_ends),
		cmocka_unit_test(deadlines_come_in_order),
		cmocka_unit_test(deadlines_wait_for_their_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
