/* SPDX-FileCopyrightText: The multiping authors */
/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How often a destination is probed, whoever asks: a token bucket for each, whose tokens go to the owners that wait for it in turn. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "helper/probe_table.h"
#include "helper/siphash.h"
#include "helper/timing_wheel.h"
#include "helper/token_bucket.h"

/* An entry lives as long as its bucket is not full, which is one token's time for a destination that is probed once: so the table
 * stays small whatever the number of destinations. */
struct destination_entry {
	struct in6_addr address;
	int64_t full_at_ns;
	uint32_t first; /* of those that wait: the first owner's first probe; PROBE_NONE */
};

struct destination_rates {
	struct token_bucket shape; /* of each entry's bucket; token_ns 0: no limit, no table */
	struct siphash_key key;
	struct destination_entry *entries;
	struct probe_table *table;  /* borrowed */
	struct timing_wheel *wheel; /* borrowed: holds the timer of each entry's first probe */
};

/* @per_second: CONFIG_UNLIMITED for no limit. -ENOMEM, or -errno of getrandom. */
int destination_rates_init(struct destination_rates *ret_rates, uint32_t per_second, uint32_t burst,
			   struct probe_table *table, struct timing_wheel *wheel);
void destination_rates_deinit(struct destination_rates *rates);

/* Takes a token of @address where one is there and nobody waits for it. */
bool destination_rates_take(struct destination_rates *rates, const struct in6_addr *address,
			    int64_t now_ns);

/* Lets the probe of @slot, which has no timer, wait for a token of its destination, behind others of its owner and in turn with
 * other owners. Its timer expires when the token may be there. */
void destination_rates_wait(struct destination_rates *rates, uint32_t slot);

/* The timer of a waiting probe has expired: it has its token, and waits no more. */
void destination_rates_turn(struct destination_rates *rates, uint32_t slot, int64_t now_ns);

/* A waiting probe is given up: it leaves, with its timer where it has one. */
void destination_rates_leave(struct destination_rates *rates, uint32_t slot);
