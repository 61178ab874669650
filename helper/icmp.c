/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that arrives is hostile: each length is compared with what is left before a byte behind it is read. Quoted packets
 * are parsed like outer ones; ICMP extensions (RFC 4884) behind the quote are not looked at. */
#include "helper/icmp.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "helper/defence.h"

enum {
	IPV4_MIN_HEADER_BYTES = 20,
	IPV6_HEADER_BYTES = 40,
	IPV6_FRAGMENT_HEADER_BYTES = 8, /* RFC 8200, 4.5 */
	/* Of what comes before our own packets: Ethernet with VLAN tags, or that again inside a tunnel (VXLAN over IPv6: 84). */
	MAX_LINK_BYTES = 128,
};

static uint16_t get16(const uint8_t *bytes) {
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, uint16_t value) {
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *bytes) {
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

struct in6_addr address_from_ipv4(const uint8_t bytes[4]) {
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(address.s6_addr + 12, bytes, 4);
	return address;
}

/* Adds 16-bit words in memory order; the byte order does not matter to a one's complement sum (RFC 1071, 2 B). */
static uint32_t sum_words(const uint8_t *bytes, size_t n_bytes) {
	uint64_t sum = 0;
	uint32_t word;

	for (; n_bytes >= 4; bytes += 4, n_bytes -= 4) {
		memcpy(&word, bytes, 4);
		sum += word;
	}
	word = 0;
	memcpy(&word, bytes, n_bytes);
	sum += word;
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	return (uint32_t)sum;
}

static uint16_t sum_fold(uint64_t sum) {
	while (sum >> 16) {
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

uint16_t icmp_checksum(const uint8_t *bytes, size_t n_bytes) {
	return sum_fold(sum_words(bytes, n_bytes));
}

/* --- packing --- */

void echo_template_init(struct echo_template *ret_template, uint64_t random_seed) {
	memset(ret_template, 0, sizeof *ret_template);
	ret_template->random_state = random_seed;
	ret_template->data_bytes =
		ICMP_MAX_DATA_BYTES + 1; /* no packet has that: the first one fills */
}

static uint64_t template_random(struct echo_template *template) {
	uint64_t x = template->random_state; /* xorshift64 (Marsaglia, "Xorshift RNGs", 2003) */

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return template->random_state = x;
}

/* Fills the data behind the secret. */
static void template_fill(struct echo_template *template, size_t data_bytes, int pattern) {
	uint8_t *fill = template->bytes + ICMP_HEADER_BYTES + ICMP_SECRET_BYTES;
	size_t n_fill = data_bytes > ICMP_SECRET_BYTES ? data_bytes - ICMP_SECRET_BYTES : 0;

	if (pattern >= 0) {
		memset(fill, pattern, n_fill);
	}
	for (size_t i = 0; pattern < 0 && i < n_fill; i += 8) {
		uint64_t random = template_random(template);

		memcpy(fill + i, &random, n_fill - i < 8 ? n_fill - i : 8);
	}
	template->data_bytes = data_bytes;
	template->pattern = pattern;
	template->pattern_sum = sum_words(fill, n_fill);
}

void echo_template_pack(struct echo_template *template, enum family family, uint16_t identifier,
			uint16_t sequence, uint64_t secret, size_t data_bytes, int pattern) {
	uint8_t *bytes = template->bytes;

	if (template->data_bytes != data_bytes || template->pattern != pattern || pattern < 0) {
		template_fill(template, data_bytes, pattern);
	}
	bytes[0] = family == FAMILY_IPV4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	bytes[1] = 0;
	bytes[2] = bytes[3] = 0;
	put16(bytes + 4, identifier);
	put16(bytes + 6, sequence);
	memset(bytes + ICMP_HEADER_BYTES, 0, ICMP_SECRET_BYTES);
	memcpy(bytes + ICMP_HEADER_BYTES, &secret,
	       data_bytes < ICMP_SECRET_BYTES ? data_bytes : ICMP_SECRET_BYTES);
	if (family == FAMILY_IPV4) {
		uint64_t sum = sum_words(bytes, ICMP_HEADER_BYTES + ICMP_SECRET_BYTES);
		uint16_t checksum = sum_fold(sum + template->pattern_sum);

		memcpy(bytes + 2, &checksum, 2);
	}
}

/* --- parsing --- */

/* Reads the echo header and as much of the secret as is there. @n_bytes >= ICMP_HEADER_BYTES. */
static void parse_echo(const uint8_t *echo, size_t n_bytes, struct icmp_message *message) {
	size_t n_secret = n_bytes - ICMP_HEADER_BYTES;

	if (n_secret > ICMP_SECRET_BYTES) {
		n_secret = ICMP_SECRET_BYTES;
	}
	message->identifier = get16(echo + 4);
	message->sequence = get16(echo + 6);
	message->n_secret_bytes = (uint8_t)n_secret;
	memcpy(&message->secret, echo + ICMP_HEADER_BYTES, n_secret);
}

/* The length of the IPv4 header at @bytes, or 0 where there is none that fits into @n_bytes. */
static size_t ipv4_header_bytes(const uint8_t *bytes, size_t n_bytes) {
	size_t n_header;

	if (n_bytes < IPV4_MIN_HEADER_BYTES || bytes[0] >> 4 != 4) {
		return 0;
	}
	n_header = (size_t)(bytes[0] & 15) * 4;
	return n_header < IPV4_MIN_HEADER_BYTES || n_header > n_bytes ? 0 : n_header;
}

static int parse_quoted_ipv4(const uint8_t *bytes, size_t n_bytes, struct icmp_message *message) {
	size_t n_header = ipv4_header_bytes(bytes, n_bytes);

	if (n_header == 0 ||
	    (n_bytes - n_header < ICMP_HEADER_BYTES && defence_is_on(QUOTE_LENGTH))) {
		return ICMP_E_MALFORMED; /* RFC 792: at least 8 bytes of the original datagram */
	}
	if (bytes[9] != IPPROTO_ICMP || get16(bytes + 6) & 0x1fff || bytes[n_header] != ICMP_ECHO) {
		return ICMP_E_OTHER; /* 0x1fff: a later fragment has no ICMP header */
	}
	message->quoted_destination = address_from_ipv4(bytes + 16);
	parse_echo(bytes + n_header, n_bytes - n_header, message);
	return 0;
}

static int parse_quoted_ipv6(const uint8_t *bytes, size_t n_bytes, struct icmp_message *message) {
	size_t n_header = IPV6_HEADER_BYTES;
	uint8_t next_header;

	if (n_bytes < n_header + ICMP_HEADER_BYTES || bytes[0] >> 4 != 6) {
		return ICMP_E_MALFORMED;
	}
	next_header = bytes[6];
	if (next_header == IPPROTO_FRAGMENT) { /* no other extension header is in what we send */
		const uint8_t *fragment = bytes + n_header;

		if (get16(fragment + 2) & 0xfff8) {
			return ICMP_E_OTHER; /* a later one has no ICMP header */
		}
		next_header = fragment[0];
		n_header += IPV6_FRAGMENT_HEADER_BYTES;
		if (n_bytes < n_header + ICMP_HEADER_BYTES) {
			return ICMP_E_MALFORMED;
		}
	}
	if (next_header != IPPROTO_ICMPV6 || bytes[n_header] != ICMP6_ECHO_REQUEST) {
		return ICMP_E_OTHER;
	}
	memcpy(&message->quoted_destination, bytes + 24, 16);
	parse_echo(bytes + n_header, n_bytes - n_header, message);
	return 0;
}

/* Sets what an ICMP error says itself; @mtu is its field for one, which has a meaning in two of them. */
static int set_error_ipv4(uint8_t type, uint8_t code, uint32_t mtu, struct icmp_message *message) {
	if (type != ICMP_DEST_UNREACH && type != ICMP_TIME_EXCEEDED && type != ICMP_PARAMETERPROB) {
		return ICMP_E_OTHER;
	}
	message->is_error = true;
	message->type = type;
	message->code = code;
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED) { /* RFC 1191 */
		message->next_hop_mtu = mtu;
	}
	return 0;
}

static int set_error_ipv6(uint8_t type, uint8_t code, uint32_t mtu, struct icmp_message *message) {
	if (type < ICMP6_DST_UNREACH || type > ICMP6_PARAM_PROB) { /* 1 to 4, without a gap */
		return ICMP_E_OTHER;
	}
	message->is_error = true;
	message->type = type;
	message->code = code;
	if (type == ICMP6_PACKET_TOO_BIG) {
		message->next_hop_mtu = mtu;
	}
	return 0;
}

int icmp_parse_reply(enum family family, const uint8_t *bytes, size_t n_bytes,
		     size_t n_message_bytes, struct icmp_message *ret_message) {
	if (n_bytes < ICMP_HEADER_BYTES) {
		return ICMP_E_MALFORMED;
	}
	if (bytes[0] != (family == FAMILY_IPV4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) {
		return ICMP_E_OTHER; /* ping sockets get extended echo replies too (RFC 8335) */
	}
	*ret_message = (struct icmp_message){
		.data_bytes = (uint32_t)(n_message_bytes - ICMP_HEADER_BYTES)};
	parse_echo(bytes, n_bytes, ret_message);
	return 0;
}

int icmp_parse_queued(enum family family, uint8_t type, uint8_t code, uint32_t info,
		      const uint8_t *bytes, size_t n_bytes, struct icmp_message *ret_message) {
	struct icmp_message message = {0};
	int r = family == FAMILY_IPV4 ? set_error_ipv4(type, code, info, &message)
				      : set_error_ipv6(type, code, info, &message);

	if (r == 0 && n_bytes < ICMP_HEADER_BYTES) {
		r = ICMP_E_MALFORMED;
	}
	if (r == 0) {
		parse_echo(bytes, n_bytes, &message);
		*ret_message = message;
	}
	return r;
}

int icmp_parse_ipv4(const uint8_t *bytes, size_t n_bytes, size_t n_packet_bytes,
		    struct icmp_message *ret_message) {
	struct icmp_message message = {0};
	size_t n_header = ipv4_header_bytes(bytes, n_bytes);
	const uint8_t *icmp = bytes + n_header;
	size_t n_icmp = n_bytes - n_header;
	int r;

	if (n_header == 0 || n_icmp < ICMP_HEADER_BYTES) {
		return ICMP_E_MALFORMED;
	}
	if (defence_is_on(CHECKSUM) && n_bytes == n_packet_bytes &&
	    icmp_checksum(icmp, n_icmp) != 0) {
		return ICMP_E_MALFORMED; /* the kernel delivers wrong checksums to raw sockets */
	}
	r = icmp_parse_reply(FAMILY_IPV4, icmp, n_icmp, n_packet_bytes - n_header, &message);
	if (r == ICMP_E_OTHER) {
		r = set_error_ipv4(icmp[0], icmp[1], get16(icmp + 6), &message);
		if (r == 0) {
			r = parse_quoted_ipv4(icmp + ICMP_HEADER_BYTES, n_icmp - ICMP_HEADER_BYTES,
					      &message);
		}
	}
	if (r == 0) {
		message.source = address_from_ipv4(bytes + 12);
		message.hop_limit = bytes[8];
		*ret_message = message;
	}
	return r;
}

int icmp_parse_ipv6(const uint8_t *bytes, size_t n_bytes, size_t n_packet_bytes,
		    struct icmp_message *ret_message) {
	struct icmp_message message = {0};
	int r = icmp_parse_reply(FAMILY_IPV6, bytes, n_bytes, n_packet_bytes, ret_message);

	if (r != ICMP_E_OTHER) {
		return r;
	}
	r = set_error_ipv6(bytes[0], bytes[1], get32(bytes + 4), &message);
	if (r == 0) {
		r = parse_quoted_ipv6(bytes + ICMP_HEADER_BYTES, n_bytes - ICMP_HEADER_BYTES,
				      &message);
	}
	if (r == 0) {
		*ret_message = message;
	}
	return r;
}

int icmp_parse_looped(enum family family, const uint8_t *bytes, size_t n_bytes,
		      uint16_t *ret_identifier, uint16_t *ret_sequence) {
	int (*parse_quoted)(const uint8_t *, size_t, struct icmp_message *) =
		family == FAMILY_IPV4 ? parse_quoted_ipv4 : parse_quoted_ipv6;
	uint8_t version = family == FAMILY_IPV4 ? 4 : 6;
	struct icmp_message message = {0};

	for (size_t i = 0; i <= MAX_LINK_BYTES && i + IPV4_MIN_HEADER_BYTES <= n_bytes; i += 2) {
		const uint8_t *ip = bytes + i;

		if (ip[0] >> 4 == version && parse_quoted(ip, n_bytes - i, &message) == 0) {
			*ret_identifier = message.identifier;
			*ret_sequence = message.sequence;
			return 0;
		}
	}
	return ICMP_E_OTHER;
}
