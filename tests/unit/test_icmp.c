/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The half of icmp.c that reads packets. They are given to it in memory of exactly their size: the address sanitizer sees a byte
 * read too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "helper/icmp.h"
#include "tests/unit/packets.h"

enum { UNREACHABLE = 3 };

static const struct echo ipv4_echo = {0x1234, 0xfedc, 0x8877665544332211, {192, 0, 2, 7}};
static const struct echo ipv6_echo = {
	0x1234, 0xfedc, 0x8877665544332211, {0x20, 0x01, 0x0d, 0xb8, [15] = 7}};
static const uint8_t ours[16] = {10, 0, 0, 1};

static struct packet ipv4_reply(uint8_t n_words, size_t n_data) {
	struct packet packet = {0};

	(void)packet_add_ipv4(&packet, n_words, ipv4_echo.destination, ours);
	(void)packet_add_echo(&packet, 0, &ipv4_echo, n_data);
	return packet;
}

/* An ICMP error from 198.51.100.1 that quotes our request. */
static struct packet ipv4_error(uint8_t n_words, uint8_t type, uint8_t code, uint8_t n_quoted_words,
				size_t n_data) {
	static const uint8_t router[4] = {198, 51, 100, 1};
	const uint8_t header[8] = {type, code, [6] = 0x05, [7] = 0xdc}; /* next-hop MTU 1500 */
	struct packet packet = {0};
	uint8_t *icmp;

	(void)packet_add_ipv4(&packet, n_words, router, ours);
	icmp = packet_add(&packet, header, sizeof header);
	(void)packet_add_ipv4(&packet, n_quoted_words, ours, ipv4_echo.destination);
	(void)packet_add_echo(&packet, 8, &ipv4_echo, n_data);
	packet_set_checksum(icmp, packet.n_bytes - n_words * 4U);
	return packet;
}

static struct packet ipv6_reply(size_t n_data) {
	struct packet packet = {0};

	(void)packet_add_echo(&packet, 129, &ipv6_echo, n_data);
	return packet;
}

static struct packet ipv6_error(uint8_t type, size_t n_data) {
	const uint8_t header[8] = {type, 4, [4] = 0x00, 0x01, 0x02, 0x03}; /* MTU 66051 */
	struct packet packet = {0};

	(void)packet_add(&packet, header, sizeof header);
	(void)packet_add_ipv6(&packet, ours, ipv6_echo.destination);
	(void)packet_add_echo(&packet, 128, &ipv6_echo, n_data);
	return packet;
}

/* Parses the first @n_bytes of a packet, as if @n_packet_bytes had been on the wire. */
static int parse_some(enum family family, const struct packet *packet, size_t n_bytes,
		      size_t n_packet_bytes, struct icmp_message *ret_message) {
	uint8_t *bytes = malloc(n_bytes > 0 ? n_bytes : 1);
	int r;

	assert_non_null(bytes);
	memcpy(bytes, packet->bytes, n_bytes);
	r = (family == FAMILY_IPV4 ? icmp_parse_ipv4
				   : icmp_parse_ipv6)(bytes, n_bytes, n_packet_bytes, ret_message);
	free(bytes);
	return r;
}

static int parse(enum family family, const struct packet *packet,
		 struct icmp_message *ret_message) {
	return parse_some(family, packet, packet->n_bytes, packet->n_bytes, ret_message);
}

static void assert_is_ours(const struct icmp_message *message, size_t n_secret_bytes) {
	uint64_t expected = 0;

	memcpy(&expected, &ipv4_echo.secret, n_secret_bytes);
	assert_int_equal(message->identifier, ipv4_echo.identifier);
	assert_int_equal(message->sequence, ipv4_echo.sequence);
	assert_int_equal(message->n_secret_bytes, n_secret_bytes);
	assert_int_equal(message->secret, expected);
}

static void address_from_ipv4_is_mapped(void **state) {
	struct in6_addr address = address_from_ipv4(ipv4_echo.destination);

	assert_true(IN6_IS_ADDR_V4MAPPED(&address));
	assert_memory_equal(address.s6_addr + 12, ipv4_echo.destination, 4);
}

/* --- replies --- */

