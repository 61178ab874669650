/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A helper that refuses, or breaks its word: what becomes of the probes. */

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

static void ping_left_open_by_done_is_lost(void **state) {
	struct fixture *f = *state;
	uint64_t probes[2];

	ping(f, 2, probes);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	fake_helper_say_done(&f->fake, 1);
	dispatch(f);
	expect_outcome(f, probes[0], MULTIPING_REPLY);
	expect_outcome(f, probes[1], MULTIPING_HELPER_LOST);
	assert_int_equal(f->event.result.error, EPROTO);
}

static void refused_ping_is_denied(void **state) {
	struct fixture *f = *state;
	uint64_t probes[2];

	ping(f, 2, probes);
	fake_helper_say_fault(&f->fake, f->fake.request.msgid, PROTOCOL_CODE_BAD_ADDRESS, NULL);
	dispatch(f);
	expect_outcome(f, probes[0], MULTIPING_DENIED);
	assert_int_equal(f->event.result.error, EINVAL);
	expect_outcome(f, probes[1], MULTIPING_DENIED);
	assert_non_null(strstr(multiping_message(f->multiping), "not so"));
}

static void refused_for_want_of_memory_is_asked_again(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	fake_helper_say_fault(&f->fake, f->fake.request.msgid, PROTOCOL_CODE_TOO_MANY_REQUESTS,
			      "request_bytes");
	dispatch(f);
	expect_no_event(f);
	do { /* its time comes by the timer */
		struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};

		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		dispatch(f);
	} while (f->multiping->session.n_pings == 0);
	fake_helper_expect(&f->fake, REQUEST_PING);
	assert_int_equal(f->fake.request.ping.id, 2);
	fake_helper_say_outcome(&f->fake, 2, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, probe, MULTIPING_REPLY);
}

/* Pings once with @config; the fake, which allows what its hello says, must see no ping. */
static void expect_denied(struct fixture *f, struct multiping_config *config, int error) {
	uint64_t probe;

	multiping_free(f->multiping);
	config->socket_path = f->fake.path;
	assert_int_equal(multiping_new(config, &f->multiping), 0);
	assert_int_equal(multiping_add(f->multiping, "127.0.0.1", NULL, NULL), 0);
	assert_int_equal(multiping_ping(f->multiping, 0, 0, &probe), 0);
	dispatch(f);
	fake_helper_accept(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_UP);
	expect_outcome(f, probe, MULTIPING_DENIED);
	assert_int_equal(f->event.result.error, error);
	assert_string_not_equal(multiping_message(f->multiping), "");
	fake_helper_expect_none(&f->fake);
}

static void denied_is_what_hello_does_not_allow(void **state) {
	struct fixture *f = *state;
	struct multiping_config config;

	multiping_config_init(&config);
	f->fake.hello.timeout_us = 9999999;
	expect_denied(f, &config, ERANGE);
	f->fake.hello.payload_bytes = 55;
	expect_denied(f, &config, EMSGSIZE);
	config.interface = "lo"; /* the fake's namespace has the number 0, which is not ours */
	expect_denied(f, &config, ENODEV);
	config.ttl = 3;
	f->fake.hello.options = PING_OPTION_TOS | PING_OPTION_INTERFACE;
	expect_denied(f, &config, EACCES);
}

/* The connection ends with this error; the open probe is lost. */
static void expect_down(struct fixture *f, uint64_t probe, int error) {
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	assert_int_equal(f->event.result.error, error);
	expect_outcome(f, probe, MULTIPING_HELPER_LOST);
	assert_int_equal(f->event.result.error, error);
}

static void helper_that_breaks_the_protocol_is_left(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY); /* there is no such place */
	expect_down(f, probe, EPROTO);
}

static void helper_that_answers_what_nobody_asked_is_left(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	fake_helper_say_true(&f->fake, f->fake.request.msgid + 1);
	expect_down(f, probe, EPROTO);
}

static void helper_that_speaks_nonsense_is_left(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	fake_helper_say(&f->fake, "nonsense", 8);
	expect_down(f, probe, EPROTO);
}

static void unknown_ids_are_skipped(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	fake_helper_say_outcome(&f->fake, 4711, 0, OUTCOME_LATE);
	fake_helper_say_done(&f->fake, 4711);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, probe, MULTIPING_REPLY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_setup, session_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(ping_left_open_by_done_is_lost),
		TEST(refused_ping_is_denied),
		TEST(refused_for_want_of_memory_is_asked_again),
		TEST(denied_is_what_hello_does_not_allow),
		TEST(helper_that_breaks_the_protocol_is_left),
		TEST(helper_that_answers_what_nobody_asked_is_left),
		TEST(helper_that_speaks_nonsense_is_left),
		TEST(unknown_ids_are_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
