/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions through the helper's own loop: a client that does not read, and events, for which nobody waits. */
#include "tests/unit/helper_rig.h"

#include <arpa/inet.h>

#include "tests/unit/forge.h"
#include "tests/unit/network.h"

enum { ALICE = 1000, BOB = 1001, CAROL = 1002, LONG_US = 30000000, MAX = PROTOCOL_MAX_TARGETS };

static const char loopback[] = "127.0.0.1", silent[] = "10.9.0.7";

static int tun = -1;

static int set_up(void **state) {
	struct config config;

	network_drain(tun);
	rig_config(&config);
	config.limits.max_connections = 512;
	*state = rig_open(&config);
	return 0;
}

static int tear_down(void **state) {
	rig_close(*state);
	return 0;
}

/* --- a busy helper --- */

/* Two owners with so many sessions that news of theirs may wait for a quarter of a second while BOB keeps the helper busy: ALICE with a
 * patient one, whose targets are sent bit by bit, and CAROL with an eager one. */
struct crowd {
	struct client *idle[250], *busy, *patient, *eager;
};

static void crowd_open(struct helper *helper, struct crowd *ret_crowd) {
	ret_crowd->eager = client_new(helper, CAROL, true);
	ret_crowd->patient = client_new(helper, ALICE, true);
	ret_crowd->busy = client_new(helper, BOB, true);
	for (size_t i = 0; i < sizeof ret_crowd->idle / sizeof ret_crowd->idle[0]; i++) {
		ret_crowd->idle[i] = client_new(helper, i % 2 == 0 ? ALICE : CAROL, true);
	}
	(void)client_ping(ret_crowd->busy, 1, loopback, MAX, LONG_US, 500);
}

/* From here on there is something to tell the patient one. */
static void crowd_begin(struct helper *helper, struct crowd *crowd) {
	(void)client_ping(crowd->patient, 1, loopback, MAX, LONG_US, 10000);
	rig_settle(helper);
}

static void crowd_close(struct crowd *crowd) {
	for (size_t i = 0; i < sizeof crowd->idle / sizeof crowd->idle[0]; i++) {
		client_free(crowd->idle[i]);
	}
	client_free(crowd->busy);
	client_free(crowd->patient);
	client_free(crowd->eager);
}

/* Until the eager one was told a reply; whether that was before the patient one was, whose first is older. */
static bool eager_is_told_first(struct helper *helper, struct crowd *crowd) {
	while (client_n_outcomes(crowd->eager, 1, OUTCOME_REPLY) == 0) {
		assert_int_equal(helper_turn(helper, 100000), 0);
		client_read(crowd->eager);
		assert_false(crowd->eager->is_closed);
	}
	client_read(crowd->patient);
	return client_n_outcomes(crowd->patient, 1, OUTCOME_REPLY) == 0;
}

static void session_outcomes_of_what_is_wholly_sent_come_soon(void **state) {
	struct helper *helper = *state;
	struct crowd crowd;
	struct echo echo;
	uint32_t slot;

	crowd_open(helper, &crowd);
	(void)client_ping(crowd.eager, 1, silent, 2, LONG_US, 0);
	while (client_n_told(crowd.eager, MESSAGE_SENT, 1) == 0) {
		assert_int_equal(helper_turn(helper, 100000), 0);
		client_read(crowd.eager);
	}
	crowd_begin(helper, &crowd);
	slot = rig_session(helper, CAROL)->pings_first->open_first;
	echo = forge_echo(&helper->prober, slot);
	forge_reply(tun, &helper->prober, slot, &echo, 56);
	assert_true(eager_is_told_first(helper, &crowd));
	crowd_close(&crowd);
}

static void session_outcomes_that_hold_wanted_slots_come_soon(void **state) {
	struct helper *helper = *state;
	struct crowd crowd;

	crowd_open(helper, &crowd);
	crowd_begin(helper, &crowd);
	rig_session(helper, CAROL)->user->limits.max_probes_in_flight = 300; /* 2 a session */
	(void)client_ping(crowd.eager, 1, loopback, MAX, LONG_US, 0);
	assert_true(eager_is_told_first(helper, &crowd));
	crowd_close(&crowd);
}

/* --- a client that does not read --- */

