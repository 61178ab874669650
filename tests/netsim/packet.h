/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Echo requests, and the packets that answer them, as bytes. No system calls. */

#include "tests/netsim/answer.h"

enum {
	PACKET_MAX_BYTES = 65575, /* IPv6: header 40, payload 65,535 */
	PACKET_ROOM_BYTES =
		PACKET_MAX_BYTES + 2048, /* what is built may be longer until it is cut to that */
};

struct packet {
	size_t n_bytes;
	uint8_t bytes[PACKET_ROOM_BYTES];
};

/* An echo request that came out of the device. */
struct request {
	struct in6_addr source, destination; /* IPv4 as IPv4-mapped */
	bool is_ipv6;
	size_t n_header, n_bytes; /* of the IP header; of all */
	const uint8_t *bytes;     /* borrowed */
};

/* False: it is something else, or a fragment. */
bool request_parse(const uint8_t *bytes, size_t n_bytes, struct request *ret_request);

uint16_t request_identifier(const struct request *request);
uint16_t request_sequence(const struct request *request);

/* Builds one answer to @request. Where nothing in @values says otherwise, it is what a host or router would send. */
void packet_build(const struct request *request, const struct answer *answer,
		  const struct values *values, struct random *random, struct packet *ret_packet);
