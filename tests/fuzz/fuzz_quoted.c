/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The packet that an ICMP error quotes, and the same bytes as the kernel loops a request of ours back. What may be read from them is
 * said once more here, in a plainer way. The first byte of the input says which family's and which error, the second where a request
 * of our own is cut off before it is quoted; the rest is the quote. */

#include <string.h>

#include "helper/icmp.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_HEADER_BYTES = 2, IPV4_BYTES = 20, IPV6_BYTES = 40, MAX_LINK_BYTES = 128 };

struct quote {
	enum family family;
	uint8_t type, code;
	const uint8_t *bytes;
	size_t n_bytes;
};

/* What is expected of a quote: whether it is whole, whether it quotes an echo request, and where its ICMP header begins. */
struct expected {
	bool is_whole, is_ours;
	size_t icmp, destination, n_destination;
};

static struct expected expect_ipv4(const uint8_t *bytes, size_t n_bytes) {
	struct expected expected = {.destination = 16, .n_destination = 4};

	if (n_bytes >= IPV4_BYTES && bytes[0] >= 0x45 && bytes[0] <= 0x4f) {
		expected.icmp = 4 * (size_t)(bytes[0] - 0x40);
		expected.is_whole = n_bytes >= expected.icmp + ICMP_HEADER_BYTES;
	}
	expected.is_ours = expected.is_whole && bytes[9] == 1 && bytes[7] == 0 &&
			   bytes[6] % 32 == 0 && bytes[expected.icmp] == 8;
	return expected;
}

static struct expected expect_ipv6(const uint8_t *bytes, size_t n_bytes) {
	struct expected expected = {.icmp = IPV6_BYTES, .destination = 24, .n_destination = 16};

	expected.is_whole = n_bytes >= IPV6_BYTES + ICMP_HEADER_BYTES && bytes[0] / 16 == 6;
	if (expected.is_whole && bytes[6] == 44 && bytes[42] == 0 &&
	    bytes[43] < 8) { /* a first fragment */
		expected.icmp += 8;
		expected.is_whole = n_bytes >= expected.icmp + ICMP_HEADER_BYTES;
		expected.is_ours = expected.is_whole && bytes[40] == 58 && bytes[48] == 128;
		return expected;
	}
	expected.is_ours = expected.is_whole && bytes[6] == 58 && bytes[IPV6_BYTES] == 128;
	return expected;
}

static struct expected expect(enum family family, const uint8_t *bytes, size_t n_bytes) {
	return family == FAMILY_IPV4 ? expect_ipv4(bytes, n_bytes) : expect_ipv6(bytes, n_bytes);
}

/* An ICMP error as it arrives, in memory of its exact size: to be freed. */
static uint8_t *error_around(const struct quote *quote, size_t *ret_n_bytes) {
	size_t n_outer = quote->family == FAMILY_IPV4 ? IPV4_BYTES : 0;
	size_t n_icmp = ICMP_HEADER_BYTES + quote->n_bytes;
	uint8_t *bytes = calloc(1, n_outer + n_icmp), *icmp = bytes + n_outer;
	uint16_t checksum;

	FUZZ_CHECK(bytes != NULL);
	if (n_outer > 0) {
		bytes[0] = 0x45;
	}
	icmp[0] = quote->type;
	icmp[1] = quote->code;
	memcpy(icmp + ICMP_HEADER_BYTES, quote->bytes, quote->n_bytes);
	checksum = icmp_checksum(icmp, n_icmp);
	memcpy(icmp + 2, &checksum, 2);
	*ret_n_bytes = n_outer + n_icmp;
	return bytes;
}

static int parse_error(const struct quote *quote, struct icmp_message *ret_message) {
	size_t n_bytes;
	uint8_t *bytes = error_around(quote, &n_bytes);
	int r = (quote->family == FAMILY_IPV4 ? icmp_parse_ipv4 : icmp_parse_ipv6)(
		bytes, n_bytes, n_bytes, ret_message);

	free(bytes);
	return r;
}

static void check_quote(const struct quote *quote) {
	struct expected expected = expect(quote->family, quote->bytes, quote->n_bytes);
	const uint8_t *icmp = quote->bytes + expected.icmp;
	uint64_t secret = 0;
	size_t n_secret;
	struct icmp_message message;
	int r = parse_error(quote, &message);

	FUZZ_CHECK(r == (expected.is_ours    ? 0
			 : expected.is_whole ? ICMP_E_OTHER
					     : ICMP_E_MALFORMED));
	if (r != 0) {
		return;
	}

	n_secret = quote->n_bytes - expected.icmp - ICMP_HEADER_BYTES;
	n_secret = n_secret < ICMP_SECRET_BYTES ? n_secret : ICMP_SECRET_BYTES;
	memcpy(&secret, icmp + ICMP_HEADER_BYTES, n_secret);
	FUZZ_CHECK(message.is_error && message.type == quote->type && message.code == quote->code);
	FUZZ_CHECK(message.identifier == icmp[4] * 256 + icmp[5]);
	FUZZ_CHECK(message.sequence == icmp[6] * 256 + icmp[7]);
	FUZZ_CHECK(message.n_secret_bytes == n_secret && message.secret == secret);
	FUZZ_CHECK(memcmp(message.quoted_destination.s6_addr + 16 - expected.n_destination,
			  quote->bytes + expected.destination, expected.n_destination) == 0);
	FUZZ_CHECK(IN6_IS_ADDR_V4MAPPED(&message.quoted_destination) ||
		   quote->family == FAMILY_IPV6);
}