static void icmp_parse_ipv4_reply_tells_all(void **state) {
	struct in6_addr source = address_from_ipv4(ipv4_echo.destination);

	for (uint8_t n_words = 5; n_words <= 15; n_words++) {
		for (size_t n_data = 0; n_data <= 60; n_data++) {
			struct packet packet = ipv4_reply(n_words, n_data);
			struct icmp_message message;

			assert_int_equal(parse(FAMILY_IPV4, &packet, &message), 0);
			assert_false(message.is_error);
			assert_is_ours(&message, n_data < 8 ? n_data : 8);
			assert_int_equal(message.data_bytes, n_data);
			assert_int_equal(message.hop_limit, 55);
			assert_memory_equal(&message.source, &source, sizeof source);
		}
	}
}

static void icmp_parse_ipv6_reply_tells_all(void **state) {
	for (size_t n_data = 0; n_data <= 60; n_data++) {
		struct packet packet = ipv6_reply(n_data);
		struct icmp_message message;

		assert_int_equal(parse(FAMILY_IPV6, &packet, &message), 0);
		assert_false(message.is_error);
		assert_is_ours(&message, n_data < 8 ? n_data : 8);
		assert_int_equal(message.data_bytes, n_data);
	}
}

static void icmp_parse_ipv4_any_flipped_bit_is_refused(void **state) {
	struct packet packet = ipv4_reply(5, 56);
	struct icmp_message message;

	for (size_t bit = 20 * 8; bit < packet.n_bytes * 8; bit++) {
		packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(parse(FAMILY_IPV4, &packet, &message), ICMP_E_MALFORMED);
		packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(parse(FAMILY_IPV4, &packet, &message), 0);
}

static void icmp_parse_ipv4_more_than_the_buffer_takes_is_measured_by_the_wire(void **state) {
	struct packet packet = ipv4_reply(6, 100);
	struct icmp_message message;

	assert_int_equal(parse_some(FAMILY_IPV4, &packet, 24 + 8 + 20, packet.n_bytes, &message),
			 0); /* no checksum over what is not there */
	assert_is_ours(&message, 8);
	assert_int_equal(message.data_bytes, 100);
}

static void icmp_parse_ipv6_more_than_the_buffer_takes_is_measured_by_the_wire(void **state) {
	struct packet packet = ipv6_reply(100);
	struct icmp_message message;

	assert_int_equal(parse_some(FAMILY_IPV6, &packet, 28, 108, &message), 0);
	assert_is_ours(&message, 8);
	assert_int_equal(message.data_bytes, 100);
}

static void icmp_parse_ipv4_impossible_header_is_refused(void **state) {
	struct packet packet = ipv4_reply(5, 56);
	struct icmp_message message;

	for (uint8_t n_words = 0; n_words < 5; n_words++) {
		packet.bytes[0] = 0x40 | n_words;
		assert_int_equal(parse(FAMILY_IPV4, &packet, &message), ICMP_E_MALFORMED);
	}
	for (int version = 0; version < 16; version++) {
		packet.bytes[0] = (uint8_t)(version << 4 | 5);
		assert_int_equal(parse(FAMILY_IPV4, &packet, &message),
				 version == 4 ? 0 : ICMP_E_MALFORMED);
	}
}

static void icmp_parse_refused_leaves_the_message(void **state) {
	struct packet packet = ipv4_error(5, UNREACHABLE, 1, 5, 0);
	struct icmp_message message, before;

	memset(&message, 0x5a, sizeof message);
	before = message;
	(void)parse_some(FAMILY_IPV4, &packet, packet.n_bytes - 1, packet.n_bytes, &message);
	(void)parse_some(FAMILY_IPV6, &packet, 8, 8, &message);
	(void)parse_some(FAMILY_IPV6, &packet, 0, 0, &message);
	assert_memory_equal(&message, &before, sizeof before);
}

static void icmp_parse_cut_reply_is_never_ours_without_its_header(void **state) {
	for (uint8_t n_words = 5; n_words <= 15; n_words++) {
		struct packet packet = ipv4_reply(n_words, 40); /* of 17 words 5a5a the sum is 0 */
		size_t n_header = n_words * 4U;

		for (size_t n = 0; n <= packet.n_bytes; n++) {
			struct icmp_message message;
			int r = parse_some(FAMILY_IPV4, &packet, n, packet.n_bytes, &message);

			assert_int_equal(r, n < n_header + 8 ? ICMP_E_MALFORMED : 0);
			if (r == 0) {
				assert_is_ours(&message, n - n_header < 16 ? n - n_header - 8 : 8);
			}
			if (n < packet.n_bytes) { /* and cut on its way */
				r = parse_some(FAMILY_IPV4, &packet, n, n, &message);
				assert_int_equal(r, ICMP_E_MALFORMED);
			}
		}
	}
}

/* --- types --- */

static void icmp_parse_ipv4_only_replies_and_errors_are_taken(void **state) {
	for (int type = 0; type < 256; type++) {
		struct packet packet = ipv4_error(5, (uint8_t)type, 0, 5, 8);
		bool is_error = type == 3 || type == 11 || type == 12;
		struct icmp_message message;

		assert_int_equal(parse(FAMILY_IPV4, &packet, &message),
				 type == 0 || is_error ? 0 : ICMP_E_OTHER);
		assert_true((type != 0 && !is_error) || message.is_error == is_error);
	}
}

static void icmp_parse_ipv6_only_replies_and_errors_are_taken(void **state) {
	for (int type = 0; type < 256; type++) {
		struct packet packet = ipv6_error((uint8_t)type, 8);
		bool is_error = type >= 1 && type <= 4;
		struct icmp_message message;

		assert_int_equal(parse(FAMILY_IPV6, &packet, &message),
				 type == 129 || is_error ? 0 : ICMP_E_OTHER);
		assert_true((type != 129 && !is_error) || message.is_error == is_error);
	}
}

/* --- errors --- */

static void assert_is_error(const struct icmp_message *message, uint8_t type, uint8_t code) {
	assert_true(message->is_error);
	assert_int_equal(message->type, type);
	assert_int_equal(message->code, code);
}

/* Outer and quoted header of every length, cut at every byte. */
static void icmp_parse_ipv4_error_of_every_shape_is_ours_or_refused(void **state) {
	struct in6_addr probed = address_from_ipv4(ipv4_echo.destination);

	for (uint8_t n_words = 5; n_words <= 15; n_words++) {
		for (uint8_t n_quoted = 5; n_quoted <= 15; n_quoted++) {
			struct packet packet = ipv4_error(n_words, UNREACHABLE, 1, n_quoted, 20);
			size_t n_needed = n_words * 4U + 8 + n_quoted * 4U + 8;

			for (size_t n = 0; n <= packet.n_bytes; n++) {
				struct icmp_message message;
				int r = parse_some(FAMILY_IPV4, &packet, n, packet.n_bytes,
						   &message);

				assert_int_equal(r, n < n_needed ? ICMP_E_MALFORMED : 0);
				if (r == 0) {
					assert_is_error(&message, UNREACHABLE, 1);
					assert_is_ours(&message,
						       n - n_needed < 8 ? n - n_needed : 8);
					assert_memory_equal(&message.quoted_destination, &probed,
							    sizeof probed);
				}
			}
		}
	}
}

static void icmp_parse_ipv6_error_cut_anywhere_is_ours_or_refused(void **state) {
	struct packet packet = ipv6_error(1, 20);
	size_t n_needed = 8 + 40 + 8;

	for (size_t n = 0; n <= packet.n_bytes; n++) {
		struct icmp_message message;
		int r = parse_some(FAMILY_IPV6, &packet, n, packet.n_bytes, &message);

		assert_int_equal(r, n < n_needed ? ICMP_E_MALFORMED : 0);
		if (r == 0) {
			assert_is_error(&message, 1, 4);
			assert_is_ours(&message, n - n_needed < 8 ? n - n_needed : 8);
			assert_memory_equal(&message.quoted_destination, ipv6_echo.destination, 16);
		}
	}
}

/* Whoever pings with more than fits into a packet sends fragments, and errors quote the first of them. */
static void icmp_parse_ipv6_error_about_the_first_fragment_is_ours(void **state) {
	static const uint16_t offsets[] = {0x0001 /* more follow */, 0x0000, 0x0006 /* reserved */};
	struct icmp_message message;

	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		struct packet packet = ipv6_error(1, 20);
		size_t n_needed = 8 + 40 + 8 + 8;

		packet_fragment_ipv6(&packet, 8, offsets[i]);
		for (size_t n = 0; n <= packet.n_bytes; n++) {
			int r = parse_some(FAMILY_IPV6, &packet, n, packet.n_bytes, &message);

			assert_int_equal(r, n < n_needed ? ICMP_E_MALFORMED : 0);
			if (r == 0) {
				assert_is_ours(&message, n - n_needed < 8 ? n - n_needed : 8);
			}
		}
	}
}

