/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Destinations: one form for each, and whether it may be probed. */

#include <netinet/in.h>

/* The form in which a destination is judged, sent to and compared: what the kernel takes for this host becomes the loopback
 * address (0.0.0.0 and ::). IPv4 stays IPv4-mapped. */
struct in6_addr destination_canonical(const struct in6_addr *address);

enum destination_rule {
	DESTINATION_ALLOWED = 0,
	DESTINATION_MULTICAST,
	DESTINATION_BROADCAST, /* 255.255.255.255; of a network's own broadcast only the kernel knows (EACCES) */
};

/* Judges a canonical address, and the IPv4 address inside NAT64, 6to4 and IPv4-compatible forms. */
enum destination_rule destination_judge(const struct in6_addr *address);
const char *destination_rule_name(enum destination_rule rule);
