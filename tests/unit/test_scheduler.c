/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: owners and sessions that compete in the helper's own loop. Limits may only delay; times are compared with each
 * other and with what was configured, never with a clock on the wall. */
#include "tests/unit/helper_rig.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/network.h"

enum { ALICE = 1000, BOB = 1001, CAROL = 1002, LONG_US = 30000000, MAX = PROTOCOL_MAX_TARGETS };

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

static uint64_t n_sent(const struct helper *helper, uid_t uid) {
	return user_counters(rig_session(helper, uid)->user).probes_sent;
}

/* Takes turns until @uid has sent @n probes. */
static void run_until_sent(struct helper *helper, uid_t uid, uint64_t n) {
	for (int i = 0; i < 100000 && n_sent(helper, uid) < n; i++) {
		assert_int_equal(helper_turn(helper, 1000000), 0);
	}
	assert_true(n_sent(helper, uid) >= n);
}

/* --- fairness --- */

static void scheduler_owners_share_the_total_rate_equally(void **state) {
	static const uid_t uids[] = {ALICE, BOB, CAROL};
	struct client *clients[3];
	struct helper *helper;

	config.total_packets_per_second = 5000;
	*state = helper = rig_open(&config);
	for (int i = 0; i < 3; i++) {
		clients[i] = client_new(helper, uids[i], true);
	}
	for (int i = 0; i < 3; i++) {
		(void)client_ping(clients[i], 1, loopback, MAX, LONG_US, 0);
	}
	run_until_sent(helper, ALICE, 1000);
	for (int i = 1; i < 3; i++) {
		assert_in_range(n_sent(helper, uids[i]), 900, 1100);
	}
	for (int i = 0; i < 3; i++) {
		client_free(clients[i]);
	}
}

static struct timespec stopped[2]; /* CLOCK_REALTIME, CLOCK_MONOTONIC */

static int read_stopped(clockid_t id, struct timespec *ret_time) {
	*ret_time = stopped[id];
	return 0;
}

/* The helper's next turn, @us after its last one by clocks that stand still but for that. */
static void turn_after(struct helper *helper, int64_t us) {
	for (size_t i = 0; i < 2; i++) {
		int64_t ns = stopped[i].tv_nsec + us * 1000;

		stopped[i].tv_sec += ns / 1000000000;
		stopped[i].tv_nsec = ns % 1000000000;
	}
	assert_int_equal(helper_turn(helper, 0), 0);
}

/* How many more probes one of three owners has sent than another. */
static uint64_t difference(const struct helper *helper) {
	uint64_t n[] = {n_sent(helper, ALICE), n_sent(helper, BOB), n_sent(helper, CAROL)};
	uint64_t least = n[0], most = n[0];

	for (int i = 1; i < 3; i++) {
		least = n[i] < least ? n[i] : least;
		most = n[i] > most ? n[i] : most;
	}
	return most - least;
}

/* Tokens come one by one, and then, as after a hold-up, 250 at once: nobody's turn is longer for what he could not send before. Ten packets
 * are the longest turn; and who had the last long one when tokens became few again is as many ahead. */
static void scheduler_owner_saves_nothing_for_a_burst(void **state) {
	static const uid_t uids[] = {ALICE, BOB, CAROL};
	struct client *clients[3];
	struct helper *helper;

	config.total_packets_per_second = 5000;
	*state = helper = rig_open(&config);
	for (int i = 0; i < 3; i++) {
		clients[i] = client_new(helper, uids[i], true);
	}
	for (int i = 0; i < 3; i++) {
		(void)client_ping(clients[i], 1, loopback, MAX, LONG_US, 0);
	}
	(void)clock_gettime(CLOCK_REALTIME, &stopped[CLOCK_REALTIME]);
	(void)clock_gettime(CLOCK_MONOTONIC, &stopped[CLOCK_MONOTONIC]);
	helper->prober.clock.read = read_stopped;
	for (int i = 0; i < 1000; i++) {
		turn_after(helper, 200);
		assert_in_range(difference(helper), 0, 20);
	}
	for (int i = 0; i < 10; i++) {
		turn_after(helper, i == 0 ? 100000 : 0);
		assert_in_range(difference(helper), 0, 20);
	}
	assert_in_range(n_sent(helper, ALICE), 490, 510); /* of 250 + 1,000 + 250 */
	for (int i = 0; i < 3; i++) {
		client_free(clients[i]);
	}
}

