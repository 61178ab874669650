/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions through the helper's own loop: what clients ask for, and what they are told. */
#include "tests/unit/helper_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/forge.h"
#include "tests/unit/network.h"

enum { ALICE = 1000, BOB = 1001, LONG_US = 30000000, MAX = PROTOCOL_MAX_TARGETS };

static const char loopback[] = "127.0.0.1", silent[] = "10.9.0.7";

static int tun = -1;

static int set_up(void **state) {
	struct config config;

	network_drain(tun);
	rig_config(&config);
	*state = rig_open(&config);
	return 0;
}

static int tear_down(void **state) {
	rig_close(*state);
	return 0;
}

static enum protocol_code closing_code(const struct client *client) {
	const struct told *last = &client->told[client->n_told - 1];

	assert_true(client->is_closed && client->n_told > 0);
	assert_int_equal(last->type, MESSAGE_CLOSING);
	return last->code;
}

/* --- pings --- */

static void session_ping_tells_each_target_once_and_ends_with_done(void **state) {
	struct client *client = client_new(*state, ALICE, true);
	uint32_t msgid = client_ping(client, 1, loopback, MAX, LONG_US, 0);
	bool seen[MAX] = {false};

	rig_finish(*state, client, 1);
	assert_answered(client, msgid, PROTOCOL_CODE_NONE);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_REPLY), MAX);
	for (size_t i = 0; i < client->n_told; i++) {
		if (client->told[i].type == MESSAGE_RESULTS) {
			assert_false(seen[client->told[i].outcome.index]);
			seen[client->told[i].outcome.index] = true;
		}
	}
	assert_int_equal(client->told[client->n_told - 1].type, MESSAGE_DONE);
	client_free(client);
}

static void session_ping_tells_when_all_were_sent(void **state) {
	struct client *client = client_new(*state, ALICE, true);

	(void)client_ping(client, 1, silent, 5, 500000, 0);
	rig_turns(*state, 20);
	client_read(client);
	assert_int_equal(client_n_told(client, MESSAGE_SENT, 1), 1);
	assert_int_equal(client_n_told(client, MESSAGE_DONE, 1), 0);
	rig_finish(*state, client, 1);
	assert_int_equal(client_n_told(client, MESSAGE_SENT, 1), 1);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_TIMEOUT), 5);
	client_free(client);
}

static void session_third_unanswered_ping_is_a_fault(void **state) {
	struct client *client = client_new(*state, ALICE, true);
	uint32_t msgids[3];

	for (uint32_t i = 0; i < 3; i++) { /* a second between targets: no response soon */
		msgids[i] = client_ping(client, i + 1, silent, 10, LONG_US, 1000000);
	}
	rig_settle(*state);
	client_read(client);
	assert_null(client_answer(client, msgids[0]));
	assert_null(client_answer(client, msgids[1]));
	assert_answered(client, msgids[2], PROTOCOL_CODE_TOO_MANY_REQUESTS);
	assert_string_equal(client_answer(client, msgids[2])->limit, "ping_requests");
	(void)client_cancel(client, 1);
	rig_finish(*state, client, 1);
	msgids[2] = client_ping(client, 4, loopback, 1, LONG_US, 0);
	(void)client_cancel(client, 2);
	rig_finish(*state, client, 4);
	assert_answered(client, msgids[2], PROTOCOL_CODE_NONE);
	client_free(client);
}

static void session_ids_must_ascend(void **state) {
	static const uint32_t ids[] = {0, 5, 5};
	static const enum protocol_code codes[] = {PROTOCOL_CODE_ID_NOT_GREATER, PROTOCOL_CODE_NONE,
						   PROTOCOL_CODE_ID_NOT_GREATER};
	struct client *client = client_new(*state, ALICE, true);

	for (int i = 0; i < 3; i++) {
		uint32_t msgid = client_ping(client, ids[i], loopback, 1, LONG_US, 0);

		rig_settle(*state);
		client_read(client);
		assert_answered(client, msgid, codes[i]);
	}
	assert_int_equal(closing_code(client), PROTOCOL_CODE_ID_NOT_GREATER); /* the second fault */
	client_free(client);
}

