/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The addresses of this host, which realms may not reach: what the kernel's routing tables call local, read at the start and followed
 * since. */

#include <stdbool.h>
#include <stddef.h>

#include "helper/destination.h"

struct host_addresses {
	struct destination_rule *rules; /* in order, see destination.h; of malloc(3) */
	size_t n_rules, room;
	/* number of the question that is being answered, from 1; 0: changes alone */
	unsigned asked;
	bool is_stale;   /* what is being told is not to be relied on */
	bool is_current; /* else realms wait */
};

/* Opens the socket at DESCRIPTOR_ROUTES and asks for all addresses; the answers are for host_addresses_read(). -errno. */
int host_addresses_open(struct host_addresses *ret_host);

/* Takes what the kernel has said at DESCRIPTOR_ROUTES. After a change all is asked for again. */
void host_addresses_read(struct host_addresses *host);
