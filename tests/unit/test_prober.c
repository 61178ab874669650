/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a probe up to its outcome; what arrives is in test_prober_receive.c. */
#include "tests/unit/network.h"
#include "tests/unit/prober_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MS = 1000000, LONG_US = 30000000 };

static struct rig rig;

static int set_up(void **state) {
	rig_config(&rig.config);
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state) {
	rig_close(&rig);
	return 0;
}

static int set_up_rates(void **state) {
	rig_config(&rig.config);
	rig.config.destination_packets_per_second = 10;
	rig.config.destination_burst_packets = 2;
	rig_open(&rig);
	return 0;
}

/* Reads the next packet that was sent into the TUN device, by its IP version. */
static size_t sent_packet(uint8_t version, uint8_t *bytes, size_t n_bytes) {
	for (int i = 0; i < 1000; i++) {
		ssize_t n = read(rig.tun, bytes, n_bytes);

		if (n > 0 && bytes[0] >> 4 == version && (version == 4 || bytes[40] == 128)) {
			return (size_t)n;
		}
		if (n < 0) {
			rig_sleep_ms(1);
		}
	}
	fail_msg("no packet was sent");
	return 0;
}

/* --- what is sent --- */

static void prober_ipv4_request_has_what_was_asked_for(void **state) {
	const char *const targets[] = {rig_silent[FAMILY_IPV4], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);
	uint8_t bytes[2048];
	struct echo echo;

	ping->size_bytes = 100;
	ping->pattern = 0xa5;
	ping->ttl = 7;
	ping->tos = 0x48;
	ping->dont_fragment = true;
	rig_start(&rig, ping);
	echo = forge_echo(&rig.prober, rig_slot(ping));
	assert_int_equal(sent_packet(4, bytes, sizeof bytes), 20 + 8 + 100);
	assert_int_equal(bytes[1], 0x48);
	assert_int_equal(bytes[6] & 0x40, 0x40);
	assert_int_equal(bytes[8], 7);
	assert_memory_equal(bytes + 16, echo.destination, 4);
	assert_int_equal(bytes[20], 8);
	assert_int_equal(bytes[24] << 8 | bytes[25], echo.identifier);
	assert_int_equal(bytes[26] << 8 | bytes[27], echo.sequence);
	assert_memory_equal(bytes + 28, &echo.secret, 8);
	for (int i = 36; i < 128; i++) {
		assert_int_equal(bytes[i], 0xa5);
	}
	assert_int_equal(packet_checksum(bytes + 20, 108), 0);
}

static void prober_ipv6_request_has_what_was_asked_for(void **state) {
	const char *const targets[] = {rig_silent[FAMILY_IPV6], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);
	struct packet packet = {0};
	struct echo echo;
	uint8_t checksum[2];

	ping->ttl = 7;
	ping->tos = 0x48;
	rig_start(&rig, ping);
	echo = forge_echo(&rig.prober, rig_slot(ping));
	packet.n_bytes = sent_packet(6, packet.bytes, sizeof packet.bytes);
	assert_int_equal(packet.n_bytes, 40 + 8 + 56);
	assert_int_equal((packet.bytes[0] << 8 | packet.bytes[1]) >> 4 & 0xff, 0x48);
	assert_int_equal(packet.bytes[7], 7);
	assert_memory_equal(packet.bytes + 24, echo.destination, 16);
	assert_int_equal(packet.bytes[44] << 8 | packet.bytes[45], echo.identifier);
	assert_memory_equal(packet.bytes + 48, &echo.secret, 8);
	memcpy(checksum, packet.bytes + 42, 2);
	packet_finish(&packet);
	assert_memory_equal(packet.bytes + 42, checksum, 2);
}

