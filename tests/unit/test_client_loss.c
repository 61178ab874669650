/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A helper that goes: its probes are asked again, or lost, each once; and how long, how often and for what reasons another is
 * looked for. */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/lib/session.h"
#include "tests/unit/session_fixture.h"

enum {
	MAX_AGAIN = 3, /* times that a request of which helpers die is asked again */
	N_LIVES = 3 * MAX_AGAIN,
};

/* Dispatches when it is time, until there is an event. */
static void await_event(struct fixture *f) {
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};

	while (f->multiping->events.n == 0) {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		dispatch(f);
	}
}

/* The helper that came at @up_ns goes, without a word. */
static void die_of_age(struct fixture *f, int64_t up_ns) {
	f->multiping->session.up_ns = up_ns;
	fake_helper_hang_up(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	assert_int_equal(f->event.result.error, ECONNRESET);
}

/* It goes at once. */
static void die(struct fixture *f) {
	die_of_age(f, INT64_MAX);
}

/* The client finds another by itself. */
static void come_back(struct fixture *f) {
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};

	do {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		dispatch(f);
	} while (f->multiping->connection.state != CONNECTION_GREETING);
	fake_helper_accept(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_UP);
}

static void expect_ping(struct fixture *f, uint32_t id, uint32_t timeout_us, uint32_t n_targets) {
	fake_helper_expect(&f->fake, REQUEST_PING);
	assert_int_equal(f->fake.request.ping.id, id);
	assert_int_equal(f->fake.request.ping.timeout_us, timeout_us);
	assert_int_equal(f->fake.request.ping.n_targets, n_targets);
}

static void outage_asks_again_what_has_no_outcome(void **state) {
	struct fixture *f = *state;
	uint64_t probes[3];

	ping(f, 3, probes);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	fake_helper_hang_up(&f->fake);
	dispatch(f);
	expect_outcome(f, probes[1], MULTIPING_REPLY);
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	expect_no_event(f);
	assert_non_null(strstr(multiping_message(f->multiping), "again"));
	come_back(f);
	expect_ping(f, 1, 10000000, 2);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_TIMEOUT);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, probes[2], MULTIPING_REPLY);
	expect_outcome(f, probes[0], MULTIPING_TIMEOUT);
	expect_no_event(f);
}

static void outage_keeps_the_order(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	fake_helper_say_true(&f->fake, f->fake.request.msgid);
	for (int64_t timeout_us = 2000; timeout_us <= 4000; timeout_us += 1000) {
		assert_int_equal(multiping_ping(f->multiping, 0, timeout_us, &probe), 0);
	}
	dispatch(f);
	die(f);
	assert_int_equal(multiping_ping(f->multiping, 0, 5000, &probe), 0);
	come_back(f);
	expect_ping(f, 1, 10000000, 1);
	fake_helper_say_true(&f->fake, f->fake.request.msgid);
	for (uint32_t i = 0; i < 4; ++i) {
		dispatch(f);
		expect_ping(f, i + 2, 1000 * (i + 2), 1);
		fake_helper_say_true(&f->fake, f->fake.request.msgid);
	}
}

static void outage_ends_what_was_cancelled(void **state) {
	struct fixture *f = *state;
	uint64_t probes[3];

	ping(f, 3, probes);
	assert_int_equal(multiping_cancel(f->multiping, probes[0]), 0);
	dispatch(f);
	fake_helper_expect(&f->fake, REQUEST_CANCEL);
	assert_int_equal(multiping_cancel(f->multiping, probes[1]),
			 0); /* does not even get there */
	fake_helper_hang_up(&f->fake);
	dispatch(f);
	expect_outcome(f, probes[0], MULTIPING_CANCELLED);
	expect_outcome(f, probes[1], MULTIPING_CANCELLED);
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	assert_int_equal(multiping_cancel(f->multiping, probes[2]), 0);
	expect_outcome(f, probes[2], MULTIPING_CANCELLED);
	come_back(f);
	fake_helper_expect_none(&f->fake);
}

static void outage_counts_a_probe_as_sent_once(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	fake_helper_say_sent(&f->fake, 1);
	die(f);
	come_back(f);
	fake_helper_say_sent(&f->fake, 1);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, probe, MULTIPING_REPLY);
	assert_int_equal(f->event.result.n_sent, 1);
	assert_int_equal(f->event.result.n_replies, 1);
}

