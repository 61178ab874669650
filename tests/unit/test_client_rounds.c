/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Level 2 against a helper that the test plays: who is asked again, whose answer counts, what is
 * cancelled, and for what the waiting waits. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cmocka.h>

#include "client/lib/session.h"
#include "tests/unit/fake_helper.h"

struct fixture {
	struct fake_helper fake;
	struct multiping *multiping;
};

static struct fixture fixture;

/* A client with three targets. */
static void begin(struct fixture *f) {
	f->multiping = fake_helper_client(&f->fake);
	for (int i = 0; i < 3; ++i) {
		assert_int_equal(multiping_add(f->multiping, "127.0.0.1", NULL, NULL), 0);
	}
}

/* These, and a helper that is up. */
static int setup(void **state) {
	fake_helper_start(&fixture.fake);
	begin(&fixture);
	*state = &fixture;
	return 0;
}

static int teardown(void **state) {
	multiping_free(fixture.multiping);
	fake_helper_stop(&fixture.fake);
	return 0;
}

static void dispatch(struct fixture *f) {
	assert_int_equal(session_dispatch(f->multiping, SIZE_MAX), 0);
}

/* Sends; @n are asked for, in a request that the fake has read on return. */
static void send_to(struct fixture *f, int n) {
	assert_int_equal(multiping_send(f->multiping), n);
	if (f->fake.fd < 0) {
		fake_helper_accept(&f->fake);
	}
	dispatch(f);
	do {
		uint8_t bytes[16];

		assert_true(recv(f->fake.fd, bytes, sizeof bytes, MSG_PEEK) > 0);
		fake_helper_expect(&f->fake, bytes[3] == 0xa4 ? REQUEST_PING : REQUEST_CANCEL);
		fake_helper_say_true(&f->fake, f->fake.request.msgid);
	} while (f->fake.request.method == REQUEST_CANCEL);
	assert_int_equal(f->fake.request.ping.n_targets, n);
}

static struct multiping_result get(struct fixture *f, size_t target) {
	struct multiping_result result;

	assert_int_equal(multiping_get(f->multiping, target, &result), 0);
	return result;
}

static void assert_outcomes(struct fixture *f, enum multiping_outcome a, enum multiping_outcome b,
			    enum multiping_outcome c) {
	assert_int_equal(get(f, 0).outcome, a);
	assert_int_equal(get(f, 1).outcome, b);
	assert_int_equal(get(f, 2).outcome, c);
}

static void send_again_asks_only_the_missing(void **state) {
	struct fixture *f = *state;

	send_to(f, 3);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	fake_helper_say_sent(&f->fake, 1);
	assert_int_equal(multiping_receive(f->multiping, 0), 2);
	assert_outcomes(f, MULTIPING_SENT, MULTIPING_REPLY, MULTIPING_SENT);
	send_to(f, 2);
	fake_helper_say_outcome(&f->fake, 2, 1, OUTCOME_REPLY);
	fake_helper_say_sent(&f->fake, 2);
	assert_int_equal(multiping_receive(f->multiping, 0), 1);
	assert_outcomes(f, MULTIPING_SENT, MULTIPING_REPLY, MULTIPING_REPLY);
	assert_int_equal(get(f, 0).n_sent, 2);
	assert_int_equal(get(f, 1).n_sent, 1);
}

static void answer_to_the_earlier_probe_counts(void **state) {
	struct fixture *f = *state;

	send_to(f, 3);
	fake_helper_say_sent(&f->fake, 1);
	send_to(f, 3);
	fake_helper_say_sent(&f->fake, 2);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 2, 0, OUTCOME_TIMEOUT); /* is no news any more */
	fake_helper_say_outcome(&f->fake, 2, 1, OUTCOME_TIMEOUT); /* the first is still open */
	fake_helper_say_outcome(&f->fake, 2, 2, OUTCOME_REPLY);
	assert_int_equal(multiping_receive(f->multiping, 0), 1);
	assert_outcomes(f, MULTIPING_REPLY, MULTIPING_SENT, MULTIPING_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_ICMP_ERROR);
	assert_int_equal(multiping_receive(f->multiping, -1), 1); /* no one is open */
	assert_outcomes(f, MULTIPING_REPLY, MULTIPING_ICMP_ERROR, MULTIPING_REPLY);
}