static void session_policy_is_asked(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);
	struct in6_addr target = address_from_ipv4((const uint8_t[]){127, 0, 0, 1});
	struct request request = {.method = REQUEST_PING};
	uint32_t msgid;

	request_ping_init(&request.ping);
	request.ping.id = 1;
	request.ping.n_targets = 1;
	request.ping.targets = &target;
	request.ping.timeout_us = LONG_US;
	request.ping.size_bytes = helper->config.limits.max_payload_bytes;
	(void)client_send(client, &request);
	rig_finish(helper, client, 1);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_REPLY), 1);
	request.ping.id = 2;
	request.ping.size_bytes++;
	msgid = client_send(client, &request);
	rig_settle(helper);
	client_read(client);
	assert_answered(client, msgid, PROTOCOL_CODE_OUT_OF_RANGE);
	assert_string_equal(client_answer(client, msgid)->limit, "max_payload_bytes");
	request.ping.size_bytes = 56;
	request.ping.interface = 1;
	request.ping.options = PING_OPTION_INTERFACE;
	msgid = client_send(client, &request);
	rig_settle(helper);
	client_read(client);
	assert_answered(client, msgid, PROTOCOL_CODE_OPTION_REFUSED);
	client_free(client);
}

/* --- hello --- */

static void session_without_hello_gets_nothing(void **state) {
	struct client *client = client_new(*state, ALICE, false);
	uint32_t msgid = client_ask_stats(client, STATS_SESSION);

	rig_settle(*state);
	client_read(client);
	assert_answered(client, msgid, PROTOCOL_CODE_HELLO_FIRST);
	assert_false(client->is_closed);
	client_free(client);
}

static int64_t later_ns;

static int read_later(clockid_t id, struct timespec *ret_time) {
	int r = clock_gettime(id, ret_time);

	ret_time->tv_sec += later_ns / 1000000000;
	return r;
}

static void session_slow_to_say_hello_is_closed(void **state) {
	struct helper *helper = *state;
	struct client *slow = client_new(helper, ALICE, false);
	struct client *other = client_new(helper, ALICE, true);

	helper->prober.clock.read = read_later;
	later_ns = INT64_C(4000000000);
	rig_settle(helper);
	client_read(slow);
	assert_false(slow->is_closed);
	later_ns = INT64_C(7000000000);
	rig_settle(helper);
	client_read(slow);
	client_read(other);
	assert_int_equal(closing_code(slow), PROTOCOL_CODE_SLOW_START);
	assert_false(other->is_closed);
	client_free(slow);
	client_free(other);
}

static void session_over_connections_is_told_so(void **state) {
	struct helper *helper = *state;
	uint8_t bytes[1024];
	int fds[2];

	helper->config.limits.max_connections = 1;
	struct client *client = client_new(helper, ALICE, true);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(helper_begin_session(helper, fds[1], &(struct peer){.uid = ALICE}, 0),
			 USER_E_QUOTA);
	assert_true(recv(fds[0], bytes, sizeof bytes, 0) > 0); /* closing */
	assert_int_equal(recv(fds[0], bytes, sizeof bytes, 0), 0);
	(void)close(fds[0]);
	client_free(client);
}

static void session_of_a_stranger_is_refused(void **state) {
	struct helper *helper = *state;
	uint8_t bytes[1024];
	int fds[2];

	helper->stranger = 65534; /* as in a user namespace */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(helper_begin_session(helper, fds[1], &(struct peer){.uid = 65534}, 0),
			 -EPERM);
	assert_true(recv(fds[0], bytes, sizeof bytes, 0) > 0); /* closing */
	assert_int_equal(recv(fds[0], bytes, sizeof bytes, 0), 0);
	assert_int_equal(helper->n_strangers, 1); /* logged */
	(void)close(fds[0]);
	client_free(client_new(helper, 65533, true));
}

/* --- cancel --- */

static void session_cancel_ends_admitted_and_not_admitted(void **state) {
	struct client *client = client_new(*state, ALICE, true);
	uint32_t msgids[3];

	msgids[0] = client_ping(client, 1, silent, 100, LONG_US, 1000000); /* one is sent */
	rig_settle(*state);
	msgids[1] = client_cancel(client, 1);
	msgids[2] = client_cancel(client, 99); /* never was */
	rig_finish(*state, client, 1);
	for (int i = 0; i < 3; i++) {
		assert_answered(client, msgids[i], PROTOCOL_CODE_NONE);
	}
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_CANCELLED), 100);
	client_free(client);
}

