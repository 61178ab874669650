/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ICMP packets as they would come from the network, built byte by byte with a checksum of their own. */

#include <stddef.h>
#include <stdint.h>

enum { PACKET_HOP_LIMIT = 55, PACKET_MAX_BYTES = 2048 };

struct packet {
	size_t n_bytes;
	uint8_t bytes[PACKET_MAX_BYTES];
};

/* What an echo request of ours holds, and whom it went to. */
struct echo {
	uint16_t identifier, sequence;
	uint64_t secret;
	uint8_t destination[16]; /* the first 4 bytes for IPv4 */
};

/* The Internet checksum, as simply as can be: 0 over a message that holds its right one. */
uint16_t packet_checksum(const uint8_t *bytes, size_t n_bytes);

/* Writes the checksum of an ICMP message into it. */
void packet_set_checksum(uint8_t *icmp, size_t n_bytes);

/* Each adds to the end of @packet, and returns where. */
uint8_t *packet_add(struct packet *packet, const void *bytes, size_t n_bytes);

/* An IPv4 header of @n_words words (5 to 15; the options are all "no operation"). */
uint8_t *packet_add_ipv4(struct packet *packet, uint8_t n_words, const uint8_t source[4],
			 const uint8_t destination[4]);
uint8_t *packet_add_ipv6(struct packet *packet, const uint8_t source[16],
			 const uint8_t destination[16]);

/* Puts a fragment header (RFC 8200, 4.5) behind the IPv6 header at offset @ip: @offset is its field with the flags. */
void packet_fragment_ipv6(struct packet *packet, size_t ip, uint16_t offset);

/* An echo request or reply, by its ICMP @type, with @n_data bytes of data: as much of the secret as fits, then 0x5a. */
uint8_t *packet_add_echo(struct packet *packet, uint8_t type, const struct echo *echo,
			 size_t n_data);

/* Fills what of the outer header depends on what follows it: lengths, the IPv4 header's checksum, ICMPv6's checksum. */
void packet_finish(struct packet *packet);

/* Writes the whole packet to a TUN device's descriptor. */
void packet_write(int tun, const struct packet *packet);