static void late_answer_counts(void **state) {
	struct fixture *f = *state;

	send_to(f, 3);
	for (uint32_t i = 0; i < 3; ++i) {
		fake_helper_say_outcome(&f->fake, 1, i, OUTCOME_TIMEOUT);
	}
	fake_helper_say_done(&f->fake, 1);
	assert_int_equal(multiping_receive(f->multiping, -1), 3);
	assert_outcomes(f, MULTIPING_TIMEOUT, MULTIPING_TIMEOUT, MULTIPING_TIMEOUT);
	fake_helper_say_outcome(&f->fake, 1, 2, OUTCOME_LATE);
	assert_int_equal(multiping_receive(f->multiping, 0), 2);
	assert_outcomes(f, MULTIPING_TIMEOUT, MULTIPING_TIMEOUT, MULTIPING_REPLY);
	send_to(f, 2);
}

static void third_send_cancels_the_first(void **state) {
	struct fixture *f = *state;

	send_to(f, 3);
	send_to(f, 3);
	fake_helper_expect_none(&f->fake);
	assert_int_equal(multiping_send(f->multiping), 3);
	fake_helper_expect(&f->fake, REQUEST_CANCEL);
	assert_int_equal(f->fake.request.cancel.id, 1);
	assert_false(f->fake.request.cancel.has_index);
	fake_helper_say_true(&f->fake, f->fake.request.msgid);
	fake_helper_expect(&f->fake, REQUEST_PING);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_CANCELLED);
	fake_helper_say_sent(&f->fake, 3);
	dispatch(f);
	assert_int_equal(get(f, 0).outcome, MULTIPING_SENT); /* two are open */
	send_to(f, 3);
	assert_int_equal(f->fake.request.ping.id, 4);
}

static void cancelled_is_not_the_last_word(void **state) {
	struct fixture *f = *state;

	for (int i = 0; i < 3; ++i) {
		send_to(f, 3);
	}
	for (uint32_t i = 0; i < 3; ++i) {
		fake_helper_say_outcome(&f->fake, 2, i, OUTCOME_ICMP_ERROR);
		fake_helper_say_outcome(&f->fake, 3, i, OUTCOME_TIMEOUT);
		fake_helper_say_outcome(&f->fake, 1, i, OUTCOME_CANCELLED);
	}
	assert_int_equal(multiping_receive(f->multiping, -1), 3);
	assert_outcomes(f, MULTIPING_TIMEOUT, MULTIPING_TIMEOUT, MULTIPING_TIMEOUT);
}

static void reset_forgets_and_answers_of_before_count_for_nothing(void **state) {
	struct fixture *f = *state;

	send_to(f, 3);
	fake_helper_say_sent(&f->fake, 1);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	assert_int_equal(multiping_receive(f->multiping, 0), 2);
	assert_int_equal(multiping_reset(f->multiping), 0);
	assert_int_equal(get(f, 0).outcome, MULTIPING_PENDING);
	assert_int_equal(get(f, 0).n_replies, 0);
	send_to(f, 3);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 2, OUTCOME_CANCELLED);
	fake_helper_say_sent(&f->fake, 2);
	assert_int_equal(multiping_receive(f->multiping, 0), 3);
	assert_outcomes(f, MULTIPING_SENT, MULTIPING_SENT, MULTIPING_SENT);
	fake_helper_say_outcome(&f->fake, 2, 1, OUTCOME_REPLY);
	assert_int_equal(multiping_receive(f->multiping, 0), 2);
}

static void note_alarm(int number) {
}

/* Whether receive(0) still waits a little later: a signal ends it then. */
static bool receive_waits(struct fixture *f) {
	const struct itimerval soon = {.it_value.tv_usec = 50000};
	struct sigaction action = {.sa_handler = note_alarm}, before;
	int r;

	sigaction(SIGALRM, &action, &before);
	setitimer(ITIMER_REAL, &soon, NULL);
	r = multiping_receive(f->multiping, 0);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	sigaction(SIGALRM, &before, NULL);
	return r == -EINTR;
}

