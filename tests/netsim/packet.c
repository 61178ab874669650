/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* An answer is built in the order in which the network would do it: the request as somebody altered it; the body that holds or quotes
 * it; the IP header; what happens to it on the way. Lengths and checksums are those of what is left after the cut, so that it passes
 * the kernel's own checks and reaches the helper; only "damage" comes after them. */
#include "tests/netsim/packet.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "tests/netsim/bytes.h"

enum {
	ECHO_HEADER_BYTES = 8,
	EXTENSION_BYTES = 8, /* of each IPv6 extension header here */
	EXTENDED_QUOTE_BYTES =
		128, /* what stands before ICMP extensions at least (RFC 4884, 4.5) */
	OPTION_NOP = 1,
};

/* Puts 4 or 16 bytes. */
static void put_address(uint8_t *bytes, const struct in6_addr *address) {
	if (IN6_IS_ADDR_V4MAPPED(address)) {
		memcpy(bytes, address->s6_addr + 12, 4);
	} else {
		memcpy(bytes, address, 16);
	}
}

/* --- requests --- */

static struct in6_addr mapped(const uint8_t ipv4[4]) {
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(address.s6_addr + 12, ipv4, 4);
	return address;
}

static bool request_parse_ipv4(const uint8_t *bytes, size_t n_bytes, struct request *request) {
	request->n_header = (size_t)(bytes[0] & 15) * 4;
	request->source = mapped(bytes + 12);
	request->destination = mapped(bytes + 16);
	return bytes[9] == IPPROTO_ICMP && (get16(bytes + 6) & 0x3fff) == 0 && /* no fragment */
	       n_bytes >= request->n_header + ECHO_HEADER_BYTES &&
	       bytes[request->n_header] == ICMP_ECHO;
}

static bool request_parse_ipv6(const uint8_t *bytes, size_t n_bytes, struct request *request) {
	request->is_ipv6 = true;
	request->n_header = IPV6_HEADER_BYTES;
	if (n_bytes < IPV6_HEADER_BYTES + ECHO_HEADER_BYTES) {
		return false;
	}
	memcpy(&request->source, bytes + 8, 16);
	memcpy(&request->destination, bytes + 24, 16);
	return bytes[6] == IPPROTO_ICMPV6 && bytes[IPV6_HEADER_BYTES] == ICMP6_ECHO_REQUEST;
}

bool request_parse(const uint8_t *bytes, size_t n_bytes, struct request *ret_request) {
	struct request request = {.n_bytes = n_bytes, .bytes = bytes};
	bool is_request = n_bytes >= IPV4_HEADER_BYTES &&
			  (bytes[0] >> 4 == 4   ? request_parse_ipv4(bytes, n_bytes, &request)
			   : bytes[0] >> 4 == 6 ? request_parse_ipv6(bytes, n_bytes, &request)
						: false);

	if (is_request) {
		*ret_request = request;
	}
	return is_request;
}

uint16_t request_identifier(const struct request *request) {
	return get16(request->bytes + request->n_header + 4);
}

uint16_t request_sequence(const struct request *request) {
	return get16(request->bytes + request->n_header + 6);
}

/* --- bodies --- */

static void add(struct packet *packet, const void *bytes, size_t n_bytes) {
	memcpy(packet->bytes + packet->n_bytes, bytes, n_bytes);
	packet->n_bytes += n_bytes;
}

/* Adds the request's echo message with what is to be different in it; of no more than @n_bytes. */
static void add_echo(struct packet *packet, const struct request *request,
		     const struct values *values, size_t n_bytes) {
	uint8_t *echo = packet->bytes + packet->n_bytes;
	size_t n_echo = request->n_bytes - request->n_header;
	size_t from = ECHO_HEADER_BYTES + (size_t)values->of[FIELD_PAYLOAD_FROM];

	memcpy(echo, request->bytes + request->n_header, n_echo);
	if (values->has[FIELD_IDENTIFIER]) {
		put16(echo + 4, (uint64_t)values->of[FIELD_IDENTIFIER]);
	}
	if (values->has[FIELD_SEQUENCE]) {
		put16(echo + 6, (uint64_t)values->of[FIELD_SEQUENCE]);
	}
	for (size_t i = from; values->has[FIELD_PAYLOAD] && i < n_echo; i += 8) {
		memcpy(echo + i, &values->of[FIELD_PAYLOAD], n_echo - i < 8 ? n_echo - i : 8);
	}
	packet->n_bytes += n_echo < n_bytes ? n_echo : n_bytes;
}

