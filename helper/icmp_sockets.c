/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and setting up, before the privileges go; what happens on them later is in icmp_io.c. */
#include "helper/icmp_sockets.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/net_tstamp.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/descriptors.h"
#include "helper/icmp_filter.h"
#include "helper/icmp_sockets_private.h"

enum {
	BUFFER_BYTES =
		16 << 20, /* asked for; the kernel counts about 768 bytes for a small packet */
	MIN_PACKET_BUFFER_BYTES = 2048,
	MAX_IPV4_HEADER_BYTES = 60,
};

bool icmp_sockets_have(const struct icmp_sockets *sockets, enum family family) {
	return sockets->have[family];
}

uint16_t icmp_sockets_identifier_block(const struct icmp_sockets *sockets) {
	return sockets->identifier_block;
}

uint32_t icmp_sockets_receive_buffer_bytes(const struct icmp_sockets *sockets) {
	return sockets->receive_buffer_bytes;
}

uint32_t icmp_sockets_send_buffer_bytes(const struct icmp_sockets *sockets) {
	return sockets->send_buffer_bytes;
}

bool icmp_sockets_have_stamp_id(const struct icmp_sockets *sockets) {
	return sockets->have_stamp_id;
}

/* --- opening --- */

static int set_int(int fd, int level, int option, int value) {
	return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

/* Asks for BUFFER_BYTES, by right of CAP_NET_ADMIN or as much as the system allows. */
static int set_buffer(int fd, int force_option, int option) {
	if (set_int(fd, SOL_SOCKET, force_option, BUFFER_BYTES) == 0) {
		return 0;
	}
	return set_int(fd, SOL_SOCKET, option, BUFFER_BYTES);
}

static uint32_t get_buffer(int fd, int option) {
	int value = 0;
	socklen_t n_bytes = sizeof value;

	(void)getsockopt(fd, SOL_SOCKET, option, &value, &n_bytes);
	return (uint32_t)value;
}

static int raw_socket_open(enum family family) {
	int fd =
		family == FAMILY_IPV4
			? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP)
			: socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);

	return fd < 0 ? -errno : fd;
}

/* Blocks types of ICMP before the kernel copies a packet for this socket, which a socket filter is too late for: every ICMP packet of
 * the machine is offered to every raw socket. A receive socket gets what answers are made of, a send socket nothing. */
static int set_type_filter(int fd, enum family family, bool receives) {
	const struct icmp_filter ipv4 = {
		receives ? ~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH |
			     1U << ICMP_TIME_EXCEEDED | 1U << ICMP_PARAMETERPROB)
			 : ~0U,
	};
	struct icmp6_filter ipv6;
	int r;

	ICMP6_FILTER_SETBLOCKALL(&ipv6);
	if (receives) {
		ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &ipv6);
		ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &ipv6);
		ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &ipv6);
		ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &ipv6);
		ICMP6_FILTER_SETPASS(ICMP6_PARAM_PROB, &ipv6);
	}
	r = family == FAMILY_IPV4
		    ? setsockopt(fd, SOL_RAW, ICMP_FILTER, &ipv4, sizeof ipv4)
		    : setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &ipv6, sizeof ipv6);
	return r < 0 ? -errno : 0;
}

