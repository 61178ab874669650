/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Sending and receiving: after the privileges are gone, so nothing here sets an option. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/sock_diag.h>

#include "helper/icmp_control.h"
#include "helper/icmp_sockets_private.h"

#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID 81 /* Linux 6.13; the headers of Debian 12 lack it */
#endif

enum {
	MAX_ERRORS = 16
}; /* that a socket tells, one after the other, before it is left for this turn */

/* --- sending --- */

/* Control messages of one send; the widest set is a stamp's id, TTL, TOS and packet information. */
struct control {
	size_t n_bytes;
	_Alignas(struct cmsghdr) uint8_t bytes[4 * CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void control_add(struct control *control, int level, int type, const void *data,
			size_t n_data) {
	struct cmsghdr *header = (void *)(control->bytes + control->n_bytes);

	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(n_data);
	memcpy(CMSG_DATA(header), data, n_data);
	control->n_bytes += CMSG_SPACE(n_data);
}

static void control_add_ipv4(struct control *control, const struct icmp_send *send) {
	if (send->ttl >= 0) {
		control_add(control, IPPROTO_IP, IP_TTL, &send->ttl, sizeof send->ttl);
	}
	if (send->tos >= 0) {
		control_add(control, IPPROTO_IP, IP_TOS, &send->tos, sizeof send->tos);
	}
	if (send->interface != 0 || !IN6_IS_ADDR_UNSPECIFIED(&send->source)) {
		struct in_pktinfo info = {.ipi_ifindex = (int)send->interface};

		if (!IN6_IS_ADDR_UNSPECIFIED(&send->source)) {
			memcpy(&info.ipi_spec_dst, send->source.s6_addr + 12, 4);
		}
		control_add(control, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
	}
}

static void control_add_ipv6(struct control *control, const struct icmp_send *send) {
	if (send->ttl >= 0) {
		control_add(control, IPPROTO_IPV6, IPV6_HOPLIMIT, &send->ttl, sizeof send->ttl);
	}
	if (send->tos >= 0) {
		control_add(control, IPPROTO_IPV6, IPV6_TCLASS, &send->tos, sizeof send->tos);
	}
	if (send->interface != 0 || !IN6_IS_ADDR_UNSPECIFIED(&send->source)) {
		struct in6_pktinfo info = {.ipi6_addr = send->source,
					   .ipi6_ifindex = send->interface};

		control_add(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
}

static int send_socket(const struct icmp_sockets *sockets, const struct icmp_send *send) {
	const struct icmp_facts *facts = &sockets->facts;
	uint32_t i = send->socket_hash % N_SEND_SOCKETS;

	if (facts->are_ping) {
		return DESCRIPTOR_FIRST_SEND + send->identifier - facts->identifier_block;
	}
	for (uint32_t mark = 0; send->fwmark != 0 && mark < facts->fwmarks.n; mark++) {
		i = facts->fwmarks.marks[mark] == send->fwmark ? FIRST_FWMARK_SOCKET + mark : i;
	}
	return DESCRIPTOR_FIRST_SEND + (int)send->family * FAMILY_SOCKETS +
	       send->dont_fragment * DONT_FRAGMENT_SOCKETS + (int)i;
}

/* A number of SO_MEMINFO. */
static uint32_t memory_info(int fd, int which) {
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t n_bytes = sizeof info;

	(void)getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n_bytes);
	return info[which];
}

/* What waits in a socket's send buffer: not yet handed to a driver, or not yet freed by it. */
static uint32_t queued_bytes(int fd) {
	return memory_info(fd, SK_MEMINFO_WMEM_ALLOC);
}

uint32_t icmp_sockets_queued_bytes(const struct icmp_sockets *sockets, uint32_t socket_hash) {
	uint64_t set = sockets->active;
	uint32_t n_bytes = 0;

	while (set != 0) { /* a fwmark's, and a ping socket, may be anybody's */
		int fd = take_socket(&set);
		uint32_t i = (uint32_t)(fd - DESCRIPTOR_FIRST_SEND) % DONT_FRAGMENT_SOCKETS;

		if (sockets->facts.are_ping || i >= FIRST_FWMARK_SOCKET ||
		    i == socket_hash % N_SEND_SOCKETS) {
			n_bytes += queued_bytes(fd);
		}
	}
	return n_bytes;
}

/* Sends. An ICMP error about a packet that a ping socket sent earlier makes its next call fail, and is thereby told; before a failure is
 * believed, it is tried again, more than once, since errors may come as fast as we send. (Raw sockets look at none when they send.) */
static int send_message(int fd, const struct msghdr *header, int n_tries) {
	ssize_t n;

	do {
		n = sendmsg(fd, header, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno != EAGAIN && errno != ENOBUFS && --n_tries > 0);
	return n < 0 ? -errno : 0;
}

void icmp_sockets_note(struct icmp_sockets *sockets, int fd) {
	uint64_t bit = UINT64_C(1) << fd;

	if (is_send_socket(fd)) {
		sockets->active |= bit;
		sockets->used |= bit;
	}
}

int icmp_sockets_send(struct icmp_sockets *sockets, const struct icmp_send *send) {
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
	struct iovec vector = {(void *)(uintptr_t)send->bytes, send->n_bytes};
	struct control control = {0};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes};
	int r, fd = send_socket(sockets, send);

	if (!sockets->facts.have[send->family]) {
		return -EAFNOSUPPORT;
	}
	if (sockets->facts
		    .have_stamp_id) { /* on each send: where it is missing the last one stands */
		control_add(&control, SOL_SOCKET, SCM_TS_OPT_ID, &send->stamp_id,
			    sizeof send->stamp_id);
	}
	if (send->family == FAMILY_IPV4) {
		memcpy(&ipv4.sin_addr, send->destination.s6_addr + 12, 4);
		header.msg_name = &ipv4;
		header.msg_namelen = sizeof ipv4;
		control_add_ipv4(&control, send);
	} else {
		ipv6.sin6_addr = send->destination;
		ipv6.sin6_scope_id = send->scope;
		header.msg_name = &ipv6;
		header.msg_namelen = sizeof ipv6;
		control_add_ipv6(&control, send);
	}
	header.msg_controllen = control.n_bytes;
	icmp_sockets_note(sockets, fd);
	r = send_message(fd, &header, sockets->facts.are_ping ? MAX_ERRORS : 1);
	if (r == -EINVAL && send->family == FAMILY_IPV6 && send->interface == 0 &&
	    IN6_IS_ADDR_UNSPECIFIED(&send->source) && /* which could be the invalid arguments */
	    (send->scope != 0 || !IN6_IS_ADDR_LINKLOCAL(&send->destination))) {
		return ICMP_SOCKETS_E_NEIGHBOUR;
	}
	if (r != -ENOBUFS && r != -EAGAIN) {
		return r;
	}
	/* a full send buffer answers ENOBUFS too, not only EAGAIN */
	return queued_bytes(fd) >= sockets->facts.send_buffer_bytes ? ICMP_SOCKETS_E_FULL
								    : ICMP_SOCKETS_E_DESTINATION;
}

/* --- receiving --- */

/* Reads a batch of packets, or with MSG_ERRQUEUE in @flags of an error queue's entries. What a ping socket tells of a packet that it
 * sent earlier must not hide what waits. */
static int receive_batch(struct icmp_sockets *sockets, int fd, int flags) {
	int n, n_errors = 0;

	for (size_t i = 0; i < ICMP_SOCKETS_BATCH; i++) {
		sockets->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &sockets->slots[i].name,
			.msg_namelen = sizeof sockets->slots[i].name,
			.msg_iov = &sockets->vectors[i],
			.msg_iovlen = 1,
			.msg_control = sockets->slots[i].control,
			.msg_controllen = CONTROL_BYTES,
		};
	}
	do {
		n = recvmmsg(fd, sockets->headers, ICMP_SOCKETS_BATCH, flags | MSG_DONTWAIT, NULL);
	} while (n < 0 && errno != EAGAIN && ++n_errors < MAX_ERRORS);
	return n < 0 ? 0 : n;
}

/* --- packets --- */

uint64_t icmp_sockets_active_receivers(const struct icmp_sockets *sockets) {
	return sockets->facts.receivers & (sockets->facts.are_ping ? sockets->active : UINT64_MAX);
}

static void read_packet(struct icmp_sockets *sockets, enum family family, size_t i,
			struct icmp_received *ret_received) {
	const uint8_t *bytes = sockets->vectors[i].iov_base;
	size_t n_packet_bytes = sockets->headers[i].msg_len; /* MSG_TRUNC: the real length */
	size_t n_bytes = n_packet_bytes < sockets->packet_buffer_bytes
				 ? n_packet_bytes
				 : sockets->packet_buffer_bytes;
	struct icmp_message *message = &ret_received->message;

	*ret_received = (struct icmp_received){0};
	if (sockets->facts.are_ping) {
		ret_received->fault =
			icmp_parse_reply(family, bytes, n_bytes, n_packet_bytes, message);
	} else if (family == FAMILY_IPV4) {
		ret_received->fault = icmp_parse_ipv4(bytes, n_bytes, n_packet_bytes, message);
	} else {
		ret_received->fault = icmp_parse_ipv6(bytes, n_bytes, n_packet_bytes, message);
	}
	if (sockets->facts.are_ping || family == FAMILY_IPV6) { /* else the IP header has told */
		message->source = icmp_control_address(&sockets->slots[i].name);
	}
	icmp_control_read_receive(&sockets->headers[i].msg_hdr, ret_received);
}

size_t icmp_sockets_receive(struct icmp_sockets *sockets, int fd,
			    struct icmp_received ret_received[ICMP_SOCKETS_BATCH]) {
	int n = receive_batch(sockets, fd, MSG_TRUNC);

	for (int i = 0; i < n; i++) {
		read_packet(sockets, socket_family(fd), (size_t)i, &ret_received[i]);
	}
	return (size_t)n;
}

bool icmp_sockets_dropped(struct icmp_sockets *sockets) {
	uint64_t set = icmp_sockets_active_receivers(sockets);
	bool dropped = false;

	while (set != 0) {
		int fd = take_socket(&set);
		uint32_t n_dropped = memory_info(fd, SK_MEMINFO_DROPS);

		dropped |= n_dropped != sockets->n_dropped[fd];
		sockets->n_dropped[fd] = n_dropped;
	}
	return dropped;
}

struct icmp_sockets_fill icmp_sockets_get_fill(const struct icmp_sockets *sockets) {
	struct icmp_sockets_fill fill = {0};
	uint64_t set = sockets->open;

	while (set != 0) {
		int fd = take_socket(&set);

		fill.send_bytes += queued_bytes(fd);
		if (sockets->facts.receivers >> fd & 1) {
			fill.receive_bytes += memory_info(fd, SK_MEMINFO_RMEM_ALLOC);
			fill.n_dropped += memory_info(fd, SK_MEMINFO_DROPS);
		}
	}
	return fill;
}

/* --- error queues: transmit time stamps, and what a ping socket is told of its packets --- */

size_t icmp_sockets_read_queues(struct icmp_sockets *sockets, bool all,
				struct icmp_queued ret_queued[ICMP_SOCKETS_BATCH]) {
	size_t n_queued = 0;

	if (all) {
		sockets->used = sockets->active;
	}
	while (sockets->used != 0 && n_queued == 0) {
		int fd = __builtin_ctzll(sockets->used);
		int n = receive_batch(sockets, fd, MSG_ERRQUEUE);

		for (int i = 0; i < n; i++) {
			n_queued += icmp_control_read_queued(
				&sockets->headers[i], socket_family(fd),
				sockets->facts.have_stamp_id, &ret_queued[n_queued]);
		}
		if (n < ICMP_SOCKETS_BATCH) {
			(void)take_socket(&sockets->used);
		}
	}
	return n_queued;
}
