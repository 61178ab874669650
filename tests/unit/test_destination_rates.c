/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of a destination, and the turns of those that wait for them. No packets: slots are taken by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "helper/destination_rates.h"
#include "helper/ping.h"

enum { MS = 1000000, RATE = 100, TOKEN_MS = 10, BURST = 5, N_OWNERS = 3 };

#define NOW_NS INT64_C(5000000000)

struct fixture {
	struct probe_table table;
	struct timing_wheel wheel;
	struct destination_rates rates;
	struct user users[N_OWNERS];
	struct ping *pings[N_OWNERS];
};

static int set_up(void **state) {
	static struct fixture fixture;

	memset(&fixture, 0, sizeof fixture);
	for (int i = 0; i < N_OWNERS; i++) {
		fixture.pings[i] = calloc(1, sizeof *fixture.pings[i]);
		assert_non_null(fixture.pings[i]);
		fixture.pings[i]->user = &fixture.users[i];
	}
	assert_int_equal(probe_table_init(&fixture.table, 200000, 64), 0);
	assert_int_equal(timing_wheel_init(&fixture.wheel, &fixture.table, NOW_NS), 0);
	assert_int_equal(
		destination_rates_init(&fixture.rates, RATE, BURST, &fixture.table, &fixture.wheel),
		0);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;

	destination_rates_deinit(&fixture->rates);
	timing_wheel_deinit(&fixture->wheel);
	probe_table_deinit(&fixture->table);
	for (int i = 0; i < N_OWNERS; i++) {
		free(fixture->pings[i]);
	}
	return 0;
}

/* The @number-th of many addresses. */
static struct in6_addr numbered(uint32_t number) {
	struct in6_addr in6 = {.s6_addr = {0xfd}};

	memcpy(in6.s6_addr + 12, &number, sizeof number);
	return in6;
}

static uint32_t take(struct fixture *fixture, uint32_t number, int64_t now_ns) {
	struct in6_addr address = numbered(number);

	return destination_rates_take(&fixture->rates, &address, now_ns);
}

static void take_all(struct fixture *fixture, uint32_t number) {
	while (take(fixture, number, NOW_NS)) {
	}
}

/* A probe of an owner that waits for the destination @number. */
static uint32_t wait_for(struct fixture *fixture, int owner, uint32_t number) {
	uint32_t slot = probe_table_take(&fixture->table, NOW_NS);
	struct probe *probe = &fixture->table.probes[slot];

	probe->ping = fixture->pings[owner];
	probe->destination = numbered(number);
	destination_rates_wait(&fixture->rates, slot);
	return slot;
}

/* The slot that has its turn @ms after NOW_NS; PROBE_NONE where nobody has. */
static uint32_t turn(struct fixture *fixture, int64_t ms) {
	int64_t now_ns = NOW_NS + ms * MS;
	uint32_t slot = timing_wheel_expire(&fixture->wheel, now_ns);

	if (slot != PROBE_NONE) {
		destination_rates_turn(&fixture->rates, slot, now_ns);
	}
	return slot;
}

/* --- tokens --- */

static void destination_rates_burst_goes_at_once_then_spaced(void **state) {
	for (int i = 0; i < BURST; i++) {
		assert_true(take(*state, 1, NOW_NS));
	}
	assert_false(take(*state, 1, NOW_NS));
	for (int64_t i = 1; i <= 20; i++) {
		int64_t at_ns = NOW_NS + i * TOKEN_MS * MS;

		assert_false(take(*state, 1, at_ns - 1));
		assert_true(take(*state, 1, at_ns));
		assert_false(take(*state, 1, at_ns));
	}
}

static void destination_rates_one_destination_does_not_delay_another(void **state) {
	take_all(*state, 1);
	assert_true(take(*state, 2, NOW_NS));
}

static void destination_rates_idle_destination_has_its_burst_again(void **state) {
	int64_t later_ns = NOW_NS + INT64_C(10000) * MS;

	take_all(*state, 1);
	for (int i = 0; i < BURST; i++) {
		assert_true(take(*state, 1, later_ns));
	}
	assert_false(take(*state, 1, later_ns));
}

static void destination_rates_many_destinations_are_each_exact(void **state) {
	for (int round = 0; round <= BURST; round++) {
		for (uint32_t i = 0; i < 4000; i++) {
			assert_int_equal(take(*state, i, NOW_NS), round < BURST);
		}
	}
}

