/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The filters on raw sockets, with packets that arrive from a TUN device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/cleanup.h"
#include "helper/icmp_filter.h"
#include "tests/unit/network.h"
#include "tests/unit/packets.h"

enum { BLOCK = 0x1240, MARK = 0xbeef };

static int tun = -1;

struct addresses {
	uint8_t ours[16], target[16], router[16];
};

static struct addresses addresses(enum family family) {
	struct addresses result = {0};

	if (family == FAMILY_IPV4) {
		(void)inet_pton(AF_INET, NETWORK_IPV4, result.ours);
		(void)inet_pton(AF_INET, "10.9.0.7", result.target);
		(void)inet_pton(AF_INET, "10.9.0.254", result.router);
	} else {
		(void)inet_pton(AF_INET6, NETWORK_IPV6, result.ours);
		(void)inet_pton(AF_INET6, "fd00:9::7", result.target);
		(void)inet_pton(AF_INET6, "fd00:9::fe", result.router);
	}
	return result;
}

static void add_header(struct packet *packet, enum family family, uint8_t n_words,
		       const uint8_t *source, const uint8_t *destination) {
	if (family == FAMILY_IPV4) {
		(void)packet_add_ipv4(packet, n_words, source, destination);
	} else {
		(void)packet_add_ipv6(packet, source, destination);
	}
}

/* An echo message of any type. */
static struct packet echo_packet(enum family family, uint8_t n_words, uint8_t type,
				 uint16_t identifier, uint16_t sequence) {
	const struct echo echo = {identifier, sequence, 1, {0}};
	struct addresses a = addresses(family);
	struct packet packet = {0};

	add_header(&packet, family, n_words, a.target, a.ours);
	(void)packet_add_echo(&packet, type, &echo, 16);
	packet_finish(&packet);
	return packet;
}

static uint8_t reply_type(enum family family) {
	return family == FAMILY_IPV4 ? 0 : 129;
}

static uint8_t request_type(enum family family) {
	return family == FAMILY_IPV4 ? 8 : 128;
}

/* An ICMP message of any type that quotes an echo message of ours. */
static struct packet error_packet(enum family family, uint8_t n_words, uint8_t type,
				  uint8_t n_quoted_words, uint8_t quoted_type,
				  uint16_t identifier) {
	const struct echo echo = {identifier, 1, 1, {0}};
	const uint8_t header[8] = {type};
	struct addresses a = addresses(family);
	struct packet packet = {0};
	uint8_t *icmp;

	add_header(&packet, family, n_words, a.router, a.ours);
	icmp = packet_add(&packet, header, sizeof header);
	add_header(&packet, family, n_quoted_words, a.ours, a.target);
	(void)packet_add_echo(&packet, quoted_type, &echo, 0);
	packet_set_checksum(icmp, packet.n_bytes - (size_t)(icmp - packet.bytes));
	packet_finish(&packet);
	return packet;
}

/* A raw socket with the filter of a receive socket. */
static int receiver(enum family family) {
	int fd = family == FAMILY_IPV4 ? socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP)
				       : socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMPV6);

	assert_true(fd >= 0);
	assert_int_equal(icmp_filter_attach_receive(fd, family, BLOCK), 0);
	return fd;
}

/* Whether @packet gets through to @fd: another one that does is sent behind it, so that there is something to wait for. */
static bool passes(int fd, enum family family, const struct packet *packet) {
	struct packet mark = echo_packet(family, 5, reply_type(family), BLOCK, MARK);
	uint8_t bytes[256];
	unsigned n_before = 0;

	assert_int_equal(write(tun, packet->bytes, packet->n_bytes), packet->n_bytes);
	assert_int_equal(write(tun, mark.bytes, mark.n_bytes), mark.n_bytes);
	for (int i = 0; i < 1000; i++) {
		ssize_t n = recv(fd, bytes, sizeof bytes, 0);
		const uint8_t *icmp = bytes + (family == FAMILY_IPV4 ? (bytes[0] & 15) * 4 : 0);

		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			(void)usleep(1000);
		} else if (icmp[6] == MARK >> 8 && icmp[7] == (MARK & 255)) {
			assert_in_range(n_before, 0, 1);
			return n_before == 1;
		} else {
			n_before++;
		}
	}
	fail_msg("not even the packet that must pass arrived");
	return false;
}

