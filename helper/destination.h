/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Destinations: one form for each, whether it may be probed, and how soon after the last probe to it. */

#include <netinet/in.h>
#include <stdint.h>

#include "helper/siphash.h"
#include "helper/token_bucket.h"

/* The form in which a destination is judged, sent to and compared: what the kernel takes for this host becomes the loopback
 * address (0.0.0.0 and ::). IPv4 stays IPv4-mapped. */
struct in6_addr destination_canonical(const struct in6_addr *address);

enum destination_rule {
	DESTINATION_ALLOWED = 0,
	DESTINATION_MULTICAST,
	DESTINATION_BROADCAST, /* 255.255.255.255; of a network's own broadcast only the kernel knows (EACCES) */
};

/* Judges a canonical address, and the IPv4 address inside NAT64, 6to4 and IPv4-compatible forms. */
enum destination_rule destination_judge(const struct in6_addr *address);
const char *destination_rule_name(enum destination_rule rule);

/* Rate per destination, whoever asks. An entry lives as long as its bucket is not full, which is one token's time for a
 * destination that is probed once, so the table stays small whatever the number of destinations. */
struct destination_entry {
	struct in6_addr address;
	int64_t full_at_ns;
};

struct destination_rates {
	struct token_bucket shape; /* of each entry's bucket; token_ns 0: no limit, no table */
	struct siphash_key key;
	struct destination_entry *entries;
};

/* -ENOMEM, or -errno of getrandom. */
int destination_rates_init(struct destination_rates *ret_rates, uint32_t per_second,
			   uint32_t burst);
void destination_rates_deinit(struct destination_rates *rates);

enum { DESTINATION_AHEAD_NS = 1000000000 }; /* so long before its use a token can be had */

/* Takes the destination's next token and returns when it may be used: @now_ns or later. Where that is more than DESTINATION_AHEAD_NS
 * ahead nothing was taken: nobody can keep a destination from others by asking for all of its future. */
int64_t destination_rates_take(struct destination_rates *rates, const struct in6_addr *address,
			       int64_t now_ns);