/* Sessions whose turn never comes, one after the other, while the owner's account stays. */
static void scheduler_owner_who_goes_saves_nothing(void **state) {
	struct client *idle;
	struct helper *helper;

	config.total_packets_per_second = 1;
	*state = helper = rig_open(&config);
	idle = client_new(helper, ALICE, true);
	for (int i = 0; i < 20; i++) {
		struct client *client = client_new(helper, ALICE, true);

		(void)client_ping(client, 1, loopback, MAX, LONG_US, 0);
		rig_settle(helper);
		client_free(client);
		rig_settle(helper);
	}
	assert_in_range(n_sent(helper, ALICE), 1, 5);
	assert_true(rig_session(helper, ALICE)->user->deficit_bytes <= 0);
	client_free(idle);
}

static void scheduler_owner_with_many_sessions_gets_no_more(void **state) {
	struct client *alice[8], *bob;
	struct helper *helper;

	config.total_packets_per_second = 5000;
	*state = helper = rig_open(&config);
	bob = client_new(helper, BOB, true);
	for (int i = 0; i < 8; i++) {
		alice[i] = client_new(helper, ALICE, true);
	}
	(void)client_ping(bob, 1, loopback, MAX, LONG_US, 0);
	for (int i = 0; i < 8; i++) {
		(void)client_ping(alice[i], 1, loopback, MAX, LONG_US, 0);
	}
	run_until_sent(helper, BOB, 1000);
	assert_in_range(n_sent(helper, ALICE), 900, 1100);
	for (int i = 0; i < 8; i++) {
		client_free(alice[i]);
	}
	client_free(bob);
}

static void scheduler_sessions_of_an_owner_share_equally(void **state) {
	struct client *clients[3];
	struct helper *helper;

	config.total_packets_per_second = 5000;
	*state = helper = rig_open(&config);
	for (int i = 0; i < 3; i++) {
		clients[i] = client_new(helper, ALICE, true);
	}
	for (int i = 0; i < 3; i++) {
		(void)client_ping(clients[i], 1, loopback, MAX, LONG_US, 0);
	}
	run_until_sent(helper, ALICE, 3000);
	for (int i = 0; i < 3; i++) {
		const struct session *session = helper->sessions[i + 1]; /* numbered from 1 */

		assert_in_range(session->part.counters.probes_sent, 900, 1100);
		client_free(clients[i]);
	}
}

static void ping_of_size(struct client *client, uint32_t size_bytes) {
	struct in6_addr targets[1000];
	struct request request = {.method = REQUEST_PING};

	for (int i = 0; i < 1000; i++) {
		targets[i] = address_from_ipv4((const uint8_t[]){127, 0, 0, 1});
	}
	request_ping_init(&request.ping);
	request.ping.id = 1;
	request.ping.n_targets = 1000;
	request.ping.targets = targets;
	request.ping.timeout_us = LONG_US;
	request.ping.size_bytes = size_bytes;
	(void)client_send(client, &request);
}

/* Alice's packets are ten times as large, from three sessions; with IPv6's and ICMP's header 1,040 and 104 bytes. */
static void scheduler_owners_share_bytes_not_packets(void **state) {
	struct client *alice[3], *bob;
	struct helper *helper;

	config.total_packets_per_second = 5000;
	*state = helper = rig_open(&config);
	bob = client_new(helper, BOB, true);
	for (int i = 0; i < 3; i++) {
		alice[i] = client_new(helper, ALICE, true);
	}
	ping_of_size(bob, 56);
	for (int i = 0; i < 3; i++) {
		ping_of_size(alice[i], 992);
	}
	run_until_sent(helper, BOB, 800);
	assert_in_range(n_sent(helper, ALICE), 65, 110);
	for (int i = 0; i < 3; i++) {
		client_free(alice[i]);
	}
	client_free(bob);
}

