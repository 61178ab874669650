/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Destinations: one form for each, and whether it may be probed.
 *
 * A rule is a prefix that is allowed or denied. Those of a set lie in order, the longest first: the first that covers an address
 * decides. IPv4 prefixes are those of IPv4-mapped addresses; each set has one for all of IPv4, so that "::/0" is IPv6 alone. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"

/* The form in which a destination is judged, sent to and compared: what the kernel takes for this host becomes the loopback
 * address (0.0.0.0 and ::). IPv4 stays IPv4-mapped. */
struct in6_addr destination_canonical(const struct in6_addr *address);

enum destination_origin {
	DESTINATION_CONFIGURED,
	DESTINATION_IPV4, /* all of it, allowed */
	DESTINATION_MULTICAST,
	DESTINATION_BROADCAST, /* 255.255.255.255; of a network's own broadcast only the kernel knows (EACCES) */
	DESTINATION_LOOPBACK,
	DESTINATION_LINK_LOCAL,
	DESTINATION_HOST, /* an address of this host, see host_addresses.h */
};

struct destination_rule {
	struct in6_addr prefix; /* bits beyond its length are zero */
	uint8_t length;         /* of 128 bits, so 96 and more for IPv4 */
	uint8_t origin;         /* enum destination_origin */
	bool is_denied;
};

enum { DESTINATION_MAX_RULES = 256 };

struct destination_rules {
	size_t n_rules;
	struct destination_rule rules[DESTINATION_MAX_RULES];
};

/* Everything but broadcast and multicast. With @spares_host neither loopback nor link-local: what realms may not reach. */
void destination_rules_init(struct destination_rules *ret_rules, bool spares_host);

/* Adds a rule, in the place of one that was there from the beginning for the same prefix. -EEXIST: one was added for it before;
 * -ENOSPC. */
int destination_rules_add(struct destination_rules *rules, const struct destination_rule *rule);

/* Where @rule has its place among @rules, behind those that are as long. */
size_t destination_rule_place(const struct destination_rule *rules, size_t n_rules,
			      const struct destination_rule *rule);

/* Reads "192.0.2.0/24", "2001:db8::/32" or an address alone. -EINVAL, also where bits beyond the length are set. */
int destination_rule_parse(const char *text, struct destination_rule *ret_rule);

/* The rule of several in order that decides about @address; NULL: none covers it. */
const struct destination_rule *destination_rule_find(const struct destination_rule *rules,
						     size_t n_rules,
						     const struct in6_addr *address);

/* The IPv4 address, as IPv4-mapped, that is inside of @address: its IPv4-compatible, NAT64 or 6to4 form. */
bool destination_embedded(const struct in6_addr *address, struct in6_addr *ret_ipv4);

/* How a denial is told: "deny 10.0.0.0/8", or what is special about the address. */
void destination_rule_text(const struct destination_rule *rule,
			   char ret_text[PROTOCOL_MAX_NAME_BYTES + 1]);
