/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What recvmsg(2) tells beside a packet, as bytes: no system calls. A control message that is cut short counts as missing. */

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h> /* wants struct timespec */

#include "helper/icmp_sockets.h"

/* Adds the time stamp and the hop limit of what arrived at a receiver. */
void icmp_control_read_receive(const struct msghdr *header, struct icmp_received *received);

struct icmp_extended_error {
	struct sock_extended_err error;
	struct sockaddr_in6 reporter; /* of IPv4 a struct sockaddr_in, SO_EE_OFFENDER() */
};

/* Reads one entry of an error queue: @ret_error, and into @queued the stamp, which is 0 where there is none. Returns whether there was
 * an entry. */
bool icmp_control_read_queued(const struct msghdr *header, struct icmp_queued *queued,
			      struct icmp_extended_error *ret_error);
