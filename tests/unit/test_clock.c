/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "helper/clock.h"

enum { MS = 1000000, READING_NS = 30, OFFSET_NS = 1700000000 };

/* The two clocks as clock_gettime would read them: each reading takes its time, some are preempted. */
static struct {
	int64_t monotonic_ns, offset_ns;
	unsigned n_readings;
	int64_t pauses_ns[16]; /* before which reading how long */
} times;

static int read_times(clockid_t id, struct timespec *ret_time) {
	int64_t now_ns;

	if (id != CLOCK_MONOTONIC && id != CLOCK_REALTIME) {
		return -EINVAL;
	}
	if (times.n_readings < sizeof times.pauses_ns / sizeof *times.pauses_ns) {
		times.monotonic_ns += times.pauses_ns[times.n_readings];
	}
	times.n_readings++;
	times.monotonic_ns += READING_NS;
	now_ns = times.monotonic_ns + (id == CLOCK_REALTIME ? times.offset_ns : 0);
	*ret_time = (struct timespec){now_ns / 1000000000, now_ns % 1000000000};
	return 0;
}

/* Pauses of the next readings, three to a sandwich. */
static void preempt(const int64_t pauses_ns[9]) {
	times.n_readings = 0;
	for (int i = 0; i < 9; i++) {
		times.pauses_ns[i] = pauses_ns[i];
	}
}

static int set_up(void **state) {
	static struct clock clock;

	times.monotonic_ns = INT64_C(1000000000000);
	times.offset_ns = OFFSET_NS;
	preempt((int64_t[9]){0});
	clock_init(&clock, read_times);
	*state = &clock;
	return 0;
}

static void clock_init_measures_offset(void **state) {
	const struct clock *clock = *state;

	assert_int_equal(clock->now_ns, times.monotonic_ns);
	assert_in_range(clock->offset_ns, OFFSET_NS - READING_NS, OFFSET_NS + READING_NS);
	assert_int_equal(clock->error_ns, 2 * READING_NS);
	assert_true(clock_stamps_hold(clock, clock->now_ns));
}

