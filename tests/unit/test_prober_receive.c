/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives: whose it is, and how long it took; ICMP errors are in test_prober_errors.c. Probes go to a silent network behind a TUN
 * device, where each test lets arrive what it likes; times are compared with each other only. */
#include "tests/unit/network.h"
#include "tests/unit/prober_rig.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/descriptors.h"

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

/* --- replies --- */

static void prober_reply_of_loopback_has_both_stamps(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct ping *ping = rig_probe(&rig, LONG_US, rig_loopback[family]);
		struct outcome outcome;

		rig_wait(&rig, ping, 1);
		outcome = rig_outcome(&rig, ping, 0);
		assert_int_equal(outcome.kind, OUTCOME_REPLY);
		assert_int_equal(outcome.flags, OUTCOME_TRANSMIT_STAMP | OUTCOME_RECEIVE_STAMP);
		assert_in_range(outcome.rtt_ns, 1, LONG_US * INT64_C(1000));
		assert_int_equal(outcome.hop_limit, 64);
		assert_int_equal(outcome.size_bytes, PROTOCOL_DEFAULT_DATA_BYTES);
	}
	assert_int_equal(rig.part.counters.replies, 2);
	assert_int_equal(rig.part.counters.probes_sent, 2);
}

static void prober_reply_measures_the_networks_time_not_ours(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	rig_sleep_ms(20);
	forge_reply(rig.tun, &rig.prober, slot, &echo, PROTOCOL_DEFAULT_DATA_BYTES);
	rig_sleep_ms(500); /* the helper is late */
	rig_wait(&rig, ping, 1);
	assert_in_range(rig_outcome(&rig, ping, 0).rtt_ns, 20 * MS, 480 * MS);
	assert_int_equal(rig_outcome(&rig, ping, 0).hop_limit, PACKET_HOP_LIMIT);
}

static void prober_reply_in_time_but_seen_late_is_no_timeout(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct ping *ping = rig_probe(&rig, 200000, rig_silent[family]);
		struct echo echo = forge_echo(&rig.prober, rig_slot(ping));

		forge_reply(rig.tun, &rig.prober, rig_slot(ping), &echo, 56);
		rig_sleep_ms(300);
		rig_turn(&rig);
		assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
	}
}

/* The helper is stopped just after it has looked at the network, and the reply comes while it is. */
static void prober_reply_between_look_and_deadline_is_no_timeout(void **state) {
	struct ping *ping = rig_probe(&rig, 200000, rig_silent[FAMILY_IPV4]);
	struct echo echo = forge_echo(&rig.prober, rig_slot(ping));

	prober_receive(&rig.prober, true);
	forge_reply(rig.tun, &rig.prober, rig_slot(ping), &echo, 56);
	rig_sleep_ms(300);
	(void)clock_update(&rig.prober.clock);
	prober_expire(&rig.prober);
	rig_wait(&rig, ping, 1);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
}

/* More arrived than one turn may take; the reply lies behind it. */
static void prober_reply_behind_a_flood_is_no_timeout(void **state) {
	struct ping *ping = rig_probe(&rig, 2000000, rig_silent[FAMILY_IPV4]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot), foreign = echo;

	foreign.sequence++;
	for (int i = 0; i < 33000; i++) {
		forge_reply(rig.tun, &rig.prober, slot, &foreign, 0);
	}
	forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	rig_sleep_ms(2000);
	rig_turn(&rig);
	rig_assert_pending(&rig, ping);
	assert_in_range(rig.prober.n_foreign, 1, 32999);
	rig_turn(&rig);
	assert_int_equal(rig.prober.n_foreign, 33000);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
}