/* More than the table holds: they share each other's waits, and none waits for ever. */
static void destination_rates_under_pressure_only_delay(void **state) {
	uint32_t n_taken = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		n_taken += take(*state, i, NOW_NS);
	}
	assert_in_range(n_taken, 1, 100000);
	assert_true(take(*state, 1, NOW_NS + INT64_C(10000) * MS));
}

static void destination_rates_unlimited_need_no_table(void **state) {
	struct fixture *fixture = *state;
	struct destination_rates rates;
	struct in6_addr target = numbered(1);

	assert_int_equal(
		destination_rates_init(&rates, UINT32_MAX, 1, &fixture->table, &fixture->wheel), 0);
	assert_null(rates.entries);
	for (int i = 0; i < 100000; i++) {
		assert_true(destination_rates_take(&rates, &target, NOW_NS));
	}
	destination_rates_deinit(&rates);
}

/* --- turns --- */

static void destination_rates_wait_ends_with_the_next_token(void **state) {
	uint32_t slot;

	take_all(*state, 1);
	slot = wait_for(*state, 0, 1);
	assert_int_equal(turn(*state, TOKEN_MS - 1), PROBE_NONE);
	assert_int_equal(turn(*state, TOKEN_MS), slot);
	assert_int_equal(turn(*state, 10 * TOKEN_MS), PROBE_NONE);
}

static void destination_rates_nobody_passes_those_who_wait(void **state) {
	take_all(*state, 1);
	(void)wait_for(*state, 0, 1);
	assert_false(take(*state, 1, NOW_NS + INT64_C(10000) * MS));
}

static void destination_rates_owners_have_turns_whatever_each_asks(void **state) {
	uint32_t greedy[100], modest[2];

	take_all(*state, 1);
	for (int i = 0; i < 100; i++) {
		greedy[i] = wait_for(*state, 0, 1);
	}
	modest[0] = wait_for(*state, 1, 1);
	modest[1] = wait_for(*state, 1, 1);
	assert_int_equal(turn(*state, 1 * TOKEN_MS), greedy[0]);
	assert_int_equal(turn(*state, 2 * TOKEN_MS), modest[0]);
	assert_int_equal(turn(*state, 3 * TOKEN_MS), greedy[1]);
	assert_int_equal(turn(*state, 4 * TOKEN_MS), modest[1]);
	for (int i = 2; i < 100; i++) {
		assert_int_equal(turn(*state, (i + 3) * TOKEN_MS), greedy[i]);
	}
	assert_int_equal(((struct fixture *)*state)->wheel.n_timers, 0);
}

/* Three owners with three probes each; the @left-th that came leaves, and each of the others has a turn. */
static void assert_turns_without(struct fixture *fixture, size_t left) {
	uint32_t slots[9];

	take_all(fixture, (uint32_t)left);
	for (size_t i = 0; i < 9; i++) { /* in the order of turns */
		slots[i] = wait_for(fixture, (int)(i % N_OWNERS), (uint32_t)left);
	}
	destination_rates_leave(&fixture->rates, slots[left]);
	for (size_t n = 0; n < 8; n++) {
		uint32_t slot = turn(fixture, (int64_t)(n + 1) * TOKEN_MS);

		assert_int_not_equal(slot, PROBE_NONE);
		assert_int_not_equal(slot, slots[left]);
	}
	assert_int_equal(fixture->wheel.n_timers, 0);
}

static void destination_rates_whoever_leaves_keeps_nobody(void **state) {
	for (size_t left = 0; left < 9; left++) {
		assert_turns_without(*state, left);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

static void destination_rates_those_who_wait_keep_their_entry(void **state) {
	uint32_t slot;

	take_all(*state, 1);
	slot = wait_for(*state, 0, 1);
	for (uint32_t i = 100; i < 100000; i++) { /* more than there are entries */
		(void)take(*state, i, NOW_NS);
	}
	assert_int_equal(turn(*state, TOKEN_MS), slot);
	assert_int_equal(((struct fixture *)*state)->wheel.n_timers, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(destination_rates_burst_goes_at_once_then_spaced),
		TEST(destination_rates_one_destination_does_not_delay_another),
		TEST(destination_rates_idle_destination_has_its_burst_again),
		TEST(destination_rates_many_destinations_are_each_exact),
		TEST(destination_rates_under_pressure_only_delay),
		TEST(destination_rates_unlimited_need_no_table),
		TEST(destination_rates_wait_ends_with_the_next_token),
		TEST(destination_rates_nobody_passes_those_who_wait),
		TEST(destination_rates_owners_have_turns_whatever_each_asks),
		TEST(destination_rates_whoever_leaves_keeps_nobody),
		TEST(destination_rates_those_who_wait_keep_their_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
