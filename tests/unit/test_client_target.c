/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: numeric addresses and back to text, names that stay, numbers that stay. */

#include <net/if.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/lib/target.h"

static void assert_reads_back(const char *text, const char *expected) {
	struct address address;
	char back[INET6_ADDRSTRLEN];

	assert_int_equal(address_parse(text, AF_UNSPEC, &address), 0);
	assert_int_equal(address_format(&address.ip, back), strlen(expected));
	assert_string_equal(back, expected);
}

static void address_of_either_family_reads_back(void **state) {
	assert_reads_back("127.0.0.1", "127.0.0.1");
	assert_reads_back("0.9.10.255", "0.9.10.255");
	assert_reads_back("99.100.199.200", "99.100.199.200");
	assert_reads_back("::1", "::1");
	assert_reads_back("2001:DB8:0:0::5", "2001:db8::5");
	assert_reads_back("::ffff:192.0.2.1", "192.0.2.1"); /* pinged over IPv4 */
}

static void address_of_other_family_is_refused(void **state) {
	struct address address;

	assert_int_equal(address_parse("::1", AF_INET, &address), ADDRESS_E_FAMILY);
	assert_int_equal(address_parse("127.0.0.1", AF_INET6, &address), ADDRESS_E_FAMILY);
	assert_int_equal(address_parse("::ffff:127.0.0.1", AF_INET6, &address), ADDRESS_E_FAMILY);
	assert_int_equal(address_parse("127.0.0.1", AF_INET, &address), 0);
	assert_int_equal(address_parse("::1", AF_INET6, &address), 0);
}

static void address_that_is_no_number_is_a_name(void **state) {
	const char *const names[] = {"",
				     "localhost",
				     "127.0.0",
				     "1.2.3.4.5",
				     "::1::",
				     "a%b",
				     "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	struct address address;

	for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
		assert_int_equal(address_parse(names[i], AF_UNSPEC, &address), ADDRESS_E_NAME);
	}
}

static void address_scope_is_an_interface_of_a_link_local_address(void **state) {
	struct address address;

	assert_int_equal(address_parse("fe80::1%lo", AF_UNSPEC, &address), 0);
	assert_int_equal(address.scope, if_nametoindex("lo"));
	assert_true(address.scope_is_name);
	assert_int_equal(address_parse("fe80::1%4711", AF_UNSPEC, &address), 0);
	assert_int_equal(address.scope, 4711);
	assert_false(address.scope_is_name);
	assert_int_equal(address_parse("fe80::1%no-such", AF_UNSPEC, &address), ADDRESS_E_SCOPE);
	assert_int_equal(address_parse("fe80::1%", AF_UNSPEC, &address), ADDRESS_E_SCOPE);
	assert_int_equal(address_parse("fe80::1%0", AF_UNSPEC, &address), ADDRESS_E_SCOPE);
	assert_int_equal(address_parse("2001:db8::1%lo", AF_UNSPEC, &address), ADDRESS_E_SCOPE);
}

static void targets_keep_number_name_and_address(void **state) {
	struct targets targets = {0};
	struct multiping_result result;
	char name[32];
	size_t number;

	for (unsigned i = 0; i < 10000; ++i) { /* several chunks, several blocks of names */
		snprintf(name, sizeof name, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		assert_int_equal(targets_add(&targets, name, AF_UNSPEC, NULL, &number), 0);
		assert_int_equal(number, i);
	}
	for (unsigned i = 0; i < 10000; ++i) {
		struct target *target = targets_find(&targets, i);

		snprintf(name, sizeof name, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		target_fill_result(target, i, &target->last, &result);
		assert_string_equal(result.name, name);
		assert_string_equal(result.address, name);
		assert_int_equal(result.target, i);
	}
	assert_null(targets_find(&targets, 10000));
	targets_deinit(&targets);
}

static void targets_long_names_stay_whole(void **state) {
	struct targets targets = {0};
	char *name = malloc(100001);
	size_t number;

	memset(name, 'x', 100000);
	name[100000] = '\0';
	assert_int_equal(targets_add(&targets, "short", AF_UNSPEC, NULL, &number), 0);
	assert_int_equal(targets_add(&targets, name, AF_UNSPEC, NULL, &number), 0);
	assert_int_equal(targets_add(&targets, "after", AF_UNSPEC, NULL, &number), 0);
	assert_string_equal(targets_at(&targets, 0)->name, "short");
	assert_string_equal(targets_at(&targets, 1)->name, name);
	assert_string_equal(targets_at(&targets, 2)->name, "after");
	free(name);
	targets_deinit(&targets);
}

static void targets_of_wrong_family_have_failed_from_the_start(void **state) {
	struct targets targets = {0};
	struct target *target;
	size_t number;

	assert_int_equal(targets_add(&targets, "::1", AF_INET, NULL, &number), 0);
	target = targets_find(&targets, number);
	assert_int_equal(target->name_state, NAME_FAILED);
	assert_int_equal(target->last.outcome, MULTIPING_NAME_ERROR);
	assert_int_equal(target->last.error, EAI_ADDRFAMILY);
	target_forget(target);
	assert_int_equal(target->last.outcome,
			 MULTIPING_NAME_ERROR); /* no new round gives it an address */
	targets_deinit(&targets);
}

static void targets_scope_reads_as_given(void **state) {
	struct targets targets = {0};
	struct multiping_result result;
	struct target *target;
	size_t number;

	assert_int_equal(targets_add(&targets, "FE80::1%lo", AF_UNSPEC, NULL, &number), 0);
	target = targets_find(&targets, number);
	target_fill_result(target, number, &target->last, &result);
	assert_string_equal(result.address, "fe80::1%lo");
	targets_deinit(&targets);
}

static void target_is_small(void **state) {
	/* with its name, and its place in a batch and in the list of finished ones, far below the 256 bytes promised */
	assert_in_range(sizeof(struct target), 1, 160);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_of_either_family_reads_back),
		cmocka_unit_test(address_of_other_family_is_refused),
		cmocka_unit_test(address_that_is_no_number_is_a_name),
		cmocka_unit_test(address_scope_is_an_interface_of_a_link_local_address),
		cmocka_unit_test(targets_keep_number_name_and_address),
		cmocka_unit_test(targets_long_names_stay_whole),
		cmocka_unit_test(targets_of_wrong_family_have_failed_from_the_start),
		cmocka_unit_test(targets_scope_reads_as_given),
		cmocka_unit_test(target_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