static int receive_socket_set_up(struct icmp_sockets *sockets, int fd, enum family family) {
	int r = icmp_filter_attach_receive(fd, family, sockets->identifier_block);

	if (r == 0) {
		r = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	}
	if (r == 0) {
		r = set_int(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	}
	if (r == 0 && family == FAMILY_IPV6) {
		r = set_int(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
	}
	sockets->receive_buffer_bytes = get_buffer(fd, SO_RCVBUF);
	return r;
}

static int set_stamp_flags(int fd, bool have_stamp_id) {
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;

	if (have_stamp_id) {
		flags |= SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
	}
	return set_int(fd, SOL_SOCKET, SO_TIMESTAMPING, flags);
}

/* Binds a send socket to the one group that is never assigned (RFC 1112, RFC 4291). What arrives is compared with this address before
 * anything else, so that no packet of the machine costs the socket time, nor an ICMP error that quotes somebody's echo request fills
 * its error queue. As a group's it does not become the source of what is sent. */
static int bind_to_nobody(int fd, enum family family) {
	const struct sockaddr_in ipv4 = {.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_UNSPEC_GROUP)};
	const struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0xff}};
	int r = family == FAMILY_IPV4 ? bind(fd, (const struct sockaddr *)&ipv4, sizeof ipv4)
				      : bind(fd, (const struct sockaddr *)&ipv6, sizeof ipv6);

	return r < 0 ? -errno : 0;
}

static int send_socket_set_up(struct icmp_sockets *sockets, int fd, int number,
			      enum family family) {
	int r = icmp_filter_attach_none(fd);

	if (r == 0) {
		r = bind_to_nobody(fd, family);
	}
	if (r == 0) {
		r = set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	}
	if (r == 0) {
		r = set_stamp_flags(fd, true);
	}
	if (r == 0) { /* else a queue that is full drops in silence */
		r = family == FAMILY_IPV4 ? set_int(fd, IPPROTO_IP, IP_RECVERR, 1)
					  : set_int(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	}
	if (r == 0 && number == DESCRIPTOR_SEND_IPV4_DONT_FRAGMENT) {
		r = set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	}
	sockets->send_buffer_bytes = get_buffer(fd, SO_SNDBUF);
	return r;
}

/* Opens one socket, as receive or send socket by its number. */
static int socket_open(struct icmp_sockets *sockets, int number, enum family family) {
	bool receives = number < DESCRIPTOR_FIRST_SEND;
	int r, fd = raw_socket_open(family);

	if (fd < 0) {
		return fd;
	}
	r = set_type_filter(fd, family, receives);
	if (r == 0) {
		r = receives ? receive_socket_set_up(sockets, fd, family)
			     : send_socket_set_up(sockets, fd, number, family);
	}
	if (r == 0) {
		r = descriptor_place(fd, number);
	}
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	return 0;
}

static int family_open(struct icmp_sockets *sockets, enum family family) {
	bool ipv4 = family == FAMILY_IPV4;
	int first = ipv4 ? DESCRIPTOR_SEND_IPV4 : DESCRIPTOR_SEND_IPV6;
	int n_send = ipv4 ? N_SEND_SOCKETS + 1 : N_SEND_SOCKETS; /* + 1: dont_fragment */
	int r;

	r = socket_open(sockets, ipv4 ? DESCRIPTOR_RECEIVE_IPV4 : DESCRIPTOR_RECEIVE_IPV6, family);
	for (int i = 0; r == 0 && i < n_send; i++) {
		r = socket_open(sockets, first + i, family);
	}
	sockets->have[family] = r == 0;
	return r;
}

static int packets_allocate(struct icmp_sockets *sockets, uint32_t max_payload_bytes) {
	size_t n_bytes = max_payload_bytes + MAX_IPV4_HEADER_BYTES + ICMP_HEADER_BYTES;

	if (n_bytes > 65536) {
		n_bytes = 65536;
	}
	sockets->packet_buffer_bytes =
		n_bytes < MIN_PACKET_BUFFER_BYTES ? MIN_PACKET_BUFFER_BYTES : n_bytes;
	sockets->packets = malloc(ICMP_SOCKETS_BATCH * sockets->packet_buffer_bytes);
	if (sockets->packets == NULL) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < ICMP_SOCKETS_BATCH; i++) {
		sockets->receive_vectors[i] =
			(struct iovec){sockets->packets + i * sockets->packet_buffer_bytes,
				       sockets->packet_buffer_bytes};
		sockets->stamp_vectors[i] =
			(struct iovec){sockets->stamp_slots[i].packet, STAMP_PACKET_BYTES};
	}
	return 0;
}

