/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The half of icmp.c that makes packets; test_icmp.c has the half that reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "helper/icmp.h"
#include "tests/unit/packets.h"

enum { IDENTIFIER = 0x1234, SEQUENCE = 0xfedc };

static const uint64_t secret = 0x8877665544332211;

static void pack(struct echo_template *template, enum family family, size_t n_data, int pattern) {
	echo_template_pack(template, family, IDENTIFIER, SEQUENCE, secret, n_data, pattern);
}

static struct echo_template *template_new(void) {
	struct echo_template *template = malloc(sizeof *template);

	assert_non_null(template);
	echo_template_init(template, 1);
	return template;
}

static void icmp_pack_every_size_and_pattern_has_its_checksum(void **state) {
	static const int patterns[] = {0, 0xa5, 0xff, -1};
	struct echo_template *template = template_new();

	for (size_t n = 0; n <= 100; n++) {
		for (int i = 0; i < 12; i++) { /* each three times: filled, and as it was */
			pack(template, FAMILY_IPV4, n, patterns[i / 3]);
			assert_int_equal(packet_checksum(template->bytes, 8 + n), 0);
		}
	}
	free(template);
}

static void icmp_pack_random_values_have_their_checksum(void **state) {
	struct echo_template *template = template_new();

	srandom(1);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)random() % 1500;

		echo_template_pack(template, FAMILY_IPV4, (uint16_t)random(), (uint16_t)random(),
				   (uint64_t)random() * (uint64_t)random(), n,
				   (int)(random() % 257) - 1);
		assert_int_equal(packet_checksum(template->bytes, 8 + n), 0);
	}
	free(template);
}

static void icmp_pack_fields_stand_where_they_belong(void **state) {
	struct echo_template *template = template_new();
	const uint8_t *bytes = template->bytes;

	pack(template, FAMILY_IPV4, 20, 0xa5);
	assert_int_equal(bytes[0], 8);
	assert_int_equal(bytes[1], 0);
	assert_int_equal(bytes[4] << 8 | bytes[5], IDENTIFIER);
	assert_int_equal(bytes[6] << 8 | bytes[7], SEQUENCE);
	assert_memory_equal(bytes + 8, &secret, 8);
	for (int i = 16; i < 28; i++) {
		assert_int_equal(bytes[i], 0xa5);
	}
	pack(template, FAMILY_IPV6, 20, 0xa5);
	assert_int_equal(bytes[0], 128);
	assert_int_equal(bytes[2] | bytes[3], 0); /* the kernel's to fill in */
	free(template);
}

static void icmp_pack_size_and_pattern_changed_back_are_right(void **state) {
	static const size_t sizes[] = {100, 3, 100, 0, 65507, 8, 9, 65507};
	struct echo_template *template = template_new();

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		pack(template, FAMILY_IPV4, sizes[i], 0x11);
		pack(template, FAMILY_IPV4, sizes[i], i % 2 ? 0x22 : 0x11);
		assert_int_equal(packet_checksum(template->bytes, 8 + sizes[i]), 0);
		for (size_t at = 16; at < 8 + sizes[i]; at++) {
			assert_int_equal(template->bytes[at], i % 2 ? 0x22 : 0x11);
		}
	}
	free(template);
}

static void icmp_pack_random_pattern_differs_from_packet_to_packet(void **state) {
	struct echo_template *template = template_new();
	uint8_t first[92];

	pack(template, FAMILY_IPV4, 100, -1);
	memcpy(first, template->bytes + 16, sizeof first);
	pack(template, FAMILY_IPV4, 100, -1);
	assert_memory_not_equal(first, template->bytes + 16, sizeof first);
	assert_memory_not_equal(first, first + 40, 40);
	free(template);
}

static void icmp_pack_answered_is_parsed_as_ours(void **state) {
	struct echo_template *template = template_new();
	static const uint8_t target[4] = {192, 0, 2, 7};

	for (size_t n = 0; n <= 64; n++) {
		struct packet packet = {0};
		struct icmp_message message;
		uint8_t *icmp;

		pack(template, FAMILY_IPV4, n, -1);
		(void)packet_add_ipv4(&packet, 5, target, target);
		icmp = packet_add(&packet, template->bytes, 8 + n);
		icmp[0] = 0; /* the reply differs by its type alone */
		packet_set_checksum(icmp, 8 + n);
		assert_int_equal(
			icmp_parse_ipv4(packet.bytes, packet.n_bytes, packet.n_bytes, &message), 0);
		assert_int_equal(message.identifier, IDENTIFIER);
		assert_int_equal(message.sequence, SEQUENCE);
		assert_int_equal(message.n_secret_bytes, n < 8 ? n : 8);
		assert_memory_equal(&message.secret, &secret, message.n_secret_bytes);
		assert_int_equal(message.data_bytes, n);
	}
	free(template);
}

static void icmp_checksum_of_the_rfcs_example_is_right(void **state) {
	static const uint8_t bytes[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const uint8_t sum[] = {0x22, 0x0d}; /* RFC 1071, 3: the sum is ddf2 */
	uint16_t checksum = icmp_checksum(bytes, sizeof bytes);

	assert_memory_equal(&checksum, sum, 2);
}

static void icmp_checksum_every_length_and_place_agrees(void **state) {
	uint8_t bytes[80];

	srandom(1);
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] = (uint8_t)(i < 40 ? 0xff : random()); /* carries */
	}
	for (size_t offset = 0; offset < 4; offset++) {
		for (size_t n = 0; n <= 76; n++) {
			uint16_t plain = packet_checksum(bytes + offset, n);
			const uint8_t expected[] = {(uint8_t)(plain >> 8), (uint8_t)plain};
			uint16_t checksum = icmp_checksum(bytes + offset, n);

			assert_memory_equal(&checksum, expected, 2);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(icmp_pack_every_size_and_pattern_has_its_checksum),
		cmocka_unit_test(icmp_pack_random_values_have_their_checksum),
		cmocka_unit_test(icmp_pack_fields_stand_where_they_belong),
		cmocka_unit_test(icmp_pack_size_and_pattern_changed_back_are_right),
		cmocka_unit_test(icmp_pack_random_pattern_differs_from_packet_to_packet),
		cmocka_unit_test(icmp_pack_answered_is_parsed_as_ours),
		cmocka_unit_test(icmp_checksum_of_the_rfcs_example_is_right),
		cmocka_unit_test(icmp_checksum_every_length_and_place_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