static void prober_reply_after_the_deadline_is_late_however_it_is_seen(void **state) {
	struct ping *ping = rig_probe(&rig, 5000, rig_silent[FAMILY_IPV4]);
	struct echo echo = forge_echo(&rig.prober, rig_slot(ping));

	rig_sleep_ms(20);
	forge_reply(rig.tun, &rig.prober, rig_slot(ping), &echo,
		    56); /* before the timer was looked at */
	rig_turn(&rig);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_TIMEOUT);
	assert_int_equal(rig.prober.n_events, 1);
	assert_int_equal(rig.prober.events[0].outcome.kind, OUTCOME_LATE);
	assert_int_equal(rig.part.counters.timeouts, 1);
	assert_int_equal(rig.part.counters.replies, 0);
}

/* --- late, duplicate --- */

static void prober_duplicates_are_told_once_and_counted(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	for (unsigned n = 0; n < 4; n++) {
		forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
		rig_turn(&rig);
		assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
		assert_int_equal(rig.prober.n_duplicates, n);
	}
	rig_assert_event(&rig, 1, OUTCOME_DUPLICATE, ping);
	assert_int_equal(rig.prober.n_late, 0);
}

static void prober_late_replies_are_told_once_and_counted(void **state) {
	struct ping *ping = rig_probe(&rig, 1000, rig_silent[FAMILY_IPV6]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	rig_sleep_ms(20);
	rig_wait(&rig, ping, 1);
	for (unsigned n = 1; n <= 3; n++) {
		forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
		rig_turn(&rig);
		assert_int_equal(rig.prober.n_late, n);
	}
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_TIMEOUT);
	rig_assert_event(&rig, 1, OUTCOME_LATE, ping);
	assert_in_range(rig.prober.events[0].outcome.rtt_ns, 20 * MS, LONG_US * INT64_C(1000));
	assert_int_equal(rig.prober.events[0].outcome.size_bytes, 56);
}

/* The ping is done and gone; the slot still knows whose it was. */
static void prober_late_reply_to_a_released_slot_is_told(void **state) {
	struct ping *ping = rig_probe(&rig, 1000, rig_silent[FAMILY_IPV4]);
	struct ping copy = *ping;
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	rig_wait(&rig, ping, 1);
	prober_pop(&rig.prober, ping);
	user_release(rig.user, &rig.part, USER_PROBES, 1);
	assert_ptr_equal(prober_pop_news(&rig.prober), ping);
	rig.n_pings = 0;
	free(ping);
	forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	rig_turn(&rig);
	rig_assert_event(&rig, 1, OUTCOME_LATE, &copy);
	forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	rig_turn(&rig);
	assert_int_equal(rig.prober.n_late, 2);
	assert_int_equal(rig.prober.n_events, 1);
}

static void prober_events_beyond_the_ring_are_counted(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	rig.prober.n_events = PROBER_EVENTS - 1;
	for (int i = 0; i < 3; i++) { /* reply, duplicate */
		forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	}
	rig_turn(&rig);
	assert_int_equal(rig.prober.n_events, PROBER_EVENTS);
	rig.prober.table.probes[slot].marks &= (uint8_t)~PROBE_MARK_DUPLICATE;
	forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	rig_turn(&rig);
	assert_int_equal(rig.prober.n_events, PROBER_EVENTS);
	assert_int_equal(rig.prober.n_events_dropped, 1);
}

/* --- not ours --- */

static void prober_forged_reply_is_counted_and_the_probe_goes_on(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[family]);
		uint32_t slot = rig_slot(ping);
		struct echo echo = forge_echo(&rig.prober, slot);

		for (enum forgery forgery = 0; forgery < N_FORGERIES; forgery++) {
			struct echo other = forge_wrong(&echo, forgery);

			forge_reply(rig.tun, &rig.prober, slot, &other, 56);
		}
		forge_reply(rig.tun, &rig.prober, slot, &echo, 7); /* a part of the secret */
		forge_reply(rig.tun, &rig.prober, slot, &echo, 0);
		rig_turn(&rig);
		rig_assert_pending(&rig, ping);
		assert_int_equal(rig.prober.n_forged, (N_FORGERIES + 2) * (family + 1));
		forge_reply(rig.tun, &rig.prober, slot, &echo, 8);
		rig_turn(&rig);
		assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
	}
	assert_int_equal(rig.prober.n_foreign + rig.prober.n_malformed, 0);
	assert_int_equal(rig.prober.n_events, 0);
}