static void add_reply(struct packet *packet, const struct request *request,
		      const struct values *values) {
	uint8_t *reply = packet->bytes + packet->n_bytes;
	size_t n_request = request->n_bytes - request->n_header, n_reply = n_request;

	if (values->has[FIELD_SIZE]) {
		n_reply = ECHO_HEADER_BYTES + (size_t)values->of[FIELD_SIZE];
	}
	add_echo(packet, request, values, n_reply);
	if (n_reply > n_request) {
		memset(reply + n_request, 0, n_reply - n_request);
		packet->n_bytes += n_reply - n_request;
	}
	reply[0] = request->is_ipv6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
}

/* Adds so many destination options headers, which hold nothing, behind the IPv6 header at @header, and before what it said followed. */
static void add_extensions(struct packet *packet, uint8_t *header, int64_t n_headers) {
	uint8_t extension[EXTENSION_BYTES] = {IPPROTO_DSTOPTS, 0, 1, 4}; /* PadN of 4 bytes */

	if (n_headers > 0) {
		uint8_t next = header[6];

		header[6] = IPPROTO_DSTOPTS;
		for (int64_t i = 1; i <= n_headers; i++) {
			extension[0] = i < n_headers ? IPPROTO_DSTOPTS : next;
			add(packet, extension, sizeof extension);
		}
	}
}

/* The header as it was sent; of IPv4 with as many words as is asked for, no-operations for those behind the fifth. */
static void add_quoted_header(struct packet *packet, const struct request *request,
			      const struct answer *answer, const struct values *values) {
	uint8_t *header = packet->bytes + packet->n_bytes;
	size_t n_words = (size_t)values->of[FIELD_QUOTED_WORDS];

	add(packet, request->bytes, request->n_header);
	if (answer->has_address[ROLE_ABOUT]) {
		put_address(header + (request->is_ipv6 ? 24 : 16), &answer->addresses[ROLE_ABOUT]);
	}
	if (answer->has_address[ROLE_BY]) {
		put_address(header + (request->is_ipv6 ? 8 : 12), &answer->addresses[ROLE_BY]);
	}
	if (request->is_ipv6) {
		add_extensions(packet, header, values->of[FIELD_QUOTED_EXTENSIONS]);
		return;
	}
	if (!values->has[FIELD_QUOTED_WORDS]) {
		return;
	}
	header[0] = (uint8_t)(0x40 | n_words);
	if (n_words > request->n_header / 4) {
		size_t n_options = n_words * 4 - request->n_header;

		memset(packet->bytes + packet->n_bytes, OPTION_NOP, n_options);
		packet->n_bytes += n_options;
	}
}

/* Adds one extension object (RFC 4884, 7): a label of MPLS, with the length that it is to claim. @icmp: where the error begins. */
static void add_object(struct packet *packet, uint8_t *icmp, bool is_ipv6, int64_t n_claimed) {
	uint8_t extension[] = {0x20, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 64};
	uint8_t *quote = icmp + ECHO_HEADER_BYTES, *end = packet->bytes + packet->n_bytes;

	if (end < quote + EXTENDED_QUOTE_BYTES) {
		memset(end, 0, (size_t)(quote + EXTENDED_QUOTE_BYTES - end));
	}
	packet->n_bytes = (size_t)(quote + EXTENDED_QUOTE_BYTES - packet->bytes);
	icmp[is_ipv6 ? 4 : 5] = EXTENDED_QUOTE_BYTES / (is_ipv6 ? 8 : 4);
	put16(extension + 4, (uint64_t)n_claimed);
	put16(extension + 2, (uint16_t)~sum16(extension, sizeof extension, 0));
	add(packet, extension, sizeof extension);
}

static void add_error(struct packet *packet, const struct request *request,
		      const struct answer *answer, const struct values *values) {
	uint64_t mtu = (uint64_t)values->of[FIELD_MTU];
	uint8_t *icmp = packet->bytes + packet->n_bytes;
	uint8_t header[ECHO_HEADER_BYTES] = {
		request->is_ipv6 ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH,
		request->is_ipv6 ? ICMP6_DST_UNREACH_ADDR : ICMP_HOST_UNREACH};

	put16(header + 6, mtu);
	if (request->is_ipv6) {
		put16(header + 4, mtu >> 16);
	}
	add(packet, header, sizeof header);
	add_quoted_header(packet, request, answer, values);
	add_echo(packet, request, values,
		 values->has[FIELD_QUOTE] ? (size_t)values->of[FIELD_QUOTE] : SIZE_MAX);
	if (values->has[FIELD_OBJECT]) {
		add_object(packet, icmp, request->is_ipv6, values->of[FIELD_OBJECT]);
	}
}

/* --- IP --- */

