/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives at the raw sockets is any stranger's. The bytes are a packet, and once more the same packet with the right checksum: else
 * hardly an input would get past that. Its first bytes are also what a request of ours is made of, whose answer must tell them
 * again. */
#include "tests/fuzz/icmp_input.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_HEADER_BYTES = 2, MAX_OWN_BYTES = 100 };

struct input {
	enum family family;
	const uint8_t *bytes;
	size_t n_bytes, n_packet_bytes;
};

/* How far the ICMP header is from the packet's start, and how long the least quote's IP header is. */
static size_t outer_bytes(const struct input *input) {
	return input->family == FAMILY_IPV4 ? (size_t)(input->bytes[0] & 15) * 4 : 0;
}

static size_t least_quoted_bytes(const struct input *input) {
	return input->family == FAMILY_IPV4 ? 20 : 40;
}

static int parse(const struct input *input, struct icmp_message *ret_message) {
	return (input->family == FAMILY_IPV4 ? icmp_parse_ipv4 : icmp_parse_ipv6)(
		input->bytes, input->n_bytes, input->n_packet_bytes, ret_message);
}

static void check_error(const struct input *input, const struct icmp_message *message) {
	bool is_ipv4 = input->family == FAMILY_IPV4;

	FUZZ_CHECK(input->n_bytes >= outer_bytes(input) + ICMP_HEADER_BYTES +
					     least_quoted_bytes(input) + ICMP_HEADER_BYTES +
					     message->n_secret_bytes);
	FUZZ_CHECK(IN6_IS_ADDR_V4MAPPED(&message->quoted_destination) || !is_ipv4);
	FUZZ_CHECK(is_ipv4 ? message->type == 3 || message->type == 11 || message->type == 12
			   : message->type >= 1 && message->type <= 4);
	FUZZ_CHECK(message->next_hop_mtu == 0 ||
		   (is_ipv4 ? message->type == 3 && message->code == 4 : message->type == 2));
}

static void check_reply(const struct input *input, const struct icmp_message *message) {
	const uint8_t *icmp = input->bytes + outer_bytes(input);

	FUZZ_CHECK(icmp[0] == (input->family == FAMILY_IPV4 ? 0 : 129));
	FUZZ_CHECK(message->data_bytes ==
		   input->n_packet_bytes - outer_bytes(input) - ICMP_HEADER_BYTES);
	FUZZ_CHECK(message->n_secret_bytes <= message->data_bytes);
	FUZZ_CHECK(message->identifier == (icmp[4] << 8 | icmp[5]));
	FUZZ_CHECK(message->sequence == (icmp[6] << 8 | icmp[7]));
}

/* Parses; nothing may be told that is not in the packet. */
static void check_parse(const struct input *input) {
	struct icmp_message message;
	uint64_t secret = 0;
	int r = parse(input, &message);

	FUZZ_CHECK(r == 0 || r == ICMP_E_MALFORMED || r == ICMP_E_OTHER);
	if (r != 0) {
		return;
	}

	FUZZ_CHECK(input->n_bytes >= outer_bytes(input) + ICMP_HEADER_BYTES);
	FUZZ_CHECK(message.n_secret_bytes <= ICMP_SECRET_BYTES);
	memcpy(&secret, &message.secret, message.n_secret_bytes);
	FUZZ_CHECK(message.secret == secret); /* the bytes that were not there are 0 */
	if (input->family == FAMILY_IPV4) {
		FUZZ_CHECK(memcmp(message.source.s6_addr + 12, input->bytes + 12, 4) == 0);
		FUZZ_CHECK(message.hop_limit == input->bytes[8]);
	}
	(message.is_error ? check_error : check_reply)(input, &message);
}

static void check_parse_with_checksum(const struct input *input) {
	size_t n_outer = outer_bytes(input);
	struct input right = *input;
	uint8_t *copy;
	uint16_t checksum;

	if (input->n_bytes < n_outer + ICMP_HEADER_BYTES) {
		return;
	}

	copy = malloc(input->n_bytes);
	FUZZ_CHECK(copy != NULL);
	memcpy(copy, input->bytes, input->n_bytes);
	memset(copy + n_outer + 2, 0, 2);
	checksum = icmp_checksum(copy + n_outer, input->n_bytes - n_outer);
	memcpy(copy + n_outer + 2, &checksum, 2);
	right.bytes = copy;
	right.n_packet_bytes = right.n_bytes;
	check_parse(&right);
	free(copy);
}