static void prober_reply_to_no_probe_is_foreign(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	echo.sequence++;
	forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	echo.sequence--;
	echo.identifier ^= 1; /* ours, but not in use */
	forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	for (int fd = DESCRIPTOR_FIRST_SEND; fd <= DESCRIPTOR_LAST_SEND; fd++) {
		icmp_sockets_note(rig.sockets, fd); /* as epoll does of ping sockets */
	}
	rig_turn(&rig);
	rig_assert_pending(&rig, ping);
	assert_int_equal(rig.prober.n_foreign, 2);
}

static void prober_reply_with_wrong_checksum_is_malformed(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	struct echo echo = forge_echo(&rig.prober, rig_slot(ping));
	struct packet packet = {0};

	(void)packet_add_ipv4(&packet, 5, echo.destination, (const uint8_t[]){10, 9, 0, 1});
	(void)packet_add_echo(&packet, 0, &echo, 56);
	packet.bytes[packet.n_bytes - 1] ^= 1;
	packet_finish(&packet);
	packet_write(rig.tun, &packet);
	rig_turn(&rig);
	rig_assert_pending(&rig, ping);
	assert_int_equal(rig.prober.n_malformed,
			 !rig_is_ping(&rig)); /* whose kernel throws it away itself */
}

/* A probe without room for the secret: what of it was sent must come back. */
static void prober_small_payload_is_answered_unverified(void **state) {
	for (uint32_t size = 0; size < ICMP_SECRET_BYTES; size++) {
		const char *const targets[] = {rig_silent[FAMILY_IPV4], NULL};
		struct ping *ping = rig_ping(&rig, LONG_US, targets);
		struct echo echo, other;

		ping->size_bytes = size;
		rig_start(&rig, ping);
		echo = other = forge_echo(&rig.prober, rig_slot(ping));
		if (size > 0) {
			other.secret = ~echo.secret;
			forge_reply(rig.tun, &rig.prober, rig_slot(ping), &other, size);
			forge_reply(rig.tun, &rig.prober, rig_slot(ping), &echo, size - 1);
			rig_turn(&rig);
			rig_assert_pending(&rig, ping);
		}
		forge_reply(rig.tun, &rig.prober, rig_slot(ping), &echo, size);
		rig_turn(&rig);
		assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
		assert_true(rig_outcome(&rig, ping, 0).flags & OUTCOME_UNVERIFIED);
		user_release(rig.user, &rig.part, USER_PROBES, prober_forget(&rig.prober, ping));
		prober_forget_news(&rig.prober, RIG_SESSION);
		rig.n_pings = 0;
		free(ping);
	}
}

/* --- steps of the clock --- */

static int64_t
	step_ns; /* of the realtime clock, as the prober sees it; the kernel's stamps have none */

static int read_stepped(clockid_t id, struct timespec *ret_time) {
	int r = clock_gettime(id, ret_time);

	if (id == CLOCK_REALTIME) {
		int64_t ns = ret_time->tv_sec * INT64_C(1000000000) + ret_time->tv_nsec + step_ns;

		*ret_time = (struct timespec){ns / 1000000000, ns % 1000000000};
	}
	return r;
}

static void prober_step_of_the_clock_never_reaches_a_round_trip_time(void **state) {
	static const int64_t steps_ns[] = {INT64_C(3600000000000), INT64_C(-3600000000000), MS,
					   -MS};

	for (size_t i = 0; i < sizeof steps_ns / sizeof *steps_ns; i++) {
		struct ping *ping;
		struct echo echo;
		int64_t before_ns = clock_monotonic_ns(&rig.prober.clock), most_ns;

		rig.prober.clock.read = read_stepped;
		ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
		echo = forge_echo(&rig.prober, rig_slot(ping));
		rig_sleep_ms(10);
		step_ns += steps_ns[i];
		forge_reply(rig.tun, &rig.prober, rig_slot(ping), &echo, 56);
		rig_turn(&rig);
		most_ns = clock_monotonic_ns(&rig.prober.clock) - before_ns;
		assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
		assert_int_equal(rig_outcome(&rig, ping, 0).flags, 0); /* the user clock */
		assert_in_range(rig_outcome(&rig, ping, 0).rtt_ns, 10 * MS, most_ns);
	}
	step_ns = 0;
}

