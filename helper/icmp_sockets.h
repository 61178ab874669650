/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The sockets that speak ICMP, in their roles: system calls, no bytes of ICMP.
 *
 * *Raw* sockets: one receive socket per family gets replies and ICMP errors. Send sockets receive nothing but transmit time stamps,
 * in their error queue. There are several, because packets that wait for a neighbour's address fill a socket's send buffer for up
 * to 3 s, and stamps would share the receive buffer with replies.
 *
 * *Ping* sockets (ICMP datagram sockets), where those are not to be had: the kernel lets whom net.ipv4.ping_group_range names open
 * them, and hands each the answers to its own identifier alone. So each identifier has a socket, which sends and receives; ICMP
 * errors come by its error queue. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/config.h"
#include "helper/icmp.h"
#include "protocol/message.h"

enum { N_SEND_SOCKETS = 4 }; /* raw, between which the owner's hash chooses */

struct icmp_sockets;

/* Opens, sets up, filters, locks and numbers (descriptors.h) every socket; a family that the machine lacks is left out. Raw ones need
 * CAP_NET_RAW; with CAP_NET_ADMIN the buffers may exceed the system's limits. @ret_tried (PROTOCOL_MAX_TRIED) names what failed.
 * -errno of the last failure where no family can be used. */
int icmp_sockets_open(const struct config *config, struct tried *ret_tried, size_t *ret_n_tried,
		      struct icmp_sockets **ret_sockets);

/* Closes them all. NULL is fine; returns NULL. */
struct icmp_sockets *icmp_sockets_free(struct icmp_sockets *sockets);

struct icmp_facts {
	bool have[N_FAMILIES];
	bool are_ping;
	uint16_t identifier_block; /* the first of 64 */
	uint32_t n_identifiers;    /* between which the prober changes: a power of two */
	uint32_t receive_buffer_bytes, send_buffer_bytes; /* of each socket */
	uint64_t receivers; /* those to be watched for input: bit n is number n */
	struct config_fwmarks fwmarks;
};

const struct icmp_facts *icmp_sockets_facts(const struct icmp_sockets *sockets);

/* Whether something can be sent with the mark @fwmark. */
bool icmp_sockets_have_fwmark(const struct icmp_sockets *sockets, uint32_t fwmark);

/* The wire's identifier number @i of those that the prober changes between. */
uint16_t icmp_sockets_identifier(const struct icmp_sockets *sockets, enum family family,
				 bool dont_fragment, uint32_t i);

struct icmp_send {
	enum family family;
	struct in6_addr destination; /* IPv4 as IPv4-mapped */
	uint32_t scope;              /* interface of a link-local destination; 0: none */
	const uint8_t *bytes;        /* ICMP; borrowed */
	size_t n_bytes;
	uint16_t identifier;  /* which stands in @bytes */
	uint32_t socket_hash; /* chooses the send socket: the same for the same owner */
	int ttl, tos;         /* -1: the system's */
	bool dont_fragment;
	struct in6_addr source; /* unspecified: the route's choice */
	uint32_t interface;     /* index; 0: the route's choice */
	uint32_t fwmark;        /* one of the facts'; 0: none */
};

enum {
	/* this socket's send buffer: nothing goes out on it for the moment */
	ICMP_SOCKETS_E_FULL = 1,
	ICMP_SOCKETS_E_DESTINATION, /* the queue or the neighbour table of this destination: others may be fine */
	ICMP_SOCKETS_E_NEIGHBOUR, /* EINVAL, which is how IPv6 says that its neighbour table is full, among else */
};

/* Sends one packet. Else -errno: the network's or the firewall's own answer. */
int icmp_sockets_send(struct icmp_sockets *sockets, const struct icmp_send *send);

/* How much waits in the send buffers that @socket_hash chooses. */
uint32_t icmp_sockets_queued_bytes(const struct icmp_sockets *sockets, uint32_t socket_hash);

/* Notes that something waits at @fd, as epoll has told: a stranger's packet may come for a socket that was never sent on. */
void icmp_sockets_note(struct icmp_sockets *sockets, int fd);

struct icmp_received {
	int fault; /* 0: there is a message; ICMP_E_MALFORMED, ICMP_E_OTHER */
	struct icmp_message message;
	int64_t stamp_ns; /* CLOCK_REALTIME at the kernel's receive; 0: none */
};

enum { ICMP_SOCKETS_BATCH = 64 };

/* The receivers at which something may have arrived. */
uint64_t icmp_sockets_active_receivers(const struct icmp_sockets *sockets);

/* Takes what waits at the receiver @fd, at most ICMP_SOCKETS_BATCH. Returns how many (0: none left). */
size_t icmp_sockets_receive(struct icmp_sockets *sockets, int fd,
			    struct icmp_received ret_received[ICMP_SOCKETS_BATCH]);

struct icmp_queued {                 /* in the error queue of a socket that sends */
	bool is_error;               /* told to a ping socket; else a transmit stamp */
	struct icmp_message message; /* of a stamp: identifier and sequence */
	int64_t stamp_ns;            /* CLOCK_REALTIME at the handover to the driver */
};

/* Takes what waits in the error queues of the sockets used since the last call, or with @all of every one ever used; at most
 * ICMP_SOCKETS_BATCH. Returns how many; 0: none left. */
size_t icmp_sockets_read_queues(struct icmp_sockets *sockets, bool all,
				struct icmp_queued ret_queued[ICMP_SOCKETS_BATCH]);

/* How full the buffers are, all together, and how often packets found the receive sockets' full (some kernels count twice). */
struct icmp_sockets_fill {
	uint64_t receive_bytes, send_bytes, n_dropped;
};
struct icmp_sockets_fill icmp_sockets_get_fill(const struct icmp_sockets *sockets);

/* Whether the kernel has dropped packets at the receivers for want of room since the last call. It doubles its own count on some
 * versions, so only the fact is told. */
bool icmp_sockets_dropped(struct icmp_sockets *sockets);
