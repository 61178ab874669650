/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the command line asks the system's name service itself: all addresses of a name (-m), and names of addresses (-n, -d).
 * Many questions at a time, since each may wait for a name server. */

#include <netdb.h>
#include <stddef.h>

#include "client/include/multiping.h"

struct lookup_addresses {
	const char *name;       /* borrowed */
	struct addrinfo *found; /* for freeaddrinfo(3); NULL: none */
	int error;              /* getaddrinfo's; 0: none */
};

struct lookup_name {
	size_t target;                              /* the caller's */
	char address[MULTIPING_ADDRESS_TEXT_BYTES]; /* numeric; "": not asked for */
	char *name;                                 /* for free(3); NULL: was not told */
};

/* Asks for the addresses of each of @n names, of @family or AF_UNSPEC. */
void lookups_find_addresses(struct lookup_addresses *lookups, size_t n, int family);

/* Asks for the name of each of @n addresses; one without name has its address for a name, as getnameinfo(3) has it. */
void lookups_find_names(struct lookup_name *lookups, size_t n);

/* The text of an address that was found. Returns @ret_text. */
const char *lookups_address_text(const struct addrinfo *found, char ret_text[NI_MAXHOST]);