static void outage_leaves_names_to_be_found(void **state) {
	struct fixture *f = *state;
	uint64_t asked, waiting;

	ping(f, 1, &asked);
	assert_int_equal(multiping_add(f->multiping, "localhost", NULL, NULL), 0);
	assert_int_equal(multiping_ping(f->multiping, 1, 5000, &waiting), 0);
	die(f);
	await_event(f);
	expect_event(f, MULTIPING_EVENT_NAME);
	come_back(f);
	expect_ping(f, 1, 10000000, 1);
	expect_ping(f, 2, 5000, 1);
	fake_helper_say_outcome(&f->fake, 2, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, waiting, MULTIPING_REPLY);
}

static void deaths_without_a_sign_end_the_next_in_line(void **state) {
	struct fixture *f = *state;
	uint64_t suspect, behind;

	ping(f, 1, &suspect);
	assert_int_equal(multiping_ping(f->multiping, 0, 5000, &behind), 0);
	dispatch(f);
	for (int i = 0; i < MAX_AGAIN; ++i) {
		die(f);
		expect_no_event(f);
		come_back(f);
		expect_ping(f, 1, 10000000, 1);
	}
	die(f);
	expect_outcome(f, suspect, MULTIPING_HELPER_LOST);
	assert_non_null(strstr(multiping_message(f->multiping), "not asked again"));
	come_back(f);
	expect_ping(f, 1, 5000, 1);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, behind, MULTIPING_REPLY);
}

static void deaths_while_it_goes_on_end_nothing(void **state) {
	struct fixture *f = *state;
	uint64_t probes[N_LIVES];

	ping(f, N_LIVES, probes);
	for (uint32_t i = 0; i < N_LIVES; ++i) { /* each gets as far as the next probe */
		fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
		fake_helper_hang_up(&f->fake);
		dispatch(f);
		expect_outcome(f, probes[i], MULTIPING_REPLY);
		expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
		expect_no_event(f);
		come_back(f);
	}
	fake_helper_expect_none(&f->fake);
}

static void deaths_before_a_sign_of_life_count_no_more(void **state) {
	struct fixture *f = *state;
	uint64_t probes[N_LIVES];

	ping(f, N_LIVES, probes);
	for (uint32_t i = 0; i < N_LIVES; ++i) {
		for (int j = 0; j < MAX_AGAIN; ++j) {
			die(f);
			expect_no_event(f);
			come_back(f);
			expect_ping(f, 1, 10000000, N_LIVES - i);
		}
		fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
		dispatch(f);
		expect_outcome(f, probes[i], MULTIPING_REPLY);
	}
}

static void deaths_of_old_age_are_a_faint_sign(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	for (int i = 0; i < BATCH_MAX_SUSPICION; ++i) {
		die_of_age(f, 0);
		expect_no_event(f);
		come_back(f);
		expect_ping(f, 1, 10000000, 1);
	}
	die_of_age(f, 0);
	expect_outcome(f, probe, MULTIPING_HELPER_LOST);
}

static void deaths_with_all_admitted_end_what_is_open(void **state) {
	struct fixture *f = *state;
	uint64_t probes[N_LIVES];

	ping(f, N_LIVES, probes);
	for (uint32_t i = 0; i <= MAX_AGAIN; ++i) {
		fake_helper_say_true(&f->fake, f->fake.request.msgid);
		fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
		fake_helper_hang_up(&f->fake);
		dispatch(f);
		expect_outcome(f, probes[i], MULTIPING_REPLY);
		expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
		if (i < MAX_AGAIN) {
			come_back(f);
			expect_ping(f, 1, 10000000, N_LIVES - i - 1);
		}
	}
	for (uint32_t i = MAX_AGAIN + 1; i < N_LIVES; ++i) {
		expect_outcome(f, probes[i], MULTIPING_HELPER_LOST);
	}
	expect_no_event(f);
}

static void shutdowns_are_nobodys_fault(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	for (int i = 0; i < N_LIVES; ++i) {
		fake_helper_say_true(&f->fake, f->fake.request.msgid);
		fake_helper_say_closing(&f->fake, PROTOCOL_CODE_SHUTDOWN, "good bye");
		die(f);
		assert_non_null(strstr(multiping_message(f->multiping), "good bye"));
		assert_non_null(strstr(multiping_message(f->multiping), "raw socket"));
		expect_no_event(f);
		come_back(f);
		expect_ping(f, 1, 10000000, 1);
	}
}

