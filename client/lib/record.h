/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How one probe ended: what a target keeps of its last one, and what an event carries. 64 bytes. */

#include <netinet/in.h>
#include <stdint.h>

struct record {
	struct in6_addr reporter; /* of an ICMP error; else all zero */
	uint64_t probe;           /* 0: no probe ended yet */
	int64_t sent_unix_ns;     /* 0: was not sent */
	int64_t rtt_ns;           /* < 0: none */
	uint32_t queued_us, size_bytes, next_hop_mtu;
	int32_t error;
	uint8_t outcome; /* enum multiping_outcome */
	uint8_t flags;   /* enum multiping_flag */
	uint8_t hop_limit, icmp_type, icmp_code;
};
