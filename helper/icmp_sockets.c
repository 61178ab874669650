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

#include "helper/cleanup.h"
#include "helper/defence.h"
#include "helper/icmp_filter.h"
#include "helper/icmp_sockets_private.h"

enum {
	/* asked for; the kernel counts about 768 bytes for a small packet */
	BUFFER_BYTES = 16 << 20,
	MIN_PACKET_BUFFER_BYTES = 2048,
	MAX_IPV4_HEADER_BYTES = 60,
	/* Ping sockets: as many as there are sockets of a family that may, or may not, fragment. Each identifier has 65,536
	 * sequences, together the 524,288 of the default table. */
	N_PING_IDENTIFIERS = DONT_FRAGMENT_SOCKETS,
	MAX_BLOCKS_TRIED = 16,
};

const struct icmp_facts *icmp_sockets_facts(const struct icmp_sockets *sockets) {
	return &sockets->facts;
}

bool icmp_sockets_have_fwmark(const struct icmp_sockets *sockets, uint32_t fwmark) {
	for (size_t i = 0; i < sockets->facts.fwmarks.n; i++) {
		if (sockets->facts.fwmarks.marks[i] == fwmark) {
			return true;
		}
	}
	return false;
}

uint16_t icmp_sockets_identifier(const struct icmp_sockets *sockets, enum family family,
				 bool dont_fragment, uint32_t i) {
	if (sockets->facts.are_ping) {
		i += (uint32_t)family * FAMILY_SOCKETS + dont_fragment * DONT_FRAGMENT_SOCKETS;
	}
	return (uint16_t)(sockets->facts.identifier_block + i);
}

/* --- one socket --- */

static int set_int(int fd, int level, int option, int value) {
	return setsockopt(fd, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

/* The same option, as each family calls it. */
static int set_ip(int fd, enum family family, int ipv4_option, int ipv6_option, int value) {
	return family == FAMILY_IPV4 ? set_int(fd, IPPROTO_IP, ipv4_option, value)
				     : set_int(fd, IPPROTO_IPV6, ipv6_option, value);
}

/* Asks for BUFFER_BYTES, by right of CAP_NET_ADMIN or as much as the system allows. */
static int set_buffer(int fd, int force_option, int option, uint32_t *ret_n_bytes) {
	socklen_t n_bytes = sizeof *ret_n_bytes;
	int r = set_int(fd, SOL_SOCKET, force_option, BUFFER_BYTES);

	if (r < 0) {
		r = set_int(fd, SOL_SOCKET, option, BUFFER_BYTES);
	}
	(void)getsockopt(fd, SOL_SOCKET, option, ret_n_bytes, &n_bytes);
	return r;
}

/* Lets in the types of ICMP that answers are made of: every ICMP packet of the machine is offered to every raw socket, and a socket filter
 * comes only after the kernel has copied it. */
static int set_type_filter(int fd, enum family family) {
	const struct icmp_filter ipv4 = {~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH |
					   1U << ICMP_TIME_EXCEEDED | 1U << ICMP_PARAMETERPROB)};
	struct icmp6_filter ipv6;
	int r;

	ICMP6_FILTER_SETBLOCKALL(&ipv6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &ipv6);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &ipv6);
	ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &ipv6);
	ICMP6_FILTER_SETPASS(ICMP6_TIME_EXCEEDED, &ipv6);
	ICMP6_FILTER_SETPASS(ICMP6_PARAM_PROB, &ipv6);
	r = family == FAMILY_IPV4
		    ? setsockopt(fd, SOL_RAW, ICMP_FILTER, &ipv4, sizeof ipv4)
		    : setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &ipv6, sizeof ipv6);
	return r < 0 ? -errno : 0;
}

/* @address: of IPv4 its last four bytes. */
static int bind_to(int fd, enum family family, const struct in6_addr *address,
		   in_port_t identifier) {
	const struct sockaddr_in ipv4 = {
		.sin_family = AF_INET,
		.sin_port = identifier,
		.sin_addr.s_addr = address->s6_addr32[3],
	};
	const struct sockaddr_in6 ipv6 = {
		.sin6_family = AF_INET6,
		.sin6_port = identifier,
		.sin6_addr = *address,
	};
	int r = family == FAMILY_IPV4 ? bind(fd, (const struct sockaddr *)&ipv4, sizeof ipv4)
				      : bind(fd, (const struct sockaddr *)&ipv6, sizeof ipv6);

	return r < 0 ? -errno : 0;
}

/* Binds a send socket to a group that nobody guesses. What arrives is compared with this address before anything else, so that no packet
 * of the machine costs the socket time, nor an ICMP error fills its error queue: the kernel finds the sockets that one concerns by the
 * source address in its quote, which whoever forges it may choose. As a group's it does not become the source of what is sent. */
