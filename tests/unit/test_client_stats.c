/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper tells of itself. The call that waits for it has the session's turns done; here the test does them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/lib/session.h"
#include "tests/unit/session_fixture.h"

static void stats_of_each_scope_come_while_a_ping_waits(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	for (enum stats_scope scope = STATS_SESSION; scope <= STATS_HELPER; ++scope) {
		struct stats_query query = {.scope = scope};

		f->multiping->session.query = &query;
		dispatch(f);
		fake_helper_expect(&f->fake, REQUEST_STATS);
		assert_int_equal(f->fake.request.stats.scope, scope);
		fake_helper_expect_none(&f->fake);
		assert_false(query.is_over);
		fake_helper_say_stats(&f->fake, f->fake.request.msgid, "replies",
				      UINT64_MAX - scope);
		dispatch(f);
		assert_true(query.is_over);
		assert_int_equal(query.error, 0);
		assert_int_equal(query.result.n_counters, 1);
		assert_string_equal(query.result.counters[0].name, "replies");
		assert_true(query.result.counters[0].value == UINT64_MAX - scope);
		f->multiping->session.query = NULL;
	}
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, probe, MULTIPING_REPLY);
}

static void stats_alone_are_a_reason_to_connect_and_are_asked_again(void **state) {
	struct fixture *f = *state;
	struct stats_query query = {.scope = STATS_HELPER};

	f->multiping->session.query = &query;
	dispatch(f);
	fake_helper_accept(&f->fake);
	dispatch(f);
	fake_helper_expect(&f->fake, REQUEST_STATS);
	fake_helper_hang_up(&f->fake);
	do {
		assert_true(session_wait(f->multiping, INT64_MAX) > 0);
		dispatch(f);
	} while (f->multiping->connection.state != CONNECTION_GREETING);
	fake_helper_accept(&f->fake);
	dispatch(f);
	fake_helper_expect(&f->fake, REQUEST_STATS);
	fake_helper_say_stats(&f->fake, f->fake.request.msgid, "late", 3);
	dispatch(f);
	assert_true(query.is_over);
	assert_int_equal(query.result.counters[0].value, 3);
	f->multiping->session.query = NULL;
}

static void stats_end_with_the_helper_that_is_lost(void **state) {
	struct fixture *f = *state;
	struct stats_query query = {.scope = STATS_HELPER};
	uint64_t probe;

	ping(f, 1, &probe);
	f->multiping->session.query = &query;
	dispatch(f);
	fake_helper_say(&f->fake, "nonsense", 8);
	dispatch(f);
	assert_true(query.is_over);
	assert_int_equal(query.error, -EPROTO);
	f->multiping->session.query = NULL;
}

static void stats_that_do_not_come_are_not_waited_for_longer(void **state) {
	struct fixture *f = *state;
	struct multiping_counter *counters = NULL;
	size_t n_counters = 7;

	f->multiping->options.helper_wait_us = 20000;
	assert_int_equal(
		multiping_stats(f->multiping, MULTIPING_STATS_OWNER, &counters, &n_counters),
		-ETIMEDOUT);
	assert_string_not_equal(multiping_message(f->multiping), "");
	assert_int_equal(n_counters, 7);
	fake_helper_accept(&f->fake); /* the answer comes after all, and to nobody */
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_UP);
	fake_helper_expect_none(&f->fake);
}

static void stats_of_no_scope_are_invalid(void **state) {
	struct fixture *f = *state;
	struct multiping_counter *counters;
	size_t n_counters;

	assert_int_equal(multiping_stats(f->multiping, (enum multiping_stats_scope)3, &counters,
					 &n_counters),
			 -EINVAL);
}

static void helper_tells_what_it_is(void **state) {
	struct fixture *f = *state;
	struct multiping_helper helper = {.struct_bytes = sizeof helper};
	uint64_t probe;

	f->fake.hello.namespace_inode = 4026531840;
	f->fake.hello.receive_buffer_bytes = 212992;
	assert_int_equal(multiping_get_helper(f->multiping, &helper), -ENOTCONN);
	ping(f, 1, &probe);
	assert_int_equal(multiping_get_helper(f->multiping, &helper), 0);
	assert_string_equal(helper.helper, "fake 1");
	assert_string_equal(helper.backend, "raw");
	assert_true(helper.namespace_inode == 4026531840);
	assert_int_equal(helper.receive_buffer_bytes, 212992);
	assert_int_equal(helper.packets_per_second, UINT32_MAX);
	assert_int_equal(helper.max_size_bytes, PROTOCOL_MAX_DATA_BYTES);
	assert_int_equal(helper.is_private, 0);
	helper.struct_bytes -= 1;
	assert_int_equal(multiping_get_helper(f->multiping, &helper), -EINVAL);
	helper.struct_bytes += 2;
	assert_int_equal(multiping_get_helper(f->multiping, &helper), -E2BIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_setup, session_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(stats_of_each_scope_come_while_a_ping_waits),
		TEST(stats_alone_are_a_reason_to_connect_and_are_asked_again),
		TEST(stats_end_with_the_helper_that_is_lost),
		TEST(stats_that_do_not_come_are_not_waited_for_longer),
		TEST(stats_of_no_scope_are_invalid),
		TEST(helper_tells_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
