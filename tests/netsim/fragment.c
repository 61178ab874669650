/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 791, 3.2, and RFC 8200, 4.5: offsets count 8 bytes. The parts of IPv6 that may follow the IP header are all fragmented. */
#include "tests/netsim/fragment.h"

#include <netinet/in.h>
#include <string.h>

#include "tests/netsim/bytes.h"

enum { MORE_FRAGMENTS_IPV4 = 0x2000, MORE_FRAGMENTS_IPV6 = 1, FRAGMENT_HEADER_BYTES = 8 };

static bool is_ipv6(const struct packet *packet) {
	return packet->bytes[0] >> 4 == 6;
}

static size_t header_bytes(const struct packet *packet) {
	return is_ipv6(packet) ? IPV6_HEADER_BYTES : (size_t)(packet->bytes[0] & 15) * 4;
}

size_t fragment_count(const struct packet *packet, size_t n_piece_bytes) {
	size_t n_header = header_bytes(packet);

	return packet->n_bytes < n_header
		       ? 0
		       : (packet->n_bytes - n_header + n_piece_bytes - 1) / n_piece_bytes;
}

static void add_header_ipv4(struct packet *fragment, const struct packet *packet, size_t n_piece,
			    size_t offset, bool is_last, uint32_t identification) {
	size_t n_header = header_bytes(packet);
	uint8_t *header = fragment->bytes;

	memcpy(header, packet->bytes, n_header);
	put16(header + 2, n_header + n_piece);
	put16(header + 4, identification);
	put16(header + 6, offset / 8 | (is_last ? 0 : MORE_FRAGMENTS_IPV4));
	put16(header + 10, 0);
	put16(header + 10, (uint16_t)~sum16(header, n_header, 0));
	fragment->n_bytes = n_header;
}

static void add_header_ipv6(struct packet *fragment, const struct packet *packet, size_t n_piece,
			    size_t offset, bool is_last, uint32_t identification) {
	uint8_t *header = fragment->bytes, *more = header + IPV6_HEADER_BYTES;

	memcpy(header, packet->bytes, IPV6_HEADER_BYTES);
	put16(header + 4, FRAGMENT_HEADER_BYTES + n_piece);
	more[0] = header[6];
	header[6] = IPPROTO_FRAGMENT;
	more[1] = 0;
	put16(more + 2, offset | (is_last ? 0 : MORE_FRAGMENTS_IPV6));
	put16(more + 4, identification >> 16);
	put16(more + 6, identification);
	fragment->n_bytes = IPV6_HEADER_BYTES + FRAGMENT_HEADER_BYTES;
}

void fragment_build(const struct packet *packet, size_t n_piece_bytes, size_t number,
		    uint32_t identification, struct packet *ret_fragment) {
	size_t offset = number * n_piece_bytes, n_header = header_bytes(packet);
	size_t n_left = packet->n_bytes - n_header - offset;
	bool is_last = n_left <= n_piece_bytes;
	size_t n_piece = is_last ? n_left : n_piece_bytes;

	(is_ipv6(packet) ? add_header_ipv6 : add_header_ipv4)(ret_fragment, packet, n_piece, offset,
							      is_last, identification);
	memcpy(ret_fragment->bytes + ret_fragment->n_bytes, packet->bytes + n_header + offset,
	       n_piece);
	ret_fragment->n_bytes += n_piece;
}