/* Adds an IP header to the empty @packet, and extension headers; returns their length. */
static size_t add_ip(struct packet *packet, const struct request *request,
		     const struct answer *answer, const struct values *values) {
	const struct in6_addr *source = answer->has_address[ROLE_FROM]
						? &answer->addresses[ROLE_FROM]
						: &request->destination;
	uint8_t header[IPV6_HEADER_BYTES + 20] = {0};
	uint8_t hop_limit = (uint8_t)values->of[FIELD_HOP_LIMIT];
	size_t n_bytes = IPV6_HEADER_BYTES;

	if (request->is_ipv6) {
		header[0] = 0x60;
		header[6] = IPPROTO_ICMPV6;
		header[7] = hop_limit;
		put_address(header + 8, source);
		put_address(header + 24, &request->source);
	} else {
		n_bytes = (size_t)values->of[FIELD_WORDS] * 4;
		memset(header + IPV4_HEADER_BYTES, OPTION_NOP, sizeof header - IPV4_HEADER_BYTES);
		header[0] = (uint8_t)(0x40 | values->of[FIELD_WORDS]);
		header[8] = hop_limit;
		header[9] = IPPROTO_ICMP;
		put_address(header + 12, source);
		put_address(header + 16, &request->source);
	}
	add(packet, header, n_bytes);
	if (request->is_ipv6) {
		add_extensions(packet, packet->bytes, values->of[FIELD_EXTENSIONS]);
	}
	return packet->n_bytes;
}

static void set_checksum_ipv6(uint8_t *bytes, uint8_t *icmp, size_t n_icmp) {
	uint32_t pseudo_header = sum16(bytes + 8, 32, (uint32_t)n_icmp + IPPROTO_ICMPV6);

	icmp[2] = icmp[3] = 0;
	put16(icmp + 2, (uint16_t)~sum16(icmp, n_icmp, pseudo_header));
}

static void set_checksum_ipv4(uint8_t *icmp, size_t n_icmp) {
	icmp[2] = icmp[3] = 0;
	put16(icmp + 2, (uint16_t)~sum16(icmp, n_icmp, 0));
}

/* Makes lengths and checksums right. What was cut off before its fields is left as it is. */
static void finish(struct packet *packet, bool is_ipv6, size_t n_header) {
	uint8_t *bytes = packet->bytes;
	size_t n_icmp = packet->n_bytes > n_header ? packet->n_bytes - n_header : 0;

	if (is_ipv6) {
		put16(bytes + 4, packet->n_bytes > IPV6_HEADER_BYTES
					 ? packet->n_bytes - IPV6_HEADER_BYTES
					 : 0);
	} else {
		put16(bytes + 2, packet->n_bytes);
		put16(bytes + 10, (uint16_t)~sum16(bytes, n_header, 0));
	}
	if (n_icmp >= 4 && is_ipv6) {
		set_checksum_ipv6(bytes, bytes + n_header, n_icmp);
	} else if (n_icmp >= 4) {
		set_checksum_ipv4(bytes + n_header, n_icmp);
	}
}

/* Turns over @n_bits bits, wherever it may be; the same one twice, too. */
static void flip(uint8_t *bytes, size_t n_bytes, int64_t n_bits, struct random *random) {
	for (int64_t i = 0; i < n_bits && n_bytes > 0; i++) {
		uint64_t bit = random_next(random) % (n_bytes * 8);

		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void cut(struct packet *packet, bool is_ipv6, const struct values *values) {
	size_t most =
		is_ipv6 ? PACKET_MAX_BYTES : UINT16_MAX; /* that the length's 16 bits can say */

	if (values->has[FIELD_CUT] && (size_t)values->of[FIELD_CUT] < most) {
		most = (size_t)values->of[FIELD_CUT];
	}
	if (packet->n_bytes > most) {
		packet->n_bytes = most;
	}
}

void packet_build(const struct request *request, const struct answer *answer,
		  const struct values *values, struct random *random, struct packet *ret_packet) {
	struct packet *packet = ret_packet;
	size_t n_header;
	uint8_t *icmp;

	packet->n_bytes = 0;
	n_header = add_ip(packet, request, answer, values);
	icmp = packet->bytes + n_header;
	if (answer->body == BODY_ECHO) {
		add_reply(packet, request, values);
	} else {
		add_error(packet, request, answer, values);
	}
	if (values->has[FIELD_TYPE]) {
		icmp[0] = (uint8_t)values->of[FIELD_TYPE];
	}
	if (values->has[FIELD_CODE]) {
		icmp[1] = (uint8_t)values->of[FIELD_CODE];
	}
	flip(icmp, packet->n_bytes - n_header, values->of[FIELD_FLIP], random);
	cut(packet, request->is_ipv6, values);
	finish(packet, request->is_ipv6, n_header);
	if (packet->n_bytes > n_header) {
		flip(icmp, packet->n_bytes - n_header, values->of[FIELD_DAMAGE], random);
	}
}
