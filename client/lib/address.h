/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Numeric addresses: text to bytes and back. IPv4 is kept as IPv4-mapped IPv6, as in protocol/. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
	struct in6_addr ip;
	uint32_t scope;     /* interface index of a link-local address; 0: none */
	bool scope_is_name; /* @scope was looked up in this network namespace */
};

enum {
	ADDRESS_E_NAME = 1, /* not numeric: a name */
	ADDRESS_E_FAMILY,   /* numeric, of the family not wanted */
	ADDRESS_E_SCOPE,    /* its %scope names no interface, or the address is not link-local */
};

/* Reads a numeric address of @family (AF_UNSPEC: either). 0, or one of the above. */
int address_parse(const char *text, int family, struct address *ret_address);

/* The index of an interface, given as a number, or by its name here. 0: there is none. */
uint32_t address_parse_interface(const char *text, bool *ret_is_name);

/* Writes @ip as text, at most INET6_ADDRSTRLEN bytes; returns how many, without the zero byte. */
size_t address_format(const struct in6_addr *ip, char *ret_text);

/* The IPv4-mapped form. */
struct in6_addr address_map_ipv4(struct in_addr ipv4);