/* --- rates --- */

static void scheduler_owner_over_its_rate_is_delayed_alone(void **state) {
	struct client *alice, *bob;
	struct helper *helper;
	int64_t before_ns, bobs_ns, alices_ns;

	config.limits.packets_per_second = 1000;
	config.limits.burst_packets = 100;
	*state = helper = rig_open(&config);
	alice = client_new(helper, ALICE, true);
	bob = client_new(helper, BOB, true);
	before_ns = clock_monotonic_ns(&helper->prober.clock);
	(void)client_ping(alice, 1, loopback, 600, LONG_US, 0); /* half a second */
	(void)client_ping(bob, 1, loopback, 50, LONG_US, 0);
	rig_finish(helper, bob, 1);
	bobs_ns = clock_monotonic_ns(&helper->prober.clock) - before_ns;
	rig_finish(helper, alice, 1);
	alices_ns = clock_monotonic_ns(&helper->prober.clock) - before_ns;
	assert_int_equal(client_n_outcomes(alice, 1, OUTCOME_REPLY), 600);
	assert_true(alices_ns >= INT64_C(490000000));
	assert_true(bobs_ns * 2 < alices_ns);
	assert_true(rig_session(helper, ALICE)->part.counters.delayed_by_rate > 0);
	assert_int_equal(rig_session(helper, BOB)->part.counters.delayed_by_rate, 0);
	client_free(alice);
	client_free(bob);
}

/* Over 20 gaps of 10 ms none is skipped, and none is much longer. */
static void scheduler_interval_is_kept(void **state) {
	struct helper *helper = *state = rig_open(&config);
	struct client *client = client_new(helper, ALICE, true);
	uint32_t last_us = 0;

	(void)client_ping(client, 1, loopback, 21, LONG_US, 10000);
	rig_finish(helper, client, 1);
	for (size_t i = 0; i < client->n_told; i++) {
		const struct outcome *outcome = &client->told[i].outcome;

		if (client->told[i].type != MESSAGE_RESULTS) {
			continue;
		}
		if (outcome->index > 0) {
			assert_true(outcome->queued_us - last_us >= 7000); /* sent late, next not */
		}
		last_us = outcome->queued_us;
	}
	assert_in_range(last_us, 200000, 2000000);
	client_free(client);
}

static void scheduler_interval_holds_for_the_whole_session(void **state) {
	struct helper *helper = *state = rig_open(&config);
	struct client *client = client_new(helper, ALICE, true);

	(void)client_ping(client, 1, loopback, 1, LONG_US, 0);
	(void)client_ping(client, 2, loopback, 1, LONG_US, 200000);
	rig_finish(helper, client, 2);
	assert_in_range(client->told[client->n_told - 2].outcome.queued_us, 190000, 2000000);
	client_free(client);
}

static void scheduler_catches_up_no_burst(void **state) {
	struct client *client;
	struct helper *helper;

	config.total_packets_per_second = 2000; /* a burst of 100 */
	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	(void)client_ping(client, 1, loopback, MAX, LONG_US, 0);
	rig_settle(helper);
	(void)usleep(300000); /* held up: 600 tokens' time */
	uint64_t before = n_sent(helper, ALICE);
	rig_settle(helper);
	assert_in_range(n_sent(helper, ALICE) - before, 100, 250);
	client_free(client);
}

