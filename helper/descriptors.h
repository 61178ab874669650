/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which number each file descriptor of the helper has. The system-call filter pins them: only sends on the range of send sockets
 * may carry an address or control data, and what lies below DESCRIPTOR_FIRST_CLIENT can never be closed. */

#include <stdbool.h>

enum {
	DESCRIPTOR_LOG = 2,
	/* where a service manager, or the library, puts what it hands down */
	DESCRIPTOR_FIRST_INHERITED = 3,
	/* private start: the socket of the one client, as handed down by the library */
	DESCRIPTOR_PARENT = 3,
	/* shared start: connected to the service manager's socket for news */
	DESCRIPTOR_MANAGER = 3,
	DESCRIPTOR_EPOLL = 4,
	DESCRIPTOR_SIGNAL = 5,
	DESCRIPTOR_RECEIVE_IPV4 = 6,
	DESCRIPTOR_RECEIVE_IPV6 = 7,
	DESCRIPTOR_FIRST_LISTENER = 8,
	DESCRIPTOR_LAST_LISTENER = 15,
	DESCRIPTOR_FIRST_SEND = 16, /* 16 for IPv4, then as many for IPv6: icmp_sockets.c */
	DESCRIPTOR_LAST_SEND = 47,
	/* shared start with realms: netlink, which tells the host's own addresses */
	DESCRIPTOR_ROUTES = 48,
	/* free numbers below are filled with /dev/null before the filter loads */
	DESCRIPTOR_FIRST_CLIENT = 64,
	/* none has this number or a greater one: 2,048 clients and some to refuse in words */
	DESCRIPTOR_LIMIT = 2176,
	DESCRIPTOR_PRIVATE_LIMIT = 72,
};

/* One more than the greatest number that a descriptor can have. */
static inline int descriptor_limit(bool is_private) {
	return is_private ? DESCRIPTOR_PRIVATE_LIMIT : DESCRIPTOR_LIMIT;
}

/* Whether @fd is a SOCK_SEQPACKET socket of the Unix domain. */
bool descriptor_is_seqpacket(int fd);

/* Moves @fd to @number (which is closed first), close-on-exec. Where it is negative, because it could not be opened, errno tells why.
 * -errno, with @fd still open: the helper that lacks a descriptor does not start. */
int descriptor_place(int fd, int number);

/* Opens /dev/null at every free number below DESCRIPTOR_FIRST_CLIENT, so that no later accept can land there. -errno. */
int descriptors_fill(void);
