/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A network namespace of the test's own, with raw sockets: no packet leaves it, and nothing else on the machine disturbs it. It goes
 * with the process. */

#define NETWORK_IPV4 "10.9.0.1" /* ours on the device of network_tun() */
#define NETWORK_IPV6 "fd00:9::1"

/* Goes there; 127.0.0.0/8, ::1 and fd00:1::/64 answer. Returns 0; where that is not allowed says why and returns what main() is to
 * return: 77, which CTest takes for skipped, or 1 where CI is set. */
int network_enter(void);

/* Makes a device behind which 10.9.0.0/16 and fd00:9::/64 lie, silent. What is sent there can be read from the descriptor that is
 * returned, IP packet by IP packet, without blocking; what is written to it arrives from there before the call returns. */
int network_open_tun(void);

/* Throws away what was sent there: the device's queue holds 500 packets. */
void network_drain(int tun);

/* Runs a command of iproute2 or nftables, which must succeed. */
void network_command(const char *command);