static void scheduler_budget_ends_a_run(void **state) {
	struct helper *helper = *state = rig_open(&config);
	struct client *client = client_new(helper, ALICE, true);
	struct session *session = rig_session(helper, ALICE);
	int64_t at_ns;

	(void)client_ping(client, 1, silent, 100, LONG_US, 0);
	assert_int_equal(session_read(session, 1), 0);
	scheduler_activate(&helper->scheduler, session);
	scheduler_activate(&helper->scheduler, session); /* is active */
	for (uint32_t budget = 1, n_admitted = 0; budget <= 10;
	     budget++) { /* whatever a turn allows */
		at_ns = scheduler_run(&helper->scheduler, budget);
		n_admitted += budget;
		assert_int_equal(session->pings_first->n_admitted, n_admitted);
		assert_int_equal(at_ns, helper->prober.clock.now_ns);
	}
	at_ns = scheduler_run(&helper->scheduler, 1000);
	assert_int_equal(session->pings_first->n_admitted, 100);
	assert_true(at_ns == INT64_MAX);
	client_free(client);
}

/* --- limits of number --- */

static void scheduler_in_flight_limit_only_delays(void **state) {
	struct client *alice, *bob;
	struct helper *helper;

	config.limits.max_probes_in_flight = 64;
	*state = helper = rig_open(&config);
	alice = client_new(helper, ALICE, true);
	bob = client_new(helper, BOB, true);
	(void)client_ping(alice, 1, silent, 200, 20000, 0);
	(void)client_ping(bob, 1, loopback, 500, LONG_US, 0);
	while (client_n_told(alice, MESSAGE_DONE, 1) == 0) {
		assert_int_equal(helper_turn(helper, 1000000), 0);
		assert_in_range(rig_session(helper, ALICE)->part.share[USER_PROBES], 0, 64);
		client_read(alice);
		client_read(bob);
	}
	assert_int_equal(client_n_outcomes(alice, 1, OUTCOME_TIMEOUT), 200);
	assert_int_equal(client_n_outcomes(bob, 1, OUTCOME_REPLY), 500);
	assert_true(rig_session(helper, ALICE)->part.counters.delayed_by_in_flight > 0);
	client_free(alice);
	client_free(bob);
}

static void scheduler_full_table_leaves_room_for_a_newcomer(void **state) {
	struct client *alice, *bob;
	struct helper *helper;

	config.probes_in_flight = 256;
	*state = helper = rig_open(&config);
	alice = client_new(helper, ALICE, true);
	(void)client_ping(alice, 1, silent, MAX, LONG_US, 0);
	rig_turns(helper, 50);
	assert_in_range(rig_session(helper, ALICE)->part.share[USER_PROBES], 32, 128);
	bob = client_new(helper, BOB, true);
	(void)client_ping(bob, 1, loopback, 300, LONG_US, 0);
	rig_finish(helper, bob, 1);
	assert_int_equal(client_n_outcomes(bob, 1, OUTCOME_REPLY), 300);
	client_free(alice);
	client_free(bob);
}

/* A bucket gives out what it holds, however long it was full. */
static void scheduler_burst_is_exact(void **state) {
	static const uint32_t bursts[] = {1, 2, 15, 16, 17, 100};
	struct helper *helper;

	config.limits.packets_per_second = 1;
	for (size_t i = 0; i < sizeof bursts / sizeof *bursts; i++) {
		struct client *client;

		config.limits.burst_packets = bursts[i];
		*state = helper = rig_open(&config);
		client = client_new(helper, ALICE, true);
		(void)client_ping(client, 1, silent, 200, LONG_US, 0);
		rig_settle(helper);
		assert_in_range(n_sent(helper, ALICE), bursts[i],
				bursts[i] + 1); /* a second may pass */
		client_free(client);
		if (i + 1 < sizeof bursts / sizeof *bursts) {
			rig_close(helper);
		}
	}
}

/* --- one at another's expense --- */

static void scheduler_cancelled_targets_cost_others_nothing(void **state) {
	struct client *alice, *bob;
	struct helper *helper;

	config.total_packets_per_second = 1000;
	*state = helper = rig_open(&config);
	alice = client_new(helper, ALICE, true);
	bob = client_new(helper, BOB, true);
	for (uint32_t id = 1; id <= 3; id++) { /* 6,000 targets, six seconds of the total rate */
		(void)client_ping(alice, id, silent, MAX, LONG_US, 0);
		(void)client_cancel(alice, id);
		rig_finish(helper, alice, id);
	}
	assert_true(helper->scheduler.total.full_at_ns <= helper->prober.clock.now_ns);
	(void)client_ping(bob, 1, loopback, 1, LONG_US, 0);
	rig_finish(helper, bob, 1);
	client_free(alice);
	client_free(bob);
}

