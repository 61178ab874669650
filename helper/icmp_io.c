/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Sending and receiving on the raw sockets: after the privileges are gone, so nothing here sets an option. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/sock_diag.h>

#include "helper/descriptors.h"
#include "helper/icmp_control.h"
#include "helper/icmp_sockets.h"
#include "helper/icmp_sockets_private.h"

#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID 81 /* Linux 6.13; the headers of Debian 12 lack it */
#endif

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
	const int on = 1;

	if (send->ttl >= 0) {
		control_add(control, IPPROTO_IPV6, IPV6_HOPLIMIT, &send->ttl, sizeof send->ttl);
	}
	if (send->tos >= 0) {
		control_add(control, IPPROTO_IPV6, IPV6_TCLASS, &send->tos, sizeof send->tos);
	}
	if (send->dont_fragment) {
		control_add(control, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof on);
	}
	if (send->interface != 0 || !IN6_IS_ADDR_UNSPECIFIED(&send->source)) {
		struct in6_pktinfo info = {.ipi6_addr = send->source,
					   .ipi6_ifindex = send->interface};

		control_add(control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
	}
}

static int send_socket(const struct icmp_send *send) {
	int i = (int)(send->socket_hash % N_SEND_SOCKETS);

	if (send->family == FAMILY_IPV6) {
		return DESCRIPTOR_SEND_IPV6 + i;
	}
	return send->dont_fragment ? DESCRIPTOR_SEND_IPV4_DONT_FRAGMENT : DESCRIPTOR_SEND_IPV4 + i;
}

static int receive_socket(enum family family) {
	return family == FAMILY_IPV4 ? DESCRIPTOR_RECEIVE_IPV4 : DESCRIPTOR_RECEIVE_IPV6;
}

/* A number of SO_MEMINFO; 0 for a socket of a family that is missing. */
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
	int i = (int)(socket_hash % N_SEND_SOCKETS);

	return queued_bytes(DESCRIPTOR_SEND_IPV4 + i) + queued_bytes(DESCRIPTOR_SEND_IPV6 + i) +
	       queued_bytes(DESCRIPTOR_SEND_IPV4_DONT_FRAGMENT);
}

int icmp_sockets_send(struct icmp_sockets *sockets, const struct icmp_send *send) {
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
	struct iovec vector = {(void *)(uintptr_t)send->bytes, send->n_bytes};
	struct control control = {0};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes};
	int fd = send_socket(send);

	if (!sockets->have[send->family]) {
		return -EAFNOSUPPORT;
	}
	if (sockets->have_stamp_id) { /* on each send: where it is missing the last one stands */
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
	sockets->used |= UINT64_C(1) << (fd - DESCRIPTOR_FIRST_SEND);
	if (sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		return 0;
	}
	if (errno == EINVAL && send->family == FAMILY_IPV6 && send->interface == 0 &&
	    IN6_IS_ADDR_UNSPECIFIED(&send->source) && /* which could be the invalid arguments */
	    (send->scope != 0 || !IN6_IS_ADDR_LINKLOCAL(&send->destination))) {
		return ICMP_SOCKETS_E_NEIGHBOUR;
	}
	if (errno != ENOBUFS && errno != EAGAIN) {
		return -errno;
	}
	/* a full send buffer answers ENOBUFS too, not only EAGAIN */
	return queued_bytes(fd) >= sockets->send_buffer_bytes ? ICMP_SOCKETS_E_FULL
							      : ICMP_SOCKETS_E_DESTINATION;
}

/* --- receiving --- */

size_t icmp_sockets_receive(struct icmp_sockets *sockets, enum family family,
			    struct icmp_received ret_received[ICMP_SOCKETS_BATCH]) {
	struct mmsghdr *headers = sockets->receive_headers;
	int n;

	for (size_t i = 0; i < ICMP_SOCKETS_BATCH; i++) {
		headers[i].msg_hdr = (struct msghdr){
			.msg_name = &sockets->receive_slots[i].source,
			.msg_namelen = sizeof sockets->receive_slots[i].source,
			.msg_iov = &sockets->receive_vectors[i],
			.msg_iovlen = 1,
			.msg_control = sockets->receive_slots[i].control,
			.msg_controllen = RECEIVE_CONTROL_BYTES,
		};
	}
	n = recvmmsg(receive_socket(family), headers, ICMP_SOCKETS_BATCH, MSG_DONTWAIT | MSG_TRUNC,
		     NULL);
	for (int i = 0; i < n; i++) {
		struct icmp_received *received = &ret_received[i];

		*received = (struct icmp_received){
			.bytes = sockets->receive_vectors[i].iov_base,
			.n_packet_bytes = headers[i].msg_len, /* MSG_TRUNC: the real length */
			.n_bytes = headers[i].msg_len,
			.source = sockets->receive_slots[i].source.sin6_addr,
		};
		if (received->n_bytes > sockets->packet_buffer_bytes) {
			received->n_bytes = sockets->packet_buffer_bytes;
		}
		icmp_control_read_receive(&headers[i].msg_hdr, received);
	}
	return n < 0 ? 0 : (size_t)n;
}

