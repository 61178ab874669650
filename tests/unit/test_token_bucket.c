/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "helper/token_bucket.h"

enum { MS = 1000000, NOW_NS = 2000000000 };

/* How many tokens can be had at @now_ns, up to @most. */
static unsigned take_all(struct token_bucket *bucket, int64_t now_ns, unsigned most) {
	unsigned n = 0;

	while (n < most && token_bucket_ready_ns(bucket) <= now_ns) {
		token_bucket_take(bucket, now_ns);
		n++;
	}
	return n;
}

static void token_bucket_new_holds_its_burst(void **state) {
	struct token_bucket bucket;

	token_bucket_init(&bucket, 1000, 5);
	assert_int_equal(take_all(&bucket, NOW_NS, 100), 5);
}

static void token_bucket_empty_gives_one_after_its_time(void **state) {
	struct token_bucket bucket;

	token_bucket_init(&bucket, 1000, 5);
	(void)take_all(&bucket, NOW_NS, 100);
	assert_int_equal(token_bucket_ready_ns(&bucket), NOW_NS + MS);
	assert_int_equal(take_all(&bucket, NOW_NS + MS - 1, 100), 0);
	assert_int_equal(take_all(&bucket, NOW_NS + MS, 100), 1);
}

static void token_bucket_long_idle_holds_no_more_than_its_burst(void **state) {
	struct token_bucket bucket;

	token_bucket_init(&bucket, 1000, 5);
	(void)take_all(&bucket, NOW_NS, 100);
	assert_int_equal(take_all(&bucket, NOW_NS + 4 * MS, 100), 4);
	assert_int_equal(take_all(&bucket, NOW_NS + 1000 * (int64_t)MS, 100), 5);
}

static void token_bucket_over_a_second_gives_rate_and_burst(void **state) {
	struct token_bucket bucket;
	unsigned n = 0;

	token_bucket_init(&bucket, 20000, 4096);
	for (int64_t ms = 0; ms <= 1000; ms++) {
		n += take_all(&bucket, NOW_NS + ms * MS, 100000);
	}
	assert_int_equal(n, 24096);
}

static void token_bucket_has_no_more_than_it_holds(void **state) {
	struct token_bucket bucket;

	token_bucket_init(&bucket, 1000, 5); /* full since ever */
	assert_true(token_bucket_has(&bucket, 5, NOW_NS));
	assert_false(token_bucket_has(&bucket, 6, NOW_NS));
	token_bucket_take(&bucket, NOW_NS);
	assert_true(token_bucket_has(&bucket, 4, NOW_NS));
	assert_false(token_bucket_has(&bucket, 5, NOW_NS));
}

static void token_bucket_taken_too_early_owes(void **state) {
	struct token_bucket bucket;

	token_bucket_init(&bucket, 1000, 1);
	for (int i = 0; i < 11; i++) {
		token_bucket_take(&bucket, NOW_NS);
	}
	assert_int_equal(token_bucket_ready_ns(&bucket), NOW_NS + 11 * MS);
}

static void token_bucket_taken_ahead_owes_one_bucket_at_most(void **state) {
	static const struct {
		int n_taken, n_ms;
	} cases[] = {{4, 0}, {5, 1}, {9, 5}, {10, 6}, {11, 6}, {1000000, 6}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct token_bucket bucket;

		token_bucket_init(&bucket, 1000, 5);
		for (int j = 0; j < cases[i].n_taken; j++) {
			token_bucket_take_ahead(&bucket, NOW_NS);
		}
		assert_int_equal(token_bucket_has(&bucket, 1, NOW_NS), cases[i].n_ms == 0);
		assert_true(token_bucket_has(&bucket, 1, NOW_NS + cases[i].n_ms * MS));
		assert_false(cases[i].n_ms > 0 &&
			     token_bucket_has(&bucket, 1, NOW_NS + cases[i].n_ms * MS - 1));
	}
}

static void token_bucket_unlimited_is_always_ready(void **state) {
	struct token_bucket bucket;

	token_bucket_init(&bucket, UINT32_MAX, 1);
	assert_int_equal(take_all(&bucket, NOW_NS, 100000), 100000);
}

static void token_bucket_extreme_rates_do_not_overflow(void **state) {
	struct token_bucket bucket;

	token_bucket_init(&bucket, UINT32_MAX - 1, 1); /* less than 1 ns a token */
	assert_int_equal(take_all(&bucket, NOW_NS, 1000), 1000);
	token_bucket_init(&bucket, 1, UINT32_MAX);
	assert_int_equal(take_all(&bucket, NOW_NS, 1000), 1000);
	token_bucket_init(&bucket, 0, 0); /* as one a second */
	assert_int_equal(take_all(&bucket, NOW_NS, 1000), 1);
	assert_int_equal(token_bucket_ready_ns(&bucket), NOW_NS + INT64_C(1000000000));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token_bucket_new_holds_its_burst),
		cmocka_unit_test(token_bucket_empty_gives_one_after_its_time),
		cmocka_unit_test(token_bucket_long_idle_holds_no_more_than_its_burst),
		cmocka_unit_test(token_bucket_over_a_second_gives_rate_and_burst),
		cmocka_unit_test(token_bucket_has_no_more_than_it_holds),
		cmocka_unit_test(token_bucket_taken_too_early_owes),
		cmocka_unit_test(token_bucket_taken_ahead_owes_one_bucket_at_most),
		cmocka_unit_test(token_bucket_unlimited_is_always_ready),
		cmocka_unit_test(token_bucket_extreme_rates_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
