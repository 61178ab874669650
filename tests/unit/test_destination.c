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

static struct in6_addr address(const char *text) {
	struct in6_addr in6;

	assert_int_equal(inet_pton(AF_INET6, text, &in6), 1);
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

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destination_canonical_this_host_is_loopback),
		cmocka_unit_test(destination_judge_multicast_in_every_spelling_is_denied),
		cmocka_unit_test(destination_judge_broadcast_in_every_spelling_is_denied),
		cmocka_unit_test(destination_judge_neighbours_of_those_are_allowed),
		cmocka_unit_test(destination_rule_name_each_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
