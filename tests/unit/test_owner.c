/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "helper/owner.h"

enum { ALICE = 1000, GROUP = 50 };

static struct config config;
static const struct realm host = {&config, config.listeners, NULL};
static const struct host_addresses nowhere;
static const struct realm container = {&config, config.listeners + 1, &nowhere};

static int set_up(void **state) {
	static const char text[] = "[listener container]\nmax_connections = 5\n"
				   "[group 50]\nmax_connections = 6\nburst_packets = 60\n"
				   "[user 1000]\nmax_connections = 7\n"
				   "[group 51]\nmax_connections = 8\npackets_per_second = 80\n"
				   "[limits]\nmax_connections = 4\nburst_packets = 40\n";
	char copy[sizeof text];
	struct reason reason;

	(void)strcpy(copy, text);
	config_init(&config);
	assert_int_equal(config_parse("f", copy, &config, &reason), 0);
	return 0;
}

static struct owner find(const struct realm *realm, uid_t uid, gid_t gid, const gid_t *groups,
			 size_t n_groups) {
	static struct subordinate_range ranges[] = {{100000, 65536, ALICE}};
	const struct subordinates subordinates = {1, ranges};
	const struct peer peer = {uid, gid, groups, n_groups};
	struct owner owner;

	owner_find(realm, &subordinates, &peer, &owner);
	assert_ptr_equal(owner.realm, realm);
	return owner;
}

static void owner_limits_are_of_everybody_without_a_section(void **state) {
	struct owner owner = find(&host, 2000, 2000, NULL, 0);

	assert_int_equal(owner.uid, 2000);
	assert_int_equal(owner.limits.max_connections, 4);
	assert_int_equal(owner.limits.burst_packets, 40);
	assert_int_equal(owner.limits.packets_per_second, 20000); /* the default */
}

static void owner_limits_are_his_own_first(void **state) {
	const gid_t groups[] = {1, GROUP};
	struct owner owner = find(&host, ALICE, ALICE, groups, 2);

	assert_int_equal(owner.limits.max_connections, 7);
	assert_int_equal(owner.limits.burst_packets, 60);
}

static void owner_limits_are_of_his_first_group_of_the_file(void **state) {
	const gid_t groups[] = {GROUP + 1, GROUP};
	struct owner owner = find(&host, 2000, 2000, groups, 2);

	assert_int_equal(owner.limits.max_connections, 6);
	assert_int_equal(owner.limits.packets_per_second, 20000); /* of the second group: nothing */
	assert_int_equal(find(&host, 2000, GROUP + 1, NULL, 0).limits.max_connections, 8);
}

static void owner_of_a_subordinate_uid_is_its_user(void **state) {
	assert_int_equal(find(&host, 100000, 1, NULL, 0).uid, ALICE);
	assert_int_equal(find(&host, 165535, 1, NULL, 0).limits.max_connections, 7);
	assert_int_equal(find(&host, 165536, 1, NULL, 0).uid, 165536);
	assert_int_equal(find(&container, 100001, 1, NULL, 0).uid, ALICE);
}

static void owner_in_a_realm_has_its_limits_whoever_he_is(void **state) {
	static const uid_t uids[] = {0, ALICE, 100000, 4294967294};
	const gid_t groups[] = {GROUP};

	for (size_t i = 0; i < sizeof uids / sizeof *uids; i++) {
		struct owner owner = find(&container, uids[i], 0, groups, 1);

		assert_int_equal(owner.limits.max_connections, 5);
		assert_int_equal(owner.limits.burst_packets, 40);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(owner_limits_are_of_everybody_without_a_section, set_up),
		cmocka_unit_test_setup(owner_limits_are_his_own_first, set_up),
		cmocka_unit_test_setup(owner_limits_are_of_his_first_group_of_the_file, set_up),
		cmocka_unit_test_setup(owner_of_a_subordinate_uid_is_its_user, set_up),
		cmocka_unit_test_setup(owner_in_a_realm_has_its_limits_whoever_he_is, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
