/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "helper/destination.h"

enum { MS = 1000000, RATE = 100, TOKEN_MS = 10, AHEAD_TOKENS = 100 };

#define NOW_NS INT64_C(5000000000)

static struct in6_addr address(const char *text) {
	struct in6_addr in6;

	assert_int_equal(inet_pton(AF_INET6, text, &in6), 1);
	return in6;
}

/* The @number-th of many addresses. */
static struct in6_addr numbered(uint32_t number) {
	struct in6_addr in6 = {.s6_addr = {0xfd}};

	memcpy(in6.s6_addr + 12, &number, sizeof number);
	return in6;
}

static void destination_canonical_this_host_is_loopback(void **state) {
	static const char *const spellings[][2] = {
		{"::", "::1"},
		{"::ffff:0.0.0.0", "::ffff:127.0.0.1"},
		{"::1", "::1"},
		{"::ffff:127.0.0.1", "::ffff:127.0.0.1"},
		{"::ffff:0.0.0.1", "::ffff:0.0.0.1"},
		{"::2", "::2"},
		{"fe80::1", "fe80::1"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	};

	for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
		struct in6_addr given = address(spellings[i][0]);
		struct in6_addr canonical = destination_canonical(&given);
		struct in6_addr wanted = address(spellings[i][1]);

		assert_memory_equal(&canonical, &wanted, sizeof wanted);
	}
}

static void assert_judged(const char *const *texts, enum destination_rule rule) {
	for (; *texts != NULL; texts++) {
		struct in6_addr given = address(*texts);

		if (destination_judge(&given) != rule) {
			fail_msg("%s is %s", *texts,
				 destination_rule_name(destination_judge(&given)));
		}
	}
}

static void destination_judge_multicast_in_every_spelling_is_denied(void **state) {
	static const char *const multicast[] = {
		"ff00::",
		"ff02::1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"::ffff:224.0.0.0",
		"::ffff:239.255.255.255",
		"::224.0.0.1",         /* IPv4-compatible */
		"64:ff9b::224.0.0.1",  /* NAT64 */
		"2002:e000:0001::",    /* 6to4 */
		"2002:efff:ffff::1:2", /* with any subnet and interface */
		NULL,
	};

	assert_judged(multicast, DESTINATION_MULTICAST);
}

static void destination_judge_broadcast_in_every_spelling_is_denied(void **state) {
	static const char *const broadcast[] = {
		"::ffff:255.255.255.255",
		"::255.255.255.255",
		"64:ff9b::255.255.255.255",
		"2002:ffff:ffff::",
		NULL,
	};

	assert_judged(broadcast, DESTINATION_BROADCAST);
}

static void destination_judge_neighbours_of_those_are_allowed(void **state) {
	static const char *const allowed[] = {
		"::ffff:223.255.255.255",
		"::ffff:240.0.0.0",
		"::ffff:255.255.255.254",
		"::ffff:127.0.0.1",
		"::1",
		"feff::1",
		"2001:ffff:ffff::",
		"2003:e000:1::",
		"64:ff9b:1::224.0.0.1", /* not the well-known prefix */
		"64:ff9b::192.0.2.1",
		"2002:c000:0201::e000:1",
		NULL,
	};

	assert_judged(allowed, DESTINATION_ALLOWED);
}

static void destination_rule_name_each_has_its_own(void **state) {
	assert_string_equal(destination_rule_name(DESTINATION_ALLOWED), "allowed");
	assert_string_equal(destination_rule_name(DESTINATION_MULTICAST), "multicast");
	assert_string_equal(destination_rule_name(DESTINATION_BROADCAST), "broadcast");
}

/* --- rates --- */

static int set_up(void **state) {
	static struct destination_rates rates;

	assert_int_equal(destination_rates_init(&rates, RATE, 5), 0);
	*state = &rates;
	return 0;
}

static int tear_down(void **state) {
	destination_rates_deinit(*state);
	return 0;
}

static void assert_taken_after_ms(struct destination_rates *rates, const struct in6_addr *target,
				  int64_t now_ns, int64_t ms) {
	assert_int_equal(destination_rates_take(rates, target, now_ns), now_ns + ms * MS);
}

static void destination_rates_burst_goes_at_once_then_spaced(void **state) {
	struct in6_addr target = numbered(1);

	for (int i = 0; i < 5; i++) {
		assert_taken_after_ms(*state, &target, NOW_NS, 0);
	}
	for (int i = 1; i <= 20; i++) {
		assert_taken_after_ms(*state, &target, NOW_NS, TOKEN_MS * (int64_t)i);
	}
}