static void icmp_parse_ipv6_error_about_a_later_fragment_is_not_ours(void **state) {
	static const uint16_t offsets[] = {0x0008, 0x0009, 0x05a8, 0xfff8};
	struct icmp_message message;

	for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		struct packet packet = ipv6_error(1, 20);

		packet_fragment_ipv6(&packet, 8, offsets[i]);
		assert_int_equal(parse(FAMILY_IPV6, &packet, &message), ICMP_E_OTHER);
	}
}

static void icmp_parse_ipv4_quoted_header_beyond_the_packet_is_refused(void **state) {
	struct icmp_message message;

	for (uint8_t n_claimed = 0; n_claimed <= 15; n_claimed++) {
		struct packet packet = ipv4_error(5, UNREACHABLE, 1, 5, 8);

		packet.bytes[28] = 0x40 | n_claimed; /* 16 bytes follow its 20 */
		packet_set_checksum(packet.bytes + 20, packet.n_bytes - 20);
		if (n_claimed < 5 || n_claimed * 4 + 8 > 36) {
			assert_int_equal(parse(FAMILY_IPV4, &packet, &message), ICMP_E_MALFORMED);
		} else {
			assert_int_not_equal(parse(FAMILY_IPV4, &packet, &message),
					     ICMP_E_MALFORMED);
		}
	}
}

