/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* An address of either family is a number of 128 bits, held as two of 64. An IPv6 prefix gives all of its addresses: there is
 * no broadcast to leave out. */
#include "client/cli/range.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number and family of a numeric address; its "%scope" is kept as text. */
static int parse_address(const char *text, int family, struct range *ret_range, char *fault,
			 size_t fault_bytes) {
	const struct addrinfo hints = {.ai_family = family, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *found;
	int r;

	*ret_range = (struct range){0};
	r = getaddrinfo(text, NULL, &hints, &found);
	if (r != 0) {
		snprintf(fault, fault_bytes, "can't parse address %s: %s", text, gai_strerror(r));
		return RANGE_E_FAULT;
	}
	ret_range->family = found->ai_family;
	if (found->ai_family == AF_INET) {
		const struct sockaddr_in *ipv4 = (const void *)found->ai_addr;

		ret_range->low = ntohl(ipv4->sin_addr.s_addr);
	} else {
		const struct sockaddr_in6 *ipv6 = (const void *)found->ai_addr;

		memcpy(&ret_range->high, &ipv6->sin6_addr.s6_addr[0], sizeof(ret_range->high));
		memcpy(&ret_range->low, &ipv6->sin6_addr.s6_addr[8], sizeof(ret_range->low));
		ret_range->high = be64toh(ret_range->high);
		ret_range->low = be64toh(ret_range->low);
		snprintf(ret_range->scope, sizeof(ret_range->scope), "%s", strchrnul(text, '%'));
	}
	freeaddrinfo(found);
	return 0;
}

/* Makes @range, which has its first address, reach to @high:@low. */
static void range_set_last(struct range *range, uint64_t high, uint64_t low) {
	uint64_t high_steps = high - range->high - (low < range->low);
	uint64_t low_steps = low - range->low;

	if (high < range->high || (high == range->high && low < range->low)) {
		range->n_addresses = 0;
	} else if (high_steps > 0 || low_steps == UINT64_MAX) {
		range->n_addresses = UINT64_MAX;
	} else {
		range->n_addresses = low_steps + 1;
	}
}

/* The lowest @n_bits (0 to 64) set. */
static uint64_t low_bits(unsigned n_bits) {
	return n_bits == 0 ? 0 : UINT64_MAX >> (64 - n_bits);
}

int range_parse_prefix(const char *text, int family, struct range *ret_range, char *fault,
		       size_t fault_bytes) {
	const char *slash = strchr(text, '/');
	struct range range;
	uint64_t mask_high, mask_low;
	char address[RANGE_TEXT_BYTES];
	unsigned max_bits, host_bits;
	char *end;
	unsigned long bits;
	int r;

	if (!slash || (size_t)(slash - text) >= sizeof(address)) {
		snprintf(fault, fault_bytes, "can't parse %s: not address/bits", text);
		return RANGE_E_FAULT;
	}
	snprintf(address, sizeof(address), "%.*s", (int)(slash - text), text);
	r = parse_address(address, family, &range, fault, fault_bytes);
	if (r != 0) {
		return r;
	}
	max_bits = range.family == AF_INET ? 32 : 128;
	bits = strtoul(slash + 1, &end, 10);
	if (bits < 1 || bits > max_bits || *end != '\0') {
		snprintf(fault, fault_bytes, "netmask must be between 1 and %u (is: %s)", max_bits,
			 slash + 1);
		return RANGE_E_FAULT;
	}
	host_bits = max_bits - (unsigned)bits;
	mask_high = low_bits(host_bits > 64 ? host_bits - 64 : 0);
	mask_low = low_bits(host_bits > 64 ? 64 : host_bits);
	range.high &= ~mask_high;
	range.low &= ~mask_low;
	range_set_last(&range, range.high | mask_high, range.low | mask_low);
	if (range.family == AF_INET && bits < 31) {
		range.low++;
		range.n_addresses -= 2;
	}
	*ret_range = range;
	return 0;
}

int range_parse_ends(const char *first, const char *last, int family, struct range *ret_range,
		     char *fault, size_t fault_bytes) {
	struct range range, end;
	int r;

	r = parse_address(first, family, &range, fault, fault_bytes);
	if (r != 0) {
		return r;
	}
	r = parse_address(last, range.family, &end, fault, fault_bytes);
	if (r != 0) {
		return r;
	}
	range_set_last(&range, end.high, end.low);
	*ret_range = range;
	return 0;
}

const char *range_address(const struct range *range, uint64_t index,
			  char ret_text[RANGE_TEXT_BYTES]) {
	uint64_t low = range->low + index;
	uint64_t high = htobe64(range->high + (low < index));
	struct in6_addr ipv6;
	struct in_addr ipv4 = {.s_addr = htonl((uint32_t)low)};

	if (range->family == AF_INET) {
		inet_ntop(AF_INET, &ipv4, ret_text, RANGE_TEXT_BYTES);
		return ret_text;
	}
	low = htobe64(low);
	memcpy(&ipv6.s6_addr[0], &high, sizeof(high));
	memcpy(&ipv6.s6_addr[8], &low, sizeof(low));
	inet_ntop(AF_INET6, &ipv6, ret_text, INET6_ADDRSTRLEN);
	memcpy(ret_text + strlen(ret_text), range->scope, strlen(range->scope) + 1);
	return ret_text;
}
