/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The raw sockets, in their roles: system calls, no bytes of ICMP.
 *
 * One receive socket per family gets replies and ICMP errors. Send sockets receive nothing but transmit time stamps, in their error
 * queue. There are several, because packets that wait for a neighbour's address fill a socket's send buffer for up to 3 s, and
 * stamps would share the receive buffer with replies. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/config.h"
#include "helper/icmp.h"
#include "protocol/message.h"

enum { N_SEND_SOCKETS = 8 }; /* of each family, for packets that may be fragmented */

struct icmp_sockets;

/* Opens, sets up, filters, locks and numbers (descriptors.h) every socket; a family that the machine lacks is left out. Needs
 * CAP_NET_RAW; with CAP_NET_ADMIN the buffers may exceed the system's limits. @ret_tried (PROTOCOL_MAX_TRIED) names what failed.
 * -errno of the last failure where no family can be used. */
int icmp_sockets_open(const struct config *config, struct tried *ret_tried, size_t *ret_n_tried,
		      struct icmp_sockets **ret_sockets);

/* Closes them all. NULL is fine; returns NULL. */
struct icmp_sockets *icmp_sockets_free(struct icmp_sockets *sockets);

bool icmp_sockets_have(const struct icmp_sockets *sockets, enum family family);
uint16_t icmp_sockets_identifier_block(const struct icmp_sockets *sockets);
uint32_t icmp_sockets_receive_buffer_bytes(const struct icmp_sockets *sockets);
uint32_t icmp_sockets_send_buffer_bytes(const struct icmp_sockets *sockets);

/* Whether transmit stamps carry icmp_send.stamp_id (SCM_TS_OPT_ID, Linux 6.13), else the looped packet itself. */
bool icmp_sockets_have_stamp_id(const struct icmp_sockets *sockets);

/* Goes without SCM_TS_OPT_ID, as on an older kernel. Before the first send. */
int icmp_sockets_forgo_stamp_id(struct icmp_sockets *sockets);

struct icmp_send {
	enum family family;
	struct in6_addr destination; /* IPv4 as IPv4-mapped */
	uint32_t scope;              /* interface of a link-local destination; 0: none */
	const uint8_t *bytes;        /* ICMP; borrowed */
	size_t n_bytes;
	uint32_t socket_hash; /* chooses the send socket: the same for the same owner */
	uint32_t stamp_id;    /* comes back with the transmit stamp */
	int ttl, tos;         /* -1: the system's */
	bool dont_fragment;
	struct in6_addr source; /* unspecified: the route's choice */
	uint32_t interface;     /* index; 0: the route's choice */
};

enum {
	ICMP_SOCKETS_E_FULL =
		1, /* this socket's send buffer: nothing goes out on it for the moment */
	ICMP_SOCKETS_E_DESTINATION, /* the queue or the neighbour table of this destination: others may be fine */
	ICMP_SOCKETS_E_NEIGHBOUR, /* EINVAL, which is how IPv6 says that its neighbour table is full, among else */
};

/* Sends one packet. Else -errno: the network's or the firewall's own answer. */
int icmp_sockets_send(struct icmp_sockets *sockets, const struct icmp_send *send);

/* How much waits in the send buffers that @socket_hash chooses. */
uint32_t icmp_sockets_queued_bytes(const struct icmp_sockets *sockets, uint32_t socket_hash);

struct icmp_received {
	const uint8_t *bytes;   /* borrowed until the next receive */
	size_t n_bytes;         /* of them there */
	size_t n_packet_bytes;  /* on the wire */
	struct in6_addr source; /* IPv6 only */
	uint8_t hop_limit;      /* IPv6 only; 0: the kernel did not say */
	int64_t stamp_ns;       /* CLOCK_REALTIME at the kernel's receive; 0: none */
};

enum { ICMP_SOCKETS_BATCH = 64 };

/* Takes what waits at a receive socket, at most ICMP_SOCKETS_BATCH. Returns how many (0: none left); faults of single packets
 * (an error of the socket) count as none. */
size_t icmp_sockets_receive(struct icmp_sockets *sockets, enum family family,
			    struct icmp_received ret_received[ICMP_SOCKETS_BATCH]);

struct icmp_stamp {
	bool has_id;
	uint32_t stamp_id;             /* has_id: as given to the send */
	uint16_t identifier, sequence; /* else: read from the looped packet */
	int64_t stamp_ns;              /* CLOCK_REALTIME at the handover to the driver */
};

/* Takes transmit stamps that wait at the send sockets used since the last call, or @all that were ever used; at most
 * ICMP_SOCKETS_BATCH. Returns how many; 0: none left. */
size_t icmp_sockets_read_stamps(struct icmp_sockets *sockets, bool all,
				struct icmp_stamp ret_stamps[ICMP_SOCKETS_BATCH]);

/* How full the buffers are, all together, and how often packets found the receive sockets' full (some kernels count twice). */
struct icmp_sockets_fill {
	uint64_t receive_bytes, send_bytes, n_dropped;
};
struct icmp_sockets_fill icmp_sockets_get_fill(const struct icmp_sockets *sockets);

/* Whether the kernel has dropped packets at the receive sockets for want of room since the last call. It doubles its own count
 * on some versions, so only the fact is told. */
bool icmp_sockets_dropped(struct icmp_sockets *sockets);
