/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helper/destination.h"

enum { ALLOWED = -1 };

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

/* The default rules of the host's listener, or with @spares_host of a realm. */
static const struct destination_rule *judge(const char *text, bool spares_host) {
	static struct destination_rules rules;
	struct in6_addr given = address(text), embedded;

	destination_rules_init(&rules, spares_host);
	if (destination_embedded(&given, &embedded)) {
		given = embedded;
	}
	return destination_rule_find(rules.rules, rules.n_rules, &given);
}

static void assert_judged(const char *const *texts, bool spares_host, int origin) {
	for (; *texts != NULL; texts++) {
		const struct destination_rule *rule = judge(*texts, spares_host);
		int found = rule != NULL && rule->is_denied ? rule->origin : ALLOWED;

		if (found != origin) {
			fail_msg("%s: %d", *texts, found);
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

	assert_judged(multicast, false, DESTINATION_MULTICAST);
}

static void destination_judge_broadcast_in_every_spelling_is_denied(void **state) {
	static const char *const broadcast[] = {
		"::ffff:255.255.255.255",
		"::255.255.255.255",
		"64:ff9b::255.255.255.255",
		"2002:ffff:ffff::",
		NULL,
	};

	assert_judged(broadcast, false, DESTINATION_BROADCAST);
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

	assert_judged(allowed, false, ALLOWED);
}

static void destination_realm_spares_loopback_and_link_local(void **state) {
	static const char *const loopback[] = {"::1",
					       "::ffff:127.0.0.1",
					       "::ffff:127.255.255.255",
					       "64:ff9b::127.0.0.1",
					       "2002:7f00:1::",
					       NULL};
	static const char *const link_local[] = {"fe80::1", "febf:ffff::", "::ffff:169.254.1.1",
						 "64:ff9b::169.254.169.254", NULL};
	static const char *const allowed[] = {
		"::2",     "::ffff:128.0.0.1",       "::ffff:126.255.255.255",
		"fec0::1", "::ffff:169.253.255.255", "2001:db8::1",
		NULL};

	assert_judged(loopback, true, DESTINATION_LOOPBACK);
	assert_judged(loopback, false, ALLOWED);
	assert_judged(link_local, true, DESTINATION_LINK_LOCAL);
	assert_judged(link_local, false, ALLOWED);
	assert_judged(allowed, true, ALLOWED);
}

/* --- rules of a configuration --- */

static void add(struct destination_rules *rules, bool is_denied, const char *text) {
	struct destination_rule rule;

	assert_int_equal(destination_rule_parse(text, &rule), 0);
	rule.is_denied = is_denied;
	assert_int_equal(destination_rules_add(rules, &rule), 0);
}

static bool is_denied(const struct destination_rules *rules, const char *text) {
	struct in6_addr given = address(text);
	const struct destination_rule *rule =
		destination_rule_find(rules->rules, rules->n_rules, &given);

	return rule != NULL && rule->is_denied;
}

static void destination_longest_match_decides(void **state) {
	struct destination_rules rules;

	destination_rules_init(&rules, false);
	add(&rules, true, "10.0.0.0/8");
	add(&rules, false, "10.1.2.0/23");
	add(&rules, true, "10.1.2.3");
	add(&rules, true, "::/0");
	add(&rules, false, "2001:db8::/33");
	add(&rules, false, "224.0.0.0/4"); /* in the place of the rule from the beginning */
	assert_true(is_denied(&rules, "::ffff:10.0.0.0"));
	assert_true(is_denied(&rules, "::ffff:10.255.255.255"));
	assert_false(is_denied(&rules, "::ffff:9.255.255.255"));
	assert_false(is_denied(&rules, "::ffff:11.0.0.0"));
	assert_false(is_denied(&rules, "::ffff:10.1.2.2"));
	assert_true(is_denied(&rules, "::ffff:10.1.2.3"));
	assert_false(is_denied(&rules, "::ffff:10.1.3.255"));
	assert_true(is_denied(&rules, "::ffff:10.1.4.0"));
	assert_false(is_denied(&rules, "2001:db8:7fff::"));
	assert_true(is_denied(&rules, "2001:db8:8000::"));
	assert_false(is_denied(&rules, "::ffff:192.0.2.1")); /* "::/0" is IPv6 alone */
	assert_false(is_denied(&rules, "::ffff:224.0.0.1"));
	assert_true(is_denied(&rules, "ff02::1"));
}

static void destination_all_of_ipv4_can_be_denied(void **state) {
	struct destination_rules rules;

	destination_rules_init(&rules, false);
	add(&rules, true, "0.0.0.0/0");
	assert_true(is_denied(&rules, "::ffff:192.0.2.1"));
	assert_false(is_denied(&rules, "2001:db8::1"));
}

static void destination_rule_a_second_time_is_refused(void **state) {
	struct destination_rules rules;
	struct destination_rule rule;

	destination_rules_init(&rules, false);
	add(&rules, true, "10.0.0.0/8");
	assert_int_equal(destination_rule_parse("::ffff:10.0.0.0/104", &rule), 0);
	assert_int_equal(destination_rules_add(&rules, &rule), -EEXIST);
}

static void destination_rules_are_256_at_most(void **state) {
	struct destination_rules rules;
	struct destination_rule rule;
	char text[32];

	destination_rules_init(&rules, true);
	while (rules.n_rules < DESTINATION_MAX_RULES) {
		(void)snprintf(text, sizeof text, "10.0.%zu.0/24", rules.n_rules);
		add(&rules, true, text);
	}
	assert_int_equal(destination_rule_parse("10.1.0.0/16", &rule), 0);
	assert_int_equal(destination_rules_add(&rules, &rule), -ENOSPC);
}

static void destination_rule_text_names_it(void **state) {
	static const char *const prefixes[][2] = {
		{"10.0.0.0/8", "deny 10.0.0.0/8"},
		{"0.0.0.0/0", "deny 0.0.0.0/0"},
		{"192.0.2.1", "deny 192.0.2.1/32"},
		{"2001:DB8::/32", "deny 2001:db8::/32"},
		{"::/0", "deny ::/0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "deny ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
	};
	char text[PROTOCOL_MAX_NAME_BYTES + 1];

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		struct destination_rule rule;

		assert_int_equal(destination_rule_parse(prefixes[i][0], &rule), 0);
		destination_rule_text(&rule, text);
		assert_string_equal(text, prefixes[i][1]);
	}
	destination_rule_text(judge("ff02::1", false), text);
	assert_string_equal(text, "multicast");
	destination_rule_text(judge("::1", true), text);
	assert_string_equal(text, "loopback");
}

static void destination_rule_parse_malformed_is_refused(void **state) {
	static const char *const wrong[] = {"",
					    "/8",
					    "10.0.0.0/",
					    "10.0.0.0/33",
					    "::/129",
					    "10.0.0/8",
					    "10.0.0.1/8",
					    "::1/127",
					    "::/0/0",
					    "10.0.0.0/-1",
					    "fe80::1%lo",
					    "localhost",
					    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/8"};
	struct destination_rule rule;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (destination_rule_parse(wrong[i], &rule) != -EINVAL) {
			fail_msg("%s was taken", wrong[i]);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(destination_canonical_this_host_is_loopback),
		cmocka_unit_test(destination_judge_multicast_in_every_spelling_is_denied),
		cmocka_unit_test(destination_judge_broadcast_in_every_spelling_is_denied),
		cmocka_unit_test(destination_judge_neighbours_of_those_are_allowed),
		cmocka_unit_test(destination_realm_spares_loopback_and_link_local),
		cmocka_unit_test(destination_longest_match_decides),
		cmocka_unit_test(destination_all_of_ipv4_can_be_denied),
		cmocka_unit_test(destination_rule_a_second_time_is_refused),
		cmocka_unit_test(destination_rules_are_256_at_most),
		cmocka_unit_test(destination_rule_text_names_it),
		cmocka_unit_test(destination_rule_parse_malformed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
