/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/destination.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "helper/defence.h"
#include "helper/text.h"

enum { MAPPED_BITS = 96 }; /* before the IPv4 address: ::ffff:0:0/96 */

static struct in6_addr mapped(const uint8_t ipv4[4]) {
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(address.s6_addr + 12, ipv4, 4);
	return address;
}

struct in6_addr destination_canonical(const struct in6_addr *address) {
	static const uint8_t zero[4], localhost[4] = {127, 0, 0, 1};

	if (!defence_is_on(CANONICAL_ADDRESSES)) {
		return *address;
	}
	if (IN6_IS_ADDR_UNSPECIFIED(address)) {
		return in6addr_loopback;
	}
	if (IN6_IS_ADDR_V4MAPPED(address) && memcmp(address->s6_addr + 12, zero, 4) == 0) {
		return mapped(localhost);
	}
	return *address;
}

/* RFC 4291, 2.5.5.1. Of IN6_IS_ADDR_V4COMPAT() musl's looks at the last byte alone, and finds nothing in ::127.0.0.1. */
static bool is_ipv4_compatible(const struct in6_addr *address) {
	static const uint8_t zeros[12];

	return memcmp(address, zeros, sizeof zeros) == 0 && !IN6_IS_ADDR_UNSPECIFIED(address) &&
	       !IN6_IS_ADDR_LOOPBACK(address);
}

bool destination_embedded(const struct in6_addr *address, struct in6_addr *ret_ipv4) {
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b}; /* RFC 6052: 64:ff9b::/96 */
	const uint8_t *bytes = address->s6_addr;

	if (!defence_is_on(EMBEDDED_ADDRESSES)) {
		return false;
	}
	if (is_ipv4_compatible(address) || memcmp(bytes, nat64, sizeof nat64) == 0) {
		*ret_ipv4 = mapped(bytes + 12);
	} else if (bytes[0] == 0x20 && bytes[1] == 0x02) { /* RFC 3056: 2002::/16 */
		*ret_ipv4 = mapped(bytes + 2);
	} else {
		return false;
	}
	*ret_ipv4 = destination_canonical(ret_ipv4);
	return true;
}

/* --- rules --- */

/* Whether all bits of @address from @first on are zero. */
static bool ends_in_zeros(const struct in6_addr *address, unsigned first) {
	for (unsigned bit = first; bit < 128; bit++) {
		if (address->s6_addr[bit / 8] & 0x80 >> bit % 8) {
			return false;
		}
	}
	return true;
}

/* By halves of 64 bits: this is done for each probe. */
static bool rule_covers(const struct destination_rule *rule, const struct in6_addr *address) {
	uint64_t prefix[2], bits[2];

	memcpy(prefix, &rule->prefix, sizeof prefix);
	memcpy(bits, address, sizeof bits);
	for (int i = 0; i < 2; i++) {
		int length = rule->length - 64 * i;
		uint64_t differences = be64toh(prefix[i] ^ bits[i]);

		if (length > 0 && (length < 64 ? differences >> (64 - length) : differences) != 0) {
			return false;
		}
	}
	return true;
}

const struct destination_rule *destination_rule_find(const struct destination_rule *rules,
						     size_t n_rules,
						     const struct in6_addr *address) {
	for (size_t i = 0; i < n_rules; i++) {
		if (rule_covers(&rules[i], address)) {
			return &rules[i];
		}
	}
	return NULL;
}

size_t destination_rule_place(const struct destination_rule *rules, size_t n_rules,
			      const struct destination_rule *rule) {
	size_t place = n_rules; /* from behind, where that of most of a host's addresses is */

	while (place > 0 && rules[place - 1].length < rule->length) {
		place--;
	}
	return place;
}