/* A helper came back, and has but @code for the client. */
static void come_back_and_refuse(struct fixture *f, enum protocol_code code) {
	struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};

	while (f->multiping->connection.state != CONNECTION_GREETING) {
		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		dispatch(f);
	}
	f->fake.fd = accept4(f->fake.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	fake_helper_say_closing(&f->fake, code, "it has no room");
	fake_helper_hang_up(&f->fake);
	dispatch(f);
}

static void refusal_ends_an_outage(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	die(f);
	come_back_and_refuse(f, PROTOCOL_CODE_NO_BACKEND);
	expect_outcome(f, probe, MULTIPING_HELPER_LOST); /* of the loss there was an event */
	assert_int_equal(f->event.result.error, EPERM);
	assert_non_null(strstr(multiping_message(f->multiping), "it has no room"));
	expect_no_event(f);
}

static void full_helper_makes_an_outage_longer(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	die(f);
	for (int i = 0; i < 3; ++i) {
		come_back_and_refuse(f, PROTOCOL_CODE_CONNECTIONS);
		expect_no_event(f);
	}
	come_back(f);
	expect_ping(f, 1, 10000000, 1);
}

static void helper_that_stays_full_ends_an_outage(void **state) {
	struct fixture *f = *state;
	uint64_t probe;

	ping(f, 1, &probe);
	die(f);
	come_back_and_refuse(f, PROTOCOL_CODE_CONNECTIONS);
	f->multiping->connection.wait_us = 1;
	await_event(f);
	expect_outcome(f, probe, MULTIPING_HELPER_LOST);
	assert_int_equal(f->event.result.error, EBUSY);
	assert_non_null(strstr(multiping_message(f->multiping), "max_connections"));
	expect_no_event(f);
}

/* How long until all that is open is lost, with nobody to connect to. */
static int64_t lost_after_ns(struct fixture *f, int64_t helper_wait_us) {
	struct timespec before, after;
	uint64_t probe;

	ping(f, 1, &probe);
	f->multiping->connection.wait_us = helper_wait_us;
	close(f->fake.listener);
	clock_gettime(CLOCK_MONOTONIC, &before);
	die(f);
	await_event(f);
	clock_gettime(CLOCK_MONOTONIC, &after);
	expect_outcome(f, probe, MULTIPING_HELPER_LOST);
	assert_int_equal(f->event.result.error, ECONNREFUSED);
	assert_non_null(strstr(multiping_message(f->multiping), "running"));
	expect_no_event(f);
	return (after.tv_sec - before.tv_sec) * INT64_C(1000000000) + after.tv_nsec -
	       before.tv_nsec;
}

static void outage_is_over_when_the_helper_was_waited_for(void **state) {
	struct fixture *f = *state;
	uint64_t later;

	assert_true(lost_after_ns(f, 300000) >= 300000000);
	assert_int_equal(multiping_ping(f->multiping, 0, 0, &later),
			 0); /* now it is the first again */
	assert_int_equal(multiping_dispatch(f->multiping), -ECONNREFUSED);
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	expect_outcome(f, later, MULTIPING_HELPER_LOST);
	f->fake.listener = -1;
}

static void outage_tries_ever_less_often(void **state) {
	struct fixture *f = *state;
	const struct connection *connection = &f->multiping->connection;
	int64_t backoff_ns = 0, before_ns;
	uint64_t probe;

	ping(f, 1, &probe);
	unlink(f->fake.path);
	die(f);
	for (int i = 0; i < 12; ++i) {
		before_ns = backoff_ns;
		backoff_ns = connection->backoff_ns;
		assert_true(backoff_ns == 2 * before_ns || before_ns == 0 ||
			    backoff_ns == INT64_C(5000000000));
		f->multiping->connection.retry_ns = 1; /* long past */
		dispatch(f);
		expect_no_event(f);
	}
	assert_int_equal(backoff_ns, INT64_C(5000000000));
}

static void ping_lost_helper_ends_each_once_after_what_was_delivered(void **state) {
	struct fixture *f = *state;
	uint64_t probes[3], queued;

	ping(f, 3, probes);
	assert_int_equal(multiping_ping(f->multiping, 0, 5000, &queued), 0);
	dispatch(f); /* on its way, unread: the end will come as ECONNRESET first */
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	fake_helper_hang_up(&f->fake);
	dispatch(f);
	expect_outcome(f, probes[1], MULTIPING_REPLY);
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	assert_int_equal(f->event.result.error, ECONNRESET);
	expect_outcome(f, probes[0], MULTIPING_HELPER_LOST);
	expect_outcome(f, probes[2], MULTIPING_HELPER_LOST);
	expect_outcome(f, queued, MULTIPING_HELPER_LOST);
	dispatch(f);
	expect_no_event(f);
}

