/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/packets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint16_t packet_checksum(const uint8_t *bytes, size_t n_bytes) {
	uint32_t sum = 0;

	for (size_t i = 0; i < n_bytes; i++) {
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

void packet_set_checksum(uint8_t *icmp, size_t n_bytes) {
	uint16_t checksum;

	icmp[2] = icmp[3] = 0;
	checksum = packet_checksum(icmp, n_bytes);
	icmp[2] = (uint8_t)(checksum >> 8);
	icmp[3] = (uint8_t)checksum;
}

uint8_t *packet_add(struct packet *packet, const void *bytes, size_t n_bytes) {
	uint8_t *at = packet->bytes + packet->n_bytes;

	memcpy(at, bytes, n_bytes);
	packet->n_bytes += n_bytes;
	return at;
}

uint8_t *packet_add_ipv4(struct packet *packet, uint8_t n_words, const uint8_t source[4],
			 const uint8_t destination[4]) {
	uint8_t header[60];

	memset(header, 1, sizeof header);
	memset(header, 0, 20);
	header[0] = (uint8_t)(0x40 | n_words);
	header[8] = PACKET_HOP_LIMIT;
	header[9] = 1; /* ICMP */
	memcpy(header + 12, source, 4);
	memcpy(header + 16, destination, 4);
	return packet_add(packet, header, n_words * 4U);
}

uint8_t *packet_add_ipv6(struct packet *packet, const uint8_t source[16],
			 const uint8_t destination[16]) {
	uint8_t header[40] = {0x60, [6] = 58, [7] = PACKET_HOP_LIMIT}; /* ICMPv6 */

	memcpy(header + 8, source, 16);
	memcpy(header + 24, destination, 16);
	return packet_add(packet, header, sizeof header);
}

void packet_fragment_ipv6(struct packet *packet, size_t ip, uint16_t offset) {
	uint8_t *header = packet->bytes + ip + 40;
	const uint8_t fragment[8] = {packet->bytes[ip + 6], 0, (uint8_t)(offset >> 8),
				     (uint8_t)offset, 1};

	memmove(header + sizeof fragment, header, packet->n_bytes - ip - 40);
	memcpy(header, fragment, sizeof fragment);
	packet->bytes[ip + 6] = 44;
	packet->n_bytes += sizeof fragment;
}

uint8_t *packet_add_echo(struct packet *packet, uint8_t type, const struct echo *echo,
			 size_t n_data) {
	uint8_t *at = packet->bytes + packet->n_bytes;
	const uint8_t header[8] = {type,
				   0,
				   0,
				   0,
				   (uint8_t)(echo->identifier >> 8),
				   (uint8_t)echo->identifier,
				   (uint8_t)(echo->sequence >> 8),
				   (uint8_t)echo->sequence};

	memcpy(at, header, sizeof header);
	memset(at + 8, 0x5a, n_data);
	memcpy(at + 8, &echo->secret, n_data < 8 ? n_data : 8);
	packet_set_checksum(at, 8 + n_data);
	packet->n_bytes += 8 + n_data;
	return at;
}

/* Over the pseudo-header of RFC 8200, 8.1, and the message. */
static void set_icmpv6_checksum(struct packet *packet) {
	uint8_t bytes[PACKET_MAX_BYTES + 40] = {0};
	uint8_t *icmp = packet->bytes + 40;
	size_t n_icmp = packet->n_bytes - 40;
	uint16_t checksum;

	icmp[2] = icmp[3] = 0;
	memcpy(bytes, packet->bytes + 8, 32);
	bytes[34] = (uint8_t)(n_icmp >> 8);
	bytes[35] = (uint8_t)n_icmp;
	bytes[39] = 58;
	memcpy(bytes + 40, icmp, n_icmp);
	checksum = packet_checksum(bytes, 40 + n_icmp);
	icmp[2] = (uint8_t)(checksum >> 8);
	icmp[3] = (uint8_t)checksum;
}

void packet_finish(struct packet *packet) {
	uint8_t *ip = packet->bytes;

	if (ip[0] >> 4 == 4) {
		uint16_t checksum;

		ip[2] = (uint8_t)(packet->n_bytes >> 8);
		ip[3] = (uint8_t)packet->n_bytes;
		ip[10] = ip[11] = 0;
		checksum = packet_checksum(ip, (ip[0] & 15) * 4U);
		ip[10] = (uint8_t)(checksum >> 8);
		ip[11] = (uint8_t)checksum;
	} else {
		ip[4] = (uint8_t)((packet->n_bytes - 40) >> 8);
		ip[5] = (uint8_t)(packet->n_bytes - 40);
		set_icmpv6_checksum(packet);
	}
}

void packet_write(int tun, const struct packet *packet) {
	if (write(tun, packet->bytes, packet->n_bytes) != (ssize_t)packet->n_bytes) {
		perror("tun0");
		abort();
	}
}