static int bind_to_nobody(int fd, enum family family) {
	struct in6_addr group;
	int r = 0;

	if (getrandom(&group, sizeof group, 0) < 0) {
		return -errno;
	}
	group.s6_addr[0] = 0xff;
	group.s6_addr[1] = 0x0e; /* of global scope: no interface need be named */
	group.s6_addr[12] = 0xe0 | (group.s6_addr[12] & 0x0f);
	if (family == FAMILY_IPV6) { /* else any group matches */
		r = set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
	}
	return r < 0 ? r : bind_to(fd, family, &group, 0);
}

static int filter_raw(const struct icmp_sockets *sockets, int fd, enum family family,
		      bool receives) {
	int r = receives ? set_type_filter(fd, family) : icmp_filter_attach_none(fd);

	if (r == 0 && receives) {
		r = icmp_filter_attach_receive(fd, family, sockets->facts.identifier_block);
	} else if (r == 0 && defence_is_on(HIDDEN_SEND_SOCKETS)) {
		r = bind_to_nobody(fd, family);
	}
	return r;
}

/* Takes the identifier that belongs to @number, for this socket alone: by default the kernel lets others take it too, and gives the
 * answers to whoever came last. */
static int bind_identifier(const struct icmp_sockets *sockets, int fd, enum family family,
			   int number) {
	int identifier = sockets->facts.identifier_block + number - DESCRIPTOR_FIRST_SEND;
	int r = defence_is_on(SOLE_IDENTIFIER) ? set_int(fd, SOL_SOCKET, SO_REUSEADDR, 0) : 0;

	return r < 0 ? r : bind_to(fd, family, &in6addr_any, htons((uint16_t)identifier));
}

static int set_up_to_receive(struct icmp_sockets *sockets, int fd, enum family family) {
	int r = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, &sockets->facts.receive_buffer_bytes);

	if (r == 0) {
		r = set_int(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	}
	if (r == 0 && (sockets->facts.are_ping || family == FAMILY_IPV6)) {
		/* else the header tells */
		r = set_ip(fd, family, IP_RECVTTL, IPV6_RECVHOPLIMIT, 1);
	}
	return r;
}

/* The mark of the raw send socket @number; 0: none. */
static uint32_t socket_fwmark(const struct icmp_facts *facts, int number) {
	int i = (number - DESCRIPTOR_FIRST_SEND) % DONT_FRAGMENT_SOCKETS - FIRST_FWMARK_SOCKET;

	return i >= 0 && !facts->are_ping ? facts->fwmarks.marks[i] : 0;
}

static int set_up_to_send(struct icmp_sockets *sockets, int fd, enum family family, int number) {
	bool dont_fragment = (number - DESCRIPTOR_FIRST_SEND) & DONT_FRAGMENT_SOCKETS;
	uint32_t fwmark = socket_fwmark(&sockets->facts, number);
	int r = set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, &sockets->facts.send_buffer_bytes);

	if (r == 0) {
		r = set_int(fd, SOL_SOCKET, SO_TIMESTAMPING,
			    SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE);
	}
	if (r == 0 && defence_is_on(SEND_ERRORS)) { /* else a queue that is full drops in silence */
		r = set_ip(fd, family, IP_RECVERR, IPV6_RECVERR, 1);
	}
	if (r == 0 && dont_fragment) {
		r = family == FAMILY_IPV4 ? set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
					  : set_int(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
	}
	if (r == 0 && fwmark != 0) {
		r = set_int(fd, SOL_SOCKET, SO_MARK, (int)fwmark);
	}
	return r;
}

/* Gives @fd, at its number, all that its roles need. */
static int socket_set_up(struct icmp_sockets *sockets, int fd, enum family family, int number) {
	bool are_ping = sockets->facts.are_ping, sends = is_send_socket(number);
	int r = are_ping ? bind_identifier(sockets, fd, family, number)
			 : filter_raw(sockets, fd, family, !sends);

	if (r == 0 && (are_ping || !sends)) {
		r = set_up_to_receive(sockets, fd, family);
	}
	if (r == 0 && sends) {
		r = set_up_to_send(sockets, fd, family, number);
	}
	return r < 0 ? r : descriptor_place(fd, number);
}

