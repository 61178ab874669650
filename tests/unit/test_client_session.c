/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Level 3 against a helper that the test plays: requests, outcomes, cancels, names. */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/lib/session.h"
#include "tests/unit/session_fixture.h"

static void ping_is_asked_for_as_configured(void **state) {
	struct fixture *f = *state;
	const struct request_ping *request = &f->fake.request.ping;
	uint64_t probe;

	ping(f, 1, &probe);
	assert_int_equal(request->id, 1);
	assert_int_equal(request->timeout_us, 10000000);
	assert_int_equal(request->size_bytes, 56);
	assert_int_equal(request->options, 0);
	assert_true(IN6_IS_ADDR_V4MAPPED(&request->targets[0]));
}

static void ping_each_outcome_is_told_once(void **state) {
	struct fixture *f = *state;
	uint64_t probes[7];

	ping(f, 7, probes);
	for (uint8_t kind = OUTCOME_REPLY; kind <= OUTCOME_CANCELLED + 1; ++kind) {
		fake_helper_say_outcome(&f->fake, 1, kind, kind == 6 ? 15 : kind);
		fake_helper_say_outcome(&f->fake, 1, kind, OUTCOME_TIMEOUT); /* not again */
	}
	dispatch(f);
	expect_outcome(f, probes[0], MULTIPING_REPLY);
	assert_int_equal(f->event.result.rtt_ns, 1000);
	assert_int_equal(f->event.result.hop_limit, 64);
	assert_int_equal(f->event.result.n_replies, 1);
	expect_outcome(f, probes[1], MULTIPING_TIMEOUT);
	assert_true(f->event.result.rtt_ns < 0);
	expect_outcome(f, probes[2], MULTIPING_ICMP_ERROR);
	assert_string_equal(f->event.result.reporter, "192.0.2.1");
	expect_outcome(f, probes[3], MULTIPING_SEND_ERROR);
	assert_int_equal(f->event.result.error, ENETUNREACH);
	assert_int_equal(f->event.result.sent_unix_ns, 0);
	expect_outcome(f, probes[4], MULTIPING_DENIED);
	assert_non_null(strstr(multiping_message(f->multiping), "10.0.0.0/8"));
	expect_outcome(f, probes[5], MULTIPING_CANCELLED);
	expect_outcome(f, probes[6], MULTIPING_SEND_ERROR); /* final, and of a later version */
	assert_int_equal(f->event.result.error, EPROTO);
	expect_no_event(f);
}

static void ping_two_at_a_time_without_response(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	assert_int_equal(multiping_ping(f->multiping, 0, 2000, &probe), 0);
	assert_int_equal(multiping_ping(f->multiping, 0, 3000, &probe), 0);
	dispatch(f);
	fake_helper_expect(&f->fake, REQUEST_PING);
	assert_int_equal(f->fake.request.ping.timeout_us, 2000);
	fake_helper_expect_none(&f->fake);
	fake_helper_say_true(&f->fake, f->fake.request.msgid);
	dispatch(f);
	fake_helper_expect(&f->fake, REQUEST_PING);
	assert_int_equal(f->fake.request.ping.timeout_us, 3000);
	assert_int_equal(f->fake.request.ping.id, 3);
}

static void ping_events_follow_the_outcome(void **state) {
	struct fixture *f = *state;
	uint64_t probes[2];

	ping(f, 2, probes);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_UNVERIFIED_ERROR);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_DUPLICATE);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_TIMEOUT);
	fake_helper_say_done(&f->fake, 1);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_LATE);
	fake_helper_say_outcome(&f->fake, 1, 1,
				OUTCOME_UNVERIFIED_ERROR + 1); /* unknown: skipped */
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_UNVERIFIED_ERROR);
	expect_outcome(f, probes[0], MULTIPING_REPLY);
	expect_event(f, MULTIPING_EVENT_DUPLICATE);
	assert_int_equal(f->event.result.n_duplicates, 1);
	expect_outcome(f, probes[1], MULTIPING_TIMEOUT);
	expect_event(f, MULTIPING_EVENT_LATE);
	assert_int_equal(f->event.result.probe, probes[1]);
	expect_no_event(f);
}

static void cancel_of_what_was_not_asked_stays_here(void **state) {
	struct fixture *f = *state;
	uint64_t probes[3];

	for (size_t i = 0; i < 3; ++i) {
		assert_int_equal(multiping_add(f->multiping, "::1", NULL, NULL), 0);
		assert_int_equal(multiping_ping(f->multiping, i, 0, &probes[i]), 0);
	}
	assert_int_equal(multiping_cancel(f->multiping, probes[1]), 0);
	assert_int_equal(multiping_cancel(f->multiping, probes[1]),
			 0); /* has ended: nothing happens */
	expect_outcome(f, probes[1], MULTIPING_CANCELLED);
	dispatch(f);
	fake_helper_accept(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_UP);
	fake_helper_expect(&f->fake, REQUEST_PING);
	assert_int_equal(f->fake.request.ping.n_targets, 2);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, probes[2], MULTIPING_REPLY); /* the helper's place 1 is our third */
	assert_int_equal(f->event.result.target, 2);
	expect_no_event(f);
}

static void cancel_of_what_was_asked_goes_to_the_helper(void **state) {
	struct fixture *f = *state;
	uint64_t probes[2];

	ping(f, 2, probes);
	assert_int_equal(multiping_cancel(f->multiping, probes[1]), 0);
	dispatch(f);
	expect_no_event(f);
	fake_helper_expect(&f->fake, REQUEST_CANCEL);
	assert_int_equal(f->fake.request.cancel.id, 1);
	assert_true(f->fake.request.cancel.has_index);
	assert_int_equal(f->fake.request.cancel.index, 1);
	fake_helper_say_true(&f->fake, f->fake.request.msgid);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY); /* it was on its way already */
	dispatch(f);
	expect_outcome(f, probes[1], MULTIPING_REPLY);
	expect_no_event(f);
}

