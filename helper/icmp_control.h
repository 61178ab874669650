/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What recvmsg(2) tells beside a packet, as bytes: no system calls. A control message that is cut short counts as missing. */

#include <sys/socket.h>

#include "helper/icmp_sockets.h"

/* Adds the time stamp and the hop limit of what arrived at a receive socket. */
void icmp_control_read_receive(const struct msghdr *header, struct icmp_received *received);

/* Reads one entry of an error queue into @stamp. Returns whether it is a transmit stamp: ICMP errors land there too. */
bool icmp_control_read_stamp(const struct msghdr *header, struct icmp_stamp *stamp);