static int socket_open(struct icmp_sockets *sockets, int number) {
	enum family family = socket_family(number);
	int type = (sockets->facts.are_ping ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int r, fd = family == FAMILY_IPV4 ? socket(AF_INET, type, IPPROTO_ICMP)
					  : socket(AF_INET6, type, IPPROTO_ICMPV6);

	if (fd < 0) {
		return -errno;
	}
	r = socket_set_up(sockets, fd, family, number);
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	sockets->open |= socket_bit(number);
	if (sockets->facts.are_ping || !is_send_socket(number)) {
		sockets->facts.receivers |= socket_bit(number);
	}
	return 0;
}

/* --- all of them --- */

/* Closes all but those @kept. */
static void close_but(struct icmp_sockets *sockets, uint64_t kept) {
	uint64_t set = sockets->open & ~kept;

	while (set != 0) {
		(void)close(take_socket(&set));
	}
	sockets->open &= kept;
	sockets->facts.receivers &= kept;
}

/* Opens those of one family; @tried tells what failed. */
static int family_open(struct icmp_sockets *sockets, enum family family, struct tried *tried) {
	struct icmp_facts *facts = &sockets->facts;
	int first = DESCRIPTOR_FIRST_SEND + (int)family * FAMILY_SOCKETS, i = -1, r = 0;
	uint64_t open_before = sockets->open;

	if (!facts->are_ping) {
		r = socket_open(sockets, DESCRIPTOR_RECEIVE_IPV4 + (int)family);
	}
	while (r == 0 && ++i < FAMILY_SOCKETS) {
		int fwmark = i % DONT_FRAGMENT_SOCKETS - FIRST_FWMARK_SOCKET;

		if (facts->are_ping || fwmark < (int)facts->fwmarks.n) {
			r = socket_open(sockets, first + i);
		}
	}
	facts->have[family] = r == 0;
	if (r < 0) { /* some of them alone would fill up unread */
		close_but(sockets, open_before);
	}
	tried->error = (uint32_t)-r;
	(void)snprintf(tried->what, sizeof tried->what, "%s IPv%d sockets%s",
		       facts->are_ping ? "ping" : "raw", family == FAMILY_IPV4 ? 4 : 6,
		       facts->are_ping || i < FIRST_FWMARK_SOCKET ? "" : " with a fwmark");
	return r;
}

/* Opens those of both families with identifiers of a random block. -EADDRINUSE: one of the block belongs to somebody else's ping
 * socket; else -errno only where there is no family. */
static int families_open(struct icmp_sockets *sockets, struct tried *ret_tried, size_t *n_tried) {
	struct icmp_facts *facts = &sockets->facts;
	int r = 0;

	if (getrandom(&facts->identifier_block, sizeof facts->identifier_block, 0) < 0) {
		ret_tried[(*n_tried)++] = (struct tried){"getrandom", (uint32_t)errno};
		return -errno;
	}
	facts->identifier_block &= IDENTIFIER_BLOCK_MASK;
	if (facts->identifier_block == 0) { /* bind(2) takes the identifier 0 for any */
		facts->identifier_block = N_IDENTIFIERS;
	}
	for (enum family family = 0; family < N_FAMILIES; family++) {
		int r_family = family_open(sockets, family, &ret_tried[*n_tried]);

		if (r_family < 0) {
			++*n_tried;
			r = r == -EADDRINUSE ? r : r_family;
		}
	}
	return r != -EADDRINUSE && (facts->have[FAMILY_IPV4] || facts->have[FAMILY_IPV6]) ? 0 : r;
}

/* Ping sockets instead. */
static int ping_open(struct icmp_sockets *sockets, struct tried *ret_tried, size_t *n_tried) {
	size_t n_tried_before = *n_tried;
	int r = -EADDRINUSE;

	sockets->facts.are_ping = true;
	sockets->facts.n_identifiers = N_PING_IDENTIFIERS;
	if (sockets->facts.fwmarks.n > 0) {
		ret_tried[*n_tried] = (struct tried){"ping sockets with a fwmark", EOPNOTSUPP};
		++*n_tried;
		return -EOPNOTSUPP;
	}
	for (int i = 0; r == -EADDRINUSE && i < MAX_BLOCKS_TRIED; i++) {
		close_but(sockets, 0);
		*n_tried = n_tried_before;
		r = families_open(sockets, ret_tried, n_tried);
	}
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
		sockets->vectors[i] =
			(struct iovec){sockets->packets + i * sockets->packet_buffer_bytes,
				       sockets->packet_buffer_bytes};
	}
	sockets->batches[false].n_stale = sockets->batches[true].n_stale = ICMP_SOCKETS_BATCH;
	return 0;
}

static void cleanup_sockets(struct icmp_sockets **sockets) {
	(void)icmp_sockets_free(*sockets);
}

int icmp_sockets_open(const struct config *config, struct tried *ret_tried, size_t *ret_n_tried,
		      struct icmp_sockets **ret_sockets) {
	CLEANUP(cleanup_sockets) struct icmp_sockets *sockets = calloc(1, sizeof *sockets);
	int r;

	*ret_n_tried = 0;
	if (sockets == NULL) {
		return -ENOMEM;
	}
	sockets->facts.n_identifiers = N_IDENTIFIERS;
	sockets->facts.fwmarks = config->fwmarks;
	r = packets_allocate(sockets, config->limits.max_payload_bytes);
	if (r < 0) {
		return r;
	}
	r = config->socket == CONFIG_SOCKET_PING ? -EPERM
						 : families_open(sockets, ret_tried, ret_n_tried);
	if (r < 0 && config->socket != CONFIG_SOCKET_RAW) {
		r = ping_open(sockets, ret_tried, ret_n_tried);
	}
	if (r < 0) {
		return r;
	}
	*ret_sockets = sockets;
	sockets = NULL;
	return 0;
}

struct icmp_sockets *icmp_sockets_free(struct icmp_sockets *sockets) {
	if (sockets != NULL) {
		close_but(sockets, 0);
		free(sockets->packets);
		free(sockets);
	}
	return NULL;
}
