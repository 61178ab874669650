/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "helper/destination.h"

#include <stdint.h>
#include <string.h>

static struct in6_addr mapped(const uint8_t ipv4[4]) {
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(address.s6_addr + 12, ipv4, 4);
	return address;
}

struct in6_addr destination_canonical(const struct in6_addr *address) {
	static const uint8_t zero[4], localhost[4] = {127, 0, 0, 1};

	if (IN6_IS_ADDR_UNSPECIFIED(address)) {
		return in6addr_loopback;
	}
	if (IN6_IS_ADDR_V4MAPPED(address) && memcmp(address->s6_addr + 12, zero, 4) == 0) {
		return mapped(localhost);
	}
	return *address;
}

static enum destination_rule judge_ipv4(const uint8_t bytes[4]) {
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (memcmp(bytes, broadcast, 4) == 0) {
		return DESTINATION_BROADCAST;
	}
	return bytes[0] >> 4 == 14 ? DESTINATION_MULTICAST : DESTINATION_ALLOWED; /* 224.0.0.0/4 */
}

enum destination_rule destination_judge(const struct in6_addr *address) {
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b}; /* RFC 6052: 64:ff9b::/96 */
	const uint8_t *bytes = address->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address) ||
	    memcmp(bytes, nat64, sizeof nat64) == 0) {
		return judge_ipv4(bytes + 12);
	}
	if (bytes[0] == 0x20 && bytes[1] == 0x02) { /* RFC 3056: 2002::/16 */
		return judge_ipv4(bytes + 2);
	}
	return IN6_IS_ADDR_MULTICAST(address) ? DESTINATION_MULTICAST : DESTINATION_ALLOWED;
}

const char *destination_rule_name(enum destination_rule rule) {
	switch (rule) {
	case DESTINATION_MULTICAST:
		return "multicast";
	case DESTINATION_BROADCAST:
		return "broadcast";
	case DESTINATION_ALLOWED:
		break;
	}
	return "allowed";
}
