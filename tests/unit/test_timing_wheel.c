/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "helper/timing_wheel.h"

enum { MS = 1000000, N_SLOTS = 1024 };

/* Not at the beginning of a millisecond, and near the wheel's last bucket. */
static const int64_t start_ns = INT64_C(65530) * MS + 123456;

struct fixture {
	struct probe_table table;
	struct timing_wheel wheel;
};

static int set_up(void **state) {
	struct fixture *fixture = calloc(1, sizeof *fixture);

	assert_non_null(fixture);
	assert_int_equal(probe_table_init(&fixture->table, N_SLOTS, 64), 0);
	assert_int_equal(timing_wheel_init(&fixture->wheel, &fixture->table, start_ns), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;

	timing_wheel_deinit(&fixture->wheel);
	probe_table_deinit(&fixture->table);
	free(fixture);
	return 0;
}

static void assert_nothing_expires(struct timing_wheel *wheel, int64_t now_ns) {
	assert_int_equal(timing_wheel_expire(wheel, now_ns), PROBE_NONE);
}

static void timing_wheel_empty_expires_nothing(void **state) {
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;

	assert_nothing_expires(wheel, start_ns + INT64_C(1000000) * MS);
	assert_true(timing_wheel_next_ns(wheel) == INT64_MAX);
}

static void timing_wheel_timer_is_never_early_and_at_most_1_ms_late(void **state) {
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;
	int64_t now_ns = start_ns;

	for (int i = 0; i < 2000; i++) { /* 0 to 20 ms, in steps of 10.007 us */
		int64_t at_ns = now_ns + INT64_C(10007) * i, next_ns;

		timing_wheel_add(wheel, 7, at_ns);
		next_ns = timing_wheel_next_ns(wheel);
		assert_true(next_ns >= at_ns || next_ns <= now_ns);
		assert_true(next_ns < at_ns + MS);
		if (at_ns > now_ns) {
			assert_nothing_expires(wheel, at_ns - 1);
		}
		now_ns = next_ns > now_ns ? next_ns : now_ns + 1;
		assert_int_equal(timing_wheel_expire(wheel, now_ns), 7);
		assert_nothing_expires(wheel, now_ns);
	}
}

static void timing_wheel_timer_in_the_past_expires_at_once(void **state) {
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;

	assert_nothing_expires(wheel, start_ns + 100 * MS);
	timing_wheel_add(wheel, 3, start_ns);
	assert_true(timing_wheel_next_ns(wheel) <= start_ns + 100 * MS);
	assert_int_equal(timing_wheel_expire(wheel, start_ns + 100 * MS), 3);
}

static void timing_wheel_timers_expire_in_order(void **state) {
	static const int64_t at_ms[] = {500, 1, 59999, 70, 2, 65000};
	static const uint32_t order[] = {1, 4, 3, 0, 2, 5};
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;

	for (uint32_t i = 0; i < 6; i++) {
		timing_wheel_add(wheel, i, start_ns + at_ms[i] * MS);
	}
	for (int i = 0; i < 6; i++) { /* a helper that was held up finds all of them at once */
		assert_int_equal(timing_wheel_expire(wheel, start_ns + INT64_C(100000) * MS),
				 order[i]);
	}
	assert_true(timing_wheel_next_ns(wheel) == INT64_MAX);
}

static void timing_wheel_last_bucket_is_not_early_and_further_ones_are(void **state) {
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;
	const int64_t first_ns = start_ns / MS * MS;
	const int64_t last_ns = first_ns + ((int64_t)TIMING_WHEEL_BUCKETS - 1) * MS;

	for (int64_t more_ms = -1; more_ms <= 1; more_ms++) {
		struct timing_wheel copy = *wheel;

		timing_wheel_add(&copy, 1, last_ns + more_ms * MS);
		assert_int_equal(timing_wheel_next_ns(&copy), more_ms < 0 ? last_ns - MS : last_ns);
		timing_wheel_remove(&copy, 1);
	}
	timing_wheel_add(wheel, 1, INT64_C(1) << 60);
	assert_int_equal(timing_wheel_next_ns(wheel), last_ns);
}

static void timing_wheel_of_one_bucket_each_can_be_removed(void **state) {
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;

	for (uint32_t removed = 0; removed < 3; removed++) { /* the last, the middle, the first */
		for (uint32_t slot = 0; slot < 3; slot++) {
			timing_wheel_add(wheel, slot, start_ns + MS);
		}
		timing_wheel_remove(wheel, removed);
		for (uint32_t slot = 3; slot-- > 0;) {
			if (slot != removed) {
				assert_int_equal(timing_wheel_expire(wheel, start_ns + 2 * MS),
						 slot);
			}
		}
		assert_nothing_expires(wheel, start_ns + 2 * MS);
	}
}

static void timing_wheel_bucket_named_like_a_slot_is_told_apart(void **state) {
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;
	const uint32_t bucket = (uint32_t)(start_ns / MS + 10) % TIMING_WHEEL_BUCKETS;

	assert_in_range(bucket, 1, N_SLOTS - 1); /* where the wheel goes round */
	timing_wheel_add(wheel, 5, start_ns / MS * MS + 20 * MS);
	timing_wheel_add(wheel, bucket, start_ns / MS * MS + 20 * MS); /* 5 behind it */
	timing_wheel_add(wheel, 6, start_ns / MS * MS + 10 * MS);      /* in that bucket */
	timing_wheel_remove(wheel, 5);
	assert_int_equal(timing_wheel_expire(wheel, start_ns + 50 * MS), 6);
	assert_int_equal(timing_wheel_expire(wheel, start_ns + 50 * MS), bucket);
	assert_nothing_expires(wheel, start_ns + 50 * MS);
}

/* Slots whose numbers no bucket has, in one bucket. */
static void timing_wheel_slots_beyond_the_buckets_can_be_removed(void **state) {
	struct probe_table table;
	struct timing_wheel wheel;

	assert_int_equal(probe_table_init(&table, 2 * TIMING_WHEEL_BUCKETS, 64), 0);
	assert_int_equal(timing_wheel_init(&wheel, &table, start_ns), 0);
	for (uint32_t slot = 2 * TIMING_WHEEL_BUCKETS - 3; slot < 2 * TIMING_WHEEL_BUCKETS;
	     slot++) {
		timing_wheel_add(&wheel, slot, start_ns + MS);
	}
	timing_wheel_remove(&wheel, 2 * TIMING_WHEEL_BUCKETS - 3);
	timing_wheel_remove(&wheel, 2 * TIMING_WHEEL_BUCKETS - 2);
	assert_int_equal(timing_wheel_expire(&wheel, start_ns + 2 * MS),
			 2 * TIMING_WHEEL_BUCKETS - 1);
	assert_nothing_expires(&wheel, start_ns + 2 * MS);
	timing_wheel_deinit(&wheel);
	probe_table_deinit(&table);
}

static void timing_wheel_timer_added_while_expiring_waits_for_its_time(void **state) {
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;
	int64_t now_ns = start_ns + INT64_C(300000) * MS; /* stopped for five minutes */
	unsigned n = 0;

	timing_wheel_add(wheel, 1, start_ns + MS);
	while (timing_wheel_expire(wheel, now_ns) != PROBE_NONE) { /* whoever is early goes back */
		timing_wheel_add(wheel, 1, now_ns + INT64_C(10000) * MS);
		assert_in_range(++n, 1, 10);
	}
	assert_in_range(timing_wheel_next_ns(wheel), now_ns + INT64_C(10000) * MS,
			now_ns + INT64_C(10001) * MS);
}

/* --- against a model --- */

struct model {
	int64_t at_ns[N_SLOTS]; /* 0: no timer */
	uint32_t n_timers;
};

static void model_add_or_remove(struct model *model, struct timing_wheel *wheel, int64_t now_ns) {
	uint32_t slot = (uint32_t)random() % N_SLOTS;

	if (model->at_ns[slot] != 0) {
		timing_wheel_remove(wheel, slot);
		model->at_ns[slot] = 0;
		model->n_timers--;
	} else {
		model->at_ns[slot] = now_ns + random() % (INT64_C(60000) * MS);
		timing_wheel_add(wheel, slot, model->at_ns[slot]);
		model->n_timers++;
	}
}

/* Everything that came out was due; nothing that stays was due a millisecond ago. */
static void model_expire(struct model *model, struct timing_wheel *wheel, int64_t now_ns) {
	uint32_t slot;

	while ((slot = timing_wheel_expire(wheel, now_ns)) != PROBE_NONE) {
		assert_in_range(model->at_ns[slot], 1, now_ns);
		model->at_ns[slot] = 0;
		model->n_timers--;
	}
	assert_int_equal(wheel->n_timers, model->n_timers);
	for (slot = 0; slot < N_SLOTS; slot++) {
		assert_true(model->at_ns[slot] == 0 || model->at_ns[slot] + MS > now_ns);
	}
}

static void timing_wheel_random_operations_agree_with_a_list(void **state) {
	struct timing_wheel *wheel = &((struct fixture *)*state)->wheel;
	struct model model = {0};
	int64_t now_ns = start_ns;

	srandom(1);
	for (int i = 0; i < 100000; i++) {
		model_add_or_remove(&model, wheel, now_ns);
		if (i % 50 == 0) {
			now_ns += random() % (i % 5000 == 0 ? INT64_C(30000) * MS : 100 * MS);
			model_expire(&model, wheel, now_ns);
		}
	}
	model_expire(&model, wheel, now_ns + INT64_C(60001) * MS);
	assert_int_equal(model.n_timers, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(timing_wheel_empty_expires_nothing),
		TEST(timing_wheel_timer_is_never_early_and_at_most_1_ms_late),
		TEST(timing_wheel_timer_in_the_past_expires_at_once),
		TEST(timing_wheel_timers_expire_in_order),
		TEST(timing_wheel_last_bucket_is_not_early_and_further_ones_are),
		TEST(timing_wheel_of_one_bucket_each_can_be_removed),
		TEST(timing_wheel_bucket_named_like_a_slot_is_told_apart),
		cmocka_unit_test(timing_wheel_slots_beyond_the_buckets_can_be_removed),
		TEST(timing_wheel_timer_added_while_expiring_waits_for_its_time),
		TEST(timing_wheel_random_operations_agree_with_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