/* Asks whether the kernel knows SCM_TS_OPT_ID: one that does not refuses the control message with EINVAL, one that does goes on and
 * refuses the destination (a broadcast, without SO_BROADCAST). No packet leaves either way. */
static bool stamp_id_is_known(struct icmp_sockets *sockets) {
	const struct icmp_send send = {
		.family = FAMILY_IPV4,
		.destination = address_from_ipv4((const uint8_t[]){255, 255, 255, 255}),
		.bytes = (const uint8_t[ICMP_HEADER_BYTES]){0},
		.n_bytes = ICMP_HEADER_BYTES,
		.ttl = -1,
		.tos = -1,
	};
	int r;

	sockets->have_stamp_id = true;
	r = icmp_sockets_send(sockets, &send);
	sockets->used = 0;
	return r < 0 && r != -EINVAL;
}

int icmp_sockets_forgo_stamp_id(struct icmp_sockets *sockets) {
	sockets->have_stamp_id = false;
	for (int fd = DESCRIPTOR_FIRST_SEND; fd <= DESCRIPTOR_LAST_SEND; fd++) {
		enum family family = fd < DESCRIPTOR_SEND_IPV6 ? FAMILY_IPV4 : FAMILY_IPV6;
		int r = sockets->have[family] ? set_stamp_flags(fd, false) : 0;

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

int icmp_sockets_open(const struct config *config, struct tried *ret_tried, size_t *ret_n_tried,
		      struct icmp_sockets **ret_sockets) {
	static const char *const names[N_FAMILIES] = {"raw IPv4 sockets", "raw IPv6 sockets"};
	struct icmp_sockets *sockets = calloc(1, sizeof *sockets);
	int r = -ENOMEM, r_family[N_FAMILIES];

	*ret_n_tried = 0;
	if (sockets == NULL ||
	    getrandom(&sockets->identifier_block, sizeof sockets->identifier_block, 0) < 0 ||
	    (r = packets_allocate(sockets, config->limits.max_payload_bytes)) < 0) {
		icmp_sockets_free(sockets);
		return r;
	}
	sockets->identifier_block &= IDENTIFIER_BLOCK_MASK;
	for (enum family family = 0; family < N_FAMILIES; family++) {
		r_family[family] = family_open(sockets, family);
		if (r_family[family] < 0) {
			struct tried *tried = &ret_tried[(*ret_n_tried)++];

			tried->error = (uint32_t)-r_family[family];
			(void)snprintf(tried->what, sizeof tried->what, "%s", names[family]);
			r = r_family[family];
		}
	}
	if (!sockets->have[FAMILY_IPV4] && !sockets->have[FAMILY_IPV6]) {
		icmp_sockets_free(sockets);
		return r;
	}
	if (!sockets->have[FAMILY_IPV4] || !stamp_id_is_known(sockets)) {
		r = icmp_sockets_forgo_stamp_id(sockets);
		if (r < 0) {
			icmp_sockets_free(sockets);
			return r;
		}
	}
	*ret_sockets = sockets;
	return 0;
}

struct icmp_sockets *icmp_sockets_free(struct icmp_sockets *sockets) {
	if (sockets == NULL) {
		return NULL;
	}
	for (enum family family = 0; family < N_FAMILIES; family++) {
		bool ipv4 = family == FAMILY_IPV4;
		int first = ipv4 ? DESCRIPTOR_SEND_IPV4 : DESCRIPTOR_SEND_IPV6;

		if (sockets->have[family]) {
			(void)close(ipv4 ? DESCRIPTOR_RECEIVE_IPV4 : DESCRIPTOR_RECEIVE_IPV6);
			for (int i = 0; i < N_SEND_SOCKETS + ipv4; i++) {
				(void)close(first + i);
			}
		}
	}
	free(sockets->packets);
	free(sockets);
	return NULL;
}
