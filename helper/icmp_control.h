/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What recvmsg(2) tells beside a packet, as bytes: no system calls. A control message that is cut short counts as missing. */

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "helper/icmp_sockets.h"

/* Adds the time stamp and the hop limit of what arrived at a receiver. */
void icmp_control_read_receive(const struct msghdr *header, struct icmp_received *received);

/* Reads one entry of the error queue of a socket of @family. Returns whether it is of use, and then in @ret_queued. */
bool icmp_control_read_queued(const struct mmsghdr *entry, enum family family,
			      struct icmp_queued *ret_queued);

/* The address that recvmsg(2) wrote, IPv4 as IPv4-mapped. */
struct in6_addr icmp_control_address(const struct sockaddr_in6 *name);
