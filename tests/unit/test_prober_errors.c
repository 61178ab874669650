/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP errors that arrive, about probes and about what is none. Probes go to a silent network behind a TUN device, from where each
 * test lets arrive what it likes. */
#include "tests/unit/network.h"
#include "tests/unit/prober_rig.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "helper/descriptors.h"

enum { LONG_US = 30000000 };

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

static void prober_error_with_secret_ends_the_probe(void **state) {
	static const uint8_t types[N_FAMILIES] = {3, 1}, codes[N_FAMILIES] = {13, 4};

	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[family]);
		uint32_t slot = rig_slot(ping);
		struct echo echo = forge_echo(&rig.prober, slot);
		struct outcome outcome;

		forge_error(rig.tun, &rig.prober, slot, &echo, 8, types[family], codes[family]);
		rig_turn(&rig);
		outcome = rig_outcome(&rig, ping, 0);
		assert_int_equal(outcome.kind, OUTCOME_ICMP_ERROR);
		assert_int_equal(outcome.flags & OUTCOME_UNVERIFIED, 0);
		assert_int_equal(outcome.icmp_type, types[family]);
		assert_int_equal(outcome.icmp_code, codes[family]);
		assert_int_equal(outcome.next_hop_mtu, 0);
		assert_int_equal(outcome.reporter.s6_addr[15], 254);
		assert_true(IN6_IS_ADDR_V4MAPPED(&outcome.reporter) == (family == FAMILY_IPV4));
		forge_error(rig.tun, &rig.prober, slot, &echo, 8, types[family],
			    codes[family]); /* once more */
		rig_turn(&rig);
	}
	assert_int_equal(rig.part.counters.icmp_errors, 2);
	assert_int_equal(rig.prober.n_events, 0);
}

static void prober_error_of_size_tells_the_next_hops_mtu(void **state) {
	static const uint8_t types[N_FAMILIES] = {3, 2};

	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[family]);
		uint32_t slot = rig_slot(ping);
		struct echo echo = forge_echo(&rig.prober, slot);

		forge_error(rig.tun, &rig.prober, slot, &echo, 8, types[family],
			    family == FAMILY_IPV4 ? 4 : 0);
		rig_turn(&rig);
		assert_int_equal(rig_outcome(&rig, ping, 0).next_hop_mtu, 1500);
	}
}

static void prober_error_without_secret_is_an_event_until_the_reply(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	for (int i = 0; i < 3; i++) {
		forge_error(rig.tun, &rig.prober, slot, &echo, (size_t)i, 3, 1);
		rig_turn(&rig);
		rig_assert_pending(&rig, ping);
		rig_assert_event(&rig, 1, OUTCOME_UNVERIFIED_ERROR, ping);
	}
	assert_int_equal(rig.prober.events[0].outcome.flags, OUTCOME_UNVERIFIED);
	assert_int_equal(rig.prober.events[0].outcome.icmp_code, 1);
	assert_int_equal(rig.part.counters.unverified_errors, 1);
	forge_reply(rig.tun, &rig.prober, slot, &echo, 56);
	rig_turn(&rig);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
	assert_int_equal(rig_outcome(&rig, ping, 0).flags & OUTCOME_UNVERIFIED, 0);
	assert_int_equal(rig_outcome(&rig, ping, 0).size_bytes, 56);
}

static void prober_error_without_secret_is_the_outcome_at_the_deadline(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	struct echo echo = forge_echo(&rig.prober, rig_slot(ping));

	forge_error(rig.tun, &rig.prober, rig_slot(ping), &echo, 0, 11, 0);
	rig_turn(&rig);
	rig_assert_pending(&rig, ping);
	rig_pass_seconds(&rig, LONG_US / 1000000);
	rig_wait(&rig, ping, 1);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_ICMP_ERROR);
	assert_int_equal(rig_outcome(&rig, ping, 0).icmp_type, 11);
	assert_true(rig_outcome(&rig, ping, 0).flags & OUTCOME_UNVERIFIED);
	assert_int_equal(rig.part.counters.timeouts, 0);
}

static void prober_error_with_secret_follows_one_without(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	forge_error(rig.tun, &rig.prober, slot, &echo, 0, 3, 1);
	forge_error(rig.tun, &rig.prober, slot, &echo, 8, 11, 0);
	rig_turn(&rig);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_ICMP_ERROR);
	assert_int_equal(rig_outcome(&rig, ping, 0).icmp_type, 11);
	assert_int_equal(rig_outcome(&rig, ping, 0).flags & OUTCOME_UNVERIFIED, 0);
}

static void prober_forged_error_changes_nothing(void **state) {
	struct ping *ping = rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	uint32_t slot = rig_slot(ping);
	struct echo echo = forge_echo(&rig.prober, slot);

	for (enum forgery forgery = 0; forgery < N_FORGERIES; forgery++) {
		struct echo other = forge_wrong(&echo, forgery);

		forge_error(rig.tun, &rig.prober, slot, &other, 8, 3, 1);
	}
	rig_turn(&rig);
	rig_assert_pending(&rig, ping);
	assert_int_equal(rig.prober.n_forged, N_FORGERIES);
	rig_pass_seconds(&rig, LONG_US / 1000000);
	rig_wait(&rig, ping, 1);
	assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_TIMEOUT);
}