static void cancel_at_most_sixteen_without_response(void **state) {
	struct fixture *f = *state;
	uint64_t probes[20];

	ping(f, 20, probes);
	for (size_t i = 0; i < 20; ++i) {
		assert_int_equal(multiping_cancel(f->multiping, probes[i]), 0);
	}
	dispatch(f);
	for (size_t i = 0; i < PROTOCOL_MAX_OTHER_REQUESTS; ++i) {
		fake_helper_expect(&f->fake, REQUEST_CANCEL);
	}
	fake_helper_expect_none(&f->fake);
	fake_helper_say_true(&f->fake, f->fake.request.msgid);
	dispatch(f);
	fake_helper_expect(&f->fake, REQUEST_CANCEL);
	fake_helper_expect_none(&f->fake);
}

static void cancel_of_the_unknown_is_no_such_probe(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	assert_int_equal(multiping_cancel(f->multiping, 0), -ENOENT);
	assert_int_equal(multiping_cancel(f->multiping, probe + 1), -ENOENT);
	assert_int_equal(multiping_cancel(f->multiping, UINT64_MAX), -ENOENT);
}

static void events_not_fetched_make_the_helper_wait(void **state) {
	struct fixture *f = *state;
	uint64_t probes[1];
	size_t n = 0;

	ping(f, 1, probes);
	for (int i = 0; i < SESSION_MAX_EVENTS + 100;
	     ++i) { /* each is a packet, and the socket holds few */
		fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_DUPLICATE);
		dispatch(f);
		if (f->multiping->events.n == SESSION_MAX_EVENTS) {
			break;
		}
	}
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	dispatch(f);
	assert_int_equal(f->multiping->events.n, SESSION_MAX_EVENTS);
	while (multiping_next_event(f->multiping, &f->event)) {
		assert_int_equal(f->event.type, MULTIPING_EVENT_DUPLICATE);
		++n;
	}
	assert_int_equal(n, SESSION_MAX_EVENTS);
	dispatch(f);
	expect_outcome(f, probes[0], MULTIPING_REPLY);
}

static void names_that_cannot_be_end_their_probes(void **state) {
	struct fixture *f = *state;
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};
	uint64_t probes[2], later;
	int context;

	assert_int_equal(multiping_add(f->multiping, "no..such", &context, NULL), 0);
	assert_int_equal(multiping_ping(f->multiping, 0, 0, &probes[0]), 0);
	assert_int_equal(multiping_ping(f->multiping, 0, 0, &probes[1]), 0);
	while (!multiping_next_event(f->multiping, &f->event)) {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		dispatch(f);
	}
	assert_int_equal(f->event.type, MULTIPING_EVENT_NAME);
	assert_ptr_equal(f->event.context, &context);
	assert_int_equal(f->event.result.outcome, MULTIPING_NAME_ERROR);
	assert_int_not_equal(f->event.result.error, 0);
	expect_outcome(f, probes[0], MULTIPING_NAME_ERROR);
	expect_outcome(f, probes[1], MULTIPING_NAME_ERROR);
	assert_int_equal(multiping_ping(f->multiping, 0, 0, &later), 0);
	expect_outcome(f, later, MULTIPING_NAME_ERROR);
	expect_no_event(f);
}

static void names_that_are_known_later_are_pinged_then(void **state) {
	struct fixture *f = *state;
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};
	uint64_t probe;

	assert_int_equal(multiping_add(f->multiping, "localhost", NULL, NULL), 0);
	assert_int_equal(multiping_ping(f->multiping, 0, 0, &probe), 0);
	while (!multiping_next_event(f->multiping, &f->event)) {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		dispatch(f);
	}
	assert_int_equal(f->event.type, MULTIPING_EVENT_NAME);
	assert_string_equal(f->event.result.address, "127.0.0.1");
	dispatch(f);
	fake_helper_accept(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_UP);
	fake_helper_expect(&f->fake, REQUEST_PING);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, probe, MULTIPING_REPLY);
}

static void removed_target_is_told_of_no_more(void **state) {
	struct fixture *f = *state;
	struct multiping_result result;
	uint64_t probes[2];

	ping(f, 2, probes);
	assert_int_equal(multiping_remove(f->multiping, 0), 0);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, probes[1], MULTIPING_REPLY);
	expect_no_event(f);
	assert_int_equal(multiping_get(f->multiping, 0, &result), -ENOENT);
	assert_int_equal(multiping_ping(f->multiping, 0, 0, NULL), -ENOENT);
	assert_int_equal(multiping_remove(f->multiping, 0), -ENOENT);
	assert_int_equal(multiping_n_targets(f->multiping), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_setup, session_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(ping_is_asked_for_as_configured),
		TEST(ping_each_outcome_is_told_once),
		TEST(ping_two_at_a_time_without_response),
		TEST(ping_events_follow_the_outcome),
		TEST(cancel_of_what_was_not_asked_stays_here),
		TEST(cancel_of_what_was_asked_goes_to_the_helper),
		TEST(cancel_at_most_sixteen_without_response),
		TEST(cancel_of_the_unknown_is_no_such_probe),
		TEST(events_not_fetched_make_the_helper_wait),
		TEST(names_that_cannot_be_end_their_probes),
		TEST(names_that_are_known_later_are_pinged_then),
		TEST(removed_target_is_told_of_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