static void session_cancel_of_one_leaves_the_others(void **state) {
	static const uint32_t indices[] = {0, 2, 2,
					   50}; /* sent, not admitted, once more, no such */
	struct client *client = client_new(*state, ALICE, true);

	(void)client_ping(client, 1, silent, 4, 300000, 100000);
	rig_settle(*state);
	for (int i = 0; i < 4; i++) {
		struct request request = {
			.method = REQUEST_CANCEL,
			.cancel = {.id = 1, .has_index = true, .index = indices[i]}};

		(void)client_send(client, &request);
	}
	rig_finish(*state, client, 1);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_CANCELLED), 2);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_TIMEOUT), 2);
	for (size_t i = 0; i < client->n_told; i++) {
		const struct told *told = &client->told[i];

		assert_true(told->type != MESSAGE_RESULTS ||
			    (told->outcome.index % 2 == 0) ==
				    (told->outcome.kind == OUTCOME_CANCELLED));
	}
	client_free(client);
}

/* --- closing --- */

static void session_closed_with_all_kinds_of_work_leaves_nothing(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);

	(void)client_ping(client, 1, silent, 100, LONG_US, 0);
	rig_block(helper, client, ALICE);
	(void)client_ping(client, 2, loopback, 100, LONG_US, 0); /* outcomes wait */
	rig_turns(helper, 50);
	(void)client_ping(client, 3, silent, 100, LONG_US, 1000000); /* not admitted */
	rig_settle(helper);
	assert_int_equal(rig_session(helper, ALICE)->part.share[USER_PROBES], 200);
	client_free(client);
	rig_settle(helper); /* rig_close() looks at the accounts */
}

/* Both clients go while their outcomes, events and timers are due in the same turn. */
static void session_closed_in_a_busy_turn_is_not_used_again(void **state) {
	struct helper *helper = *state;

	for (int i = 0; i < 20; i++) {
		struct client *alice = client_new(helper, ALICE, true);
		struct client *bob = client_new(helper, BOB, true);

		(void)client_ping(alice, 1, loopback, 200, 1000, 0);
		(void)client_ping(bob, 1, silent, 200, 1000, 0);
		for (int j = 0; j < i; j++) {
			assert_int_equal(helper_turn(helper, 0), 0);
		}
		client_free(alice);
		client_free(bob);
		for (int j = 0; j < 5; j++) {
			assert_int_equal(helper_turn(helper, 0), 0);
		}
	}
}

static void session_second_fault_closes_and_says_why(void **state) {
	struct client *client = client_new(*state, ALICE, true);

	(void)client_ping(client, 1, silent, 10, LONG_US, 0);
	for (int i = 0; i < 2; i++) {
		struct request hello = {.method = REQUEST_HELLO,
					.hello = {.protocol = PROTOCOL_VERSION, .client = "x"}};
		uint32_t msgid = client_send(client, &hello);

		rig_settle(*state);
		client_read(client);
		assert_answered(client, msgid, PROTOCOL_CODE_HELLO_AGAIN);
		assert_int_equal(client->is_closed, i == 1);
	}
	assert_int_equal(closing_code(client), PROTOCOL_CODE_HELLO_AGAIN);
	client_free(client);
}

static void session_messages_that_cannot_be_read_close_it(void **state) {
	static uint8_t too_large[PROTOCOL_MAX_MESSAGE_BYTES + 1];
	static const struct {
		const void *bytes;
		size_t n_bytes;
		enum protocol_code code;
	} messages[] = {
		{"", 0, PROTOCOL_CODE_NOT_MSGPACK},
		{"\xc1", 1, PROTOCOL_CODE_NOT_MSGPACK},
		{"\xc0", 1, PROTOCOL_CODE_WRONG_TYPE},
		{too_large, sizeof too_large, PROTOCOL_CODE_TOO_LARGE},
	};

	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		struct client *client = client_new(*state, ALICE, true);

		assert_int_equal(send(client->fd, messages[i].bytes, messages[i].n_bytes, 0),
				 messages[i].n_bytes);
		rig_settle(*state);
		client_read(client);
		assert_int_equal(closing_code(client), messages[i].code);
		client_free(client);
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(session_ping_tells_each_target_once_and_ends_with_done),
		TEST(session_ping_tells_when_all_were_sent),
		TEST(session_third_unanswered_ping_is_a_fault),
		TEST(session_ids_must_ascend),
		TEST(session_policy_is_asked),
		TEST(session_without_hello_gets_nothing),
		TEST(session_slow_to_say_hello_is_closed),
		TEST(session_over_connections_is_told_so),
		TEST(session_of_a_stranger_is_refused),
		TEST(session_cancel_ends_admitted_and_not_admitted),
		TEST(session_cancel_of_one_leaves_the_others),
		TEST(session_closed_with_all_kinds_of_work_leaves_nothing),
		TEST(session_closed_in_a_busy_turn_is_not_used_again),
		TEST(session_second_fault_closes_and_says_why),
		TEST(session_messages_that_cannot_be_read_close_it),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	tun = network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