/* A router pads a short quote with zeros (RFC 4884); those are not the secret. */
static void prober_error_with_padded_quote_of_small_payload_is_not_forged(void **state) {
	const char *const targets[] = {rig_silent[FAMILY_IPV4], NULL};
	struct ping *ping = rig_ping(&rig, LONG_US, targets);
	struct echo echo;

	ping->size_bytes = 4;
	rig_start(&rig, ping);
	echo = forge_echo(&rig.prober, rig_slot(ping));
	memset((uint8_t *)&echo.secret + 4, 0, 4);
	forge_error(rig.tun, &rig.prober, rig_slot(ping), &echo, 100, 11, 0);
	rig_turn(&rig);
	assert_int_equal(rig.prober.n_forged, 0);
	rig_assert_event(&rig, 1, OUTCOME_UNVERIFIED_ERROR, ping);
}

/* The kernel offers every ICMP error that quotes an echo request to every raw socket, and its errno to whoever sends next. */
static void prober_errors_do_not_reach_raw_send_sockets(void **state) {
	int n_told = 0;

	rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV4]);
	rig_probe(&rig, LONG_US, rig_silent[FAMILY_IPV6]);
	rig_turn(&rig); /* takes their stamps */
	for (size_t i = 0; i < rig.n_pings; i++) {
		struct echo echo = forge_echo(&rig.prober, rig_slot(rig.pings[i]));

		forge_error(rig.tun, &rig.prober, rig_slot(rig.pings[i]), &echo, 8, i == 0 ? 3 : 1,
			    1);
	}
	for (int fd = DESCRIPTOR_FIRST_SEND; fd <= DESCRIPTOR_LAST_SEND; fd++) {
		struct pollfd error = {.fd = fd};

		n_told += poll(&error, 1, 0) > 0 && error.revents & POLLERR;
	}
	assert_int_equal(n_told, rig_is_ping(&rig) ? 2 : 0); /* which have no other way */
}

static void prober_errors_about_others_do_not_fail_a_send(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct ping *first = rig_probe(&rig, LONG_US, rig_silent[family]), *ping;
		struct echo foreign = forge_echo(&rig.prober, rig_slot(first));

		foreign.sequence ^= 0x8000; /* by its identifier it concerns the same socket */
		forge_error(rig.tun, &rig.prober, rig_slot(first), &foreign, 8,
			    family == FAMILY_IPV4 ? 3 : 1, 1);
		ping = rig_probe(&rig, LONG_US, rig_loopback[family]);
		rig_wait(&rig, ping, 1);
		assert_int_equal(rig_outcome(&rig, ping, 0).kind, OUTCOME_REPLY);
		rig_assert_pending(&rig, first);
	}
}

/* --- errors as fast as the helper sends --- */

static struct ping *flooded; /* about whose probe an error arrives before each send, if any */

ssize_t __real_sendto(int fd, const void *bytes, size_t n_bytes, int flags,
		      const struct sockaddr *address, socklen_t n_address_bytes);
ssize_t __wrap_sendto(int fd, const void *bytes, size_t n_bytes, int flags,
		      const struct sockaddr *address, socklen_t n_address_bytes);

/* The prober's sends, of icmp_io.c. */
ssize_t __wrap_sendto(int fd, const void *bytes, size_t n_bytes, int flags,
		      const struct sockaddr *address, socklen_t n_address_bytes) {
	if (flooded != NULL) {
		uint32_t slot = rig_slot(flooded);
		struct echo foreign = forge_echo(&rig.prober, slot);

		foreign.sequence ^= 0x8000;
		forge_error(rig.tun, &rig.prober, slot, &foreign, 8,
			    rig.prober.table.probes[slot].family == FAMILY_IPV4 ? 3 : 1, 1);
	}
	return __real_sendto(fd, bytes, n_bytes, flags, address, n_address_bytes);
}

/* A ping socket is told one at every try. They are not believed, but there is an end to it; a raw socket hears nothing of them. */
static void prober_errors_about_others_fail_a_send_after_ten_seconds(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct ping *ping;
		struct outcome outcome;

		flooded = NULL;
		flooded = rig_probe(&rig, 60000000, rig_silent[family]);
		ping = rig_probe(&rig, LONG_US, rig_loopback[family]);
		for (int seconds = 0; rig_is_ping(&rig) && seconds < 10; seconds += 3) {
			rig_assert_pending(&rig, ping);
			assert_int_equal(rig.user->n_held_up, 1);
			rig_pass_seconds(&rig, 3);
			rig_turn(&rig);
		}
		rig_wait(&rig, ping, 1);
		outcome = rig_outcome(&rig, ping, 0);
		assert_int_equal(outcome.kind,
				 rig_is_ping(&rig) ? OUTCOME_SEND_ERROR : OUTCOME_REPLY);
		assert_true(!rig_is_ping(&rig) || outcome.error == ENOBUFS);
	}
	flooded = NULL;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(prober_error_with_secret_ends_the_probe),
		TEST(prober_error_of_size_tells_the_next_hops_mtu),
		TEST(prober_error_without_secret_is_an_event_until_the_reply),
		TEST(prober_error_without_secret_is_the_outcome_at_the_deadline),
		TEST(prober_error_with_secret_follows_one_without),
		TEST(prober_forged_error_changes_nothing),
		TEST(prober_error_with_padded_quote_of_small_payload_is_not_forged),
		TEST(prober_errors_do_not_reach_raw_send_sockets),
		TEST(prober_errors_about_others_do_not_fail_a_send),
		TEST(prober_errors_about_others_fail_a_send_after_ten_seconds),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	rig.tun = network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