static void session_outcomes_wait_for_a_client_that_does_not_read(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);
	const struct session *session = rig_session(helper, ALICE);

	(void)client_ping(client, 1, loopback, MAX, LONG_US, 0);
	(void)client_ping(client, 2, loopback, MAX, LONG_US, 0);
	for (int i = 0; i < 100000 && session->part.counters.replies < 2 * MAX; i++) {
		assert_int_equal(helper_turn(helper, 100000), 0);
	}
	assert_true(session->is_blocked);
	assert_in_range(session->part.share[USER_PROBES], 1, 2 * MAX); /* unread, still charged */
	rig_finish(helper, client, 2);
	for (uint32_t id = 1; id <= 2; id++) {
		assert_int_equal(client_n_told(client, MESSAGE_DONE, id), 1);
		assert_int_equal(client_n_outcomes(client, id, OUTCOME_REPLY), MAX);
	}
	assert_false(session->is_blocked);
	assert_int_equal(session->part.share[USER_PROBES], 0);
	client_free(client);
}

static void session_that_does_not_read_does_not_hold_up_another(void **state) {
	struct helper *helper = *state;
	struct client *deaf = client_new(helper, ALICE, true);
	struct client *client = client_new(helper, BOB, true);

	(void)client_ping(deaf, 1, loopback, MAX, LONG_US, 0);
	(void)client_ping(deaf, 2, loopback, MAX, LONG_US, 0);
	rig_turns(helper, 100);
	(void)client_ping(client, 1, loopback, MAX, LONG_US, 0);
	rig_finish(helper, client, 1);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_REPLY), MAX);
	client_free(deaf);
	client_free(client);
}

static void session_seventeenth_unread_answer_is_refused(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);
	uint32_t first, last;

	rig_block(helper, client, ALICE);
	first = client->next_msgid;
	while (rig_session(helper, ALICE)->n_answers < PROTOCOL_MAX_OTHER_REQUESTS) {
		(void)client_ask_stats(client, STATS_HELPER);
		rig_settle(helper);
	}
	last = client_ask_stats(client, STATS_HELPER);
	rig_settle(helper);
	assert_int_equal(rig_session(helper, ALICE)->n_faults, 1);
	client_read(client);
	rig_settle(helper);
	client_read(client);
	assert_int_equal(client->next_msgid - first,
			 PROTOCOL_MAX_OTHER_REQUESTS); /* one waited since rig_block() */
	for (uint32_t msgid = 0; msgid < last; msgid++) {
		assert_answered(client, msgid, PROTOCOL_CODE_NONE);
	}
	assert_answered(client, last, PROTOCOL_CODE_TOO_MANY_REQUESTS);
	client_free(client);
}

static void session_order_survives_a_full_socket(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);
	uint32_t msgid, n_left = 3;

	rig_block(helper, client, ALICE);
	msgid = client_ping(client, 1, loopback, 3, LONG_US, 0);
	rig_turns(helper, 50);
	client_read(client);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_REPLY), 0);
	rig_finish(helper, client, 1);
	assert_answered(client, msgid, PROTOCOL_CODE_NONE);
	for (size_t i = 0; i < client->n_told; i++) {
		n_left -= client->told[i].type == MESSAGE_RESULTS;
		assert_true(client->told[i].type != MESSAGE_DONE || n_left == 0);
	}
	client_free(client);
}

/* However many requests fail for want of memory, their unread answers must not fill the helper's. */
static void session_unread_faults_do_not_pile_up(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);

	helper->users.remaining[USER_REQUEST_BYTES] = 0;
	for (uint32_t id = 1; id <= 5000 && helper->sessions[1] != NULL; id++) {
		(void)client_ping(client, id, silent, 1, LONG_US, 0);
		rig_settle(helper);
		assert_true(helper->sessions[1] == NULL ||
			    helper->sessions[1]->n_answers <= PROTOCOL_MAX_OTHER_REQUESTS + 2);
	}
	assert_null(helper->sessions[1]);                /* closed */
	helper->users.remaining[USER_REQUEST_BYTES] = 1; /* nothing was charged */
	client_free(client);
}

static void session_without_memory_for_a_request_says_so_and_goes_on(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);
	uint64_t remaining = helper->users.remaining[USER_REQUEST_BYTES];

	helper->users.remaining[USER_REQUEST_BYTES] = 100;
	for (uint32_t id = 1; id <= 5; id++) {
		uint32_t msgid = client_ping(client, 1, silent, 1, LONG_US, 0);

		rig_settle(helper);
		client_read(client);
		assert_answered(client, msgid, PROTOCOL_CODE_TOO_MANY_REQUESTS);
		assert_string_equal(client_answer(client, msgid)->limit, "request_bytes");
	}
	helper->users.remaining[USER_REQUEST_BYTES] = remaining;
	(void)client_ping(client, 1, loopback, 1, LONG_US, 0);
	rig_finish(helper, client, 1);
	assert_int_equal(helper->users.remaining[USER_REQUEST_BYTES], remaining);
	client_free(client);
}