static void destination_rates_one_destination_does_not_delay_another(void **state) {
	struct in6_addr target = numbered(1), other = numbered(2);

	for (int i = 0; i < 50; i++) {
		(void)destination_rates_take(*state, &target, NOW_NS);
	}
	assert_taken_after_ms(*state, &other, NOW_NS, 0);
}

static void destination_rates_idle_destination_has_its_burst_again(void **state) {
	struct in6_addr target = numbered(1);
	int64_t later_ns = NOW_NS + INT64_C(10000) * MS;

	for (int i = 0; i < 30; i++) {
		(void)destination_rates_take(*state, &target, NOW_NS);
	}
	for (int i = 0; i < 5; i++) {
		assert_taken_after_ms(*state, &target, later_ns, 0);
	}
	assert_taken_after_ms(*state, &target, later_ns, TOKEN_MS);
}

static void destination_rates_future_beyond_a_second_is_not_given_away(void **state) {
	struct in6_addr target = numbered(1);

	for (int i = 0; i < 5 + AHEAD_TOKENS; i++) {
		assert_in_range(destination_rates_take(*state, &target, NOW_NS), NOW_NS,
				NOW_NS + DESTINATION_AHEAD_NS);
	}
	for (int i = 0; i < 1000; i++) { /* however often it is asked for */
		assert_taken_after_ms(*state, &target, NOW_NS, (AHEAD_TOKENS + 1) * TOKEN_MS);
	}
	assert_taken_after_ms(*state, &target, NOW_NS + TOKEN_MS * MS, AHEAD_TOKENS * TOKEN_MS);
}

static void destination_rates_one_token_a_second_can_still_be_had(void **state) {
	struct destination_rates rates;
	struct in6_addr target = numbered(1);

	assert_int_equal(destination_rates_init(&rates, 1, 1), 0);
	assert_taken_after_ms(&rates, &target, NOW_NS, 0);
	assert_taken_after_ms(&rates, &target, NOW_NS, 1000);
	assert_taken_after_ms(&rates, &target, NOW_NS + MS, 1999); /* not taken */
	assert_taken_after_ms(&rates, &target, NOW_NS + INT64_C(1000) * MS, 1000);
	destination_rates_deinit(&rates);
}

static void destination_rates_many_destinations_are_each_exact(void **state) {
	enum { N = 4000 };

	for (int round = 0; round < 6; round++) {
		for (uint32_t i = 0; i < N; i++) {
			struct in6_addr target = numbered(i);

			assert_taken_after_ms(*state, &target, NOW_NS, round < 5 ? 0 : TOKEN_MS);
		}
	}
}

/* More than the table holds: they share each other's waits, but none gets more than its rate, and none waits for ever. */
static void destination_rates_under_pressure_only_delay(void **state) {
	struct in6_addr target = numbered(1);

	for (uint32_t i = 100; i < 100000; i++) {
		struct in6_addr other = numbered(i);

		assert_in_range(destination_rates_take(*state, &other, NOW_NS), NOW_NS,
				NOW_NS + DESTINATION_AHEAD_NS + TOKEN_MS * MS);
	}
	assert_taken_after_ms(*state, &target, NOW_NS + INT64_C(10000) * MS, 0);
}

static void destination_rates_unlimited_need_no_table(void **state) {
	struct destination_rates rates;
	struct in6_addr target = numbered(1);

	assert_int_equal(destination_rates_init(&rates, UINT32_MAX, 1), 0);
	assert_null(rates.entries);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(destination_rates_take(&rates, &target, NOW_NS), NOW_NS);
	}
	destination_rates_deinit(&rates);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destination_canonical_this_host_is_loopback),
		cmocka_unit_test(destination_judge_multicast_in_every_spelling_is_denied),
		cmocka_unit_test(destination_judge_broadcast_in_every_spelling_is_denied),
		cmocka_unit_test(destination_judge_neighbours_of_those_are_allowed),
		cmocka_unit_test(destination_rule_name_each_has_its_own),
		TEST(destination_rates_burst_goes_at_once_then_spaced),
		TEST(destination_rates_one_destination_does_not_delay_another),
		TEST(destination_rates_idle_destination_has_its_burst_again),
		TEST(destination_rates_future_beyond_a_second_is_not_given_away),
		TEST(destination_rates_one_token_a_second_can_still_be_had),
		TEST(destination_rates_many_destinations_are_each_exact),
		TEST(destination_rates_under_pressure_only_delay),
		cmocka_unit_test(destination_rates_unlimited_need_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