static void receive_waits_for_the_last_to_be_sent(void **state) {
	struct fixture *f = *state;

	send_to(f, 3);
	assert_true(receive_waits(f)); /* nobody was sent: nobody is silent */
	assert_outcomes(f, MULTIPING_PENDING, MULTIPING_PENDING, MULTIPING_PENDING);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_TIMEOUT);
	assert_true(receive_waits(f));
	assert_outcomes(f, MULTIPING_REPLY, MULTIPING_TIMEOUT, MULTIPING_PENDING);
	fake_helper_say_sent(&f->fake, 1);
	assert_int_equal(multiping_receive(f->multiping, 0), 2);
	assert_int_equal(get(f, 2).outcome, MULTIPING_SENT);
}

static void receive_ends_at_once_when_all_are_decided(void **state) {
	struct fixture *f = *state;

	send_to(f, 3);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_SEND_ERROR);
	fake_helper_say_outcome(&f->fake, 1, 2, OUTCOME_DENIED);
	assert_int_equal(multiping_receive(f->multiping, -1), 2);
	assert_int_equal(get(f, 1).n_sent, 0);
	assert_int_equal(get(f, 2).error, EPERM);
}

static void lost_helper_ends_all_that_are_open(void **state) {
	struct fixture *f = *state;

	multiping_free(f->multiping);
	f->fake.helper_wait_us = 0;
	begin(f);
	send_to(f, 3);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	fake_helper_hang_up(&f->fake);
	assert_int_equal(multiping_receive(f->multiping, -1), 2);
	assert_outcomes(f, MULTIPING_REPLY, MULTIPING_HELPER_LOST, MULTIPING_HELPER_LOST);
	send_to(f, 2);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	assert_int_equal(multiping_receive(f->multiping, -1), 0);
}

static void removed_targets_are_not_waited_for(void **state) {
	struct fixture *f = *state;

	send_to(f, 3);
	fake_helper_say_outcome(&f->fake, 1, 0, OUTCOME_REPLY);
	dispatch(f);
	assert_int_equal(multiping_remove(f->multiping, 0), 0);
	assert_int_equal(multiping_remove(f->multiping, 2), 0);
	fake_helper_say_outcome(&f->fake, 1, 2, OUTCOME_REPLY);
	fake_helper_say_outcome(&f->fake, 1, 1, OUTCOME_REPLY);
	assert_int_equal(multiping_receive(f->multiping, -1), 0);
	assert_int_equal(multiping_send(f->multiping), 0);
}

static void name_without_address_is_missing_but_not_waited_for(void **state) {
	struct fixture *f = *state;

	assert_int_equal(multiping_add(f->multiping, "no..such", NULL, NULL), 0);
	assert_int_equal(multiping_send(f->multiping), 4); /* it may yet be found */
	fake_helper_accept(&f->fake);
	dispatch(f);
	fake_helper_expect(&f->fake, REQUEST_PING);
	for (uint32_t i = 0; i < 3; ++i) {
		fake_helper_say_outcome(&f->fake, 1, i, OUTCOME_REPLY);
	}
	assert_int_equal(multiping_receive(f->multiping, -1), 1);
	assert_int_equal(get(f, 3).outcome, MULTIPING_NAME_ERROR);
	assert_string_equal(get(f, 3).address, "");
	assert_int_equal(multiping_send(f->multiping), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(send_again_asks_only_the_missing),
		TEST(answer_to_the_earlier_probe_counts),
		TEST(late_answer_counts),
		TEST(third_send_cancels_the_first),
		TEST(cancelled_is_not_the_last_word),
		TEST(reset_forgets_and_answers_of_before_count_for_nothing),
		TEST(receive_waits_for_the_last_to_be_sent),
		TEST(receive_ends_at_once_when_all_are_decided),
		TEST(lost_helper_ends_all_that_are_open),
		TEST(removed_targets_are_not_waited_for),
		TEST(name_without_address_is_missing_but_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
