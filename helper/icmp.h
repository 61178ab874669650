/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ICMP and ICMPv6 as bytes (RFC 792, RFC 4443): packing echo requests, parsing what arrives. No system calls. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum family { FAMILY_IPV4, FAMILY_IPV6, N_FAMILIES };

enum {
	ICMP_HEADER_BYTES = 8,
	ICMP_MAX_DATA_BYTES = 65507, /* 65,535 - IPv4 header 20 - ICMP header 8 */
	ICMP_SECRET_BYTES = 8,
};

/* An echo request to be sent again and again: all that does not change from one to the next is packed once. */
struct echo_template {
	size_t data_bytes;
	int pattern;           /* 0 to 255; -1: random, other data in each packet */
	uint32_t pattern_sum;  /* of the data behind the secret, not folded */
	uint64_t random_state; /* xorshift; the data is no secret, it only varies */
	uint8_t bytes[ICMP_HEADER_BYTES + ICMP_MAX_DATA_BYTES +
		      1]; /* + 1: the checksum adds pairs */
};

/* @random_seed: any number but 0. */
void echo_template_init(struct echo_template *ret_template, uint64_t random_seed);

/* Makes the template's bytes the echo request with these values; @template->bytes then holds ICMP_HEADER_BYTES + @data_bytes to be
 * sent. The first min(8, @data_bytes) bytes of the data are @secret's. For IPv6 the checksum stays 0: the kernel fills it in. */
void echo_template_pack(struct echo_template *template, enum family family, uint16_t identifier,
			uint16_t sequence, uint64_t secret, size_t data_bytes, int pattern);

/* What arrived, as far as its own bytes tell. */
struct icmp_message {
	bool is_error;                 /* else an echo reply */
	uint16_t identifier, sequence; /* of the reply, or of the request that the error quotes */
	uint8_t n_secret_bytes;        /* how many bytes of the secret were there, 0 to 8 */
	uint64_t secret;               /* those bytes, the others 0 */
	struct in6_addr source;        /* IPv4 only, from the outer header; IPv4-mapped */
	uint8_t hop_limit;             /* IPv4 only */
	uint32_t data_bytes;           /* reply: its ICMP data */
	/* errors */
	uint8_t type, code;
	uint32_t next_hop_mtu;              /* 0: none */
	struct in6_addr quoted_destination; /* IPv4 as IPv4-mapped */
};

enum {
	ICMP_E_MALFORMED = 1, /* cut short, lengths that contradict each other, a wrong checksum */
	ICMP_E_OTHER,         /* well formed, and nothing of ours */
};

/* Parses a packet as a raw socket delivers it: IPv4 with the IP header, IPv6 without. @n_bytes are there; @n_packet_bytes were
 * on the wire (more where the buffer was too short for them; the IPv4 checksum is then not checked). */
int icmp_parse_ipv4(const uint8_t *bytes, size_t n_bytes, size_t n_packet_bytes,
		    struct icmp_message *ret_message);
int icmp_parse_ipv6(const uint8_t *bytes, size_t n_bytes, size_t n_packet_bytes,
		    struct icmp_message *ret_message);

/* Reads an echo reply as a ping socket delivers it: checked by the kernel, without the IP header, whose source and hop limit the caller
 * sets. @n_bytes are there of @n_message_bytes. */
int icmp_parse_reply(enum family family, const uint8_t *bytes, size_t n_bytes,
		     size_t n_message_bytes, struct icmp_message *ret_message);

/* Reads an ICMP error from a ping socket's error queue: @bytes is what it quotes of our echo request, from the ICMP header on; @type,
 * @code and @info are those of struct sock_extended_err. The caller sets source and quoted_destination. */
int icmp_parse_queued(enum family family, uint8_t type, uint8_t code, uint32_t info,
		      const uint8_t *bytes, size_t n_bytes, struct icmp_message *ret_message);

/* Finds identifier and sequence in one of our own echo requests as the kernel loops it back with its transmit time stamp: behind
 * headers of link layers and tunnels whose length it does not say, and which is even. */
int icmp_parse_looped(enum family family, const uint8_t *bytes, size_t n_bytes,
		      uint16_t *ret_identifier, uint16_t *ret_sequence);

/* The Internet checksum (RFC 1071) over @n_bytes, folded and inverted, in network order as it stands in memory. */
uint16_t icmp_checksum(const uint8_t *bytes, size_t n_bytes);

/* @address as IPv4-mapped IPv6 address. */
struct in6_addr address_from_ipv4(const uint8_t bytes[4]);
