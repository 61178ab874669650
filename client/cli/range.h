/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The addresses of -g, of either family: never listed, each is computed from its index. */

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum { RANGE_TEXT_BYTES = INET6_ADDRSTRLEN + IF_NAMESIZE + 1 };

struct range {
	int family;
	uint64_t high, low;          /* the first address as a number; IPv4 in the last 32 bits */
	uint64_t n_addresses;        /* UINT64_MAX also for more than that: nobody will get there */
	char scope[IF_NAMESIZE + 1]; /* "%eth0", or empty */
};

enum { RANGE_E_FAULT = 1 };

/* "10.0.0.0/8", "fd00::/64": without an IPv4 network's own and its broadcast address where it has them (below /31). @family:
 * AF_UNSPEC, or the only one allowed. RANGE_E_FAULT: @fault says what is wrong, without the program's name. */
int range_parse_prefix(const char *text, int family, struct range *ret_range, char *fault,
		       size_t fault_bytes);

/* From @first to @last, both included, of one family; none where @last is smaller. */
int range_parse_ends(const char *first, const char *last, int family, struct range *ret_range,
		     char *fault, size_t fault_bytes);

/* The text of the address @index (< n_addresses). Returns @ret_text. */
const char *range_address(const struct range *range, uint64_t index,
			  char ret_text[RANGE_TEXT_BYTES]);