static void prober_every_probe_has_its_own_identity(void **state) {
	const char *const targets[] = {rig_silent[0], rig_silent[0], rig_silent[0], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);
	uint8_t bytes[3][2048];

	rig_start(&rig, ping);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sent_packet(4, bytes[i], sizeof bytes[i]), 84);
	}
	assert_memory_not_equal(bytes[0] + 24, bytes[1] + 24, 4); /* identifier and sequence */
	assert_memory_not_equal(bytes[1] + 24, bytes[2] + 24, 4);
	assert_memory_not_equal(bytes[0] + 28, bytes[1] + 28, 8); /* secret */
	assert_memory_not_equal(bytes[1] + 28, bytes[2] + 28, 8);
}

static void prober_request_leaves_from_the_source_asked_for(void **state) {
	static const uint8_t source_ipv4[] = {10, 9, 0, 2};
	const char *const targets[] = {rig_silent[FAMILY_IPV4], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);
	uint8_t bytes[2048];

	network_command("ip address add 10.9.0.2/16 dev tun0");
	ping->source = address_from_ipv4(source_ipv4);
	rig_start(&rig, ping);
	(void)sent_packet(4, bytes, sizeof bytes);
	assert_memory_equal(bytes + 12, source_ipv4, 4);
	network_command("ip address delete 10.9.0.2/16 dev tun0");
}

static void prober_request_from_a_foreign_source_is_a_send_error(void **state) {
	const char *const targets[] = {rig_silent[FAMILY_IPV4], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	ping->source = address_from_ipv4((const uint8_t[]){192, 0, 2, 1});
	rig_start(&rig, ping);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_SEND_ERROR);
}

/* --- a destination without room --- */

/* Starts 200 probes into a queue that takes some dozens. */
static struct ping *start_too_many(void) {
	const char *targets[201] = {0};
	struct ping *ping;

	for (int i = 0; i < 200; i++) {
		targets[i] = rig_silent[FAMILY_IPV4];
	}
	ping = rig_ping(&rig, LONG_US, targets);
	network_command("tc qdisc replace dev tun0 root tbf rate 8kbit burst 2kb limit 3000");
	rig_start(&rig, ping);
	assert_in_range(rig.user->n_held_up, 1, 199);
	assert_int_equal(ping->n_unsent, rig.user->n_held_up);
	assert_int_equal(rig.part.counters.waiting_for_neighbour, rig.user->n_held_up);
	assert_int_equal(rig_n_finished(&rig, ping), 0);
	return ping;
}

static void empty_queue(void) {
	network_command("tc qdisc replace dev tun0 root pfifo");
}

static void prober_destination_without_room_is_tried_again(void **state) {
	struct ping *ping = start_too_many();

	empty_queue();
	for (int i = 0; i < 1000 && ping->n_unsent > 0; i++) {
		rig_sleep_ms(5);
		rig_turn(&rig);
	}
	assert_int_equal(ping->n_unsent, 0);
	assert_int_equal(rig.user->n_held_up, 0);
	assert_int_equal(rig.part.counters.probes_sent, 200);
}

static void prober_destination_without_room_holds_up_its_owner_in_the_end(void **state) {
	(void)start_too_many();
	assert_true(rig.user->n_held_up >= 64);
	assert_true(prober_ready_ns(&rig.prober, rig.user, rig.prober.clock.now_ns) >
		    rig.prober.clock.now_ns);
	empty_queue();
}

static void prober_cancelled_without_room_is_not_counted_any_more(void **state) {
	struct ping *ping = start_too_many();

	prober_cancel_all(&rig.prober, ping);
	assert_int_equal(rig.user->n_held_up, 0);
	assert_int_equal(ping->n_unsent, 0);
	empty_queue();
}

static void prober_destination_without_room_for_long_is_a_send_error(void **state) {
	struct ping *ping = start_too_many();
	uint32_t n_held_up = rig.user->n_held_up;

	for (uint32_t slot = ping->open_first; slot != PROBE_NONE;) {
		struct probe *probe = &rig.prober.table.probes[slot];

		if (probe->state == PROBE_WAITING) { /* as if they had waited long */
			probe->sent_ns = probe->stamp_ns;
		}
		slot = probe->list_next;
	}
	rig_sleep_ms(20);
	rig_turn(&rig);
	assert_in_range(rig_n_finished(&rig, ping), n_held_up - 10, n_held_up); /* some went */
	assert_int_equal(rig.part.counters.send_errors, rig_n_finished(&rig, ping));
	assert_int_equal(rig.user->n_held_up, 0);
	empty_queue();
}