static void icmp_parse_ipv4_quote_of_something_else_is_not_ours(void **state) {
	static const struct {
		size_t offset;
		uint8_t value;
		int result;
	} changes[] = {
		{28 + 9, 17, ICMP_E_OTHER},   /* UDP */
		{48, 0, ICMP_E_OTHER},        /* an echo reply */
		{28 + 6, 0x00, 0},            /* not fragmented */
		{28 + 6, 0x20, 0},            /* the first fragment */
		{28 + 6, 0x40, 0},            /* don't fragment */
		{28 + 6, 0x01, ICMP_E_OTHER}, /* later fragments */
		{28 + 7, 0x01, ICMP_E_OTHER},
		{28 + 6, 0x3f, ICMP_E_OTHER},
		{28, 0x65, ICMP_E_MALFORMED}, /* IPv6 */
	};

	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct packet packet = ipv4_error(5, UNREACHABLE, 1, 5, 8);
		struct icmp_message message;

		packet.bytes[changes[i].offset] = changes[i].value;
		packet_set_checksum(packet.bytes + 20, packet.n_bytes - 20);
		assert_int_equal(parse(FAMILY_IPV4, &packet, &message), changes[i].result);
	}
}

static void icmp_parse_ipv6_quote_of_something_else_is_not_ours(void **state) {
	static const struct {
		size_t offset;
		uint8_t value;
		int result;
	} changes[] = {
		{8 + 6, 17, ICMP_E_OTHER},   /* UDP */
		{8 + 6, 60, ICMP_E_OTHER},   /* destination options, which we do not send */
		{48, 129, ICMP_E_OTHER},     /* an echo reply */
		{8, 0x45, ICMP_E_MALFORMED}, /* IPv4 */
	};

	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		struct packet packet = ipv6_error(3, 8);
		struct icmp_message message;

		packet.bytes[changes[i].offset] = changes[i].value;
		assert_int_equal(parse(FAMILY_IPV6, &packet, &message), changes[i].result);
	}
}

static void icmp_parse_next_hop_mtu_stands_only_in_its_own_errors(void **state) {
	for (int i = 0; i < 256; i++) {
		struct packet ipv4 = ipv4_error(5, UNREACHABLE, (uint8_t)i, 5, 8);
		struct packet exceeded = ipv4_error(5, 11, (uint8_t)i, 5, 8);
		struct packet ipv6 = ipv6_error((uint8_t)(1 + i % 4), 8);
		struct icmp_message message;

		assert_int_equal(parse(FAMILY_IPV4, &ipv4, &message), 0);
		assert_int_equal(message.next_hop_mtu, i == 4 ? 1500 : 0);
		assert_int_equal(parse(FAMILY_IPV4, &exceeded, &message), 0);
		assert_int_equal(message.next_hop_mtu, 0);
		assert_int_equal(parse(FAMILY_IPV6, &ipv6, &message), 0);
		assert_int_equal(message.next_hop_mtu, i % 4 == 1 ? 0x00010203 : 0);
	}
}

/* --- our own packets, looped back with their time stamp --- */

enum { MAX_LINK_BYTES = 128 };