/* The first of the places where what comes before a packet may end decides. */
static void check_looped(const struct quote *quote) {
	uint16_t identifier = 0, sequence = 0;
	int r = icmp_parse_looped(quote->family, quote->bytes, quote->n_bytes, &identifier,
				  &sequence);

	for (size_t i = 0; i <= MAX_LINK_BYTES && i <= quote->n_bytes; i += 2) {
		const uint8_t *ip = quote->bytes + i;
		struct expected expected = expect(quote->family, ip, quote->n_bytes - i);

		if (expected.is_ours) {
			const uint8_t *icmp = ip + expected.icmp;

			FUZZ_CHECK(r == 0 && identifier == icmp[4] * 256 + icmp[5] &&
				   sequence == icmp[6] * 256 + icmp[7]);
			return;
		}
	}
	FUZZ_CHECK(r == ICMP_E_OTHER);
}

/* The same bytes as a ping socket is told of them: from the ICMP header on, and type, code and MTU apart. */
static void check_queued(const struct quote *quote, uint8_t type, uint32_t info) {
	bool is_ipv4 = quote->family == FAMILY_IPV4;
	bool is_error = is_ipv4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
	bool has_mtu = is_ipv4 ? type == 3 && quote->code == 4 : type == 2;
	struct icmp_message message;
	int r = icmp_parse_queued(quote->family, type, quote->code, info, quote->bytes,
				  quote->n_bytes, &message);

	FUZZ_CHECK(r == (!is_error                            ? ICMP_E_OTHER
			 : quote->n_bytes < ICMP_HEADER_BYTES ? ICMP_E_MALFORMED
							      : 0));
	if (r == 0) {
		FUZZ_CHECK(message.is_error && message.type == type && message.code == quote->code);
		FUZZ_CHECK(message.next_hop_mtu == (has_mtu ? info : 0));
		FUZZ_CHECK(message.identifier == quote->bytes[4] * 256 + quote->bytes[5]);
		FUZZ_CHECK(message.n_secret_bytes <= quote->n_bytes - ICMP_HEADER_BYTES);
	}
}

/* --- a request of our own --- */

struct request {
	uint64_t secret;
	uint16_t identifier, sequence;
	uint8_t size_bytes, n_options, n_link;
};

static struct request read_request(const struct quote *quote) {
	struct request request = {0};
	size_t n = quote->n_bytes < sizeof request ? quote->n_bytes : sizeof request;

	memcpy(&request, quote->bytes, n);
	request.n_options = quote->family == FAMILY_IPV4 ? request.n_options % 11 : 0;
	request.n_link = request.n_link % (MAX_LINK_BYTES / 2 + 1) * 2;
	return request;
}

/* Writes a link layer's header of @request->n_link zeros and the packet with the request; returns how many bytes they are. */
static size_t write_own(enum family family, const struct request *request,
			uint8_t bytes[MAX_LINK_BYTES + 60 + ICMP_HEADER_BYTES + UINT8_MAX]) {
	static struct echo_template template;
	size_t n_header = family == FAMILY_IPV4 ? IPV4_BYTES + 4U * request->n_options : IPV6_BYTES;
	uint8_t *ip = bytes + request->n_link;

	if (template.random_state == 0) {
		echo_template_init(&template, 1);
	}
	echo_template_pack(&template, family, request->identifier, request->sequence,
			   request->secret, request->size_bytes, 0);
	ip[0] = family == FAMILY_IPV4 ? (uint8_t)(0x45 + request->n_options) : 0x60;
	ip[family == FAMILY_IPV4 ? 9 : 6] = family == FAMILY_IPV4 ? 1 : 58;
	memcpy(ip + n_header, template.bytes, ICMP_HEADER_BYTES + request->size_bytes);
	return request->n_link + n_header + ICMP_HEADER_BYTES + request->size_bytes;
}

/* However short a quote of it is, it says nothing else than what was sent. */
static void check_own(const struct quote *quote, uint8_t cut) {
	uint8_t bytes[MAX_LINK_BYTES + 60 + ICMP_HEADER_BYTES + UINT8_MAX] = {0};
	struct request request = read_request(quote);
	size_t n_bytes = write_own(quote->family, &request, bytes);
	struct quote own = {.family = quote->family, .type = quote->type, .code = quote->code};
	struct icmp_message message;
	uint16_t identifier = 0, sequence = 0;

	FUZZ_CHECK(icmp_parse_looped(own.family, bytes, n_bytes, &identifier, &sequence) == 0);
	FUZZ_CHECK(identifier == request.identifier && sequence == request.sequence);

	own.bytes = bytes + request.n_link;
	own.n_bytes = n_bytes - request.n_link;
	own.n_bytes -= cut < own.n_bytes ? cut : own.n_bytes;
	check_quote(&own);
	if (parse_error(&own, &message) == 0) {
		FUZZ_CHECK(message.identifier == request.identifier);
		FUZZ_CHECK(message.sequence == request.sequence);
		FUZZ_CHECK(memcmp(&message.secret, &request.secret, message.n_secret_bytes) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes) {
	static const uint8_t types[N_FAMILIES][4] = {{3, 11, 12, 3}, {1, 2, 3, 4}};
	struct quote quote;

	if (n_bytes < INPUT_HEADER_BYTES) {
		return 0;
	}

	quote.family = bytes[0] & 1 ? FAMILY_IPV6 : FAMILY_IPV4;
	quote.type = types[quote.family][bytes[0] >> 1 & 3];
	quote.code = bytes[0] >> 3;
	quote.bytes = bytes + INPUT_HEADER_BYTES;
	quote.n_bytes = n_bytes - INPUT_HEADER_BYTES;
	check_quote(&quote);
	check_looped(&quote);
	check_queued(&quote, quote.type, bytes[1]);
	check_queued(&quote, bytes[1], n_bytes % 2 == 0 ? UINT32_MAX : 0);
	check_own(&quote, bytes[1]);
	return 0;
}