static void scheduler_cancelled_targets_wait_for_no_rate(void **state) {
	struct client *client;
	struct helper *helper;

	config.limits.packets_per_second = 1;
	config.limits.burst_packets = 1;
	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	(void)client_ping(client, 1, silent, MAX, LONG_US, 0); /* half an hour */
	rig_settle(helper);
	(void)client_cancel(client, 1);
	rig_finish(helper, client, 1);
	assert_int_equal(client_n_outcomes(client, 1, OUTCOME_CANCELLED), MAX);
	client_free(client);
}

/* Three seconds' tokens are what the bucket holds, so three seconds are owed, after however many. */
static void scheduler_cancelled_targets_cost_a_full_bucket_at_most(void **state) {
	const int64_t second_ns = 1000000000;
	struct client *client;
	struct helper *helper;

	config.limits.packets_per_second = 10;
	config.limits.burst_packets = 30;
	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	for (uint32_t id = 1; id <= 10; id++) {
		int64_t now_ns = helper->prober.clock.now_ns, owed_ns;

		(void)client_ping(client, id, silent, MAX, LONG_US, 0);
		(void)client_cancel(client, id);
		rig_finish(helper, client, id);
		owed_ns = rig_session(helper, ALICE)->user->bucket.full_at_ns - 3 * second_ns;
		assert_true(owed_ns >= now_ns + 3 * second_ns);
		assert_true(owed_ns <= helper->prober.clock.now_ns + 3 * second_ns);
		client->n_told = 0;
	}
	client_free(client);
}

enum { N_HOSTS = 10, INTERVAL_US = 20000 };

static void ping_hosts(struct client *client, uint32_t id, uint32_t interval_us) {
	struct in6_addr targets[N_HOSTS];
	struct request request = {.method = REQUEST_PING};

	for (uint8_t i = 0; i < N_HOSTS; i++) {
		targets[i] = address_from_ipv4((const uint8_t[]){127, 0, 0, i + 1});
	}
	request_ping_init(&request.ping);
	request.ping.id = id;
	request.ping.n_targets = N_HOSTS;
	request.ping.targets = targets;
	request.ping.timeout_us = LONG_US;
	request.ping.interval_us = interval_us;
	(void)client_send(client, &request);
}