/* As the kernel loops a request back: behind a link layer's header of @n_link bytes. */
static struct packet looped(enum family family, size_t n_link, uint8_t n_words, size_t n_data) {
	static const uint8_t link[MAX_LINK_BYTES + 2] = {0x45, 0x45,
							 0x60, [12] = 0x08, [17] = 0x60};
	struct packet packet = {0};

	(void)packet_add(&packet, link, n_link);
	if (family == FAMILY_IPV4) {
		(void)packet_add_ipv4(&packet, n_words, ours, ipv4_echo.destination);
		(void)packet_add_echo(&packet, 8, &ipv4_echo, n_data);
	} else {
		(void)packet_add_ipv6(&packet, ours, ipv6_echo.destination);
		(void)packet_add_echo(&packet, 128, &ipv6_echo, n_data);
	}
	return packet;
}

static int parse_looped(enum family family, const struct packet *packet, size_t n_bytes) {
	uint8_t *bytes = malloc(n_bytes > 0 ? n_bytes : 1);
	uint16_t identifier = 0, sequence = 0;
	int r;

	assert_non_null(bytes);
	memcpy(bytes, packet->bytes, n_bytes);
	r = icmp_parse_looped(family, bytes, n_bytes, &identifier, &sequence);
	free(bytes);
	assert_int_equal(identifier, r == 0 ? ipv4_echo.identifier : 0);
	assert_int_equal(sequence, r == 0 ? ipv4_echo.sequence : 0);
	return r;
}

static void icmp_parse_looped_behind_any_link_finds_the_probe(void **state) {
	for (size_t n_link = 0; n_link <= MAX_LINK_BYTES + 2; n_link += 2) {
		int expected = n_link <= MAX_LINK_BYTES ? 0 : ICMP_E_OTHER;

		for (uint8_t n_words = 5; n_words <= 15; n_words++) {
			struct packet packet = looped(FAMILY_IPV4, n_link, n_words, 56);

			assert_int_equal(parse_looped(FAMILY_IPV4, &packet, packet.n_bytes),
					 expected);
		}
		struct packet packet = looped(FAMILY_IPV6, n_link, 0, 56);
		assert_int_equal(parse_looped(FAMILY_IPV6, &packet, packet.n_bytes), expected);
		packet_fragment_ipv6(&packet, n_link, 1);
		assert_int_equal(parse_looped(FAMILY_IPV6, &packet, packet.n_bytes), expected);
	}
}

static void icmp_parse_looped_cut_or_foreign_is_not_ours(void **state) {
	static const size_t links[] = {0, 14, 18, MAX_LINK_BYTES};

	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		struct packet ipv4 = looped(FAMILY_IPV4, links[i], 5, 0);
		struct packet ipv6 = looped(FAMILY_IPV6, links[i], 0, 0);

		for (size_t n = 0; n <= ipv6.n_bytes; n++) {
			if (n < ipv4.n_bytes) {
				assert_int_equal(parse_looped(FAMILY_IPV4, &ipv4, n), ICMP_E_OTHER);
			}
			assert_int_equal(parse_looped(FAMILY_IPV6, &ipv6, n),
					 n < ipv6.n_bytes ? ICMP_E_OTHER : 0);
			assert_int_equal(parse_looped(FAMILY_IPV4, &ipv6, n), ICMP_E_OTHER);
		}
	}
}

/* --- as ping sockets tell it --- */

/* What of @packet stands behind its first @n_headers bytes: ICMP, or the quote of an error from its own ICMP header on. */
static struct packet behind(const struct packet *packet, size_t n_headers) {
	struct packet rest = {.n_bytes = packet->n_bytes - n_headers};

	memcpy(rest.bytes, packet->bytes + n_headers, rest.n_bytes);
	return rest;
}

static void icmp_parse_reply_takes_echo_replies_alone(void **state) {
	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct packet packet = family == FAMILY_IPV4 ? ipv4_reply(5, 56) : ipv6_reply(56);
		struct packet reply = behind(&packet, family == FAMILY_IPV4 ? 20 : 0);
		struct icmp_message message;

		for (unsigned type = 0; type < 256; type++) {
			int expected = type == (family == FAMILY_IPV4 ? 0 : 129) ? 0 : ICMP_E_OTHER;

			reply.bytes[0] = (uint8_t)type;
			assert_int_equal(icmp_parse_reply(family, reply.bytes, reply.n_bytes, 1000,
							  &message),
					 expected);
			if (expected == 0) {
				assert_is_ours(&message, 8);
				assert_int_equal(message.data_bytes, 1000 - 8);
			}
		}
		assert_int_equal(icmp_parse_reply(family, reply.bytes, 7, 7, &message),
				 ICMP_E_MALFORMED);
	}
}

