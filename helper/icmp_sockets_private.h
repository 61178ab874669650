/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What icmp_sockets.c (opening) and icmp_io.c (sending and receiving) share: above all which socket has which number. Those that send
 * are 16 for each family; the upper 8 may not fragment. Of raw sockets 4 of each 8 belong to the owners' hashes and 4 to the fwmarks;
 * of ping sockets each belongs to the identifier of the same place in the block. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "helper/descriptors.h"
#include "helper/icmp_sockets.h"

enum {
	FAMILY_SOCKETS = 16,
	DONT_FRAGMENT_SOCKETS = 8,
	FIRST_FWMARK_SOCKET = N_SEND_SOCKETS,
	/* two kinds of time stamps, a hop limit and an extended error take 184 */
	CONTROL_BYTES = 192,
};

struct receive_slot { /* for one packet or entry of an error queue */
	struct sockaddr_in6 name;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
};

struct batch { /* for recvmmsg(2), which changes those headers that it fills */
	struct mmsghdr headers[ICMP_SOCKETS_BATCH];
	size_t n_stale; /* that are to be made anew, from the first on */
};

struct icmp_sockets {
	struct icmp_facts facts;
	uint64_t open;   /* all, by number */
	uint64_t active; /* those ever used, and the receivers of their families */
	uint64_t used;   /* of those that send: their error queues may hold something */
	uint32_t n_dropped[DESCRIPTOR_LAST_SEND + 1]; /* the kernel's counts at the last look */
	size_t packet_buffer_bytes;
	uint8_t *packets; /* ICMP_SOCKETS_BATCH buffers of packet_buffer_bytes */
	struct iovec vectors[ICMP_SOCKETS_BATCH];
	struct receive_slot slots[ICMP_SOCKETS_BATCH];
	struct batch batches[2]; /* without and with the packets' addresses */
};

static inline uint64_t socket_bit(int fd) {
	return UINT64_C(1) << fd;
}

static inline bool is_send_socket(int fd) {
	return fd >= DESCRIPTOR_FIRST_SEND;
}

static inline enum family socket_family(int fd) {
	int last_ipv4 = is_send_socket(fd) ? DESCRIPTOR_FIRST_SEND + FAMILY_SOCKETS - 1
					   : DESCRIPTOR_RECEIVE_IPV4;

	return fd <= last_ipv4 ? FAMILY_IPV4 : FAMILY_IPV6;
}

/* Takes the lowest number out of a set of sockets, which is not empty. */
static inline int take_socket(uint64_t *set) {
	int fd = __builtin_ctzll(*set);

	*set &= *set - 1;
	return fd;
}