int destination_rules_add(struct destination_rules *rules, const struct destination_rule *rule) {
	struct destination_rule *place;

	for (size_t i = 0; i < rules->n_rules; i++) {
		place = &rules->rules[i];
		if (place->length == rule->length &&
		    IN6_ARE_ADDR_EQUAL(&place->prefix, &rule->prefix)) {
			if (place->origin == DESTINATION_CONFIGURED) {
				return -EEXIST;
			}
			*place = *rule;
			return 0;
		}
	}
	if (rules->n_rules == DESTINATION_MAX_RULES) {
		return -ENOSPC;
	}
	place = rules->rules + destination_rule_place(rules->rules, rules->n_rules, rule);
	memmove(place + 1, place,
		(size_t)(rules->rules + rules->n_rules++ - place) * sizeof *place);
	*place = *rule;
	return 0;
}

static const struct {
	const char *prefix;
	enum destination_origin origin;
} initial[] = {
	{"0.0.0.0/0", DESTINATION_IPV4},
	{"224.0.0.0/4", DESTINATION_MULTICAST},
	{"ff00::/8", DESTINATION_MULTICAST},
	{"255.255.255.255", DESTINATION_BROADCAST},
	/* a realm's */
	{"127.0.0.0/8", DESTINATION_LOOPBACK},
	{"::1", DESTINATION_LOOPBACK},
	{"169.254.0.0/16", DESTINATION_LINK_LOCAL},
	{"fe80::/10", DESTINATION_LINK_LOCAL},
};

void destination_rules_init(struct destination_rules *ret_rules, bool spares_host) {
	ret_rules->n_rules = 0;
	for (size_t i = 0; i < sizeof initial / sizeof *initial; i++) {
		struct destination_rule rule;

		if (initial[i].origin < DESTINATION_LOOPBACK || spares_host) {
			(void)destination_rule_parse(initial[i].prefix, &rule);
			rule.origin = (uint8_t)initial[i].origin;
			rule.is_denied = initial[i].origin != DESTINATION_IPV4 &&
					 defence_is_on(RESERVED_ADDRESSES);
			(void)destination_rules_add(ret_rules, &rule);
		}
	}
}

/* --- words --- */

int destination_rule_parse(const char *text, struct destination_rule *ret_rule) {
	size_t n_address = strcspn(text, "/");
	struct destination_rule rule = {0};
	char address[INET6_ADDRSTRLEN];
	uint32_t length, offset = 0;
	uint8_t ipv4[4];

	if (n_address >= sizeof address) {
		return -EINVAL;
	}
	memcpy(address, text, n_address);
	address[n_address] = 0;
	if (inet_pton(AF_INET, address, ipv4) == 1) {
		rule.prefix = mapped(ipv4);
		offset = MAPPED_BITS;
	} else if (inet_pton(AF_INET6, address, &rule.prefix) != 1) {
		return -EINVAL;
	}
	length = 128 - offset;
	if ((text[n_address] && text_to_number(text + n_address + 1, 10, length, &length) < 0) ||
	    !ends_in_zeros(&rule.prefix, offset + length)) {
		return -EINVAL;
	}
	rule.length = (uint8_t)(offset + length);
	*ret_rule = rule;
	return 0;
}

void destination_rule_text(const struct destination_rule *rule,
			   char ret_text[PROTOCOL_MAX_NAME_BYTES + 1]) {
	static const char *const names[] = {
		[DESTINATION_MULTICAST] = "multicast",    [DESTINATION_BROADCAST] = "broadcast",
		[DESTINATION_LOOPBACK] = "loopback",      [DESTINATION_LINK_LOCAL] = "link-local",
		[DESTINATION_HOST] = "the helper's host",
	};
	bool is_ipv4 = rule->length >= MAPPED_BITS && IN6_IS_ADDR_V4MAPPED(&rule->prefix);
	char address[INET6_ADDRSTRLEN];

	if (rule->origin != DESTINATION_CONFIGURED) {
		(void)strcpy(ret_text, names[rule->origin]);
		return;
	}
	(void)inet_ntop(is_ipv4 ? AF_INET : AF_INET6, rule->prefix.s6_addr + (is_ipv4 ? 12 : 0),
			address, sizeof address);
	(void)snprintf(ret_text, PROTOCOL_MAX_NAME_BYTES + 1, "deny %s/%u", address,
		       rule->length - (is_ipv4 ? MAPPED_BITS : 0));
}