static void clock_init_without_reader_takes_the_kernels(void **state) {
	struct timespec now;
	struct clock clock;

	clock_init(&clock, NULL);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	assert_true(clock.now_ns > 0);
	assert_true(clock.now_ns <= (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
}

static void clock_update_without_step_keeps_stamps(void **state) {
	struct clock *clock = *state;
	int64_t sent_ns = clock->now_ns;

	for (int i = 0; i < 1000; i++) {
		int64_t now_ns;

		times.monotonic_ns += i * MS;
		now_ns = clock_update(clock);
		assert_int_equal(now_ns, times.monotonic_ns);
		assert_int_equal(clock->now_ns, now_ns);
	}
	assert_true(clock_stamps_hold(clock, sent_ns));
}

static void clock_update_step_invalidates_what_was_sent_before(void **state) {
	static const int64_t steps_ns[] = {INT64_C(3600000000000), INT64_C(-3600000000000), MS,
					   -MS};
	struct clock *clock = *state;

	for (size_t i = 0; i < sizeof steps_ns / sizeof *steps_ns; i++) {
		int64_t sent_ns = clock->now_ns, offset_ns = clock->offset_ns;

		assert_true(clock_stamps_hold(clock, sent_ns) || i > 0);
		times.monotonic_ns += MS;
		times.offset_ns += steps_ns[i];
		(void)clock_update(clock);
		assert_false(clock_stamps_hold(clock, sent_ns));
		assert_false(clock_stamps_hold(clock, clock->now_ns));
		assert_true(clock_stamps_hold(clock, clock->now_ns + 1));
		assert_int_equal(clock->offset_ns - offset_ns, steps_ns[i]);
	}
}

static void clock_update_smallest_step_is_noticed(void **state) {
	struct clock *clock = *state;
	int64_t sent_ns = clock->now_ns, noise_ns = 10000 + 4 * READING_NS;

	times.offset_ns += noise_ns;
	(void)clock_update(clock);
	assert_true(clock_stamps_hold(clock, sent_ns));
	times.offset_ns += 1;
	(void)clock_update(clock);
	assert_false(clock_stamps_hold(clock, sent_ns));
}

static void clock_update_many_small_steps_are_noticed_together(void **state) {
	struct clock *clock = *state;
	int64_t sent_ns = clock->now_ns;

	for (int i = 0; i < 3; i++) {
		times.offset_ns += 4000;
		(void)clock_update(clock);
	}
	assert_false(clock_stamps_hold(clock, sent_ns));
}

static void clock_update_preempted_reading_is_taken_again(void **state) {
	struct clock *clock = *state;
	int64_t sent_ns = clock->now_ns, offset_ns = clock->offset_ns;

	preempt((int64_t[9]){0, 3 * MS});
	(void)clock_update(clock);
	assert_int_equal(clock->offset_ns, offset_ns);
	assert_int_equal(clock->error_ns, 2 * READING_NS);
	assert_int_equal(clock->now_ns, times.monotonic_ns);
	assert_true(clock_stamps_hold(clock, sent_ns));
}

static void clock_update_all_readings_preempted_keeps_the_exact_offset(void **state) {
	static const int64_t pauses_ns[][9] = {
		{0, 40 * MS, 0, 0, MS, 0, 0, 20 * MS, 0}, /* before the realtime reading */
		{0, 0, 40 * MS, 0, 0, 20 * MS, 0, 0, MS}, /* behind it */
	};
	struct clock *clock = *state;
	int64_t sent_ns = clock->now_ns, offset_ns = clock->offset_ns;

	for (size_t i = 0; i < 2; i++) {
		preempt(pauses_ns[i]);
		(void)clock_update(clock);
		assert_int_equal(clock->offset_ns, offset_ns);
		assert_true(clock_stamps_hold(clock, sent_ns));
		assert_int_equal(clock->now_ns, times.monotonic_ns);
	}
}

/* A wide reading cannot tell; the next good one must. */
static void clock_update_step_while_preempted_is_noticed_later(void **state) {
	struct clock *clock = *state;
	int64_t sent_ns = clock->now_ns;

	preempt((int64_t[9]){0, 2 * MS, 0, 0, 2 * MS, 0, 0, 2 * MS, 0});
	times.offset_ns += MS;
	(void)clock_update(clock);
	(void)clock_update(clock);
	assert_false(clock_stamps_hold(clock, sent_ns));
}

static void clock_init_preempted_takes_the_narrowest(void **state) {
	struct clock clock;

	preempt((int64_t[9]){0, 40 * MS, 0, 0, MS, 0, 0, 20 * MS, 0});
	clock_init(&clock, read_times);
	assert_int_equal(clock.error_ns, MS + 2 * READING_NS);
	assert_in_range(clock.offset_ns, OFFSET_NS - MS, OFFSET_NS + MS);
}

static void clock_monotonic_ns_leaves_the_offset(void **state) {
	struct clock *clock = *state;
	struct clock before = *clock;
	int64_t now_ns;

	times.offset_ns += MS;
	now_ns = clock_monotonic_ns(clock);
	assert_int_equal(now_ns, times.monotonic_ns);
	assert_memory_equal(clock, &before, sizeof before);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(clock_init_measures_offset, set_up),
		cmocka_unit_test_setup(clock_init_without_reader_takes_the_kernels, set_up),
		cmocka_unit_test_setup(clock_update_without_step_keeps_stamps, set_up),
		cmocka_unit_test_setup(clock_update_step_invalidates_what_was_sent_before, set_up),
		cmocka_unit_test_setup(clock_update_smallest_step_is_noticed, set_up),
		cmocka_unit_test_setup(clock_update_many_small_steps_are_noticed_together, set_up),
		cmocka_unit_test_setup(clock_update_preempted_reading_is_taken_again, set_up),
		cmocka_unit_test_setup(clock_update_all_readings_preempted_keeps_the_exact_offset,
				       set_up),
		cmocka_unit_test_setup(clock_update_step_while_preempted_is_noticed_later, set_up),
		cmocka_unit_test_setup(clock_init_preempted_takes_the_narrowest, set_up),
		cmocka_unit_test_setup(clock_monotonic_ns_leaves_the_offset, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