/* --- outcomes without an answer --- */

static void prober_silent_target_times_out_not_early(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		int64_t before_ns = clock_monotonic_ns(&rig.prober.clock);
		struct ping *ping = rig_probe(&rig, 50000, rig_silent[family]);

		rig_wait(&rig, ping, 1);
		assert_true(clock_monotonic_ns(&rig.prober.clock) - before_ns >= 50 * MS);
		assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_TIMEOUT);
		assert_int_equal(rig_outcome(&rig, ping, 0).flags, 0);
	}
	assert_int_equal(rig.part.counters.timeouts, 2);
}

static void prober_target_without_route_is_a_send_error(void **state) {
	const char *const targets[] = {"192.0.2.1", "2001:db8::1", NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	rig_start(&rig, ping);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(rig_outcome(&rig, ping, i).kind, OUTCOME_SEND_ERROR);
		assert_int_equal(rig_outcome(&rig, ping, i).error, ENETUNREACH);
	}
	assert_int_equal(rig.part.counters.send_errors, 2);
	assert_int_equal(rig.part.counters.probes_sent, 0);
	assert_int_equal(ping->n_unsent, 0);
}

static void prober_target_of_multicast_or_broadcast_is_denied(void **state) {
	const char *const targets[] = {"224.0.0.1", "ff02::1", "255.255.255.255", NULL};
	static const char *const rules[] = {"multicast", "multicast", "broadcast"};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	rig_start(&rig, ping);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(rig_outcome(&rig, ping, i).kind, OUTCOME_DENIED);
		assert_string_equal(rig_outcome(&rig, ping, i).rule, rules[i]);
	}
	assert_int_equal(rig.part.counters.denied, 3);
}

static void prober_too_large_a_packet_that_must_stay_whole_is_a_send_error(void **state) {
	const char *const targets[] = {rig_silent[FAMILY_IPV4], rig_silent[FAMILY_IPV6], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	ping->size_bytes = 1473; /* with IPv4's 28 bytes of headers more than 1,500 */
	ping->dont_fragment = true;
	rig_start(&rig, ping);
	assert_int_equal(rig_outcome(&rig, ping, 0).error, EMSGSIZE);
	assert_int_equal(rig_outcome(&rig, ping, 1).error, EMSGSIZE);
}

/* --- cancelling --- */

static void prober_cancel_ends_one_or_all(void **state) {
	const char *const targets[] = {rig_silent[0], rig_silent[1], rig_silent[0], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	rig_start(&rig, ping);
	prober_cancel(&rig.prober, ping, 1);
	assert_int_equal(rig_n_finished(&rig, ping), 1);
	assert_int_equal(rig_outcome(&rig, ping, 1).kind, OUTCOME_CANCELLED);
	prober_cancel(&rig.prober, ping, 1); /* has its outcome */
	prober_cancel(&rig.prober, ping, 3); /* never was */
	assert_int_equal(rig_n_finished(&rig, ping), 1);
	prober_cancel_all(&rig.prober, ping);
	assert_int_equal(rig_n_finished(&rig, ping), 3);
	assert_int_equal(rig.part.counters.cancelled, 3);
	assert_int_equal(rig.prober.wheel.n_timers, 0);
}

static void prober_cancelled_before_its_turn_is_not_sent(void **state) {
	const char *const targets[] = {"::", rig_silent[1],
				       NULL}; /* ping.h: the first was cancelled */
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	prober_start(&rig.prober, ping);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_CANCELLED);
	ping->is_cancelled = true;
	prober_start(&rig.prober, ping);
	assert_int_equal(rig_outcome(&rig, ping, 1).kind, OUTCOME_CANCELLED);
	assert_int_equal(rig.part.counters.probes_sent, 0);
	rig.user->share[USER_PROBES] = rig.part.share[USER_PROBES] = 2; /* rig_close releases */
	rig.users.remaining[USER_PROBES] -= 2;
}

static void prober_reply_to_a_cancelled_probe_is_late(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[0]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	prober_cancel_all(&rig.prober, ping);
	forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	rig_turn(&rig);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_CANCELLED);
	assert_int_equal(rig.prober.n_late, 1);
}