static void icmp_parse_queued_takes_errors_alone(void **state) {
	static const bool is_error[N_FAMILIES][256] = {
		{[3] = true, [11] = true, [12] = true},
		{[1] = true, [2] = true, [3] = true, [4] = true},
	};
	const struct packet packets[N_FAMILIES] = {ipv4_error(5, 3, 4, 5, 56), ipv6_error(2, 56)};

	for (enum family family = 0; family < N_FAMILIES; family++) {
		struct packet quote = behind(&packets[family], 48); /* both */
		uint8_t mtu_type = family == FAMILY_IPV4 ? 3 : 2;
		struct icmp_message message;

		for (unsigned type = 0; type < 256; type++) {
			bool expected = is_error[family][type];
			int r = icmp_parse_queued(family, (uint8_t)type, 4, 1280, quote.bytes,
						  quote.n_bytes, &message);

			assert_int_equal(r, expected ? 0 : ICMP_E_OTHER);
			if (expected) {
				assert_true(message.is_error);
				assert_int_equal(message.type, type);
				assert_int_equal(message.code, 4);
				assert_int_equal(message.next_hop_mtu, type == mtu_type ? 1280 : 0);
				assert_is_ours(&message, 8);
			}
		}
	}
}

static void icmp_parse_queued_cut_quote_has_less_of_the_secret(void **state) {
	struct packet packet = ipv4_error(5, 3, 1, 5, 56), quote = behind(&packet, 48);
	struct icmp_message message;

	for (size_t n = 0; n < 20; n++) {
		int r = icmp_parse_queued(FAMILY_IPV4, 3, 1, 0, quote.bytes, n, &message);

		assert_int_equal(r, n < 8 ? ICMP_E_MALFORMED : 0);
		if (r == 0) {
			assert_int_equal(message.n_secret_bytes, n < 16 ? n - 8 : 8);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_from_ipv4_is_mapped),
		cmocka_unit_test(icmp_parse_ipv4_reply_tells_all),
		cmocka_unit_test(icmp_parse_ipv6_reply_tells_all),
		cmocka_unit_test(icmp_parse_ipv4_any_flipped_bit_is_refused),
		cmocka_unit_test(
			icmp_parse_ipv4_more_than_the_buffer_takes_is_measured_by_the_wire),
		cmocka_unit_test(
			icmp_parse_ipv6_more_than_the_buffer_takes_is_measured_by_the_wire),
		cmocka_unit_test(icmp_parse_ipv4_impossible_header_is_refused),
		cmocka_unit_test(icmp_parse_refused_leaves_the_message),
		cmocka_unit_test(icmp_parse_cut_reply_is_never_ours_without_its_header),
		cmocka_unit_test(icmp_parse_ipv4_only_replies_and_errors_are_taken),
		cmocka_unit_test(icmp_parse_ipv6_only_replies_and_errors_are_taken),
		cmocka_unit_test(icmp_parse_ipv4_error_of_every_shape_is_ours_or_refused),
		cmocka_unit_test(icmp_parse_ipv6_error_cut_anywhere_is_ours_or_refused),
		cmocka_unit_test(icmp_parse_ipv4_quoted_header_beyond_the_packet_is_refused),
		cmocka_unit_test(icmp_parse_ipv4_quote_of_something_else_is_not_ours),
		cmocka_unit_test(icmp_parse_ipv6_quote_of_something_else_is_not_ours),
		cmocka_unit_test(icmp_parse_ipv6_error_about_the_first_fragment_is_ours),
		cmocka_unit_test(icmp_parse_ipv6_error_about_a_later_fragment_is_not_ours),
		cmocka_unit_test(icmp_parse_next_hop_mtu_stands_only_in_its_own_errors),
		cmocka_unit_test(icmp_parse_looped_behind_any_link_finds_the_probe),
		cmocka_unit_test(icmp_parse_looped_cut_or_foreign_is_not_ours),
		cmocka_unit_test(icmp_parse_reply_takes_echo_replies_alone),
		cmocka_unit_test(icmp_parse_queued_takes_errors_alone),
		cmocka_unit_test(icmp_parse_queued_cut_quote_has_less_of_the_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
