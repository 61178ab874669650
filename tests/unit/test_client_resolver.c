/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Names in the background. No name here reaches a name server: localhost, and what cannot be a name
 * at all. */

#include <netdb.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "client/include/multiping.h"
#include "client/lib/resolver.h"

/* Waits for the next answer: generously. */
static struct resolver_answer wait_for_answer(struct resolver *resolver) {
	struct pollfd poll_for = {.fd = resolver_fd(resolver), .events = POLLIN};
	struct resolver_answer answer;

	while (!resolver_fetch(resolver, &answer)) {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
	}
	return answer;
}

static struct resolver_answer look_up(const char *name, int family) {
	struct resolver *resolver;
	struct resolver_answer answer;

	assert_int_equal(resolver_new(family, &resolver), 0);
	assert_int_equal(resolver_ask(resolver, 42, name), 0);
	answer = wait_for_answer(resolver);
	resolver_free(resolver);
	return answer;
}

static void resolver_prefers_ipv4(void **state) {
	struct resolver_answer answer = look_up("localhost", AF_UNSPEC);

	assert_int_equal(answer.error, 0);
	assert_int_equal(answer.target, 42);
	assert_true(IN6_IS_ADDR_V4MAPPED(&answer.address.ip));
}

static void resolver_takes_ipv6_where_there_is_nothing_else(void **state) {
	struct resolver_answer answer = look_up("::1", AF_UNSPEC);

	assert_int_equal(answer.error, 0);
	assert_true(IN6_IS_ADDR_LOOPBACK(&answer.address.ip));
}

static void resolver_of_the_system_takes_its_first_address(void **state) {
	struct resolver_answer answer = look_up("localhost", MULTIPING_FAMILY_SYSTEM);
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *first;

	assert_int_equal(getaddrinfo("localhost", NULL, &hints, &first), 0);
	assert_int_equal(answer.error, 0);
	assert_int_equal(first->ai_family == AF_INET,
			 (bool)IN6_IS_ADDR_V4MAPPED(&answer.address.ip));
	freeaddrinfo(first);
}

static void resolver_of_one_family_finds_no_other(void **state) {
	assert_int_not_equal(look_up("::1", AF_INET).error, 0);
	assert_int_not_equal(look_up("127.0.0.1", AF_INET6).error, 0);
}

static void resolver_unknown_name_is_an_error(void **state) {
	assert_int_not_equal(look_up("no..such", AF_UNSPEC).error, 0);
}

static void resolver_answers_each_of_many_once(void **state) {
	struct resolver *resolver;
	unsigned char seen[200] = {0};
	size_t n_asked = 0, n_answered = 0;

	assert_int_equal(resolver_new(AF_INET, &resolver), 0);
	while (n_answered < sizeof seen) {
		while (n_asked < sizeof seen && resolver_has_room(resolver)) {
			assert_int_equal(resolver_ask(resolver, n_asked++, "localhost"), 0);
		}
		++seen[wait_for_answer(resolver).target];
		++n_answered;
	}
	for (size_t i = 0; i < sizeof seen; ++i) {
		assert_int_equal(seen[i], 1);
	}
	resolver_free(resolver);
}

static void resolver_freed_early_leaves_nothing(void **state) {
	struct resolver *resolver;

	/* lookups are going on, and wait, as it goes: the address sanitizer watches */
	for (int i = 0; i < 20; ++i) {
		assert_int_equal(resolver_new(AF_UNSPEC, &resolver), 0);
		for (size_t target = 0; resolver_has_room(resolver); ++target) {
			assert_int_equal(resolver_ask(resolver, target, "no..such"), 0);
		}
		assert_null(resolver_free(resolver));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resolver_prefers_ipv4),
		cmocka_unit_test(resolver_takes_ipv6_where_there_is_nothing_else),
		cmocka_unit_test(resolver_of_the_system_takes_its_first_address),
		cmocka_unit_test(resolver_of_one_family_finds_no_other),
		cmocka_unit_test(resolver_unknown_name_is_an_error),
		cmocka_unit_test(resolver_answers_each_of_many_once),
		cmocka_unit_test(resolver_freed_early_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
