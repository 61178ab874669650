/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What icmp_sockets.c (opening) and icmp_io.c (sending and receiving) share. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "helper/icmp_sockets.h"

enum {
	RECEIVE_CONTROL_BYTES = 128, /* a time stamp and a hop limit take 56 */
	STAMP_CONTROL_BYTES = 192,   /* three time stamps and an extended error take 136 */
	STAMP_PACKET_BYTES = 160, /* of a looped packet: link, IP with options and ICMP headers */
};

struct receive_slot {
	struct sockaddr_in6 source;
	_Alignas(struct cmsghdr) uint8_t control[RECEIVE_CONTROL_BYTES];
};

struct stamp_slot {
	_Alignas(struct cmsghdr) uint8_t control[STAMP_CONTROL_BYTES];
	uint8_t packet[STAMP_PACKET_BYTES];
};

struct icmp_sockets {
	bool have[N_FAMILIES];
	bool have_stamp_id;
	uint16_t identifier_block;
	uint32_t receive_buffer_bytes, send_buffer_bytes;
	uint32_t n_dropped[N_FAMILIES]; /* the kernel's counts at the last look */
	/* send sockets, bit 0 is DESCRIPTOR_FIRST_SEND: used since their stamps were read; ever used */
	uint64_t used, ever_used;
	size_t packet_buffer_bytes;
	uint8_t *packets; /* ICMP_SOCKETS_BATCH buffers of packet_buffer_bytes */
	struct iovec receive_vectors[ICMP_SOCKETS_BATCH], stamp_vectors[ICMP_SOCKETS_BATCH];
	struct mmsghdr receive_headers[ICMP_SOCKETS_BATCH], stamp_headers[ICMP_SOCKETS_BATCH];
	struct receive_slot receive_slots[ICMP_SOCKETS_BATCH];
	struct stamp_slot stamp_slots[ICMP_SOCKETS_BATCH];
};