static int compare_u32(const void *a, const void *b) {
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Ten hosts wait for their destinations' tokens, which all come at the same time. */
static void scheduler_parked_probes_keep_their_interval(void **state) {
	uint32_t sent_us[N_HOSTS], n_told = 0, n_short = 0;
	struct client *client;
	struct helper *helper;

	config.destination_packets_per_second = 4;
	config.destination_burst_packets = 1;
	*state = helper = rig_open(&config);
	client = client_new(helper, ALICE, true);
	ping_hosts(client, 1, 0);
	ping_hosts(client, 2, INTERVAL_US);
	rig_finish(helper, client, 2);
	assert_int_equal(rig_session(helper, ALICE)->part.counters.delayed_by_destination, N_HOSTS);
	for (size_t i = 0; i < client->n_told; i++) {
		if (client->told[i].type == MESSAGE_RESULTS && client->told[i].id == 2) {
			sent_us[n_told++] = client->told[i].outcome.queued_us;
		}
	}
	assert_int_equal(n_told, N_HOSTS);
	qsort(sent_us, N_HOSTS, sizeof *sent_us, compare_u32);
	for (int i = 1; i < N_HOSTS; i++) {
		n_short += sent_us[i] - sent_us[i - 1] < INTERVAL_US / 2;
	}
	assert_in_range(n_short, 0,
			2); /* a send may come late on a busy machine, the next one not */
	client_free(client);
}

static void scheduler_popular_destination_is_shared_in_turns(void **state) {
	struct client *alice, *bob;
	struct helper *helper;

	config.destination_packets_per_second = 100;
	config.destination_burst_packets = 10;
	*state = helper = rig_open(&config);
	alice = client_new(helper, ALICE, true);
	bob = client_new(helper, BOB, true);
	(void)client_ping(alice, 1, loopback, MAX, LONG_US, 0); /* would take 20 s */
	rig_settle(helper);
	(void)client_ping(bob, 1, loopback, 3, LONG_US, 0);
	rig_finish(helper, bob, 1);
	client_read(alice);
	assert_in_range(client_n_outcomes(alice, 1, OUTCOME_REPLY), 10, 40); /* one a turn */
	client_free(alice);
	client_free(bob);
}

/* --- coming and going --- */

struct crowd {
	struct helper *helper;
	struct client *clients[12];
	uint32_t ids[12];
};

/* One client does something; a closed one comes back. */
static void act(struct crowd *crowd, size_t i) {
	static const char *const targets[] = {loopback, silent, "::1", "192.0.2.1", "224.0.0.1"};
	struct client *client = crowd->clients[i];

	if (client == NULL) {
		crowd->clients[i] = client_new(crowd->helper, (uid_t)(i % 4), true);
		crowd->ids[i] = 0;
		return;
	}
	client->n_told = 0;
	client_read(client);
	switch (random() % 8) {
	case 0:
		client_free(client);
		crowd->clients[i] = NULL;
		break;
	case 1:
		(void)client_cancel(client, crowd->ids[i]);
		break;
	default:
		if (crowd->ids[i] == 0 || client_n_told(client, MESSAGE_DONE, crowd->ids[i]) > 0) {
			(void)client_ping(client, ++crowd->ids[i], targets[random() % 5],
					  1 + (uint32_t)random() % 200, 1000,
					  random() % 4 ? 0 : 1000);
		}
		break;
	}
}

static void scheduler_random_crowd_leaves_no_account(void **state) {
	struct crowd crowd = {0};

	config.probes_in_flight = 512;
	config.total_packets_per_second = 20000;
	config.destination_packets_per_second = 5000;
	*state = crowd.helper = rig_open(&config);
	srandom(1);
	for (int i = 0; i < 1500; i++) {
		act(&crowd, (size_t)random() % 12);
		assert_int_equal(helper_turn(crowd.helper, 100000), 0);
		if (i % 50 == 0) {
			network_drain(tun);
		}
	}
	for (size_t i = 0; i < 12; i++) {
		if (crowd.clients[i] != NULL) {
			client_free(crowd.clients[i]);
		}
	}
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(scheduler_owners_share_the_total_rate_equally),
		TEST(scheduler_owner_saves_nothing_for_a_burst),
		TEST(scheduler_owner_who_goes_saves_nothing),
		TEST(scheduler_owner_with_many_sessions_gets_no_more),
		TEST(scheduler_sessions_of_an_owner_share_equally),
		TEST(scheduler_owners_share_bytes_not_packets),
		TEST(scheduler_owner_over_its_rate_is_delayed_alone),
		TEST(scheduler_interval_is_kept),
		TEST(scheduler_interval_holds_for_the_whole_session),
		TEST(scheduler_catches_up_no_burst),
		TEST(scheduler_budget_ends_a_run),
		TEST(scheduler_in_flight_limit_only_delays),
		TEST(scheduler_full_table_leaves_room_for_a_newcomer),
		TEST(scheduler_burst_is_exact),
		TEST(scheduler_cancelled_targets_cost_others_nothing),
		TEST(scheduler_cancelled_targets_wait_for_no_rate),
		TEST(scheduler_cancelled_targets_cost_a_full_bucket_at_most),
		TEST(scheduler_parked_probes_keep_their_interval),
		TEST(scheduler_popular_destination_is_shared_in_turns),
		TEST(scheduler_random_crowd_leaves_no_account),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	tun = network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