static void replies_pass_by_identifier(enum family family) {
	static const uint16_t foreign[] = {0, 1, BLOCK - 1, BLOCK + 64, BLOCK ^ 0x8000, 0xffff};
	CLEANUP(cleanup_fd) int fd = receiver(family);

	for (uint16_t i = 0; i < N_IDENTIFIERS; i++) {
		struct packet packet =
			echo_packet(family, 5 + i % 11, reply_type(family), BLOCK + i, i);

		assert_true(passes(fd, family, &packet));
	}
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		struct packet packet = echo_packet(family, 5, reply_type(family), foreign[i], 1);

		assert_false(passes(fd, family, &packet));
	}
}

static void icmp_filter_ipv4_replies_pass_by_identifier(void **state) {
	replies_pass_by_identifier(FAMILY_IPV4);
}

static void icmp_filter_ipv6_replies_pass_by_identifier(void **state) {
	replies_pass_by_identifier(FAMILY_IPV6);
}

/* Errors of every type: those that can quote our request pass, all else does not. */
static void types_pass(enum family family, const uint8_t *error_types, size_t n_types) {
	CLEANUP(cleanup_fd) int fd = receiver(family);

	for (int type = 0; type < 256; type++) {
		struct packet packet =
			error_packet(family, 5, (uint8_t)type, 5, request_type(family), BLOCK + 63);
		bool is_error = memchr(error_types, type, n_types) != NULL;

		assert_true(passes(fd, family, &packet) == is_error);
	}
}

static void icmp_filter_ipv4_only_errors_about_echo_pass(void **state) {
	types_pass(FAMILY_IPV4, (const uint8_t[]){3, 11, 12}, 3);
}

static void icmp_filter_ipv6_only_errors_about_echo_pass(void **state) {
	types_pass(FAMILY_IPV6, (const uint8_t[]){1, 2, 3, 4}, 4);
}

static void icmp_filter_ipv4_error_with_options_passes(void **state) {
	CLEANUP(cleanup_fd) int fd = receiver(FAMILY_IPV4);

	for (uint8_t n_words = 5; n_words <= 15; n_words++) {
		for (uint8_t n_quoted = 5; n_quoted <= 15; n_quoted++) {
			struct packet ours =
				error_packet(FAMILY_IPV4, n_words, 3, n_quoted, 8, BLOCK);
			struct packet foreign =
				error_packet(FAMILY_IPV4, n_words, 3, n_quoted, 8, BLOCK - 1);

			assert_true(passes(fd, FAMILY_IPV4, &ours));
			assert_false(passes(fd, FAMILY_IPV4, &foreign));
		}
	}
}

/* Errors about what others sent. */
static void foreign_errors_do_not_pass(enum family family, uint8_t error_type,
				       size_t protocol_offset, size_t n_least) {
	CLEANUP(cleanup_fd) int fd = receiver(family);
	struct packet packet;

	packet = error_packet(family, 5, error_type, 5, request_type(family), BLOCK + 64);
	assert_false(passes(fd, family, &packet));
	packet = error_packet(family, 5, error_type, 5, reply_type(family), BLOCK);
	assert_false(passes(fd, family, &packet));
	packet = error_packet(family, 5, error_type, 5, request_type(family), BLOCK);
	packet.bytes[protocol_offset] = IPPROTO_UDP;
	packet_set_checksum(packet.bytes + (family == FAMILY_IPV4 ? 20 : 40), 8 + n_least);
	packet_finish(&packet);
	assert_false(passes(fd, family, &packet));
}

