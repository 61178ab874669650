/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Text to address and back. IPv4 is written by hand: inet_ntop(3) goes through printf, which a
 * million results would feel. */

#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/address.h"

struct in6_addr address_map_ipv4(struct in_addr ipv4) {
	struct in6_addr ip = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	memcpy(ip.s6_addr + 12, &ipv4, sizeof ipv4);
	return ip;
}

uint32_t address_parse_interface(const char *text, bool *ret_is_name) {
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	*ret_is_name = end == text || *end != '\0';
	if (*ret_is_name) {
		return if_nametoindex(text);
	}
	return number <= INT32_MAX ? (uint32_t)number : 0;
}

static bool address_has_scope(const struct in6_addr *ip) {
	return IN6_IS_ADDR_LINKLOCAL(ip) || IN6_IS_ADDR_MC_LINKLOCAL(ip);
}

static int address_parse_ipv6(const char *text, struct address *ret_address) {
	char number[INET6_ADDRSTRLEN];
	size_t n_bytes = strcspn(text, "%");
	struct address address = {0};

	if (n_bytes >= sizeof number) {
		return ADDRESS_E_NAME;
	}
	memcpy(number, text, n_bytes);
	number[n_bytes] = '\0';
	if (inet_pton(AF_INET6, number, &address.ip) != 1) {
		return ADDRESS_E_NAME;
	}
	if (text[n_bytes] == '%') {
		address.scope = address_parse_interface(text + n_bytes + 1, &address.scope_is_name);
		if (address.scope == 0 || !address_has_scope(&address.ip)) {
			return ADDRESS_E_SCOPE;
		}
	}
	*ret_address = address;
	return 0;
}

int address_parse(const char *text, int family, struct address *ret_address) {
	struct address address = {0};
	struct in_addr ipv4;
	int r;

	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		address.ip = address_map_ipv4(ipv4);
	} else {
		r = address_parse_ipv6(text, &address);
		if (r != 0) {
			return r;
		}
	}
	/* an IPv4-mapped address is pinged over IPv4, however it is written */
	if (family != AF_UNSPEC && (family == AF_INET) != IN6_IS_ADDR_V4MAPPED(&address.ip)) {
		return ADDRESS_E_FAMILY;
	}
	*ret_address = address;
	return 0;
}

static char *byte_format(uint8_t byte, char *text) {
	if (byte >= 100) {
		*text++ = (char)('0' + byte / 100);
	}
	if (byte >= 10) {
		*text++ = (char)('0' + byte / 10 % 10);
	}
	*text++ = (char)('0' + byte % 10);
	return text;
}

size_t address_format(const struct in6_addr *ip, char *ret_text) {
	char *text = ret_text;

	if (!IN6_IS_ADDR_V4MAPPED(ip)) {
		inet_ntop(AF_INET6, ip, ret_text, INET6_ADDRSTRLEN);
		return strlen(ret_text);
	}
	for (size_t i = 12; i < 16; ++i) {
		text = byte_format(ip->s6_addr[i], text);
		*text++ = i < 15 ? '.' : '\0';
	}
	return (size_t)(text - ret_text) - 1;
}
