/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What holds for everybody who connects at the same listener: the host's users at one, a kind of containers at another. */

#include <netinet/in.h>
#include <stdbool.h>

#include "helper/config.h"
#include "helper/host_addresses.h"

struct realm {
	const struct config *config;            /* borrowed */
	const struct config_listener *listener; /* borrowed, of it; the host's own is the first */
	/* borrowed; NULL for the host's own, which may reach them */
	const struct host_addresses *host;
};

static inline bool realm_is_host(const struct realm *realm) {
	return realm->listener == realm->config->listeners;
}

static inline const char *realm_name(const struct realm *realm) {
	return realm_is_host(realm) ? "host" : realm->listener->name;
}

/* Whether it is known for now what may not be reached. */
static inline bool realm_is_ready(const struct realm *realm) {
	return realm->host == NULL || realm->host->is_current;
}

/* Judges a canonical address, and the IPv4 address that may be inside of it. What [destinations] denies is denied to each realm; a
 * realm's own rules, and the addresses of the host, only deny more. NULL: allowed; else the rule that denies. */
const struct destination_rule *realm_judge(const struct realm *realm,
					   const struct in6_addr *address);