static void ping_after_the_loss_connects_again(void **state) {
	struct fixture *f = *state;
	uint64_t before, after;

	ping(f, 1, &before);
	fake_helper_hang_up(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	expect_outcome(f, before, MULTIPING_HELPER_LOST);
	assert_int_equal(multiping_ping(f->multiping, 0, 0, &after), 0);
	assert_true(after > before);
	dispatch(f);
	fake_helper_accept(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_UP);
	fake_helper_expect(&f->fake, REQUEST_PING);
	fake_helper_say_outcome(&f->fake, f->fake.request.ping.id, 0, OUTCOME_REPLY);
	dispatch(f);
	expect_outcome(f, after, MULTIPING_REPLY);
}

static void probe_whose_name_is_not_known_is_lost_too(void **state) {
	struct fixture *f = *state;
	uint64_t asked, waiting[2];

	ping(f, 1, &asked);
	assert_int_equal(multiping_add(f->multiping, "localhost", NULL, NULL), 0);
	assert_int_equal(multiping_ping(f->multiping, 1, 0, &waiting[0]), 0);
	assert_int_equal(multiping_ping(f->multiping, 1, 0, &waiting[1]), 0);
	fake_helper_hang_up(&f->fake);
	dispatch(f);
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	expect_outcome(f, asked, MULTIPING_HELPER_LOST);
	expect_outcome(f, waiting[0], MULTIPING_HELPER_LOST);
	expect_outcome(f, waiting[1], MULTIPING_HELPER_LOST);
	do { /* the name comes, and finds nobody waiting */
		struct pollfd poll_for = {.fd = multiping_fd(f->multiping), .events = POLLIN};

		assert_int_equal(poll(&poll_for, 1, 60000), 1);
		dispatch(f);
	} while (!multiping_next_event(f->multiping, &f->event));
	assert_int_equal(f->event.type, MULTIPING_EVENT_NAME);
	expect_no_event(f);
}

static void lost_probes_are_told_in_portions(void **state) {
	struct fixture *f = *state;
	uint64_t probes[3], cancelled;

	ping(f, 3, probes);
	assert_int_equal(multiping_ping(f->multiping, 0, 5000, &cancelled), 0);
	assert_int_equal(session_dispatch(f->multiping, 1), 0);
	fake_helper_hang_up(&f->fake);
	assert_int_equal(session_dispatch(f->multiping, 1), 0); /* room for one event */
	assert_int_equal(f->multiping->events.n, 1);
	assert_int_equal(multiping_cancel(f->multiping, cancelled),
			 0); /* nobody is there to be told */
	expect_event(f, MULTIPING_EVENT_HELPER_DOWN);
	expect_outcome(f, cancelled, MULTIPING_CANCELLED);
	dispatch(f);
	for (size_t i = 0; i < 3; ++i) {
		expect_outcome(f, probes[i], MULTIPING_HELPER_LOST);
	}
	expect_no_event(f);
	assert_int_equal(f->multiping->batches.n_cancels, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_setup_patient, session_teardown)
#define TEST_WITHOUT_WAIT(name)                                                                    \
	cmocka_unit_test_setup_teardown(name, session_setup_without_wait, session_teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(outage_asks_again_what_has_no_outcome),
		TEST(outage_keeps_the_order),
		TEST(outage_ends_what_was_cancelled),
		TEST(outage_counts_a_probe_as_sent_once),
		TEST(outage_leaves_names_to_be_found),
		TEST(deaths_without_a_sign_end_the_next_in_line),
		TEST(deaths_while_it_goes_on_end_nothing),
		TEST(deaths_before_a_sign_of_life_count_no_more),
		TEST(deaths_of_old_age_are_a_faint_sign),
		TEST(deaths_with_all_admitted_end_what_is_open),
		TEST(shutdowns_are_nobodys_fault),
		TEST(refusal_ends_an_outage),
		TEST(full_helper_makes_an_outage_longer),
		TEST(helper_that_stays_full_ends_an_outage),
		TEST(outage_is_over_when_the_helper_was_waited_for),
		TEST(outage_tries_ever_less_often),
		TEST_WITHOUT_WAIT(ping_lost_helper_ends_each_once_after_what_was_delivered),
		TEST_WITHOUT_WAIT(ping_after_the_loss_connects_again),
		TEST_WITHOUT_WAIT(probe_whose_name_is_not_known_is_lost_too),
		TEST_WITHOUT_WAIT(lost_probes_are_told_in_portions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