/* As a ping socket gives it: the kernel has looked at the checksum, and taken the IP header away. */
static void check_ping_reply(const struct input *input) {
	struct icmp_message message;
	size_t n_secret = input->n_bytes - ICMP_HEADER_BYTES;
	int r = icmp_parse_reply(input->family, input->bytes, input->n_bytes, input->n_packet_bytes,
				 &message);

	FUZZ_CHECK((r == ICMP_E_MALFORMED) == (input->n_bytes < ICMP_HEADER_BYTES));
	if (r == 0) {
		FUZZ_CHECK(input->bytes[0] == (input->family == FAMILY_IPV4 ? 0 : 129));
		FUZZ_CHECK(!message.is_error);
		FUZZ_CHECK(message.n_secret_bytes ==
			   (n_secret < ICMP_SECRET_BYTES ? n_secret : ICMP_SECRET_BYTES));
		FUZZ_CHECK(message.data_bytes == input->n_packet_bytes - ICMP_HEADER_BYTES);
	}
}

/* --- our own packets --- */

struct request {
	uint16_t identifier, sequence, size_bytes;
	int16_t pattern;
	uint64_t secret;
};

/* The packed request as the answer to it, which differs by its type alone. */
static void check_own_reply(const struct echo_template *template, enum family family,
			    const struct request *request) {
	size_t n_header = family == FAMILY_IPV4 ? 20 : 0;
	size_t n_icmp = ICMP_HEADER_BYTES + request->size_bytes;
	uint8_t *bytes = calloc(1, n_header + n_icmp), *icmp = bytes + n_header;
	struct input input = {family, bytes, n_header + n_icmp, n_header + n_icmp};
	struct icmp_message message;
	uint16_t checksum;

	FUZZ_CHECK(bytes != NULL);
	bytes[0] = family == FAMILY_IPV4 ? 0x45 : 0;
	memcpy(icmp, template->bytes, n_icmp);
	FUZZ_CHECK(family == FAMILY_IPV6 || icmp_checksum(icmp, n_icmp) == 0);
	icmp[0] = family == FAMILY_IPV4 ? 0 : 129;
	icmp[2] = icmp[3] = 0;
	checksum = icmp_checksum(icmp, n_icmp);
	memcpy(icmp + 2, &checksum, 2);
	FUZZ_CHECK(parse(&input, &message) == 0 && !message.is_error);
	FUZZ_CHECK(message.identifier == request->identifier);
	FUZZ_CHECK(message.sequence == request->sequence);
	FUZZ_CHECK(message.data_bytes == request->size_bytes);
	FUZZ_CHECK(memcmp(&message.secret, &request->secret, message.n_secret_bytes) == 0);
	FUZZ_CHECK(message.n_secret_bytes == (request->size_bytes < ICMP_SECRET_BYTES
						      ? request->size_bytes
						      : ICMP_SECRET_BYTES));
	free(bytes);
}

static void check_own(const struct input *input) {
	static struct echo_template template;
	struct request request;

	if (input->n_bytes < sizeof request) {
		return;
	}

	memcpy(&request, input->bytes, sizeof request);
	request.size_bytes %= MAX_OWN_BYTES;
	request.pattern = (int16_t)((request.pattern & 511) % 257 - 1);
	echo_template_init(&template, request.secret | 1);
	for (int i = 0; i < 2; i++) { /* filled, and as it was */
		echo_template_pack(&template, input->family, request.identifier, request.sequence,
				   request.secret, request.size_bytes, request.pattern);
		check_own_reply(&template, input->family, &request);
	}
}

int icmp_input_check(enum family family, const uint8_t *bytes, size_t n_bytes) {
	struct input input = {.family = family};

	if (n_bytes <= INPUT_HEADER_BYTES) {
		return 0;
	}

	input.bytes = bytes + INPUT_HEADER_BYTES;
	input.n_bytes = n_bytes - INPUT_HEADER_BYTES;
	input.n_packet_bytes = input.n_bytes + (size_t)(bytes[0] << 8 | bytes[1]);
	check_parse(&input);
	check_parse_with_checksum(&input);
	check_ping_reply(&input);
	check_own(&input);
	return 0;
}