static void icmp_filter_ipv4_errors_about_others_do_not_pass(void **state) {
	foreign_errors_do_not_pass(FAMILY_IPV4, 3, 28 + 9, 28);
}

static void icmp_filter_ipv6_errors_about_others_do_not_pass(void **state) {
	foreign_errors_do_not_pass(FAMILY_IPV6, 1, 48 + 6, 48);
}

static void icmp_filter_ipv6_error_about_a_fragment_passes_by_identifier(void **state) {
	CLEANUP(cleanup_fd) int fd = receiver(FAMILY_IPV6);
	static const struct {
		uint16_t identifier;
		uint8_t type, next_header;
		bool passes;
	} cases[] = {
		{BLOCK, 128, 58, true},  {BLOCK + 63, 128, 58, true}, {BLOCK + 64, 128, 58, false},
		{BLOCK, 129, 58, false}, {BLOCK, 128, 17, false},     {BLOCK, 128, 44, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct packet packet =
			error_packet(FAMILY_IPV6, 5, 1, 5, cases[i].type, cases[i].identifier);

		packet_fragment_ipv6(&packet, 48, 1);
		packet.bytes[48 + 40] = cases[i].next_header;
		packet_finish(&packet);
		assert_true(passes(fd, FAMILY_IPV6, &packet) == cases[i].passes);
	}
}

static void icmp_filter_quote_that_ends_before_the_identifier_does_not_pass(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		CLEANUP(cleanup_fd) int fd = receiver(family);
		struct packet packet = error_packet(family, 5, family == FAMILY_IPV4 ? 3 : 1, 5,
						    request_type(family), BLOCK);

		for (size_t n_missing = 0; n_missing <= 20; n_missing++) {
			packet_finish(&packet);
			assert_true(passes(fd, family, &packet) == (n_missing <= 2));
			packet.n_bytes--;
		}
	}
}

static void icmp_filter_none_takes_nothing(void **state) {
	CLEANUP(cleanup_fd) int fd = receiver(FAMILY_IPV4);
	CLEANUP(cleanup_fd) int deaf = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
	struct packet packet = echo_packet(FAMILY_IPV4, 5, 0, BLOCK, 1);
	uint8_t byte;

	assert_int_equal(icmp_filter_attach_none(deaf), 0);
	assert_true(passes(fd, FAMILY_IPV4, &packet));
	assert_int_equal(recv(deaf, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void icmp_filter_attached_is_locked(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		CLEANUP(cleanup_fd) int fd = receiver(family);
		int off = 0;

		assert_int_equal(icmp_filter_attach_none(fd), -EPERM);
		assert_int_equal(icmp_filter_attach_receive(fd, family, 0), -EPERM);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof off),
				 -1);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &off, sizeof off), -1);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(icmp_filter_ipv4_replies_pass_by_identifier),
		cmocka_unit_test(icmp_filter_ipv6_replies_pass_by_identifier),
		cmocka_unit_test(icmp_filter_ipv4_only_errors_about_echo_pass),
		cmocka_unit_test(icmp_filter_ipv6_only_errors_about_echo_pass),
		cmocka_unit_test(icmp_filter_ipv4_error_with_options_passes),
		cmocka_unit_test(icmp_filter_ipv4_errors_about_others_do_not_pass),
		cmocka_unit_test(icmp_filter_ipv6_errors_about_others_do_not_pass),
		cmocka_unit_test(icmp_filter_ipv6_error_about_a_fragment_passes_by_identifier),
		cmocka_unit_test(icmp_filter_quote_that_ends_before_the_identifier_does_not_pass),
		cmocka_unit_test(icmp_filter_none_takes_nothing),
		cmocka_unit_test(icmp_filter_attached_is_locked),
	};
	int r = network_enter();

	if (r != 0) {
		return r;
	}
	tun = network_open_tun();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