/* --- transmit time stamps --- */

static bool read_stamp(const struct icmp_sockets *sockets, int fd, int i,
		       struct icmp_stamp *stamp) {
	const struct mmsghdr *header = &sockets->stamp_headers[i];

	*stamp = (struct icmp_stamp){.has_id = sockets->have_stamp_id};
	if (!icmp_control_read_stamp(&header->msg_hdr, stamp)) {
		return false;
	}
	return stamp->has_id ||
	       icmp_parse_looped(fd < DESCRIPTOR_SEND_IPV6 ? FAMILY_IPV4 : FAMILY_IPV6,
				 sockets->stamp_slots[i].packet, header->msg_len,
				 &stamp->identifier, &stamp->sequence) == 0;
}

/* Reads one batch of one send socket; returns how many entries there were, of which *ret_n are stamps. */
static int read_error_queue(struct icmp_sockets *sockets, int fd, struct icmp_stamp *ret_stamps,
			    size_t *ret_n) {
	size_t n_stamps = 0;
	int n;

	for (size_t i = 0; i < ICMP_SOCKETS_BATCH; i++) {
		sockets->stamp_headers[i].msg_hdr = (struct msghdr){
			.msg_iov = &sockets->stamp_vectors[i],
			.msg_iovlen = sockets->have_stamp_id ? 0 : 1,
			.msg_control = sockets->stamp_slots[i].control,
			.msg_controllen = STAMP_CONTROL_BYTES,
		};
	}
	n = recvmmsg(fd, sockets->stamp_headers, ICMP_SOCKETS_BATCH, MSG_ERRQUEUE | MSG_DONTWAIT,
		     NULL);
	for (int i = 0; i < n; i++) {
		n_stamps += read_stamp(sockets, fd, i, &ret_stamps[n_stamps]);
	}
	*ret_n = n_stamps;
	return n;
}

size_t icmp_sockets_read_stamps(struct icmp_sockets *sockets, bool all,
				struct icmp_stamp ret_stamps[ICMP_SOCKETS_BATCH]) {
	size_t n_stamps = 0;

	sockets->ever_used |= sockets->used;
	if (all) {
		sockets->used = sockets->ever_used;
	}
	while (sockets->used != 0 && n_stamps == 0) {
		int i = __builtin_ctzll(sockets->used);

		if (read_error_queue(sockets, DESCRIPTOR_FIRST_SEND + i, ret_stamps, &n_stamps) <
		    ICMP_SOCKETS_BATCH) {
			sockets->used &= ~(UINT64_C(1) << i);
		}
	}
	return n_stamps;
}

bool icmp_sockets_dropped(struct icmp_sockets *sockets) {
	bool dropped = false;

	for (enum family family = 0; family < N_FAMILIES; family++) {
		uint32_t n_dropped = memory_info(receive_socket(family), SK_MEMINFO_DROPS);

		dropped |= n_dropped != sockets->n_dropped[family];
		sockets->n_dropped[family] = n_dropped;
	}
	return dropped;
}

struct icmp_sockets_fill icmp_sockets_get_fill(const struct icmp_sockets *sockets) {
	struct icmp_sockets_fill fill = {0};

	for (enum family family = 0; family < N_FAMILIES; family++) {
		fill.receive_bytes += memory_info(receive_socket(family), SK_MEMINFO_RMEM_ALLOC);
		fill.n_dropped += memory_info(receive_socket(family), SK_MEMINFO_DROPS);
	}
	for (int fd = DESCRIPTOR_FIRST_SEND; fd <= DESCRIPTOR_LAST_SEND; fd++) {
		fill.send_bytes += queued_bytes(fd);
	}
	return fill;
}
