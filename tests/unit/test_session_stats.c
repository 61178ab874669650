/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions through the helper's own loop: what `stats` tells of what waits, and for what. */
#include "tests/unit/helper_rig.h"

#include <string.h>

#include "tests/unit/network.h"

enum { ALICE = 1000, BOB = 1001, LONG_US = 30000000 };

static const char loopback[] = "127.0.0.1", silent[] = "10.9.0.7";

static int tun = -1;
static struct config config;

static int set_up(void **state) {
	network_drain(tun);
	rig_config(&config);
	*state = NULL;
	return 0;
}

static int tear_down(void **state) {
	rig_close(*state);
	return 0;
}

static void ask(struct helper *helper, struct client *client, enum stats_scope scope) {
	uint32_t msgid = client_ask_stats(client, scope);

	for (int i = 0; i < 1000 && client_answer(client, msgid) == NULL; i++) {
		assert_int_equal(helper_turn(helper, 0), 0);
		client_read(client);
	}
	assert_answered(client, msgid, PROTOCOL_CODE_NONE);
}

static uint64_t count(struct helper *helper, struct client *client, enum stats_scope scope,
		      const char *name) {
	ask(helper, client, scope);
	return client_counter(client, name);
}

/* All scopes tell that @n of the targets, all of @client's, are @what. */
static void assert_count(struct helper *helper, struct client *client, const char *what,
			 uint64_t n) {
	for (enum stats_scope scope = STATS_SESSION; scope <= STATS_HELPER; scope++) {
		assert_int_equal(count(helper, client, scope, what), n);
	}
}

/* Owner and helper tell that @n of the targets are queued, and that they wait for @what (NULL: for none that has a name). */
static void assert_queued(struct helper *helper, struct client *client, const char *what,
			  uint64_t n) {
	static const char *const names[] = {"queued_for_rate", "queued_for_total_rate",
					    "queued_for_slots", "queued_for_neighbours"};

	assert_count(helper, client, "targets_queued", n);
	for (enum stats_scope scope = STATS_OWNER; scope <= STATS_HELPER; scope++) {
		ask(helper, client, scope);
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			bool is_it = what != NULL && strcmp(names[i], what) == 0;

			assert_int_equal(client_counter(client, names[i]), is_it ? n : 0);
		}
	}
}

static void stats_owners_rate_queues_targets(void **state) {
	struct client *client;
	struct helper *helper;

	config.limits.packets_per_second = 1;
	config.limits.burst_packets = 1;
	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	assert_queued(helper, client, NULL, 0);
	assert_count(helper, client, "request_bytes", 0);
	(void)client_ping(client, 1, silent, 100, LONG_US, 0);
	rig_settle(helper);
	assert_count(helper, client, "probes_open", 1);
	assert_queued(helper, client, "queued_for_rate", 99);
	assert_true(count(helper, client, STATS_HELPER, "request_bytes") >= 100 * 16);
	(void)client_cancel(client, 1);
	rig_finish(helper, client, 1);
	assert_count(helper, client, "targets_queued", 0);
	assert_count(helper, client, "request_bytes", 0);
	client_free(client);
}

static void stats_total_rate_queues_targets_of_all(void **state) {
	struct client *alice, *bob;
	struct helper *helper;

	config.total_packets_per_second = 1;
	*state = helper = rig_open(&config);
	alice = client_new(helper, ALICE, true);
	bob = client_new(helper, BOB, true);
	(void)client_ping(alice, 1, silent, 100, LONG_US, 0);
	(void)client_ping(bob, 1, silent, 50, LONG_US, 0);
	rig_settle(helper);
	assert_in_range(count(helper, alice, STATS_OWNER, "queued_for_total_rate"), 98, 100);
	assert_in_range(count(helper, bob, STATS_OWNER, "queued_for_total_rate"), 48, 50);
	assert_in_range(count(helper, bob, STATS_HELPER, "queued_for_total_rate"), 146, 149);
	client_free(alice);
	client_free(bob);
}

static void stats_slots_queue_targets(void **state) {
	struct client *client;
	struct helper *helper;

	config.limits.max_probes_in_flight = 4;
	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	(void)client_ping(client, 1, silent, 100, LONG_US, 0);
	rig_settle(helper);
	assert_count(helper, client, "probes_open", 2); /* the other two are for another session */
	assert_queued(helper, client, "queued_for_slots", 98);
	client_free(client);
	rig_settle(helper);
	client = client_new(helper, BOB, true); /* what is gone is not counted any more */
	assert_queued(helper, client, NULL, 0);
	assert_count(helper, client, "probes_open", 0);
	client_free(client);
}

static void stats_interval_queues_targets_for_none_of_these(void **state) {
	struct client *client;
	struct helper *helper;

	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	(void)client_ping(client, 1, silent, 10, LONG_US, 60000000);
	rig_settle(helper);
	assert_queued(helper, client, NULL, 9);
	client_free(client);
}

static void stats_probes_wait_for_their_destination(void **state) {
	struct client *client;
	struct helper *helper;

	config.destination_packets_per_second = 1;
	config.destination_burst_packets = 2;
	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	(void)client_ping(client, 1, silent, 10, LONG_US, 0);
	rig_settle(helper);
	assert_count(helper, client, "waiting_for_destination", 8);
	assert_queued(helper, client, NULL, 0);
	(void)client_cancel(client, 1);
	rig_finish(helper, client, 1);
	assert_count(helper, client, "waiting_for_destination", 0);
	client_free(client);
}

static void stats_outcomes_wait_for_their_reader(void **state) {
	struct client *client, *other;
	struct helper *helper;

	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	other = client_new(helper, ALICE, true); /* of the same owner, and reads */
	rig_block(helper, client, ALICE);
	(void)client_ping(client, 1, loopback, 30, LONG_US, 0);
	rig_turns(helper, 50);
	assert_int_equal(count(helper, other, STATS_SESSION, "outcomes_unread"), 0);
	assert_int_equal(count(helper, other, STATS_OWNER, "outcomes_unread"), 30);
	assert_int_equal(count(helper, other, STATS_HELPER, "outcomes_unread"), 30);
	rig_finish(helper, client, 1);
	assert_count(helper, other, "outcomes_unread", 0);
	client_free(client);
	client_free(other);
}

static void stats_buffers_are_told(void **state) {
	struct client *client;
	struct helper *helper;

	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	ask(helper, client, STATS_HELPER);
	assert_int_equal(client_counter(client, "send_buffer_bytes"),
			 icmp_sockets_facts(helper->sockets)->send_buffer_bytes);
	assert_int_equal(client_counter(client, "send_queued_bytes"), 0);
	assert_int_equal(client_counter(client, "receive_dropped_packets"), 0);
	assert_true(client_counter(client, "receive_queued_bytes") <
		    icmp_sockets_facts(helper->sockets)->receive_buffer_bytes);
	client_free(client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(stats_owners_rate_queues_targets),
		TEST(stats_total_rate_queues_targets_of_all),
		TEST(stats_slots_queue_targets),
		TEST(stats_interval_queues_targets_for_none_of_these),
		TEST(stats_probes_wait_for_their_destination),
		TEST(stats_outcomes_wait_for_their_reader),
		TEST(stats_buffers_are_told),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	tun = network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