/* --- waiting for a destination's rate --- */

static void prober_destination_over_its_rate_waits_its_turn(void **state) {
	const char *const targets[] = {"127.0.0.1", "127.0.0.1", "127.0.0.1",
				       "127.0.0.1", "127.0.0.2", NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	(void)clock_update(
		&rig.prober.clock); /* tokens come from now on, after the ping's arrival */
	rig_start(&rig, ping);
	rig_turn(&rig);
	assert_int_equal(rig_n_finished(&rig, ping), 3); /* the burst, and the other destination */
	assert_int_equal(rig_outcome(&rig, ping, 4).kind, OUTCOME_REPLY);
	assert_int_equal(ping->n_unsent, 2);
	rig_wait(&rig, ping, 5);
	for (uint32_t i = 2; i < 4; i++) { /* 100 ms from one token to the next */
		assert_int_equal(rig_outcome(&rig, ping, i).kind, OUTCOME_REPLY);
		assert_true(rig_outcome(&rig, ping, i).queued_us >= (i - 1) * 99000);
	}
}

static void prober_waiting_probe_can_be_cancelled(void **state) {
	const char *const targets[] = {rig_silent[0], rig_silent[0], rig_silent[0], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	rig_start(&rig, ping);
	assert_int_equal(ping->n_unsent, 1);
	prober_cancel(&rig.prober, ping, 2);
	assert_int_equal(ping->n_unsent, 0);
	assert_int_equal(rig_outcome(&rig, ping, 2).kind, OUTCOME_CANCELLED);
	rig_sleep_ms(150);
	rig_turn(&rig);
	assert_int_equal(rig.part.counters.probes_sent, 2);
}

/* --- time --- */

/* Stopped for minutes, the helper finds all timers expired, and sends what waited: with its own full time-out. */
static void prober_after_a_long_stop_what_waited_has_its_time(void **state) {
	const char *const targets[] = {rig_silent[0], rig_silent[0], rig_silent[0], NULL};
	struct ping *ping = rig_ping(&rig, 60000000, targets);

	rig_start(&rig, ping);
	rig_pass_seconds(&rig, 300);
	rig_turn(&rig);
	assert_int_equal(rig_n_finished(&rig, ping), 2);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_TIMEOUT);
	assert_int_equal(rig.part.counters.probes_sent, 3);
	rig_pass_seconds(&rig, 59);
	rig_turn(&rig);
	assert_int_equal(rig_n_finished(&rig, ping), 2);
	rig_pass_seconds(&rig, 2);
	rig_turn(&rig);
	assert_int_equal(rig_outcome(&rig, ping, 2).kind, OUTCOME_TIMEOUT);
}

static void prober_long_queue_time_does_not_wrap(void **state) {
	const char *const targets[] = {"127.0.0.1", "224.0.0.1", NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	ping->arrived_ns -= INT64_C(4295) * 1000000000; /* 2^32 us are 4,294.97 s */
	rig_start(&rig, ping);
	rig_wait(&rig, ping, 2);
	assert_int_equal(rig_outcome(&rig, ping, 0).queued_us, UINT32_MAX);
	assert_int_equal(rig_outcome(&rig, ping, 1).queued_us, UINT32_MAX);
}

/* --- lists --- */

static void prober_outcomes_come_in_the_order_of_their_end(void **state) {
	const char *const targets[] = {rig_silent[0], rig_silent[0], rig_silent[0], NULL};
	static const uint32_t order[] = {1, 2, 0};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);

	rig_start(&rig, ping);
	for (int i = 0; i < 3; i++) {
		prober_cancel(&rig.prober, ping, order[i]);
	}
	for (int i = 0; i < 3; i++) {
		struct outcome outcome;

		(void)prober_peek(&rig.prober, ping->finished_first, &outcome);
		assert_int_equal(outcome.index, order[i]);
		prober_pop(&rig.prober, ping);
		user_release(rig.user, &rig.part, USER_PROBES, 1);
	}
	assert_int_equal(ping->finished_first, PROBE_NONE);
}

static void prober_news_are_told_once_each_in_order(void **state) {
	struct ping *first = rig_probe(&rig, LONG_US, rig_silent[0]);
	struct ping *second = rig_probe(&rig, LONG_US, rig_silent[1]);

	for (int i = 0; i < 3; i++) {
		prober_push_news(&rig.prober, first);
		prober_push_news(&rig.prober, second);
	}
	assert_ptr_equal(prober_pop_news(&rig.prober), first);
	prober_push_news(&rig.prober, first);
	assert_ptr_equal(prober_pop_news(&rig.prober), second);
	assert_ptr_equal(prober_pop_news(&rig.prober), first);
	assert_null(prober_pop_news(&rig.prober));
}

static void prober_forget_news_leaves_those_of_others(void **state) {
	struct ping *pings[4];

	for (uint32_t i = 0; i < 4; i++) {
		pings[i] = rig_ping(&rig, LONG_US, (const char *const[]){NULL});
		pings[i]->session = i == 2 ? 0 : i; /* 0, 1, 0, 3 */
		prober_push_news(&rig.prober, pings[i]);
	}
	prober_forget_news(&rig.prober, 0);
	prober_forget_news(&rig.prober, 3); /* the last one */
	pings[0]->has_news = false;
	prober_push_news(&rig.prober, pings[0]);
	assert_ptr_equal(prober_pop_news(&rig.prober), pings[1]);
	assert_ptr_equal(prober_pop_news(&rig.prober), pings[0]);
	assert_null(prober_pop_news(&rig.prober));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define TEST_RATES(function) cmocka_unit_test_setup_teardown(function, set_up_rates, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(prober_ipv4_request_has_what_was_asked_for),
		TEST(prober_ipv6_request_has_what_was_asked_for),
		TEST(prober_every_probe_has_its_own_identity),
		TEST(prober_request_leaves_from_the_source_asked_for),
		TEST(prober_request_from_a_foreign_source_is_a_send_error),
		TEST(prober_destination_without_room_is_tried_again),
		TEST(prober_destination_without_room_holds_up_its_owner_in_the_end),
		TEST(prober_cancelled_without_room_is_not_counted_any_more),
		TEST(prober_destination_without_room_for_long_is_a_send_error),
		TEST(prober_silent_target_times_out_not_early),
		TEST(prober_target_without_route_is_a_send_error),
		TEST(prober_target_of_multicast_or_broadcast_is_denied),
		TEST(prober_too_large_a_packet_that_must_stay_whole_is_a_send_error),
		TEST(prober_cancel_ends_one_or_all),
		TEST(prober_cancelled_before_its_turn_is_not_sent),
		TEST(prober_reply_to_a_cancelled_probe_is_late),
		TEST_RATES(prober_destination_over_its_rate_waits_its_turn),
		TEST_RATES(prober_waiting_probe_can_be_cancelled),
		TEST_RATES(prober_after_a_long_stop_what_waited_has_its_time),
		TEST(prober_long_queue_time_does_not_wrap),
		TEST(prober_outcomes_come_in_the_order_of_their_end),
		TEST(prober_news_are_told_once_each_in_order),
		TEST(prober_forget_news_leaves_those_of_others),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	rig.tun = network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