/* One session of an owner always has messages waiting; another asks but once. */
static void session_that_asks_much_does_not_keep_its_owners_others_from_asking(void **state) {
	struct helper *helper = *state;
	struct client *busy = client_new(helper, ALICE, true);
	struct client *other = client_new(helper, ALICE, true);
	uint32_t msgid = UINT32_MAX;

	for (int n_turns = 0; client_answer(other, msgid) == NULL; n_turns++) {
		for (int i = 0; i < 8; i++) {
			(void)client_cancel(busy, 1);
		}
		if (n_turns == 0) {
			msgid = client_ask_stats(other, STATS_SESSION);
		}
		assert_int_equal(helper_turn(helper, 0), 0);
		busy->n_told = 0;
		client_read(busy);
		client_read(other);
		assert_in_range(n_turns, 0, 10);
	}
	client_free(busy);
	client_free(other);
}

/* --- events --- */

static void session_late_answer_is_told_after_done(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);
	uint32_t slot;
	struct echo echo;

	(void)client_ping(client, 7, silent, 1, 300000, 0);
	rig_settle(helper);
	slot = rig_session(helper, ALICE)->pings_first->open_first;
	echo = forge_echo(&helper->prober, slot);
	rig_finish(helper, client, 7);
	for (int i = 0; i < 2; i++) {
		forge_reply(tun, &helper->prober, slot, &echo, 56);
		rig_settle(helper);
	}
	client_read(client);
	assert_int_equal(client_n_outcomes(client, 7, OUTCOME_TIMEOUT), 1);
	assert_int_equal(client_n_outcomes(client, 7, OUTCOME_LATE), 1);
	(void)client_ask_stats(client, STATS_SESSION);
	rig_settle(helper);
	client_read(client);
	assert_int_equal(client_counter(client, "late"), 1);
	assert_int_equal(client_counter(client, "events_dropped"), 0);
	client_free(client);
}

static void session_event_without_room_is_counted(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);
	const struct session *session = rig_session(helper, ALICE);
	uint32_t slot;
	struct echo echo;

	(void)client_ping(client, 1, silent, 1, LONG_US, 0);
	rig_settle(helper);
	slot = session->pings_first->open_first;
	echo = forge_echo(&helper->prober, slot);
	rig_block(helper, client, ALICE);
	for (int i = 0; i < 2; i++) {
		forge_reply(tun, &helper->prober, slot, &echo, 56);
	}
	rig_settle(helper);
	assert_int_equal(session->part.counters.duplicates, 1);
	assert_int_equal(session->part.counters.events_dropped, 1);
	rig_finish(helper, client, 1);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_REPLY), 1);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_DUPLICATE), 0);
	client_free(client);
}

static void session_event_of_a_closed_session_goes_nowhere(void **state) {
	struct helper *helper = *state;
	struct client *client = client_new(helper, ALICE, true);
	uint32_t slot;
	struct echo echo;

	(void)client_ping(client, 1, silent, 1, LONG_US, 0);
	rig_settle(helper);
	slot = rig_session(helper, ALICE)->pings_first->open_first;
	echo = forge_echo(&helper->prober, slot);
	client_free(client);
	rig_settle(helper);
	client = client_new(helper, BOB, true);
	forge_reply(tun, &helper->prober, slot, &echo, 56);
	rig_settle(helper);
	client_read(client);
	assert_int_equal(helper->prober.n_late, 1);
	assert_int_equal(client->n_told, 1); /* hello's answer */
	client_free(client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(session_outcomes_of_what_is_wholly_sent_come_soon),
		TEST(session_outcomes_that_hold_wanted_slots_come_soon),
		TEST(session_outcomes_wait_for_a_client_that_does_not_read),
		TEST(session_that_does_not_read_does_not_hold_up_another),
		TEST(session_seventeenth_unread_answer_is_refused),
		TEST(session_order_survives_a_full_socket),
		TEST(session_unread_faults_do_not_pile_up),
		TEST(session_without_memory_for_a_request_says_so_and_goes_on),
		TEST(session_that_asks_much_does_not_keep_its_owners_others_from_asking),
		TEST(session_late_answer_is_told_after_done),
		TEST(session_event_without_room_is_counted),
		TEST(session_event_of_a_closed_session_goes_nowhere),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	tun = network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