static void prober_after_a_step_stamps_are_used_again(void **state) {
	struct ping *ping;

	step_ns = 0;
	rig.prober.clock.read = read_stepped;
	ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]); /* open meanwhile */
	step_ns = INT64_C(3600000000000);
	rig_turn(&rig);
	step_ns = 0;
	rig_turn(&rig);
	rig_assert_pending(&rig, ping);
	ping = rig_probe(&rig, LONG_US, rig_loopback[FAMILY_IPV4]);
	rig_wait(&rig, ping, 1);
	assert_int_equal(rig_outcome(&rig, ping, 0).flags,
			 OUTCOME_TRANSMIT_STAMP | OUTCOME_RECEIVE_STAMP);
}

/* --- our own losses --- */

static void prober_drops_of_our_socket_are_told(void **state) {
	const char *targets[201] = {0};
	const int little =
		rig_is_ping(&rig) ? 32768 : 1; /* ping sockets have their stamps there, too */
	struct ping *ping, *later;
	unsigned n_lost = 0;

	for (int fd = 0; fd <= DESCRIPTOR_LAST_SEND; fd++) {
		if (icmp_sockets_facts(rig.sockets)->receivers & UINT64_C(1) << fd) {
			assert_int_equal(
				setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little), 0);
		}
	}
	for (int i = 0; i < 200; i++) {
		targets[i] = rig_loopback[FAMILY_IPV4];
	}
	ping = rig_ping(&rig, 50000, targets);
	rig_start(&rig, ping); /* nobody reads meanwhile */
	rig_wait(&rig, ping, 200);
	for (uint32_t i = 0; i < 200; i++) {
		struct outcome outcome = rig_outcome(&rig, ping, i);

		n_lost += outcome.kind == OUTCOME_TIMEOUT;
		assert_true(!(outcome.flags & OUTCOME_MAYBE_LOCAL_LOSS) ==
			    (outcome.kind == OUTCOME_REPLY));
	}
	assert_in_range(n_lost, 1, 199);
	assert_int_equal(rig.prober.n_receive_drops, 1);
	later = rig_probe(&rig, 1000, rig_silent[FAMILY_IPV4]); /* lost by the network, then */
	rig_wait(&rig, later, 1);
	assert_int_equal(rig_outcome(&rig, later, 0).flags, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(prober_reply_of_loopback_has_both_stamps),
		TEST(prober_reply_measures_the_networks_time_not_ours),
		TEST(prober_reply_in_time_but_seen_late_is_no_timeout),
		TEST(prober_reply_between_look_and_deadline_is_no_timeout),
		TEST(prober_reply_behind_a_flood_is_no_timeout),
		TEST(prober_reply_after_the_deadline_is_late_however_it_is_seen),
		TEST(prober_duplicates_are_told_once_and_counted),
		TEST(prober_late_replies_are_told_once_and_counted),
		TEST(prober_late_reply_to_a_released_slot_is_told),
		TEST(prober_events_beyond_the_ring_are_counted),
		TEST(prober_forged_reply_is_counted_and_the_probe_goes_on),
		TEST(prober_reply_to_no_probe_is_foreign),
		TEST(prober_reply_with_wrong_checksum_is_malformed),
		TEST(prober_small_payload_is_answered_unverified),
		TEST(prober_step_of_the_clock_never_reaches_a_round_trip_time),
		TEST(prober_after_a_step_stamps_are_used_again),
		TEST(prober_drops_of_our_socket_are_told),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	rig.tun = network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
